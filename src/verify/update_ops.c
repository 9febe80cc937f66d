/* Trials of the sums of losses and the optimisers: their arrays, and the call. Sizes: cases.c. */
#include "gk/verify.h"
#include "verify/trial.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const uint8_t *bytes(gk_trial *t, int n, int below)
{
    return gk_trial_add(t, (gk_trial_array){.element = 1, .layout = gk_trial_layout_flat(n)},
                        gk_fill_byte, below);
}

void gk_trial_group_sums(gk_trial *t)
{
    int B = t->size[0], G = t->size[1], grouped = t->size[2], beta = t->size[3];
    gk_trial_array sums = {.element = sizeof(double),
                           .layout = gk_trial_layout_flat((size_t)2 * G),
                           .compare = GK_COMPARE_NORM,
                           .limit = 4 * DBL_EPSILON * sqrt(B)};
    gk_trial_array losses = {.element = sizeof(double), .layout = gk_trial_layout_flat(B)};
    double *sum = gk_trial_add(t, sums, beta ? gk_fill_double : NULL, 1);
    const double *row_loss = gk_trial_add(t, losses, gk_fill_double, 5);
    const uint8_t *row_hit = bytes(t, B, 2), *group = grouped ? bytes(t, B, G + 1) : NULL;

    while (gk_trial_again(t))
        t->be->group_sums(t->be, sum, row_loss, row_hit, group, t->R, B, G, beta);
}

/* Run 0 warms up, run 1 does nothing, run 2 has l2 decay. x: the step of run 0. */
static void fill_slot(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_slot s = {.step = (int64_t)x + 20 * run,
                 .active = run != 1,
                 .l2 = run == 2,
                 .schedule = GK_SCHEDULE_CONSTANT,
                 .warmup = run == 2 ? 0 : 10,
                 .lr = 1e-3 * (1 + u),
                 .weight_decay = 1 + run,
                 .beta1 = 0.9,
                 .beta2 = 0.98,
                 .eps = 1e-8,
                 .loss = 7,
                 .loss_max = 2 * run - 1,
                 .momentum = run == 2 ? 0 : 0.9};

    (void)t, (void)i;
    s.lr_now = s.lr * (s.warmup ? fmin((double)s.step / (double)s.warmup, 1) : 1);
    s.correction1 = 1 - pow(s.beta1, (double)s.step + 1);
    s.correction2 = 1 - pow(s.beta2, (double)s.step + 1);
    memcpy(element, &s, sizeof s);
}

/* The slots and the sums that tick meets: x as above, but a NaN where size[1] says so. */
static void fill_tick_slot(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_slot s;

    fill_slot(t, &s, run, i, u, x);
    s.lr_now = s.correction1 = s.correction2 = -1;
    if (t->size[1] == 2 && run == 0) s.loss_max = NAN;
    memcpy(element, &s, sizeof s);
}

static void fill_sum(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    double sum = t->size[1] == 1 && run == 0 && i == 0 ? NAN : u * x;

    memcpy(element, &sum, sizeof sum);
}

void gk_trial_tick(gk_trial *t)
{
    gk_trial_array slots = {.element = sizeof(gk_slot),
                            .layout = gk_trial_layout_flat(1),
                            .compare = GK_SLOTS,
                            .limit = 1e-14};
    gk_trial_array sums = {.element = sizeof(double), .layout = gk_trial_layout_flat(2)};
    gk_slot *slot = gk_trial_add(t, slots, fill_tick_slot, t->size[0]);
    const double *sum = gk_trial_add(t, sums, fill_sum, 3830 * 4);

    while (gk_trial_again(t)) t->be->tick(t->be, slot, sum, t->R, 3830);
}

static const size_t blob[] = {114 * 3, 1, 113 * 601, 257, 0};
static const int blob_rows[] = {114, 1, 113, 1};

/* The table of tensors, which depends on R only; tensor 1 is frozen, tensor 3 does not decay. */
static void fill_span(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_tensor_span span = {.size = blob[i],
                           .rows = blob_rows[i],
                           .cols = (int)(blob[i] / (size_t)blob_rows[i]),
                           .name = {(char)('a' + i)},
                           .lr_scale = i == 1   ? 0
                                       : i == 2 ? 0.5
                                                : 1,
                           .decay_scale = i == 3 ? 0 : 1};

    (void)run, (void)u, (void)x;
    for (size_t k = 0; k < i; k++) span.offset += (blob[k] * t->R + 63) / 64 * 64;
    memcpy(element, &span, sizeof span);
}

static void fill_positive(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_fill_real(t, element, run, i, 0.5 + 0.5 * u, x);
}

/* The last inputs of an optimiser; size[0]: the step, size[2]: is there an anchor? */
typedef struct state {
    const gk_real *anchor;
    const gk_slot *slot;
    const gk_tensor_span *tensor;
} state;

static state add_state(gk_trial *t)
{
    gk_trial_layout spans = gk_trial_layout_flat(4);
    gk_trial_array slots = {.element = sizeof(gk_slot), .layout = gk_trial_layout_flat(1)};
    state s;

    spans.shared = true;
    s.anchor = t->size[2] ? gk_trial_in(t, (gk_trial_layout){.blob = blob}, 1e-2) : NULL;
    s.slot = gk_trial_add(t, slots, fill_slot, t->size[0]);
    s.tensor = gk_trial_add(t, (gk_trial_array){.element = sizeof *s.tensor, .layout = spans},
                            fill_span, 0);
    return s;
}

/* Gradients of 10^-size[1]: at 1e-9 the eps of the optimiser matters. */
void gk_trial_adamw(gk_trial *t)
{
    double g = pow(10, -t->size[1]), limit = gk_verify_limit(8, 1);
    gk_trial_layout blobs = {.blob = blob};
    gk_trial_array v_array = {
        .element = sizeof(gk_real), .layout = blobs, .compare = GK_COMPARE_NORM, .limit = limit};
    gk_real *param = gk_trial_inout(t, blobs, 1e-2, limit), *m = gk_trial_inout(t, blobs, g, limit);
    gk_real *v = gk_trial_add(t, v_array, fill_positive, g * g);
    const gk_real *grad = gk_trial_in(t, blobs, g);
    state s = add_state(t);

    while (gk_trial_again(t))
        t->be->adamw(t->be, param, m, v, grad, s.anchor, s.slot, s.tensor, 4, t->R);
}

void gk_trial_sgd(gk_trial *t)
{
    double g = pow(10, -t->size[1]), limit = gk_verify_limit(8, 1);
    gk_trial_layout blobs = {.blob = blob};
    gk_real *param = gk_trial_inout(t, blobs, 1e-2, limit), *m = gk_trial_inout(t, blobs, g, limit);
    const gk_real *grad = gk_trial_in(t, blobs, g);
    state s = add_state(t);

    while (gk_trial_again(t))
        t->be->sgd(t->be, param, m, grad, s.anchor, s.slot, s.tensor, 4, t->R);
}

/* The slots that add_noise meets: sigma is size[1] percent. */
static void fill_noisy_slot(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_slot s;

    fill_slot(t, &s, run, i, u, x);
    s.noise = t->size[1] / 100.0;
    s.seed = (uint64_t)(run + 1) << 32 | 7;
    memcpy(element, &s, sizeof s);
}

/* A normal's logarithm, root, sine and cosine come from numbers that are exact in float. */
void gk_trial_add_noise(gk_trial *t)
{
    gk_trial_layout blobs = {.blob = blob}, spans = gk_trial_layout_flat(4);
    gk_trial_array slots = {.element = sizeof(gk_slot), .layout = gk_trial_layout_flat(1)};
    gk_real *out = gk_trial_out(t, blobs, 0, gk_verify_limit(8, 1));
    const gk_real *param = gk_trial_in(t, blobs, 1e-2);
    const gk_slot *slot = gk_trial_add(t, slots, fill_noisy_slot, t->size[0]);

    spans.shared = true;
    const gk_tensor_span *tensor =
        gk_trial_add(t, (gk_trial_array){.element = sizeof *tensor, .layout = spans}, fill_span, 0);

    while (gk_trial_again(t)) t->be->add_noise(t->be, out, param, slot, tensor, 4, t->R);
}
