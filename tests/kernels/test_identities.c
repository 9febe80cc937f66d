/* What holds for the ops of ref without an oracle: definitions in a few lines, symmetries, sums. */
#include "lib/tolerance.h"

#include <stdlib.h>
#include <string.h>

enum { R = 2, B = 3, T = 5, H = 4, K = 7, HK = H * K, KEYS = R * B * T * HK };

static gk_backend be;

/* c[i,j] = sum over k of op(a)[i,k] op(b)[k,j], in the words of ops.def. */
static void test_matmul_is_its_definition(void **state)
{
    enum { M = 37, N = 70, L = 131, LD = 140 };
    gk_real *a = gk_alloc(L * LD, sizeof *a), *b = gk_alloc(L * LD, sizeof *b);
    gk_real *c = gk_alloc(M * LD, sizeof *c), *expected = gk_alloc(M * LD, sizeof *expected);

    (void)state;
    for (int combination = 0; combination < 8; combination++) {
        int ta = combination & 1, tb = combination >> 1 & 1, beta = combination >> 2;

        fill(a, L * LD, 1, 1);
        fill(b, L * LD, 1, 2);
        fill(c, M * LD, 1, 3);
        memcpy(expected, c, M * LD * sizeof *c);
        for (int i = 0; i < M; i++) {
            for (int j = 0; j < N; j++) {
                long double sum = beta ? c[i * LD + j] : 0;

                for (int k = 0; k < L; k++)
                    sum += (long double)a[ta ? k * LD + i : i * LD + k] *
                           b[tb ? j * LD + k : k * LD + j];
                expected[i * LD + j] = (gk_real)sum;
            }
        }
        be.matmul(&be, c, a, b, 1, M, N, L, ta, tb, LD, LD, LD, 0, 0, 0, (gk_real)beta);
        assert_error(error_of(c, expected, M * LD), FEW_ROUNDINGS);
    }
    free(a), free(b), free(c), free(expected);
}

typedef struct attention {
    gk_real q[KEYS], k[KEYS], v[KEYS], z[KEYS], prob[R * B * H * T * T];
} attention;

static attention *attend(void)
{
    attention *x = gk_alloc(1, sizeof *x);

    fill(x->q, KEYS, 2, 1);
    fill(x->k, KEYS, 2, 2);
    fill(x->v, KEYS, 2, 3);
    be.attention(&be, x->z, x->prob, x->q, x->k, x->v, R, B, T, T, H, K);
    return x;
}

static void test_attention_is_a_causal_mean(void **state)
{
    attention *x = attend();

    (void)state;
    for (int row = 0; row < R * B * H * T; row++) { /* row = (r, b, h, query) */
        const gk_real *p = x->prob + row * T;
        double sum = 0;

        for (int t = 0; t < T; t++) {
            sum += p[t];
            assert_true(t <= row % T ? p[t] > 0 && p[t] <= 1 : p[t] == 0);
        }
        assert_near(sum, 1, FEW_ROUNDINGS);
    }
    for (int i = 0; i < R * B; i++) /* the first query sees the first value only */
        assert_memory_equal(x->z + i * T * HK, x->v + i * T * HK, HK * sizeof(gk_real));
    free(x);
}

static void test_attention_does_not_see_the_future(void **state)
{
    attention *x = attend(), *y = attend();

    (void)state;
    for (int i = 0; i < KEYS; i++) {
        if (i / HK % T < 3) continue;
        y->k[i] = y->v[i] = (gk_real)NAN;
    }
    be.attention(&be, y->z, y->prob, y->q, y->k, y->v, R, B, T, T, H, K);
    for (int i = 0; i < KEYS; i++) {
        if (i / HK % T < 3)
            assert_memory_equal(&x->z[i], &y->z[i], sizeof(gk_real));
        else
            assert_true(isnan(y->z[i]));
    }
    free(x), free(y);
}

/* The last Q queries alone give what they give among all T. */
static void test_attention_of_the_last_queries(void **state)
{
    attention *x = attend(), *y = attend();

    (void)state;
    for (int Q = 1; Q <= T; Q++) {
        for (int i = 0; i < R * B * Q; i++)
            memcpy(y->q + i * HK, x->q + (i / Q * T + T - Q + i % Q) * HK, HK * sizeof(gk_real));
        be.attention(&be, y->z, y->prob, y->q, x->k, x->v, R, B, Q, T, H, K);
        for (int i = 0; i < R * B * Q; i++)
            assert_memory_equal(y->z + i * HK, x->z + (i / Q * T + T - Q + i % Q) * HK,
                                HK * sizeof(gk_real));
    }
    free(x), free(y);
}

static void turn_heads(gk_real *to, const gk_real *from)
{
    for (int i = 0; i < KEYS; i++) to[i] = from[i / HK * HK + (i % HK / K + 1) % H * K + i % K];
}

static void test_attention_permutes_with_heads(void **state)
{
    attention *x = attend(), *y = attend();
    gk_real *turned = gk_alloc(KEYS, sizeof *turned);

    (void)state;
    turn_heads(y->q, x->q);
    turn_heads(y->k, x->k);
    turn_heads(y->v, x->v);
    be.attention(&be, y->z, y->prob, y->q, y->k, y->v, R, B, T, T, H, K);
    turn_heads(turned, x->z);
    assert_memory_equal(y->z, turned, sizeof x->z);
    free(x), free(y), free(turned);
}

/* k + c changes all scores of a query by the same q.c / sqrt(K). */
static void test_attention_ignores_a_shift(void **state)
{
    attention *x = attend(), *y = attend();

    (void)state;
    for (int i = 0; i < KEYS; i++) y->k[i] += (gk_real)(i % HK) / HK;
    be.attention(&be, y->z, y->prob, y->q, y->k, y->v, R, B, T, T, H, K);
    assert_error(error_of(y->z, x->z, KEYS), gk_verify_limit(16, K));
    for (int i = 0; i < KEYS; i++) y->k[i] = 1000 * y->q[i]; /* huge scores do not overflow */
    be.attention(&be, y->z, y->prob, y->q, y->k, y->v, R, B, T, T, H, K);
    for (int i = 0; i < KEYS; i++) assert_true(isfinite(y->z[i]));
    free(x), free(y);
}

/* Rows of d_w_e, of d_w_pos, and all dx add up to the same vector. */
static void test_embed_back_keeps_the_sum(void **state)
{
    enum { N = 50, D = 3, V = 11 };
    gk_real dx[N * T * D], d_w_e[V * D], d_w_pos[T * D], by_token[D], by_place[D], all[D];
    int32_t token[N * T];

    (void)state;
    fill(dx, N * T * D, 1, 5);
    for (int i = 0; i < N * T; i++) token[i] = i * i % (V - 1); /* V - 1 is absent */
    be.embed_back(&be, d_w_e, d_w_pos, dx, token, 1, N, T, D, V, 0);
    be.bias_add_back(&be, by_token, d_w_e, 1, V, D, 0);
    be.bias_add_back(&be, by_place, d_w_pos, 1, T, D, 0);
    be.bias_add_back(&be, all, dx, 1, N * T, D, 0);
    assert_error(error_of(by_token, all, D), gk_verify_limit(4, V));
    assert_error(error_of(by_place, all, D), gk_verify_limit(4, T));
    for (int d = 0; d < D; d++) assert_true(d_w_e[(V - 1) * D + d] == 0);
}

/* relu and both gelus: act(x) - act(-x) = x; far out they are x and 0; NaN stays. */
static void test_activations(void **state)
{
    enum { N = 200 };
    gk_real x[2 * N], h[2 * N], one[2 * N], slope[2 * N];

    (void)state;
    for (int act = GK_RELU; act <= GK_GELU_ERF; act++) {
        fill(x, N, 5, 6);
        for (int i = 0; i < N; i++) x[N + i] = -x[i];
        for (int i = 0; i < 2 * N; i++) one[i] = 1;
        be.bias_act(&be, h, x, NULL, 1, 1, 2 * N, act);
        be.bias_act_back(&be, slope, NULL, one, x, 1, 1, 2 * N, act, 0);
        for (int i = 0; i < N; i++) {
            assert_true(fabs(h[i] - h[N + i] - x[i]) <= 5 * FEW_ROUNDINGS);
            assert_true(fabs(slope[i] + slope[N + i] - 1) <= 5 * FEW_ROUNDINGS);
        }
        x[0] = 0, x[1] = 100, x[2] = -100, x[3] = (gk_real)NAN;
        be.bias_act(&be, h, x, NULL, 1, 1, 4, act);
        be.bias_act_back(&be, slope, NULL, one, x, 1, 1, 4, act, 0);
        assert_true(h[0] == 0 && h[1] == 100 && h[2] == 0 && isnan(h[3]));
        assert_true(slope[0] == (act == GK_RELU ? 0 : 0.5) && slope[1] == 1 && slope[2] == 0);
    }
}

/* gelu(1) is Phi(1), and the tanh form's value to the digits of its definition. */
static void test_gelu_values(void **state)
{
    gk_real x[2] = {1, -2}, h[2];

    (void)state;
    be.bias_act(&be, h, x, NULL, 1, 1, 2, GK_GELU_ERF);
    assert_near(h[0], 0.84134474606854294859, FEW_ROUNDINGS);
    assert_near(h[1], -2 * 0.022750131948179207200, FEW_ROUNDINGS);
    be.bias_act(&be, h, x, NULL, 1, 1, 2, GK_GELU);
    assert_near(h[0], 0.5 * (1 + tanh(sqrt(2 / M_PI) * 1.044715)), FEW_ROUNDINGS);
    assert_near(h[1], -(1 - tanh(sqrt(2 / M_PI) * (2 + 0.044715 * 8))), FEW_ROUNDINGS);
}

static void test_groups_are_a_partition(void **state)
{
    enum { N = 1000, G = 4 };
    double loss[N], sum[G][2], all[1][2], expected[2] = {0, 0};
    uint8_t hit[N], group[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        loss[i] = i, hit[i] = i % 3 == 0, group[i] = (uint8_t)(i % 5 < G ? i % 5 : 255);
        if (i % 5 < G) expected[0] += loss[i], expected[1] += hit[i];
    }
    be.group_sums(&be, sum[0], loss, hit, group, 1, N, G, 0);
    be.group_sums(&be, all[0], loss, hit, NULL, 1, N, 1, 0);
    assert_true(all[0][0] == N * (N - 1) / 2 && all[0][1] == 334);
    for (int g = 1; g < G; g++) sum[0][0] += sum[g][0], sum[0][1] += sum[g][1];
    assert_true(sum[0][0] == expected[0] && sum[0][1] == expected[1]);
    loss[7] = NAN; /* is in group 2 */
    be.group_sums(&be, sum[0], loss, hit, group, 1, N, G, 1);
    assert_true(isnan(sum[2][0]) && !isnan(sum[1][0]) && sum[3][1] == 2 * 67);
}

/* Row 0 has the label -1 and is all NaN: as if it were not there. */
static void test_rows_that_are_not_scored(void **state)
{
    enum { N = 5, C = 3, M = 2 };
    gk_real x[N * C], d[N * C], basis[2] = {1, -2}, coef[M * C];
    int32_t label[N] = {-1, 2, 0, 1, 2}, index[N] = {1, 0, 1, 1, 0}, begin[] = {0, 1, 2};
    int32_t column[M] = {0, 0};
    uint8_t group[N] = {0};
    double all[4], scored[4];

    (void)state;
    fill(x, N * C, 20, 7);
    fill(d, N * C, 1, 8);
    fill(coef, M * C, 1, 9);
    for (int c = 0; c < C; c++) x[c] = d[c] = (gk_real)NAN;
    be.rounding(&be, all, x, d, label, group, 1, N, C, 0);
    be.rounding(&be, scored, x + C, d + C, label + 1, group, 1, N - 1, C, 0);
    be.changed_losses(&be, all + 2, x, label, NULL, index, basis, coef, begin, column, 1, N, C, 1,
                      2, 1, 2, 1, M, 0);
    be.changed_losses(&be, scored + 2, x + C, label + 1, NULL, index + 1, basis, coef, begin,
                      column, 1, N - 1, C, 1, 2, 1, 2, 1, M, 0);
    for (int i = 0; i < 4; i++) assert_true(all[i] == scored[i]);
    for (int i = 1; i < 4; i++) assert_true(all[i] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul_is_its_definition),
        cmocka_unit_test(test_attention_is_a_causal_mean),
        cmocka_unit_test(test_attention_does_not_see_the_future),
        cmocka_unit_test(test_attention_of_the_last_queries),
        cmocka_unit_test(test_attention_permutes_with_heads),
        cmocka_unit_test(test_attention_ignores_a_shift),
        cmocka_unit_test(test_embed_back_keeps_the_sum),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_gelu_values),
        cmocka_unit_test(test_groups_are_a_partition),
        cmocka_unit_test(test_rows_that_are_not_scored),
    };

    be = open_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
