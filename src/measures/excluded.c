/* Excluded loss: the train loss after the characters of the key frequencies are taken out of the
 * logits, and its controls. Nanda et al. 2023, section 5.1 and appendix C.2; fitted on train: the
 * post, footnote 31. */
#include "gk/changes.h"
#include "gk/fit.h"
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Subtracts the least-squares fit of the logits of all inputs on the characters of `k`. */
static gk_variant without(const gk_snapshot *s, const int *k, int keys)
{
    int *column = gk_alloc(2 * (size_t)keys, sizeof *column);
    size_t n = (size_t)s->lens->n;
    gk_variant v = {.m = gk_character_columns(column, k, keys, s->lens->n), .column = column};

    v.coef = gk_alloc((size_t)v.m * n, sizeof *v.coef);
    for (size_t j = 0; j < (size_t)v.m; j++)
        memcpy(v.coef + j * n, s->label_hat + (size_t)column[j] * n, n * sizeof *v.coef);
    gk_fit_solve(v.coef, s->basis, 2 * s->lens->K, column, v.m, s->count, s->lens->n, s->lens->n);
    return v;
}

/* Subtracts the fit, on the characters of `k`, of the logits that have these counts and sums by
 * element. */
static gk_variant without_sums(const gk_snapshot *s, const int *k, int keys, const double *count,
                               const double *sum)
{
    int n = s->lens->n, *column = gk_alloc(2 * (size_t)keys, sizeof *column);
    gk_variant v = {.m = gk_character_columns(column, k, keys, n), .column = column};

    v.coef = gk_alloc((size_t)v.m * (size_t)n, sizeof *v.coef);
    gk_fit(v.coef, s->basis, 2 * s->lens->K, column, v.m, count, sum, n, n);
    return v;
}

static void release(gk_variant *v)
{
    free((void *)v->column);
    free(v->coef);
}

/* As many frequencies that are not key, drawn by the run's seed; false where there are too few. */
static bool draw_others(int *k, const gk_snapshot *s)
{
    int K = s->lens->K, others = 0, *pool = gk_alloc((size_t)K, sizeof *pool);

    for (int f = 1; f <= K; f++) {
        bool key = false;
        for (int i = 0; i < s->keys; i++) key |= s->key[i] == f;
        if (!key) pool[others++] = f;
    }
    for (int i = 0; i < s->keys && others >= s->keys; i++) {
        int j = i + (int)gk_random_below((uint64_t)(others - i), s->analysis->seed, GK_RNG_CONTROL,
                                         (uint64_t)i);
        k[i] = pool[j];
        pool[j] = pool[i];
    }
    free(pool);
    return others >= s->keys;
}

static double *control_counts(const gk_snapshot *s)
{
    double *count = gk_alloc((size_t)s->lens->n, sizeof *count);

    for (int row = 0; row < s->lens->inputs; row++) count[s->analysis->control[row]]++;
    return count;
}

/* The key frequencies whose characters are not the other operation's too: the sign of u + v is that
 * of u - v. */
static int without_sign(int *k, const gk_snapshot *s)
{
    int keys = 0;

    for (int i = 0; i < s->keys; i++)
        if (2 * s->key[i] != s->lens->n) k[keys++] = s->key[i];
    return keys;
}

enum { KEYED = 4, ALONE = 64 };

/* Variants with a key set, and the columns that they are for; returns how many. */
static int add_keyed(gk_variant *v, double **to, gk_row *row, const gk_snapshot *s)
{
    int *others = gk_alloc((size_t)s->keys, sizeof *others), n = 0;

    to[n] = &row->excluded_train;
    v[n++] = without(s, s->key, s->keys);
    to[n] = &row->excluded_fitted;
    v[n++] = without_sums(s, s->key, s->keys, s->count_train, s->label_sum_train);
    int distinct = without_sign(others, s);
    if (s->analysis->control && distinct) {
        double *count = control_counts(s);
        to[n] = &row->control_operation;
        v[n] = without_sums(s, others, distinct, count, s->label_sum_control);
        v[n++].control = true;
        free(count);
    }
    if (draw_others(others, s)) {
        to[n] = &row->control_random;
        v[n++] = without(s, others, s->keys);
    }
    free(others);
    return n;
}

/* The sum of squares of P_k(L) over all inputs: the coefficients against what they were solved
 * from. */
static double power(const gk_variant *v, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n;
    double sum = 0;

    for (size_t j = 0; j < (size_t)v->m; j++)
        for (size_t c = 0; c < n; c++)
            sum += v->coef[j * n + c] * s->label_hat[(size_t)v->column[j] * n + c];
    return sum;
}

typedef struct candidate {
    gk_variant v;
    double power;
    int k;
} candidate;

static int by_power(const void *a, const void *b)
{
    const candidate *x = a, *y = b;

    if (x->power != y->power) return x->power < y->power ? 1 : -1;
    return x->k - y->k;
}

/* Variants without a single frequency, k[i] for the i-th. Of more than ALONE only those with the
 * largest share of the logits: one costs as much as a pass over the training set, and the others
 * change nothing. Returns how many. */
static int add_alone(gk_variant *v, int *k, const gk_snapshot *s)
{
    int K = s->lens->K, some = K < ALONE ? K : ALONE;
    candidate *all = gk_alloc((size_t)K, sizeof *all);

    for (int f = 1; f <= K; f++) {
        all[f - 1] = (candidate){without(s, &f, 1), 0, f};
        all[f - 1].power = power(&all[f - 1].v, s);
    }
    qsort(all, (size_t)K, sizeof *all, by_power);
    for (int i = 0; i < K; i++) {
        if (i >= some) {
            release(&all[i].v);
            continue;
        }
        v[i] = all[i].v;
        k[i] = all[i].k;
    }
    free(all);
    return some;
}

/* Variants of one run: those without a single frequency first. */
typedef struct list {
    gk_variant v[ALONE + KEYED];
    double *to[KEYED];
    int k[ALONE], alone, keyed;
} list;

static void read_losses(gk_row *row, gk_excluded *excluded, const list *x, int K)
{
    for (int i = 0; i < x->keyed; i++) *x->to[i] = x->v[x->alone + i].loss;
    for (int f = 0; f < K; f++) excluded->loss[f] = GK_NULL;
    for (int i = 0; i < x->alone; i++) {
        double loss = x->v[i].loss;
        excluded->loss[x->k[i] - 1] = loss;
        if (row->excluded_max >= loss) continue; /* NaN is replaced */
        row->excluded_max = loss;
        row->excluded_max_k = x->k[i];
    }
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    if (s->analysis->undefined || !s->lens->train_rows || !gk_snapshot_has_nats(s)) return;
    list *x = gk_alloc((size_t)R, sizeof *x);
    gk_variant **variant = gk_alloc((size_t)R, sizeof(void *));
    int *variants = gk_alloc((size_t)R, sizeof *variants);

    for (int r = 0; r < R; r++) {
        x[r].alone = add_alone(x[r].v, x[r].k, &s[r]);
        x[r].keyed = s[r].keys ? add_keyed(x[r].v + x[r].alone, x[r].to, &row[r], &s[r]) : 0;
        variant[r] = x[r].v;
        variants[r] = x[r].alone + x[r].keyed;
    }
    gk_train_losses(s, R, variant, variants);
    for (int r = 0; r < R; r++) {
        read_losses(&row[r], &found[r].excluded, &x[r], s->lens->K);
        for (int i = 0; i < variants[r]; i++) release(&x[r].v[i]);
    }
    free(x);
    free(variant);
    free(variants);
}

const gk_family gk_family_excluded = {.measure = measure, .layout = gk_train_losses_layout};
