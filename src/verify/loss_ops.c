/* Trials of the losses: their arrays, and the call. Sizes: cases.c. */
#include "gk/verify.h"
#include "verify/trial.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MODERATE, CONFIDENT, FAR, HARD, KINKS }; /* what the logits are like */

static int label_of(int run, size_t row, int C) { return (int)((row * 7 + run * 5 + 2) % C); }

enum { CLASSES, BINARY }; /* what the labels of one logit are: 0, or 0 and 1 */

/* Some rows are not scored. */
static void fill_label(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int C = t->size[1];
    int32_t label = C == 1 && x == BINARY ? (int)(i + run) % 2 : label_of(run, i, C);

    (void)u;
    if (i % 11 == 5) label = -1;
    memcpy(element, &label, sizeof label);
}

/* CONFIDENT: losses of about 1e-9. FAR: gaps of 200. HARD: ties; every third row has a NaN.
 * KINKS: margins of the hinge loss that are 0. */
static void fill_logit(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int C = t->size[1];
    size_t row = i / C, col = i % C;
    double value = 8 * u - 4;

    if (x == CONFIDENT) value = 2 * u + ((int)col == label_of(run, row, C) ? 26 : 0);
    if (x == FAR) value = 200 * u - 100;
    if (x == HARD) value = row % 3 == 1 && col == row % C ? NAN : floor(4 * u);
    if (x == KINKS) value = floor(8 * u - 4);
    gk_real logit = (gk_real)value;
    memcpy(element, &logit, sizeof logit);
}

/* What every loss has, in the order of its arguments. */
typedef struct loss_arrays {
    double *row_loss;
    uint8_t *row_hit;
    gk_real *dlogits;
    const gk_real *logits;
    const int32_t *label;
} loss_arrays;

/* Limits and floors of the losses and of their gradient; gradient 0: none, 2: in the place of the
 * logits. kind: of the logits; labels: of the labels. */
typedef struct loss_limits {
    double loss, loss_floor, d, d_floor;
    int gradient, kind, labels;
} loss_limits;

static loss_arrays add_arrays(gk_trial *t, const loss_limits *limits)
{
    int B = t->size[0], C = t->size[1], gradient = limits->gradient, kind = limits->kind;
    gk_trial_layout rows = gk_trial_layout_flat(B), matrix = gk_trial_layout_flat((size_t)B * C);
    gk_trial_array loss = {.element = sizeof(double),
                           .layout = rows,
                           .compare = GK_EACH,
                           .limit = limits->loss,
                           .floor = limits->loss_floor};
    gk_trial_array hit = {.element = 1, .layout = rows, .compare = GK_SAME};
    gk_trial_array d = {.element = sizeof(gk_real),
                        .layout = matrix,
                        .compare = GK_EACH,
                        .limit = limits->d,
                        .floor = limits->d_floor};
    gk_trial_array logit = {.element = sizeof(gk_real), .layout = matrix};
    gk_trial_array label = {.element = sizeof(int32_t), .layout = rows};
    loss_arrays a = {.row_loss = gk_trial_add(t, loss, NULL, 0),
                     .row_hit = gk_trial_add(t, hit, NULL, 0)};

    if (gradient) a.dlogits = gk_trial_add(t, d, gradient == 2 ? fill_logit : NULL, kind);
    a.logits = gradient == 2 ? a.dlogits : gk_trial_add(t, logit, fill_logit, kind);
    a.label = gk_trial_add(t, label, fill_label, limits->labels);
    return a;
}

/* The exact form promises relative accuracy at any size of the loss, the usual ones absolute. A
 * logit's rounding error of eps / 2 times the gap is a relative error of every p_j; in a gradient a
 * p_j below 2^-100 may be 0. */
void gk_trial_log_softmax(gk_trial *t)
{
    static const double gap[] = {8, 28, 200, 4};
    int B = t->size[0], C = t->size[1], form = t->size[2], gradient = t->size[3];
    int kind = t->size[4];
    double scale = 1.0 / 3830, eps = gk_verify_limit(1, 1);
    double real = 4 * (gap[kind] + sqrt(C)), exact = form == GK_LOSS_EXACT ? 1e-30 : 1;
    double loss_eps = form == GK_LOSS_EXACT ? eps : form == GK_LOSS_F64 ? DBL_EPSILON : FLT_EPSILON;
    loss_limits limits = {.loss = real * loss_eps,
                          .loss_floor = exact,
                          .d = real * fmax(loss_eps, eps),
                          .gradient = gradient,
                          .kind = kind,
                          .labels = CLASSES};
    limits.d_floor = form == GK_LOSS_EXACT ? 0x1p-100 / limits.d * scale : scale;
    loss_arrays a = add_arrays(t, &limits);

    while (gk_trial_again(t))
        t->be->log_softmax(t->be, a.row_loss, a.row_hit, a.dlogits, a.logits, a.label, t->R, B, C,
                           form, scale);
}

/* Terms are made of the same doubles everywhere; what differs is the order of their sum. A gradient
 * is one number of ref's, rounded: hinge's counts are whole. */
static void simple_loss(gk_trial *t, bool hinge)
{
    static const double largest[] = {8, 0, 200, 4, 8};
    int B = t->size[0], C = t->size[1], gradient = t->size[2], kind = t->size[3];
    double scale = 1.0 / 3830;
    loss_limits limits = {.loss = 4 * DBL_EPSILON * sqrt(C),
                          .loss_floor = 1,
                          .d = gk_verify_limit(1, 1),
                          .d_floor = scale / C / (1 + largest[kind]),
                          .gradient = gradient,
                          .kind = kind,
                          .labels = BINARY};
    loss_arrays a = add_arrays(t, &limits);

    while (gk_trial_again(t))
        (hinge ? t->be->hinge : t->be->squared_error)(t->be, a.row_loss, a.row_hit, a.dlogits,
                                                      a.logits, a.label, t->R, B, C, scale);
}

void gk_trial_hinge(gk_trial *t) { simple_loss(t, true); }
void gk_trial_squared_error(gk_trial *t) { simple_loss(t, false); }
