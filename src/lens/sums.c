/* Logits of all inputs and of the training examples, summed by element; attention. */
#include "lens/take.h"
#include "gk/changes.h"

#include <stdlib.h>
#include <string.h>

/* Of a pass over all inputs. */
typedef struct sums {
    gk_real *logits;          /* (R,rows,n) */
    gk_real *label, *control; /* (R,n,n): of logits by element, by the control's element */
    gk_real *hat;             /* (R,2K,n) */
    double *moments;          /* (R,2,n) */
    gk_losses losses;
} sums;

static sums take_sums(gk_lens *l)
{
    size_t n = (size_t)l->n;
    sums x = {.logits = gk_scratch_reals(l, (size_t)l->rows * n)};

    x.label = gk_scratch_reals(l, n * n);
    x.control = gk_scratch_reals(l, n * n);
    x.hat = gk_scratch_reals(l, 2 * (size_t)l->K * n);
    x.moments = gk_scratch(l, (size_t)l->together * 2 * n, sizeof *x.moments);
    x.losses = gk_losses_take(l, 1);
    return x;
}

static void add_controls(const sums *x, const gk_snapshot *s, int R, gk_row_block b)
{
    size_t n = (size_t)s->lens->n;

    for (int r = 0; r < R; r++)
        if (s[r].analysis->control)
            gk_block_sum(x->control + (size_t)r * n * n, NULL, s + r, 1,
                         x->logits + (size_t)r * (size_t)b.rows * n, (gk_width){.most = (int)n},
                         GK_BY_CONTROL, b);
}

static void read_sums(gk_snapshot *s, const sums *x, int r)
{
    size_t n = (size_t)s->lens->n, cells = n * n, run = (size_t)r;
    gk_backend *be = s->be;
    double *moments = gk_alloc(2 * n, sizeof *moments);

    gk_download_reals(be, s->label_hat, x->hat + run * 2 * (size_t)s->lens->K * n,
                      2 * (size_t)s->lens->K * n);
    gk_download_reals(be, s->label_sum, x->label + run * cells, cells);
    if (s->analysis->control)
        gk_download_reals(be, s->label_sum_control, x->control + run * cells, cells);
    be->download(be, moments, x->moments + run * 2 * n, 2 * n * sizeof *moments);
    memcpy(s->label_sum + cells, moments, n * sizeof *moments);
    s->norm2 = 0;
    for (size_t c = 0; c < n; c++) s->norm2 += moments[n + c];
    be->download(be, s->sums_p, x->losses.sum + run * GK_ROW_GROUPS * 2, sizeof s->sums_p);
    free(moments);
}

/* A pass over all inputs: sums of logits, their norm, losses over the group's outputs. */
static void take_logits(gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    int n = l->n;
    size_t mark = gk_scratch_mark(l);
    sums x = take_sums(l);

    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        gk_block_logits(x.logits, s, R, b);
        gk_block_sum(x.label, x.moments, s, R, x.logits, (gk_width){.most = n}, GK_BY_VALUE, b);
        add_controls(&x, s, R, b);
        if (l->torus)
            s->be->row_sums(s->be, l->torus_sum, NULL, x.logits, l->torus + 4 * (size_t)b.first, R,
                            b.rows, 4, l->P, n, b.first > 0);
        gk_losses_add(&x.losses, s, R, x.logits, 0, b);
    }
    gk_product(s->be, x.hat, (gk_matrix){.at = l->characters, .ld = l->W, .turned = true},
               gk_packed(x.label, n, n), R, 2 * l->K, n, n, 0);
    for (int r = 0; r < R; r++) read_sums(&s[r], &x, r);
    gk_scratch_release(l, mark);
}

/* Of a pass over the training examples. */
typedef struct train_sums {
    gk_real *x, *logits; /* (R,rows,D), (R,rows,n) */
    gk_real *sum;        /* (R,n+1,n) */
} train_sums;

static train_sums take_train_buffers(gk_lens *l)
{
    size_t rows = (size_t)l->rows, n = (size_t)l->n;
    train_sums x = {.x = gk_scratch_reals(l, rows * (size_t)l->D)};

    x.logits = gk_scratch_reals(l, rows * n);
    x.sum = gk_scratch_reals(l, (n + 1) * n);
    return x;
}

/* Sums by element over the training examples. */
static void take_train_sums(gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t n = (size_t)l->n, cells = (n + 1) * n, mark = gk_scratch_mark(l);
    train_sums x = take_train_buffers(l);

    for (gk_row_block b = gk_train_blocks(l); gk_block_next(&b);) {
        gk_train_logits(x.logits, x.x, s, R, b);
        gk_block_sum(x.sum, NULL, s, R, x.logits, (gk_width){.most = l->n}, GK_BY_TRAIN, b);
    }
    for (int r = 0; l->train_rows && r < R; r++)
        gk_download_reals(s->be, s[r].label_sum_train, x.sum + (size_t)r * cells, cells);
    gk_scratch_release(l, mark);
}

static void take_attention(gk_snapshot *s)
{
    size_t H = (size_t)s->shape->H, S = (size_t)s->shape->S, T = (size_t)s->shape->T;

    if (!s->lens->attention) return;
    double *column = gk_alloc(H * S * T, sizeof *column);
    gk_download_reals(s->be, column, s->lens->attention + (size_t)s->slot * H * S * T, H * S * T);
    for (size_t h = 0; h < H; h++) s->attention_eq[h] = column[h * S * T + T - S] / s->lens->inputs;
    free(column);
}

void gk_sums_take(gk_snapshot *s, int R)
{
    take_logits(s, R);
    take_train_sums(s, R);
    for (int r = 0; r < R; r++) take_attention(&s[r]);
}

void gk_sums_layout(gk_lens *l)
{
    size_t mark = gk_scratch_mark(l);

    take_sums(l);
    gk_scratch_release(l, mark);
    take_train_buffers(l);
    gk_scratch_release(l, mark);
}
