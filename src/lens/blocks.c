/* Blocks of rows, from what the lens keeps or from another forward pass. */
#include "gk/blocks.h"

#include <stdlib.h>

void gk_upload_reals(gk_backend *be, gk_real *to, const double *from, size_t n)
{
    gk_real *copy = gk_alloc(n, sizeof *copy);

    for (size_t i = 0; i < n; i++) copy[i] = (gk_real)from[i];
    be->upload(be, to, copy, n * sizeof *copy);
    free(copy);
}

void gk_download_reals(gk_backend *be, double *to, const gk_real *from, size_t n)
{
    gk_real *copy = gk_alloc(n, sizeof *copy);

    be->download(be, copy, from, n * sizeof *copy);
    for (size_t i = 0; i < n; i++) to[i] = (double)copy[i];
    free(copy);
}

static size_t input_at(const gk_snapshot *s, gk_row_block b)
{
    return (size_t)s->slot * (size_t)s->lens->inputs + (size_t)b.first;
}

static size_t train_at(const gk_snapshot *s, gk_row_block b)
{
    return (size_t)s->slot * (size_t)s->lens->train_rows + (size_t)b.first;
}

gk_matrix gk_block_out(const gk_snapshot *s, gk_row_block b)
{
    const gk_lens *l = s->lens;

    return gk_packed(l->out + input_at(s, b) * (size_t)l->D, l->inputs, l->D);
}

gk_matrix gk_block_mid(const gk_snapshot *s, gk_row_block b)
{
    const gk_lens *l = s->lens;

    return gk_packed(l->mid + input_at(s, b) * (size_t)l->D, l->inputs, l->D);
}

gk_matrix gk_unembed(const gk_snapshot *s)
{
    const gk_lens *l = s->lens;

    return gk_packed(l->unembed + (size_t)s->place * (size_t)(l->D * l->n), l->D, l->n);
}

void gk_block_unembed(gk_real *to, const gk_snapshot *s, int R, gk_matrix x, int rows)
{
    const gk_lens *l = s->lens;

    gk_product(s->be, to, x, gk_unembed(s), R, rows, l->D, l->n, 0);
    if (l->unembed_bias)
        s->be->bias_add(s->be, to, l->unembed_bias + s->place * l->n, R, rows, l->n);
}

void gk_block_logits(gk_real *logits, const gk_snapshot *s, int R, gk_row_block b)
{
    gk_block_unembed(logits, s, R, gk_block_out(s, b), b.rows);
}

void gk_block_hidden(gk_real *hidden, const gk_snapshot *s, int R, gk_row_block b)
{
    const gk_lens *l = s->lens;
    const gk_params *p = &s->model->params;
    int D = l->D, F = l->shape.F, last = l->shape.L - 1;
    size_t f = (size_t)F, slot = (size_t)s->slot;

    if (!l->mid) { /* an mlp's activations are what W_U reads */
        gk_matrix out = gk_block_out(s, b);
        s->be->add_rows(s->be, hidden, out.at, R, b.rows, F, F, F, (size_t)b.rows * f, out.step, 0);
        return;
    }
    gk_product(s->be, hidden, gk_block_mid(s, b),
               gk_packed(p->w_in[last] + slot * (size_t)D * f, D, F), R, b.rows, D, F, 0);
    s->be->bias_act(s->be, hidden, hidden, l->shape.biases ? p->b_in[last] + slot * f : NULL, R,
                    b.rows, F, l->shape.activation);
}

void gk_train_x(gk_real *x, const gk_snapshot *s, int R, gk_row_block b)
{
    const gk_lens *l = s->lens;
    size_t D = (size_t)l->D, part = (size_t)b.rows * D;

    for (int r = 0; r < R; r++)
        s->be->embed(s->be, x + (size_t)r * part, gk_block_out(s + r, (gk_row_block){0}).at,
                     l->zeros, l->train_row + train_at(s + r, b), 1, b.rows, 1, l->D, l->inputs);
}

void gk_train_logits(gk_real *logits, gk_real *x, const gk_snapshot *s, int R, gk_row_block b)
{
    gk_train_x(x, s, R, b);
    gk_block_unembed(logits, s, R, gk_packed(x, b.rows, s->lens->D), b.rows);
}

static const int32_t *index_of(const gk_snapshot *s, enum gk_by by, gk_row_block b)
{
    const gk_lens *l = s->lens;

    switch (by) {
    case GK_BY_VALUE: return l->value + input_at(s, b);
    case GK_BY_CONTROL: return l->control + input_at(s, b);
    case GK_BY_TRAIN: return l->train_value + train_at(s, b);
    }
    return NULL;
}

void gk_block_sum(gk_real *sum, double *moments, const gk_snapshot *s, int R, const gk_real *x,
                  gk_width cols, enum gk_by by, gk_row_block b)
{
    int elements = s->lens->n + (by == GK_BY_TRAIN);
    size_t most = (size_t)cols.most;

    for (int r = 0; r < R; r++) {
        int wide = gk_width_of(cols, r);
        size_t at = (size_t)r * most;
        if (!wide) continue;
        s->be->row_sums(s->be, sum + at * (size_t)elements, moments ? moments + 2 * at : NULL,
                        x + at * (size_t)b.rows, index_of(s + r, by, b), 1, b.rows, 1, elements,
                        wide, b.first > 0);
    }
}

void gk_torus_hat(gk_real *hat, const gk_snapshot *s, int R, const gk_real *sum, int cols)
{
    const gk_lens *l = s->lens;

    gk_product(s->be, hat, (gk_matrix){.at = l->characters, .ld = l->W, .turned = true},
               gk_packed(sum, l->P, cols), 4 * R, l->W, l->P, cols, 0);
}

const gk_activations *gk_block_activations(const gk_snapshot *s, const gk_set *set, gk_row_block b)
{
    gk_forward_ops(s->plan, set, b.first);
    return s->model->act;
}

void gk_activations_read(double *to, const gk_snapshot *s, const gk_real *array, int rows,
                         size_t cells)
{
    size_t n = (size_t)rows * cells;

    gk_download_reals(s->be, to, array + (size_t)s->slot * n, n);
}
