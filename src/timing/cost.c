/* Operations and bytes by op. Formulas are of one run and count what the mathematics needs, not
 * what a backend does: an addition, a multiplication, a comparison and an exponential are one
 * operation each. */
#include "gk/timing.h"

#include <math.h>
#include <string.h>

static const double REAL = sizeof(gk_real), INDEX = sizeof(int32_t), LOSS = sizeof(double) + 1;

static gk_cost matmul(const int *s) /* m n k ta tb pad shared beta */
{
    double m = s[0], n = s[1], k = s[2], beta = s[7];

    return (gk_cost){2 * m * n * k, REAL * (m * k + k * n + (1 + beta) * m * n)};
}

static gk_cost add_rows(const int *s) /* rows cols pad beta */
{
    double n = (double)s[0] * s[1], beta = s[3];

    return (gk_cost){beta * n, REAL * (2 + beta) * n};
}

static gk_cost embed(const int *s) /* B T D V */
{
    double B = s[0], T = s[1], D = s[2], V = s[3];

    return (gk_cost){B * T * D, REAL * (B * T + V + T) * D + INDEX * B * T};
}

static gk_cost embed_back(const int *s) /* B T D V beta */
{
    double B = s[0], T = s[1], D = s[2], V = s[3], beta = s[4];

    return (gk_cost){2 * B * T * D, REAL * (B * T + (1 + beta) * (V + T)) * D + INDEX * B * T};
}

/* Pairs of a query and a key that it sees, in all heads and examples; s: B Q T H K */
static double seen(const int *s)
{
    double Q = s[1], T = s[2];

    return (double)s[0] * s[3] * (Q * (T - Q) + Q * (Q + 1) / 2);
}

static gk_cost attention(const int *s)
{
    double B = s[0], Q = s[1], T = s[2], H = s[3], K = s[4];

    return (gk_cost){(4 * K + 4) * seen(s), REAL * B * H * (2 * Q * K + 2 * T * K + Q * T)};
}

static gk_cost attention_back(const int *s)
{
    double B = s[0], Q = s[1], T = s[2], H = s[3], K = s[4];

    return (gk_cost){(8 * K + 4) * seen(s), REAL * B * H * (3 * Q * K + 4 * T * K + Q * T)};
}

static gk_cost bias_act(const int *s) /* rows F act bias in_place */
{
    double n = (double)s[0] * s[1], bias = s[3], arrays = s[4] ? 2 : 2 + bias;

    return (gk_cost){(1 + bias) * n, REAL * (arrays * n + bias * s[1])};
}

static gk_cost bias_act_back(const int *s) /* rows F act bias in_place beta */
{
    double n = (double)s[0] * s[1], bias = s[3];

    return (gk_cost){(1 + bias) * n, REAL * (3 * n + bias * (1 + s[5]) * s[1])};
}

static gk_cost bias_add(const int *s) /* rows D */
{
    double n = (double)s[0] * s[1];

    return (gk_cost){n, REAL * (2 * n + s[1])};
}

static gk_cost bias_add_back(const int *s) /* rows D beta */
{
    double n = (double)s[0] * s[1];

    return (gk_cost){n, REAL * (n + (1 + s[2]) * (double)s[1])};
}

static gk_cost log_softmax(const int *s) /* B C form gradient kind */
{
    double B = s[0], n = B * s[1], gradient = s[3] != 0;

    return (gk_cost){(4 + 2 * gradient) * n, REAL * (1 + gradient) * n + (LOSS + INDEX) * B};
}

static gk_cost layer_norm(const int *s) /* rows D spread */
{
    double rows = s[0], D = s[1];

    return (gk_cost){8 * rows * D, REAL * (2 * rows * D + 2 * rows + 2 * D)};
}

static gk_cost layer_norm_back(const int *s) /* rows D in_place beta */
{
    double rows = s[0], D = s[1], beta = s[3];

    return (gk_cost){14 * rows * D, REAL * (3 * rows * D + 2 * rows + (3 + 2 * beta) * D)};
}

/* Philox: ten rounds of some eight operations give four numbers. */
static const double RANDOM = 20;

static gk_cost dropout(const int *s) /* n first site percent step */
{
    double n = s[0];

    return (gk_cost){(RANDOM + 2) * n, REAL * 2 * n};
}

/* The case's blob has the same 13,369 weights at any size; a root, a logarithm, sine and cosine
 * for two of them. */
static gk_cost add_noise(const int *s)
{
    (void)s;
    return (gk_cost){(RANDOM + 6) * 13369, REAL * 2 * 13369};
}

static gk_cost bag(const int *s) /* B T D V apart */
{
    double B = s[0], T = s[1], D = s[2], V = (double)s[3] * (s[4] ? T : 1);

    return (gk_cost){B * T * D, REAL * (B + V) * D + INDEX * B * T};
}

static gk_cost bag_back(const int *s) /* B T D V apart beta */
{
    double B = s[0], T = s[1], D = s[2], V = (double)s[3] * (s[4] ? T : 1);

    return (gk_cost){B * T * D, REAL * (B + (1 + s[5]) * V) * D + INDEX * B * T};
}

static gk_cost signs(const int *s) /* B T */
{
    double n = (double)s[0] * s[1];

    return (gk_cost){2 * n, (REAL + INDEX) * n};
}

static gk_cost select_rows(const int *s) /* B N cols ring step */
{
    double B = s[0], cols = s[2];

    return (gk_cost){0, INDEX * B * (2 * cols + 1)};
}

static gk_cost hinge(const int *s) /* B C gradient kind */
{
    double B = s[0], n = B * s[1], gradient = s[2] != 0;

    return (gk_cost){(4 + gradient) * n, REAL * (1 + gradient) * n + (LOSS + INDEX) * B};
}

static gk_cost squared_error(const int *s) /* B C gradient kind */
{
    double B = s[0], n = B * s[1], gradient = s[2] != 0;

    return (gk_cost){(3 + gradient) * n, REAL * (1 + gradient) * n + (LOSS + INDEX) * B};
}

static gk_cost group_sums(const int *s) /* B G grouped beta */
{
    double B = s[0], G = s[1];

    return (gk_cost){2 * B, (LOSS + s[2]) * B + 2 * sizeof(double) * (1 + s[3]) * G};
}

static gk_cost tick(const int *s)
{
    (void)s;
    return (gk_cost){0, 2 * sizeof(gk_slot) + 2 * sizeof(double)};
}

/* The case's blob has the same 13,369 weights at any size. */
static gk_cost adamw(const int *s) /* step decimals anchor */
{
    return (gk_cost){(14 + s[2]) * 13369.0, REAL * (7 + s[2]) * 13369};
}

static gk_cost sgd(const int *s)
{
    return (gk_cost){(6 + s[2]) * 13369.0, REAL * (5 + s[2]) * 13369};
}

/* Sizes P Q cols; 5 n log2 n for complex input, half of that for real. */
static gk_cost fft2(const int *s)
{
    double n = (double)s[0] * s[1], cols = s[2], half = (double)s[0] * (s[1] / 2 + 1);

    return (gk_cost){2.5 * n * log2(n) * cols, REAL * (n + 2 * half) * cols};
}

static gk_cost row_sums(const int *s) /* B T E cols moments beta */
{
    double B = s[0], T = s[1], cols = s[3], moments = s[4], beta = s[5];

    return (gk_cost){B * cols * (T + 3 * moments),
                     REAL * cols * (B + (1 + beta) * T * s[2]) + INDEX * B * T +
                         2 * sizeof(double) * (1 + beta) * moments * cols};
}

/* A multiplication and an addition for each exponential's share; see log_softmax for the rest. */
static gk_cost changed_losses(const int *s) /* B C G V T E terms spread kind */
{
    double B = s[0], C = s[1], V = s[3], T = s[4], terms = s[6], W = terms + 2;

    return (gk_cost){B * C * V * (2 * T * terms + 4),
                     REAL * (B * C * (s[8] != 2) + s[5] * W + T * V * terms * C) +
                         INDEX * B * (T + 1) + B};
}

static gk_cost rounding(const int *s) /* B C spread beta */
{
    double B = s[0], n = B * s[1];

    return (gk_cost){4 * n, 2 * REAL * n + (INDEX + 1) * B};
}

/* ---- the table plan: gk/table.h has the algebra, W = F + rest */

static gk_table table_of(int N, int D, int H, int K, int F, int C, int wide)
{
    return (gk_table){
        .R = 1, .N = N, .D = D, .H = H, .K = K, .F = F, .C = C, .rest = wide ? C : D, .wide = wide};
}

/* Columns of S that have to be multiplied: the narrow tail is the identity. */
static double tail_columns(const gk_table *t) { return t->F + (t->wide ? t->C : 0); }

/* Multiply-adds from weights to tables. */
static double build(const gk_table *t)
{
    double N = t->N, D = t->D, H = t->H, HK = H * t->K, W = t->F + t->rest, S = tail_columns(t);
    double scores = 2 * D * HK + (N + 3) * H * D, values = (N + 3) * D * HK, maps = HK * D * S;
    double rows = (N + 3) * HK * W + D * S, w_l = t->wide ? (double)t->F * t->D * t->C : 0;

    return scores + values + maps + rows + w_l;
}

/* From tables' gradients to those of the weights: each of those products once for either factor. */
static double back(const gk_table *t) { return 2 * build(t); }

/* Pairs: 2 H scaled rows gathered, weighed (dA) and scattered; the head of the network once
 * forward, twice backward. */
static double pairs(const gk_table *t, double B)
{
    double W = t->F + t->rest, F = t->F, D = t->D, C = t->C;

    return 3 * B * (2 * t->H * W + (t->wide ? F * C : F * D + D * C));
}

/* Elements of weights and of tables. */
static double weights(const gk_table *t)
{
    double N = t->N, D = t->D, HK = (double)t->H * t->K, F = t->F, C = t->C;

    return (N + 5) * D + 4 * D * HK + 2 * D * F + F + D * C;
}

static double tables(const gk_table *t)
{
    double N = t->N, H = t->H, W = t->F + t->rest;

    return (N + 2) * H * W + W + (2 * N + 1) * H + (t->wide ? (double)t->F * t->C : 0);
}

static gk_cost table_build(const int *s) /* N D H K F C wide biases */
{
    gk_table t = table_of(s[0], s[1], s[2], s[3], s[4], s[5], s[6]);

    return (gk_cost){2 * build(&t), REAL * (weights(&t) + tables(&t))};
}

static gk_cost table_rows(const int *s) /* N B D H K F C wide */
{
    gk_table t = table_of(s[0], s[2], s[3], s[4], s[5], s[6], s[7]);
    double B = s[1], W = t.F + t.rest, H = t.H;

    return (gk_cost){4 * B * H * W, REAL * (tables(&t) + B * (W + 3 * H)) + 3 * INDEX * B};
}

static gk_cost table_pairs(const int *s) /* N B D H K F C wide form kind */
{
    gk_table t = table_of(s[0], s[2], s[3], s[4], s[5], s[6], s[7]);
    double B = s[1], head = t.wide ? 0 : (double)t.F * t.D + (double)t.D * t.C;

    return (gk_cost){2 * pairs(&t, B),
                     REAL * 2 * (tables(&t) + head) + (4 * INDEX + LOSS) * B + 2 * INDEX * t.N};
}

static gk_cost table_back(const int *s) /* N D H K F C wide biases */
{
    gk_table t = table_of(s[0], s[1], s[2], s[3], s[4], s[5], s[6]);

    return (gk_cost){2 * back(&t), REAL * (2 * weights(&t) + tables(&t))};
}

gk_cost gk_cost_of(const char *op, const int *size)
{
    static const struct {
        const char *op;
        gk_cost (*cost)(const int *size);
    } costs[] = {
#define OP(name, ...) {#name, name},
#include "gk/ops.def"
#undef OP
    };

    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (!strcmp(costs[i].op, op)) return costs[i].cost(size);
    GK_CHECK(false); /* every op of ops.def is there */
    return (gk_cost){0};
}

/* Of an mlp: tables are at most one product, pairs are as they are with attention. */
double gk_cost_table_plan(const gk_table *t, double B)
{
    double mlp = (double)t->N * t->D * t->F;

    return pairs(t, B) + (t->K ? build(t) + back(t) : 3 * mlp);
}

static double mlp_plan(const gk_shape *s, double B)
{
    double F = s->F, in = gk_mlp_inputs(s), read = s->input == GK_INPUT_ONEHOT ? 0 : B * in * F;

    return 3 * (read + B * F * s->C);
}

double gk_cost_ops_plan(const gk_shape *s, double B)
{
    if (s->kind == GK_MLP) return mlp_plan(s, B);
    double D = s->D, HK = (double)s->H * s->K, F = s->F, T = s->T, sum = B * D * s->C;

    for (int l = 0; l < s->L; l++) {
        double Q = l == s->L - 1 ? 1 : T; /* positions that go on */
        sum += 2 * B * T * D * HK + 2 * B * Q * D * HK + 2 * B * Q * D * F + 2 * B * Q * T * HK;
    }
    return 3 * sum;
}
