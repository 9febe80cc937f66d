/* tick and adamw of ref against a scalar restatement in long double, and their special cases. */
#include "lib/tolerance.h"

#include <stdlib.h>
#include <string.h>

enum { R = 3, STEPS = 20, N_SPANS = 3, BLOB = 64 * 6 };

static gk_backend be;

static const gk_tensor_span spans[N_SPANS] = {
    {.offset = 0, .size = 7, .lr_scale = 1, .decay_scale = 1},
    {.offset = 64, .size = 33, .lr_scale = 0.5, .decay_scale = 0},
    {.offset = 192, .size = 1, .lr_scale = 0, .decay_scale = 1},
};

typedef struct blobs {
    gk_real p[BLOB], m[BLOB], v[BLOB], g[BLOB];
} blobs;

static gk_slot a_slot(int64_t warmup, int l2)
{
    return (gk_slot){.active = 1,
                     .l2 = l2,
                     .warmup = warmup,
                     .lr = 1e-2,
                     .weight_decay = 0.7,
                     .beta1 = 0.9,
                     .beta2 = 0.98,
                     .eps = 1e-8,
                     .loss_max = -1};
}

/* Gradients of very different sizes; the last below eps. */
static void fill_gradients(gk_real *g, int step)
{
    fill(g, BLOB, 1, 1000 + step);
    for (int i = 0; i < BLOB; i++) g[i] *= (gk_real)pow(10, -i % 11);
}

/* One weight through all steps, from the formulas: nothing of the code under test. */
typedef struct scalar {
    long double p, m, v;
} scalar;

static void step_scalar(scalar *s, long double g, const gk_slot *slot, const gk_tensor_span *span,
                        int t)
{
    long double b1 = slot->beta1, b2 = slot->beta2, lr = slot->lr * span->lr_scale;
    long double decay = slot->weight_decay * span->decay_scale;

    if (t < slot->warmup) lr *= (long double)t / slot->warmup;
    if (slot->l2)
        g += decay * s->p;
    else
        s->p *= 1 - lr * decay;
    s->m = b1 * s->m + (1 - b1) * g;
    s->v = b2 * s->v + (1 - b2) * g * g;
    s->p -= lr * (s->m / (1 - powl(b1, t + 1))) / (sqrtl(s->v / (1 - powl(b2, t + 1))) + slot->eps);
}

static void check_against_scalars(const blobs *b, const blobs *start, const gk_slot *slots)
{
    for (int k = 0; k < N_SPANS; k++) {
        for (size_t i = 0; i < R * spans[k].size; i++) {
            const gk_slot *slot = &slots[i / spans[k].size];
            size_t at = spans[k].offset + i;
            scalar s = {.p = start->p[at]};
            gk_real g[BLOB];

            for (int t = 0; t < STEPS && slot->active && spans[k].lr_scale > 0; t++) {
                fill_gradients(g, t);
                step_scalar(&s, g[at], slot, &spans[k], t);
            }
            assert_true(fabs(b->p[at] - (double)s.p) <= ADAMW_LIMIT * (fabs((double)s.p) + 0.1));
            assert_near(b->v[at], (double)s.v, ADAMW_LIMIT);
            assert_true(fabs(b->m[at] - (double)s.m) <= ADAMW_LIMIT * sqrt((double)s.v));
        }
    }
}

static void test_twenty_steps(void **state)
{
    blobs *b = gk_alloc(1, sizeof *b), *start = gk_alloc(1, sizeof *start);
    gk_slot slot[R] = {a_slot(10, 0), a_slot(0, 1), a_slot(0, 0)}, first[R];
    const double sum[R * 2] = {0};

    (void)state;
    slot[2].active = 0;
    memcpy(first, slot, sizeof slot);
    fill(start->p, BLOB, 1, 1);
    memcpy(b->p, start->p, sizeof b->p);
    for (int t = 0; t < STEPS; t++) {
        fill_gradients(b->g, t);
        be.tick(&be, slot, sum, R, 1);
        be.adamw(&be, b->p, b->m, b->v, b->g, NULL, slot, spans, N_SPANS, R);
        if (t == 0) { /* warm-up: the weights of run 0 stand still, its moments do not */
            assert_memory_equal(b->p, start->p, spans[0].size * sizeof *b->p);
            assert_true(b->m[0] != 0 && b->v[0] != 0);
            assert_true(b->p[spans[0].size] != start->p[spans[0].size]);
        }
    }
    check_against_scalars(b, start, first);
    assert_int_equal(slot[0].step, STEPS);
    assert_int_equal(slot[2].step, 0);
    free(b), free(start);
}

static void test_only_tensors_change(void **state)
{
    blobs *b = gk_alloc(1, sizeof *b), *start = gk_alloc(1, sizeof *start);
    gk_slot slot[R] = {a_slot(0, 0), a_slot(0, 0), a_slot(0, 0)};
    const double sum[R * 2] = {0};
    size_t changed = 0;

    (void)state;
    fill((gk_real *)b, sizeof *b / sizeof(gk_real), 1, 2);
    for (int i = 0; i < BLOB; i++) b->v[i] = fabs(b->v[i]) > 0 ? (gk_real)fabs(b->v[i]) : 1;
    memcpy(start, b, sizeof *b);
    be.tick(&be, slot, sum, R, 1);
    be.adamw(&be, b->p, b->m, b->v, b->g, NULL, slot, spans, N_SPANS, R);
    for (int i = 0; i < BLOB; i++) changed += b->v[i] != start->v[i];
    assert_int_equal(changed, R * (spans[0].size + spans[1].size));
    assert_memory_equal(b->g, start->g, sizeof b->g);
    free(b), free(start);
}

static gk_slot tick_once(gk_slot slot, double sum_loss, double rows)
{
    const double sum[2] = {sum_loss, 0};

    be.tick(&be, &slot, sum, 1, rows);
    return slot;
}

static void test_tick(void **state)
{
    gk_slot slot = a_slot(10, 0);

    (void)state;
    for (int t = 0; t < 15; t++) {
        slot = tick_once(slot, 8.0 + t, 4);
        assert_near(slot.lr_now, 1e-2 * fmin(t / 10.0, 1), 1e-15);
        assert_near(slot.correction1, (double)(1 - powl(0.9L, t + 1)), 1e-14);
        assert_near(slot.correction2, (double)(1 - powl(0.98L, t + 1)), 1e-14);
        assert_true(slot.loss == (8.0 + t) / 4 && slot.loss_max == slot.loss);
        assert_int_equal(slot.step, t + 1);
    }
    slot = tick_once(slot, 4, 4);
    assert_true(slot.loss == 1 && slot.loss_max == 22.0 / 4);
    slot = tick_once(slot, NAN, 4);
    assert_true(isnan(slot.loss) && isnan(slot.loss_max));
    slot = tick_once(slot, 4, 4);
    assert_true(slot.loss == 1 && isnan(slot.loss_max));
    slot.active = 0;
    assert_int_equal(tick_once(slot, 4, 4).step, slot.step);
    slot = tick_once(a_slot(0, 0), INFINITY, 4);
    assert_true(slot.lr_now == 1e-2 && slot.loss_max == INFINITY);
}

/* A NaN in the gradient is a result: the weight becomes NaN and nothing else does. */
static void test_nan_gradient(void **state)
{
    gk_tensor_span span = {.size = 3, .lr_scale = 1, .decay_scale = 1};
    gk_real p[3] = {1, 2, 3}, m[3] = {0}, v[3] = {0}, g[3] = {1, (gk_real)NAN, 1};
    gk_slot slot = tick_once(a_slot(0, 0), 1, 1);

    (void)state;
    be.adamw(&be, p, m, v, g, NULL, &slot, &span, 1, 1);
    assert_true(isfinite(p[0]) && isnan(p[1]) && isfinite(p[2]));
    g[1] = 0;
    be.adamw(&be, p, m, v, g, NULL, &slot, &span, 1, 1);
    assert_true(isnan(p[1]) && isnan(m[1]) && isnan(v[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twenty_steps),
        cmocka_unit_test(test_only_tensors_change),
        cmocka_unit_test(test_tick),
        cmocka_unit_test(test_nan_gradient),
    };

    be = open_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
