/* sgd of ref, and adamw with an anchor, against numbers of PyTorch's; what sgd must leave alone. */
#include "lib/tolerance.h"

#include "golden/ops.h"

#include <string.h>

/* 12 updates, each with at most 4 roundings of the weight or of its momentum; PyTorch's own are of
 * the size of those in double. */
#define SGD_LIMIT (gk_verify_limit(GOLDEN_STEPS * 4, 1) + 1e-15 * GOLDEN_STEPS)

enum { N = GOLDEN_N };

static gk_backend be;
static const gk_tensor_span whole = {.size = N, .lr_scale = 1, .decay_scale = 1};

typedef struct weights {
    gk_real p[N], m[N], v[N], g[N], anchor[N];
} weights;

static weights start(void)
{
    weights w = {0};

    for (int i = 0; i < N; i++) {
        w.p[i] = (gk_real)golden_start[i];
        w.anchor[i] = (gk_real)golden_anchor[i];
    }
    return w;
}

static void step(weights *w, gk_slot *slot, const gk_tensor_span *span, int t, bool anchored,
                 bool sgd)
{
    const double sum[2] = {0};
    const gk_real *anchor = anchored ? w->anchor : NULL;

    for (int i = 0; i < N; i++) w->g[i] = (gk_real)golden_gradient[t][i];
    be.tick(&be, slot, sum, 1, 1);
    if (sgd)
        be.sgd(&be, w->p, w->m, w->g, anchor, slot, span, 1, 1);
    else
        be.adamw(&be, w->p, w->m, w->v, w->g, anchor, slot, span, 1, 1);
}

static void compare(const gk_real *got, const double *golden, double limit)
{
    for (int i = 0; i < N; i++) {
        if (!(fabs((double)got[i] - golden[i]) <= limit * (1 + fabs(golden[i]))))
            fail_msg("element %d: %.17g, PyTorch %.17g", i, (double)got[i], golden[i]);
    }
}

static void test_sgd(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof golden_sgd / sizeof *golden_sgd; k++) {
        weights w = start();
        gk_slot slot = {.active = 1,
                        .lr = golden_lr,
                        .momentum = golden_sgd[k].momentum,
                        .weight_decay = golden_sgd[k].weight_decay};

        for (int t = 0; t < GOLDEN_STEPS; t++)
            step(&w, &slot, &whole, t, golden_sgd[k].anchored, true);
        compare(w.p, golden_sgd[k].param, SGD_LIMIT);
        if (slot.momentum > 0) compare(w.m, golden_sgd[k].m, SGD_LIMIT);
    }
}

static void test_adamw(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof golden_adamw / sizeof *golden_adamw; k++) {
        weights w = start();
        gk_slot slot = {.active = 1,
                        .lr = golden_lr,
                        .l2 = golden_adamw[k].l2,
                        .weight_decay = golden_adamw[k].weight_decay,
                        .beta1 = 0.9,
                        .beta2 = 0.98,
                        .eps = 1e-8};

        for (int t = 0; t < GOLDEN_STEPS; t++)
            step(&w, &slot, &whole, t, golden_adamw[k].anchored, false);
        compare(w.p, golden_adamw[k].param, ADAMW_LIMIT + 1e-14);
    }
}

/* An anchor of zeros is no anchor, to the bit. */
static void test_zero_anchor(void **state)
{
    (void)state;
    for (int l2 = 0; l2 < 2; l2++) {
        for (int sgd = 0; sgd < 2; sgd++) {
            weights with = start(), without = start();
            gk_slot slot = {.active = 1,
                            .l2 = l2,
                            .lr = 0.01,
                            .weight_decay = 0.3,
                            .momentum = 0.9,
                            .beta1 = 0.9,
                            .beta2 = 0.98,
                            .eps = 1e-8};
            gk_slot other = slot;

            memset(with.anchor, 0, sizeof with.anchor);
            for (int t = 0; t < GOLDEN_STEPS; t++) {
                step(&with, &slot, &whole, t, true, sgd);
                step(&without, &other, &whole, t, false, sgd);
            }
            assert_memory_equal(with.p, without.p, sizeof with.p);
            assert_memory_equal(with.m, without.m, sizeof with.m);
        }
    }
}

/* Neither an inactive slot nor a frozen tensor; at the first step of a warm-up m alone. */
static void test_left_alone(void **state)
{
    gk_tensor_span frozen = {.size = N, .decay_scale = 1};
    gk_slot slot = {.active = 1, .lr = 0.1, .momentum = 0.9, .warmup = 2}, idle = {.lr = 0.1};
    weights w = start(), before = w;

    (void)state;
    step(&w, &slot, &frozen, 0, false, true);
    assert_memory_equal(w.p, before.p, sizeof w.p);
    assert_memory_equal(w.m, before.m, sizeof w.m);
    step(&w, &idle, &whole, 0, false, true);
    assert_memory_equal(w.p, before.p, sizeof w.p);
    assert_memory_equal(w.m, before.m, sizeof w.m);
    slot.step = 0;
    step(&w, &slot, &whole, 0, false, true);
    assert_memory_equal(w.p, before.p, sizeof w.p);
    assert_memory_equal(w.m, w.g, sizeof w.m);
    step(&w, &slot, &whole, 1, false, true); /* half of lr: 0.05 (0.9 g0 + g1) */
    for (int i = 0; i < N; i++) {
        double m = 0.9 * golden_gradient[0][i] + golden_gradient[1][i];
        double expected = golden_start[i] - 0.05 * m;

        assert_true(fabs((double)w.p[i] - expected) <= FEW_ROUNDINGS * fabs(expected));
    }
}

/* Scales of a tensor: half of lr and no decay are those of another slot. */
static void test_scales(void **state)
{
    gk_tensor_span half = {.size = N, .lr_scale = 0.5, .decay_scale = 0};
    gk_slot slot = {.active = 1, .lr = 0.5, .momentum = 0.5, .weight_decay = 0.25};
    gk_slot same = {.active = 1, .lr = 0.25, .momentum = 0.5};
    weights w = start(), expected = start();

    (void)state;
    for (int t = 0; t < GOLDEN_STEPS; t++) {
        step(&w, &slot, &half, t, false, true);
        step(&expected, &same, &whole, t, false, true);
    }
    assert_memory_equal(w.p, expected.p, sizeof w.p);
    assert_memory_equal(w.m, expected.m, sizeof w.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),         cmocka_unit_test(test_adamw),
        cmocka_unit_test(test_zero_anchor), cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_scales),
    };

    be = open_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
