/* Excluded loss: the train loss after the characters of the key frequencies are taken out of the
 * logits, and its controls. Nanda et al. 2023, section 5.1 and appendix C.2; fitted on train: the
 * post, footnote 31. */
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Subtracts the least-squares fit of the logits on the characters of `k`. Owns its column and
 * coef. */
static gk_variant without(const gk_snapshot *s, const int *k, int keys, const double *count,
                          const double *sum)
{
    int n = s->lens->n, *column = gk_alloc(2 * (size_t)keys, sizeof *column);
    gk_variant v = {.m = gk_character_columns(column, k, keys, n), .column = column};

    v.coef = gk_alloc((size_t)v.m * (size_t)n, sizeof *v.coef);
    gk_fit(v.coef, s->basis, 2 * s->lens->K, column, v.m, count, sum, n, n);
    return v;
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

/* The key frequencies whose characters are not the other operation's too: the sign of u + v is that of u - v. */
static int without_sign(int *k, const gk_snapshot *s)
{
    int keys = 0;

    for (int i = 0; i < s->keys; i++)
        if (2 * s->key[i] != s->lens->n) k[keys++] = s->key[i];
    return keys;
}

static void keyed(gk_row *row, gk_snapshot *s, gk_variant *v, int *used)
{
    int *others = gk_alloc((size_t)s->keys, sizeof *others);
    double *to[4];
    int n = 0;

    to[n] = &row->excluded_train;
    v[n++] = without(s, s->key, s->keys, s->count, s->label_sum);
    to[n] = &row->excluded_fitted;
    v[n++] = without(s, s->key, s->keys, s->count_train, s->label_sum_train);
    int distinct = without_sign(others, s);
    if (s->analysis->control && distinct) {
        double *count = control_counts(s);
        to[n] = &row->control_operation;
        v[n] = without(s, others, distinct, count, s->label_sum_control);
        v[n++].control = true;
        free(count);
    }
    if (draw_others(others, s)) {
        to[n] = &row->control_random;
        v[n++] = without(s, others, s->keys, s->count, s->label_sum);
    }
    gk_lens_train_losses(s, v, n);
    for (int i = 0; i < n; i++) *to[i] = v[i].loss;
    free(others);
    *used = n;
}

static void release(gk_variant *v, int n)
{
    for (int i = 0; i < n; i++) {
        free((void *)v[i].column);
        free(v[i].coef);
    }
}

/* The sum of squares of P_k(L) over all inputs: the coefficients against the sums that they were
 * fitted to. */
static double power(const gk_variant *v, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n, width = 2 * (size_t)s->lens->K;
    double sum = 0;

    for (size_t j = 0; j < (size_t)v->m; j++)
        for (size_t e = 0; e < n; e++) {
            double b = s->basis[e * width + (size_t)v->column[j]];
            for (size_t c = 0; c < n; c++) sum += v->coef[j * n + c] * b * s->label_sum[e * n + c];
        }
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

/* Each frequency alone. Of more than ALONE only those with the largest share of the logits: one
 * costs as much as a pass over the training set, and the others change nothing. */
static void alone(gk_row *row, gk_snapshot *s)
{
    enum { ALONE = 64 };
    int K = s->lens->K, some = K < ALONE ? K : ALONE;
    candidate *all = gk_alloc((size_t)K, sizeof *all);
    gk_variant *v = gk_alloc((size_t)some, sizeof *v);

    for (int k = 1; k <= K; k++) {
        all[k - 1] = (candidate){without(s, &k, 1, s->count, s->label_sum), 0, k};
        all[k - 1].power = power(&all[k - 1].v, s);
        s->excluded_k[k - 1] = GK_NULL;
    }
    qsort(all, (size_t)K, sizeof *all, by_power);
    for (int i = 0; i < some; i++) v[i] = all[i].v;
    gk_lens_train_losses(s, v, some);
    for (int i = 0; i < some; i++) {
        s->excluded_k[all[i].k - 1] = v[i].loss;
        if (row->excluded_max >= v[i].loss) continue; /* NaN is replaced */
        row->excluded_max = v[i].loss;
        row->excluded_max_k = all[i].k;
    }
    for (int k = 0; k < K; k++) release(&all[k].v, 1);
    free(all);
    free(v);
}

void gk_measure_excluded(gk_row *row, gk_snapshot *s)
{
    gk_variant v[4];
    int n;

    if (s->analysis->undefined || !s->lens->train_rows) return;
    alone(row, s);
    if (!s->keys) return;
    keyed(row, s, v, &n);
    release(v, n);
}
