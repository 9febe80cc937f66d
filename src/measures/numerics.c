/* What rounding does: absorbed examples, gradients that do not sum to zero, updates that only
 * shrink. Softmax collapse and naive loss minimisation: Prieto, Barsbey, Mediano & Birdal 2025,
 * "Grokking at the edge of numerical stability". */
#include "gk/blocks.h"
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>

/* cos of the angle between a tensor's AdamW direction -m / (sqrt v + eps), without decay, and minus
 * its weights: 1 only shrinks it */
static void print_update(gk_row *row, const gk_snapshot *s)
{
    for (int i = 0; i < s->model->n_tensors; i++) {
        const gk_tensor *t = &s->model->tensor[i];
        double dot = 0, uu = 0, ww = 0;
        for (size_t j = t->packed; j < t->packed + t->size; j++) {
            double w = (double)s->params[j],
                   u = -(double)s->m[j] / (sqrt((double)s->v[j]) + s->eps);
            dot -= u * w;
            uu += u * u;
            ww += w * w;
        }
        gk_text_add(&row->extra, ", \"update_cosine.%s\": ", t->name);
        gk_text_add_real(&row->extra, uu > 0 && ww > 0 ? dot / sqrt(uu * ww) : GK_NULL);
    }
}

typedef struct buffers {
    gk_real *x, *logits, *gradient; /* (R,rows,D), (R,rows,C), (R,rows,C) */
    double *row_loss, *sum;         /* (rows), (R,2) */
    uint8_t *row_hit;               /* (rows) */
} buffers;

static buffers take(gk_lens *l)
{
    size_t rows = (size_t)l->rows, C = (size_t)l->shape.C;
    buffers x = {.x = gk_scratch_reals(l, rows * (size_t)l->D)};

    x.logits = gk_scratch_reals(l, rows * C);
    x.gradient = gk_scratch_reals(l, rows * C);
    x.row_loss = gk_scratch(l, rows, sizeof *x.row_loss);
    x.row_hit = gk_scratch(l, rows, sizeof *x.row_hit);
    x.sum = gk_scratch(l, 2 * (size_t)l->together, sizeof *x.sum);
    return x;
}

static void layout(gk_lens *l) { take(l); }

/* All C logits of a block of training examples. */
static void all_logits(const buffers *x, const gk_snapshot *s, int R, gk_row_block b)
{
    const gk_params *p = &s->model->params;
    int C = s->shape->C, D = s->lens->D;
    size_t slot = (size_t)s->slot, c = (size_t)C;

    gk_train_x(x->x, s, R, b);
    gk_product(s->be, x->logits, gk_packed(x->x, b.rows, D),
               gk_packed(p->w_u + slot * (size_t)D * c, D, C), R, b.rows, D, C, 0);
    if (p->b_u) s->be->bias_add(s->be, x->logits, p->b_u + slot * c, R, b.rows, C);
}

/* The gradient of their loss, and what rounding does to both, of one run. */
static void add_rounding(const buffers *x, const gk_snapshot *s, int r, gk_row_block b)
{
    const gk_lens *l = s->lens;
    int C = s->shape->C;
    size_t at = (size_t)s->slot * (size_t)l->train_rows + (size_t)b.first,
           part = (size_t)r * (size_t)b.rows * (size_t)C;
    gk_real *logits = x->logits + part, *gradient = x->gradient + part;

    s->be->log_softmax(s->be, x->row_loss, x->row_hit, gradient, logits, l->train_class + at, 1,
                       b.rows, C, s->plan->recipe.form, 1);
    s->be->rounding(s->be, x->sum + 2 * r, logits, gradient, l->train_class + at,
                    l->train_group + at, 1, b.rows, C, b.first > 0);
}

static void print_rounding(gk_row *row, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t mark = gk_scratch_mark(l);
    buffers x = take(l);
    double sum[2];

    for (gk_row_block b = gk_train_blocks(l); gk_block_next(&b);) {
        all_logits(&x, s, R, b);
        for (int r = 0; r < R; r++) add_rounding(&x, s + r, r, b);
    }
    for (int r = 0; r < R; r++) {
        s->be->download(s->be, sum, x.sum + 2 * r, sizeof sum);
        row[r].softmax_saturation = sum[0] / s[r].inside[GK_ROWS_TRAIN];
        row[r].logit_gradient_sum = sum[1] / s[r].inside[GK_ROWS_TRAIN];
    }
    gk_scratch_release(l, mark);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    (void)found;
    for (int r = 0; r < R; r++) print_update(&row[r], &s[r]);
    if (!s->lens->train_rows || s->analysis->undefined || !gk_snapshot_has_nats(s)) return;
    print_rounding(row, s, R);
}

const gk_family gk_family_numerics = {.measure = measure, .layout = layout};
