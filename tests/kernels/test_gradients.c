/* Every way back of ref against central differences of its way forward. In double only: float has
 * no room for a difference. The number that is differentiated is L = sum of weight * output, so the
 * gradient that comes in is `weight`. */
#include "lib/tolerance.h"

#include <stdlib.h>

enum { R = 2, ARRAYS = 6, OUTPUTS = 2 };

/* An op under test: grad is what the way back gave for in, out what comes forward. */
typedef struct subject {
    gk_backend be;
    gk_real *in[ARRAYS], *grad[ARRAYS], *out[OUTPUTS], *weight[OUTPUTS];
    size_t n_in[ARRAYS], n_out[OUTPUTS];
    int inputs, outputs, size[6];
    const int32_t *index;
    void (*forward)(struct subject *s);
} subject;

static void add_input(subject *s, size_t n, double spread)
{
    int k = s->inputs++;

    s->n_in[k] = n;
    s->in[k] = gk_alloc(n, sizeof(gk_real));
    s->grad[k] = gk_alloc(n, sizeof(gk_real));
    fill(s->in[k], n, spread, 100 + k);
    fill(s->grad[k], n, 1, 200 + k); /* to be overwritten */
}

static void add_output(subject *s, size_t n)
{
    int k = s->outputs++;

    s->n_out[k] = n;
    s->out[k] = gk_alloc(n, sizeof(gk_real));
    s->weight[k] = gk_alloc(n, sizeof(gk_real));
    fill(s->weight[k], n, 1, 300 + k);
}

static double value(subject *s)
{
    double sum = 0;

    s->forward(s);
    for (int k = 0; k < s->outputs; k++) {
        for (size_t i = 0; i < s->n_out[k]; i++) sum += s->weight[k][i] * s->out[k][i];
    }
    return sum;
}

static void check(subject *s)
{
    for (int k = 0; k < s->inputs; k++) {
        gk_real *difference = gk_alloc(s->n_in[k], sizeof *difference);

        for (size_t i = 0; i < s->n_in[k]; i++) {
            gk_real x = s->in[k][i];
            double above, below;

            s->in[k][i] = x + (gk_real)DIFFERENCE_STEP;
            above = value(s);
            s->in[k][i] = x - (gk_real)DIFFERENCE_STEP;
            below = value(s);
            s->in[k][i] = x;
            difference[i] = (gk_real)((above - below) / (2 * DIFFERENCE_STEP));
        }
        assert_error(error_of(s->grad[k], difference, s->n_in[k]), DIFFERENCE_LIMIT);
        free(difference);
    }
}

static void done(subject *s)
{
    for (int k = 0; k < s->inputs; k++) free(s->in[k]), free(s->grad[k]);
    for (int k = 0; k < s->outputs; k++) free(s->out[k]), free(s->weight[k]);
    gk_backend_close(&s->be);
}

static subject begin(void (*forward)(subject *s))
{
#ifndef GK_F64
    skip();
#endif
    return (subject){.be = open_ref(), .forward = forward};
}

static const struct {
    int ta, tb;
} transposed[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};

enum { M = 3, N = 5, K = 4 };

static void multiply(subject *s)
{
    int ta = s->size[0], tb = s->size[1];

    s->be.matmul(&s->be, s->out[0], s->in[0], s->in[1], R, M, N, K, ta, tb, ta ? M : K, tb ? K : N,
                 N, M * K, K * N, M * N, 0);
}

/* C = op(A) op(B): d op(A) = dC op(B)^T, d op(B) = op(A)^T dC. */
static void test_matmul(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        subject s = begin(multiply);
        int ta = s.size[0] = transposed[i].ta, tb = s.size[1] = transposed[i].tb;

        add_input(&s, R * M * K, 1);
        add_input(&s, R * K * N, 1);
        add_output(&s, R * M * N);
        const gk_real *a = s.in[0], *b = s.in[1], *dc = s.weight[0];
        if (ta)
            s.be.matmul(&s.be, s.grad[0], b, dc, R, K, M, N, tb, 1, tb ? K : N, N, M, K * N, M * N,
                        M * K, 0);
        else
            s.be.matmul(&s.be, s.grad[0], dc, b, R, M, K, N, 0, !tb, N, tb ? K : N, K, M * N, K * N,
                        M * K, 0);
        if (tb)
            s.be.matmul(&s.be, s.grad[1], dc, a, R, N, K, M, 1, ta, N, ta ? M : K, K, M * N, M * K,
                        K * N, 0);
        else
            s.be.matmul(&s.be, s.grad[1], a, dc, R, K, N, M, !ta, 0, ta ? M : K, N, N, M * K, M * N,
                        K * N, 0);
        check(&s);
        done(&s);
    }
}

static void embed(subject *s)
{
    s->be.embed(&s->be, s->out[0], s->in[0], s->in[1], s->index, R, 4, 3, 2, 5);
}

static void test_embed(void **state)
{
    static const int32_t token[R * 4 * 3] = {0, 1, 4, 1, 1, 4, 2, 0, 4, 0, 0, 4, /* 3 is absent */
                                             4, 3, 2, 1, 0, 4, 3, 2, 1, 0, 1, 2};
    subject s = begin(embed);

    (void)state;
    s.index = token;
    add_input(&s, R * 5 * 2, 1);
    add_input(&s, R * 3 * 2, 1);
    add_output(&s, R * 4 * 3 * 2);
    s.be.embed_back(&s.be, s.grad[0], s.grad[1], s.weight[0], token, R, 4, 3, 2, 5, 0);
    check(&s);
    done(&s);
}

static void attend(subject *s)
{
    int Q = s->size[0], T = s->size[1], H = s->size[2], W = s->size[3];
    static gk_real prob[1000];

    s->be.attention(&s->be, s->out[0], prob, s->in[0], s->in[1], s->in[2], R, 2, Q, T, H, W);
}

static void test_attention(void **state)
{
    static const int sizes[][4] = {
        {1, 3, 2, 4}, {3, 3, 2, 3}, {2, 5, 1, 1}, {1, 1, 1, 2}, {9, 11, 1, 2}};

    (void)state;
    for (int i = 0; i < 5; i++) {
        subject s = begin(attend);
        int Q = s.size[0] = sizes[i][0], T = s.size[1] = sizes[i][1];
        int H = s.size[2] = sizes[i][2], W = s.size[3] = sizes[i][3];
        gk_real *prob = gk_alloc((size_t)R * 2 * H * Q * T, sizeof *prob);

        add_input(&s, (size_t)R * 2 * Q * H * W, 2);
        add_input(&s, (size_t)R * 2 * T * H * W, 2);
        add_input(&s, (size_t)R * 2 * T * H * W, 2);
        add_output(&s, (size_t)R * 2 * Q * H * W);
        s.be.attention(&s.be, s.out[0], prob, s.in[0], s.in[1], s.in[2], R, 2, Q, T, H, W);
        s.be.attention_back(&s.be, s.grad[0], s.grad[1], s.grad[2], s.weight[0], prob, s.in[0],
                            s.in[1], s.in[2], R, 2, Q, T, H, W);
        check(&s);
        free(prob);
        done(&s);
    }
}

enum { ROWS = 7, F = 3 };

static void copy_to_output(subject *s)
{
    s->be.add_rows(&s->be, s->out[0], s->in[0], R, ROWS, F, F, F, ROWS * F, ROWS * F, 0);
}

static void act(subject *s)
{
    copy_to_output(s);
    s->be.bias_act(&s->be, s->out[0], s->out[0], s->in[1], R, ROWS, F, s->size[0]);
}

static void test_bias_act(void **state)
{
    static const int acts[] = {GK_RELU, GK_GELU, GK_GELU_ERF};

    (void)state;
    for (int i = 0; i < 3; i++) {
        subject s = begin(act);
        gk_real pre[R * ROWS * F], h[R * ROWS * F];

        s.size[0] = acts[i];
        add_input(&s, R * ROWS * F, 3);
        add_input(&s, R * F, 1);
        add_output(&s, R * ROWS * F);
        s.be.add_rows(&s.be, pre, s.in[0], R, ROWS, F, F, F, ROWS * F, ROWS * F, 0);
        s.be.bias_act(&s.be, h, pre, s.in[1], R, ROWS, F, acts[i]);
        s.be.bias_act_back(&s.be, s.grad[0], s.grad[1], s.weight[0], pre, R, ROWS, F, acts[i], 0);
        check(&s);
        done(&s);
    }
}

static void add_bias(subject *s)
{
    copy_to_output(s);
    s->be.bias_add(&s->be, s->out[0], s->in[1], R, ROWS, F);
}

static void test_bias_add(void **state)
{
    subject s = begin(add_bias);

    (void)state;
    add_input(&s, R * ROWS * F, 1);
    add_input(&s, R * F, 1);
    add_output(&s, R * ROWS * F);
    for (int i = 0; i < R * ROWS * F; i++) s.grad[0][i] = s.weight[0][i]; /* the identity */
    s.be.bias_add_back(&s.be, s.grad[1], s.weight[0], R, ROWS, F, 0);
    check(&s);
    done(&s);
}

static void normalise(subject *s)
{
    static gk_real stat[R * ROWS * 2];
    int D = s->size[0];

    s->be.layer_norm(&s->be, s->out[0], stat, s->in[0], s->in[1], s->in[2], R, ROWS, D);
}

static void test_layer_norm(void **state)
{
    static const int widths[] = {1, 3, 5};

    (void)state;
    for (int i = 0; i < 3; i++) {
        subject s = begin(normalise);
        int D = s.size[0] = widths[i];
        gk_real y[R * ROWS * 5], stat[R * ROWS * 2];

        add_input(&s, (size_t)R * ROWS * D, 0.5);
        add_input(&s, (size_t)R * D, 1);
        add_input(&s, (size_t)R * D, 1);
        add_output(&s, (size_t)R * ROWS * D);
        /* Far enough apart: the derivatives of a row of equal elements are powers of 1 /
         * sqrt(1e-5). */
        for (int k = 0; k < R * ROWS * D; k++) s.in[0][k] += (gk_real)(2 * (k % D));
        s.be.layer_norm(&s.be, y, stat, s.in[0], s.in[1], s.in[2], R, ROWS, D);
        s.be.layer_norm_back(&s.be, s.grad[0], s.grad[1], s.grad[2], s.weight[0], s.in[0], stat,
                             s.in[1], R, ROWS, D, 0);
        check(&s);
        done(&s);
    }
}

static const gk_slot slots[R] = {{.seed = 1, .step = 5}, {.seed = 2, .step = 7}};

static void drop(subject *s)
{
    copy_to_output(s);
    s->be.dropout(&s->be, s->out[0], slots, R, ROWS * F, 2, 3, 0.4);
}

static void test_dropout(void **state)
{
    subject s = begin(drop);
    int zeros = 0;

    (void)state;
    add_input(&s, R * ROWS * F, 1);
    add_output(&s, R * ROWS * F);
    for (int i = 0; i < R * ROWS * F; i++) s.grad[0][i] = s.weight[0][i];
    s.be.dropout(&s.be, s.grad[0], slots, R, ROWS * F, 2, 3, 0.4);
    for (int i = 0; i < R * ROWS * F; i++) zeros += s.grad[0][i] == 0;
    assert_in_range(zeros, 1, R * ROWS * F - 1);
    check(&s);
    done(&s);
}

static void sum_bag(subject *s)
{
    s->be.bag(&s->be, s->out[0], s->in[0], s->index, R, 4, 3, 2, 5, s->size[0]);
}

static void test_bag(void **state)
{
    static const int32_t token[R * 4 * 3] = {0, 1, 4, 1, 1, 4, 2, 0, 4, 0, 0, 4, /* 3 is absent */
                                             4, 3, 2, 1, 0, 4, 3, 3, 3, 0, 1, 2};

    (void)state;
    for (int apart = 0; apart < 2; apart++) {
        subject s = begin(sum_bag);

        s.index = token;
        s.size[0] = apart;
        add_input(&s, (size_t)R * (apart ? 3 : 1) * 5 * 2, 1);
        add_output(&s, R * 4 * 2);
        s.be.bag_back(&s.be, s.grad[0], s.weight[0], token, R, 4, 3, 2, 5, apart, 0);
        check(&s);
        done(&s);
    }
}

enum { C = 5 };

static const int32_t labels[R * ROWS] = {0, 1, 2, 3, 4, 0, 1, 4, 3, 2, 1, 0, 0, 0};

static void lose(subject *s)
{
    double loss[R * ROWS];
    uint8_t hit[R * ROWS];

    s->be.log_softmax(&s->be, loss, hit, NULL, s->in[0], labels, R, ROWS, C, s->size[0], 1);
    for (int i = 0; i < R * ROWS; i++) s->out[0][i] = (gk_real)loss[i];
}

static void test_log_softmax(void **state)
{
    static const int forms[] = {GK_LOSS_EXACT, GK_LOSS_F64};

    (void)state;
    for (int i = 0; i < 2; i++) {
        subject s = begin(lose);
        double loss[R * ROWS], scale = 0.25;
        uint8_t hit[R * ROWS];

        s.size[0] = forms[i];
        add_input(&s, R * ROWS * C, 4);
        add_output(&s, R * ROWS);
        for (int k = 0; k < R * ROWS; k++) s.weight[0][k] = (gk_real)scale;
        s.be.log_softmax(&s.be, loss, hit, s.grad[0], s.in[0], labels, R, ROWS, C, forms[i], scale);
        check(&s);
        done(&s);
    }
}

static void lose_simply(subject *s)
{
    double loss[R * ROWS];
    uint8_t hit[R * ROWS];
    int classes = s->size[0];

    (s->size[1] ? s->be.hinge : s->be.squared_error)(&s->be, loss, hit, NULL, s->in[0], s->index, R,
                                                     ROWS, classes, 1);
    for (int i = 0; i < R * ROWS; i++) s->out[0][i] = (gk_real)loss[i];
}

/* Of one logit the labels are 0 and 1; every fifth row has none. No margin is as near to 0 as a
 * difference's step. */
static void test_simple_losses(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        subject s = begin(lose_simply);
        int32_t label[R * ROWS];
        double loss[R * ROWS], scale = 0.25;
        uint8_t hit[R * ROWS];
        int classes = s.size[0] = i % 2 ? C : 1, hinge = s.size[1] = i / 2;

        for (int k = 0; k < R * ROWS; k++)
            label[k] = k % 5 == 4 ? -1 : i % 2 ? labels[k] : labels[k] % 2;
        s.index = label;
        add_input(&s, (size_t)R * ROWS * classes, 4);
        add_output(&s, R * ROWS);
        for (int k = 0; k < R * ROWS; k++) s.weight[0][k] = (gk_real)scale;
        (hinge ? s.be.hinge : s.be.squared_error)(&s.be, loss, hit, s.grad[0], s.in[0], label, R,
                                                  ROWS, classes, scale);
        check(&s);
        done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul),      cmocka_unit_test(test_embed),
        cmocka_unit_test(test_attention),   cmocka_unit_test(test_bias_act),
        cmocka_unit_test(test_bias_add),    cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_dropout),     cmocka_unit_test(test_bag),
        cmocka_unit_test(test_log_softmax), cmocka_unit_test(test_simple_losses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
