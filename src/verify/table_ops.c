/* Trials of the table plan's ops: their arrays, and the call. Sizes: cases.c.
 *
 * Numbers are such that no hidden unit lies within rounding of zero in the large cases (`kind`
 * STEADY and SURE): one that another order of summation switches on or off would be a larger
 * difference than any rounding error. */
#include "gk/verify.h"
#include "verify/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* FREE: every number at random. STEADY: base decides which hidden units are on. SURE: that, and
 * losses of about 1e-9 (wide only). */
enum { FREE, STEADY, SURE };
static const double SURE_LOGIT = 26;

/* table_pairs: "N B D H K F C wide form kind"; the others have the first ones of their own. */
static gk_table sizes_of(const gk_trial *t, int N, int D, int H, int K, int F, int C, int wide)
{
    return (gk_table){.R = t->R,
                      .N = N,
                      .D = D,
                      .H = H,
                      .K = K,
                      .F = F,
                      .C = C,
                      .rest = wide ? C : D,
                      .wide = wide};
}

static gk_real *in(gk_trial *t, size_t n, double spread)
{
    return (gk_real *)gk_trial_in(t, gk_trial_layout_flat(n), spread);
}

static gk_real *out(gk_trial *t, size_t n, double limit)
{
    return gk_trial_out(t, gk_trial_layout_flat(n), 0, limit);
}

static void weights_in(gk_trial *t, gk_table *x, bool biases)
{
    size_t N = (size_t)x->N, D = (size_t)x->D, HK = (size_t)x->H * (size_t)x->K, F = (size_t)x->F,
           C = (size_t)x->C;

    x->weight = (gk_block){.w_e = in(t, (N + 1) * D, 1),
                           .w_pos = in(t, 3 * D, 1),
                           .w_q = in(t, D * HK, 0.3),
                           .w_k = in(t, D * HK, 0.3),
                           .w_v = in(t, D * HK, 1),
                           .w_o = in(t, HK * D, 1),
                           .w_in = in(t, D * F, 1),
                           .b_in = biases ? in(t, F, 1) : NULL,
                           .w_out = in(t, F * D, 1),
                           .b_out = biases ? in(t, D, 1) : NULL,
                           .w_u = in(t, D * C, 1)};
}

/* Errors of a chain of up to three products of at most `length` terms each, relative to the
 * largest result. */
static double chain(double length) { return gk_verify_limit(8, length); }

void gk_trial_table_build(gk_trial *t)
{
    const int *s = t->size;
    gk_table x = sizes_of(t, s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
    size_t N = (size_t)x.N, D = (size_t)x.D, H = (size_t)x.H, HK = H * (size_t)x.K, F = (size_t)x.F,
           C = (size_t)x.C, W = F + (size_t)x.rest;
    double limit = chain((double)D + x.K + x.H);

    weights_in(t, &x, s[7]);
    x.table = (gk_tables){.row = out(t, N * H * W, limit),
                          .shift = out(t, 2 * H * W, limit),
                          .base = out(t, W, limit),
                          .score = out(t, 2 * N * H, limit),
                          .score_eq = out(t, H, limit),
                          .w_l = x.wide ? out(t, F * C, limit) : NULL};
    x.query = out(t, HK, limit);
    x.key = out(t, H * D, limit);
    x.value = out(t, (N + 3) * HK, limit);
    x.map = out(t, HK * W, limit);
    x.x_eq = out(t, D, limit);
    while (gk_trial_again(t)) t->be->table_build(t->be, &x);
}

/* With H heads and A0 + A1 <= 1 the rows add at most 0.25 + 0.25 to base, which is then 1 or -1. */
static void fill_base(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_real value = (gk_real)(x == FREE ? 2 * u - 1 : u < 0.5 ? -1 : 1);

    (void)t, (void)run, (void)i;
    memcpy(element, &value, sizeof value);
}

static void fill_row(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int H = t->size[3], F = t->size[5], C = t->size[6], W = F + (t->size[7] ? C : t->size[2]);
    int w = (int)(i % W), token = (int)(i / W / H);
    double value = (x == FREE ? 1 : 0.25 / H) * (2 * u - 1);

    (void)run;
    if (x == SURE && w - F == token % C) value += SURE_LOGIT / H;
    gk_real real = (gk_real)value;
    memcpy(element, &real, sizeof real);
}

/* SURE: attention goes to a, and an exponential of the difference would be infinite. */
static void fill_score(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int first = i < (size_t)t->size[0] * t->size[3];
    gk_real value = (gk_real)(2 * u - 1 + (x == SURE && first ? 95 : 0));

    (void)run;
    memcpy(element, &value, sizeof value);
}

static gk_real *filled(gk_trial *t, size_t n, gk_fill *fill, int kind)
{
    return gk_trial_add(
        t, (gk_trial_array){.element = sizeof(gk_real), .layout = gk_trial_layout_flat(n)}, fill,
        kind);
}

static gk_tables tables_in(gk_trial *t, const gk_table *x, int kind)
{
    size_t N = (size_t)x->N, H = (size_t)x->H, F = (size_t)x->F, C = (size_t)x->C,
           W = F + (size_t)x->rest;

    return (gk_tables){.row = filled(t, N * H * W, fill_row, kind),
                       .shift = in(t, 2 * H * W, kind == FREE ? 1 : 0.25 / x->H),
                       .base = filled(t, W, fill_base, kind),
                       .score = filled(t, 2 * N * H, fill_score, kind),
                       .score_eq = in(t, H, 1),
                       .w_l = x->wide ? in(t, F * C, 0.1) : NULL};
}

/* Three tokens a row; the third is never looked at. */
static void fill_token(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int32_t value = i % 3 == 2 ? (int32_t)x : (int32_t)(u * x);

    (void)t, (void)run;
    memcpy(element, &value, sizeof value);
}

void gk_trial_table_rows(gk_trial *t)
{
    const int *s = t->size;
    int B = s[1];
    gk_table x = sizes_of(t, s[0], s[2], s[3], s[4], s[5], s[6], s[7]);
    size_t rows = (size_t)B, F = (size_t)x.F, rest = (size_t)x.rest, H = (size_t)x.H;
    double limit = gk_verify_limit(8, 2 * x.H + 1);

    x.table = tables_in(t, &x, FREE);
    gk_real *pre = out(t, rows * F, limit), *tail = out(t, rows * rest, limit),
            *prob = out(t, rows * H * 3, limit);
    gk_trial_array tokens = {.element = sizeof(int32_t), .layout = gk_trial_layout_flat(3 * rows)};
    const int32_t *token = gk_trial_add(t, tokens, fill_token, x.N);

    while (gk_trial_again(t)) t->be->table_rows(t->be, pre, tail, prob, &x, token, B);
}

/* The pairs of run `run`: B of the N^2, in order, each step a pseudo-random one. */
typedef struct pair_set {
    int32_t *a, *b, *label, *by_b, *first_a, *first_b;
} pair_set;

static int pair_at(int run, int i, int N, int B)
{
    uint32_t word[4];

    gk_random_words(word, 77, (uint32_t)run, (uint64_t)i);
    return (int)((i + word[0] * 0x1p-32) * N * N / B);
}

static void first_rows(int32_t *first, const int32_t *token, int N, int B)
{
    for (int v = 0; v <= N; v++) first[v] = 0;
    for (int i = 0; i < B; i++) first[token[i] + 1]++;
    for (int v = 0; v < N; v++) first[v + 1] += first[v];
}

static void make_pairs(pair_set *p, int run, int N, int B, int C, int kind)
{
    int32_t *next = gk_alloc((size_t)N + 1, sizeof *next);

    for (int i = 0; i < B; i++) {
        int pair = pair_at(run, i, N, B);
        p->a[i] = pair / N;
        p->b[i] = pair % N;
        p->label[i] = (kind == SURE ? p->a[i] : pair * 7 + run) % C;
    }
    first_rows(p->first_a, p->a, N, B);
    first_rows(p->first_b, p->b, N, B);
    memcpy(next, p->first_b, ((size_t)N + 1) * sizeof *next);
    for (int i = 0; i < B; i++) p->by_b[next[p->b[i]]++] = i;
    free(next);
}

/* All runs of an array that is made beforehand, one after another. */
typedef struct made_array {
    const int32_t *element;
    size_t per_run;
} made_array;

static void fill_made(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    const made_array *made = t->source;

    (void)u, (void)x;
    memcpy(element, &made->element[(size_t)(run - t->first) * made->per_run + i],
           sizeof *made->element);
}

static const int32_t *add_made(gk_trial *t, const int32_t *array, size_t n)
{
    gk_trial_array x = {.element = sizeof *array, .layout = gk_trial_layout_flat(n)};
    made_array made = {array, n};

    t->source = &made;
    const int32_t *added = gk_trial_add(t, x, fill_made, 0);
    t->source = NULL;
    return added;
}

static gk_pairs pairs_in(gk_trial *t, const gk_table *x, int B, int kind)
{
    size_t R = (size_t)t->R, rows = (size_t)B, firsts = (size_t)x->N + 1;
    int32_t *all = gk_alloc(R * (4 * rows + 2 * firsts), sizeof *all);
    pair_set p = {.a = all,
                  .b = all + R * rows,
                  .label = all + 2 * R * rows,
                  .by_b = all + 3 * R * rows,
                  .first_a = all + 4 * R * rows,
                  .first_b = all + 4 * R * rows + R * firsts};
    gk_pairs pairs = {.B = B};

    for (int r = 0; r < t->R; r++) {
        pair_set one = {p.a + r * rows,    p.b + r * rows,         p.label + r * rows,
                        p.by_b + r * rows, p.first_a + r * firsts, p.first_b + r * firsts};
        make_pairs(&one, t->first + r, x->N, B, x->C, kind);
    }
    pairs.a = add_made(t, p.a, rows);
    pairs.b = add_made(t, p.b, rows);
    pairs.label = add_made(t, p.label, rows);
    pairs.by_b = add_made(t, p.by_b, rows);
    pairs.first_a = add_made(t, p.first_a, firsts);
    pairs.first_b = add_made(t, p.first_b, firsts);
    free(all);
    return pairs;
}

/* An error of the logits, eps |logit| sqrt(terms), is a relative one of the gradient's elements;
 * then sums over columns and pairs. A loss of 1e-9 has that same relative error. */
void gk_trial_table_pairs(gk_trial *t)
{
    const int *s = t->size;
    int B = s[1], form = s[8], kind = s[9];
    gk_table x = sizes_of(t, s[0], s[2], s[3], s[4], s[5], s[6], s[7]);
    size_t N = (size_t)x.N, D = (size_t)x.D, H = (size_t)x.H, F = (size_t)x.F, C = (size_t)x.C,
           W = F + (size_t)x.rest;
    double logit = kind == SURE ? SURE_LOGIT : 4, terms = x.F + x.C + B;
    double limit = gk_verify_limit(2 * logit, terms);
    gk_trial_array loss = {.element = sizeof(double),
                           .layout = gk_trial_layout_flat((size_t)B),
                           .compare = GK_EACH,
                           .limit = limit,
                           .floor = form == GK_LOSS_EXACT ? 1e-30 : 1};
    gk_trial_array hit = {
        .element = 1, .layout = gk_trial_layout_flat((size_t)B), .compare = GK_SAME};

    x.table = tables_in(t, &x, kind);
    if (!x.wide) {
        x.weight.w_out = in(t, F * D, 0.3);
        x.weight.w_u = in(t, D * C, 0.3);
        x.d_weight.w_out = out(t, F * D, limit);
        x.d_weight.w_u = out(t, D * C, limit);
    }
    double *row_loss = gk_trial_add(t, loss, NULL, 0);
    uint8_t *row_hit = gk_trial_add(t, hit, NULL, 0);
    x.d_table = (gk_tables){.row = out(t, N * H * W, limit),
                            .shift = out(t, 2 * H * W, limit),
                            .base = out(t, W, limit),
                            .score = out(t, 2 * N * H, limit),
                            .score_eq = out(t, H, limit),
                            .w_l = x.wide ? out(t, F * C, limit) : NULL};
    gk_pairs pairs = pairs_in(t, &x, B, kind);

    while (gk_trial_again(t))
        t->be->table_pairs(t->be, row_loss, row_hit, &x, &pairs, form, 1.0 / B);
}

/* May be spoiled: written back and not compared. */
static gk_real *spoiled(gk_trial *t, size_t n)
{
    return gk_trial_inout(t, gk_trial_layout_flat(n), 1, INFINITY);
}

void gk_trial_table_back(gk_trial *t)
{
    const int *s = t->size;
    gk_table x = sizes_of(t, s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
    size_t N = (size_t)x.N, D = (size_t)x.D, H = (size_t)x.H, HK = H * (size_t)x.K, F = (size_t)x.F,
           C = (size_t)x.C, W = F + (size_t)x.rest;
    double limit = chain(2.0 * x.F + x.rest + x.N + x.D);
    bool biases = s[7];

    weights_in(t, &x, biases);
    x.d_table = (gk_tables){.row = spoiled(t, N * H * W),
                            .shift = spoiled(t, 2 * H * W),
                            .base = spoiled(t, W),
                            .score = spoiled(t, 2 * N * H),
                            .score_eq = spoiled(t, H),
                            .w_l = x.wide ? spoiled(t, F * C) : NULL};
    x.query = in(t, HK, 1);
    x.key = in(t, H * D, 1);
    x.value = in(t, (N + 3) * HK, 1);
    x.map = in(t, HK * W, 1);
    x.x_eq = in(t, D, 1);
    x.d_weight = (gk_block){.w_e = out(t, (N + 1) * D, limit),
                            .w_pos = out(t, 3 * D, limit),
                            .w_q = out(t, D * HK, limit),
                            .w_k = out(t, D * HK, limit),
                            .w_v = out(t, D * HK, limit),
                            .w_o = out(t, HK * D, limit),
                            .w_in = out(t, D * F, limit),
                            .b_in = biases ? out(t, F, limit) : NULL,
                            .w_out = x.wide ? out(t, F * D, limit) : NULL,
                            .b_out = biases ? out(t, D, limit) : NULL,
                            .w_u = x.wide ? out(t, D * C, limit) : NULL};
    while (gk_trial_again(t)) t->be->table_back(t->be, &x);
}
