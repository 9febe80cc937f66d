/* Polynomials of degree 2 in cos and sin of one frequency: the constant and 8 products per key
 * frequency of the logits' 2-D transform, kept alone or taken out. Nanda et al. 2023, section
 * 4.4. */
#include "gk/changes.h"
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>

typedef struct buffers {
    gk_real *logits; /* (R,rows,n) */
    gk_real *hat;    /* (R,4,W,n) */
    gk_changes changes;
} buffers;

static buffers take(gk_lens *l)
{
    size_t n = (size_t)l->n;
    buffers x = {.logits = gk_scratch_reals(l, (size_t)l->rows * n)};

    x.hat = gk_scratch_reals(l, 4 * (size_t)l->W * n);
    x.changes = gk_changes_take(l);
    return x;
}

static void layout(gk_lens *l)
{
    if (l->P) take(l);
}

/* Runs without a key set, or with a larger one than fits, get no polynomial. */
static void fit_logits(gk_polynomial *p, const buffers *x, const gk_snapshot *s, int R)
{
    const gk_lens *l = s->lens;
    size_t cells = 4 * (size_t)l->W * (size_t)l->n;
    double *hat = gk_alloc(cells, sizeof *hat);

    gk_torus_hat(x->hat, s, R, l->torus_sum + (size_t)(s->place * 4 * l->P * l->n), l->n);
    for (int r = 0; r < R; r++) {
        if (!s[r].keys || s[r].keys > GK_CHANGES_MAX) continue;
        gk_download_reals(s->be, hat, x->hat + (size_t)r * cells, cells);
        gk_polynomial_fit(&p[r], l, hat, s[r].key, s[r].keys, l->n);
    }
    free(hat);
}

/* The products of each key frequency taken out of the logits. */
static void ablate(gk_row *row, gk_findings *found, buffers *x, const gk_snapshot *s, int R,
                   const gk_polynomial *p)
{
    gk_changes_put(&x->changes, s, R, p, true);
    for (gk_row_block b = gk_blocks(s->lens); gk_block_next(&b);) {
        gk_block_logits(x->logits, s, R, b);
        gk_changes_add(&x->changes, s, R, x->logits, b);
    }
    for (int r = 0; r < R; r++)
        for (int i = 0; p[r].m && i < s[r].keys; i++) { /* fmin, fmax pass over the first NaN */
            double *loss = &found[r].ablated.loss[i];
            gk_changes_mean(&x->changes, s + r, r, i, loss, NULL);
            row[r].ablate8_min = fmin(row[r].ablate8_min, *loss);
            row[r].ablate8_max = fmax(row[r].ablate8_max, *loss);
        }
}

/* With the constant, and the opposite sign. */
static void turn(gk_polynomial *p, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n, m = (size_t)p->m;

    if (!m) return;
    for (size_t c = 0; c < n; c++)
        p->coef[(m - 1) * n + c] = s->label_sum[n * n + c] / s->lens->inputs;
    for (size_t i = 0; i < 4 * m * n; i++) p->coef[i] = -p->coef[i];
}

/* The constant and all products alone: taken off zeros with the opposite sign. */
static void keep(gk_row *row, buffers *x, const gk_snapshot *s, int R, gk_polynomial *p)
{
    for (int r = 0; r < R; r++) turn(&p[r], &s[r]);
    gk_changes_put(&x->changes, s, R, p, false);
    for (gk_row_block b = gk_blocks(s->lens); gk_block_next(&b);)
        gk_changes_add(&x->changes, s, R, NULL, b);
    for (int r = 0; r < R; r++)
        if (p[r].m)
            gk_changes_mean(&x->changes, s + r, r, 0, &row[r].const8_all, &row[r].const8_test);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t mark = gk_scratch_mark(l);

    if (s->analysis->no_grid || !gk_most_keys(s, R) || !gk_snapshot_has_nats(s)) return;
    gk_polynomial *p = gk_alloc((size_t)R, sizeof *p);
    buffers x = take(l);
    fit_logits(p, &x, s, R);
    ablate(row, found, &x, s, R, p);
    keep(row, &x, s, R, p);
    gk_scratch_release(l, mark);
    for (int r = 0; r < R; r++) gk_polynomial_free(&p[r]);
    free(p);
}

const gk_family gk_family_polynomials = {.measure = measure, .layout = layout};
