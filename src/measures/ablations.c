/* Parts of the last block taken out: the skip connection around the MLP, each head, what the heads
 * read at the last token ("="). Zero: the part is removed; mean: replaced by its mean over all
 * inputs. Nanda et al. 2023, appendix A.1. */
#include "gk/changes.h"
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>

/* Results: skip zero, skip mean, equals zero, equals mean, then zero and mean of each head. */
enum { SKIP_ZERO, SKIP_MEAN, EQUALS_ZERO, EQUALS_MEAN, HEADS };

static int results_of(const gk_lens *l) { return HEADS + 2 * l->shape.H; }

typedef struct buffers {
    gk_real *change;          /* (R,rows,H*K): of what the heads read */
    gk_real *stream, *hidden; /* (R,rows,D), (R,rows,F): the rest of the network after it */
    gk_real *logits;          /* (R,rows,n) */
    gk_real *mean;            /* (R,D): of the residual stream before the MLP */
    gk_real *minus;           /* (D,D): minus the identity */
    gk_losses losses;
} buffers;

static buffers take(gk_lens *l)
{
    const gk_shape *sh = &l->shape;
    size_t rows = (size_t)l->rows, D = (size_t)l->D;
    buffers x = {.change = gk_scratch_reals(l, rows * (size_t)(sh->H * sh->K))};

    x.stream = gk_scratch_reals(l, rows * D);
    x.hidden = gk_scratch_reals(l, rows * (size_t)sh->F);
    x.logits = gk_scratch_reals(l, rows * (size_t)l->n);
    x.mean = gk_scratch_reals(l, D);
    x.minus = gk_scratch(l, D * D, sizeof *x.minus);
    x.losses = gk_losses_take(l, results_of(l));
    return x;
}

/* What follows is the sums of one position of a transformer without norms. */
static bool defined(const gk_lens *l)
{
    return l->mid && l->direct && l->shape.S == 1 && results_of(l) <= GK_CHANGES_MAX;
}

/* What the heads read of a block of one run: z (rows,H*K), and the part of it that comes from the
 * last token. */
typedef struct parts {
    double *z, *equals;           /* (rows,H*K) */
    double *z_mean, *equals_mean; /* (H*K), over all inputs */
    double *prob, *v;             /* (rows,H,T), (rows,T,H*K) */
} parts;

static void open_parts(parts *p, const gk_lens *l)
{
    const gk_shape *sh = &l->shape;
    size_t H = (size_t)sh->H, HK = H * (size_t)sh->K, T = (size_t)sh->T, rows = (size_t)l->rows;

    p->z = gk_alloc(rows * HK, sizeof *p->z);
    p->equals = gk_alloc(rows * HK, sizeof *p->equals);
    p->z_mean = gk_alloc(HK, sizeof *p->z_mean);
    p->equals_mean = gk_alloc(HK, sizeof *p->equals_mean);
    p->prob = gk_alloc(rows * H * T, sizeof *p->prob);
    p->v = gk_alloc(rows * T * HK, sizeof *p->v);
}

static void close_parts(parts *p)
{
    free(p->z);
    free(p->equals);
    free(p->z_mean);
    free(p->equals_mean);
    free(p->prob);
    free(p->v);
}

static void read_block(parts *p, const gk_snapshot *s, const gk_activations *act, gk_row_block b)
{
    size_t H = (size_t)s->shape->H, K = (size_t)s->shape->K, T = (size_t)s->shape->T, HK = H * K;
    int last = s->shape->L - 1;

    gk_activations_read(p->z, s, act->z[last], b.rows, HK);
    gk_activations_read(p->prob, s, act->prob[last], b.rows, H * T);
    gk_activations_read(p->v, s, act->v[last], b.rows, T * HK);
    for (size_t i = 0; i < (size_t)b.rows * HK; i++) {
        size_t row = i / HK, h = i % HK / K;
        p->equals[i] = p->prob[(row * H + h) * T + T - 1] * p->v[(row * T + T - 1) * HK + i % HK];
    }
}

/* Of the block that the network has just gone through, of all runs. */
static void find_means(parts *p, const gk_snapshot *s, int R)
{
    const gk_lens *l = s->lens;
    size_t HK = (size_t)s->shape->H * (size_t)s->shape->K;

    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        const gk_activations *act = gk_block_activations(s, &s->plan->data->grid, b);
        for (int r = 0; r < R; r++) {
            read_block(&p[r], &s[r], act, b);
            for (size_t i = 0; i < (size_t)b.rows * HK; i++) {
                p[r].z_mean[i % HK] += p[r].z[i] / l->inputs;
                p[r].equals_mean[i % HK] += p[r].equals[i] / l->inputs;
            }
        }
    }
}

/* change (rows,HK) of z for a result */
static void change_of(double *change, const parts *p, const gk_snapshot *s, int result, size_t rows)
{
    size_t K = (size_t)s->shape->K, HK = (size_t)s->shape->H * K;
    bool mean = result % 2 == 1, equals = result < HEADS;
    size_t head = (size_t)(result - HEADS) / 2;

    for (size_t i = 0; i < rows * HK; i++) {
        size_t at = i % HK;
        if (equals)
            change[i] = (mean ? p->equals_mean[at] : 0) - p->equals[i];
        else
            change[i] = at / K == head ? (mean ? p->z_mean[at] : 0) - p->z[i] : 0;
    }
}

/* stream += MLP(stream) */
static void add_mlp(const buffers *x, const gk_snapshot *s, int R, int rows)
{
    const gk_shape *sh = s->shape;
    const gk_params *p = &s->model->params;
    int last = sh->L - 1, D = sh->D, F = sh->F;
    size_t d = (size_t)D, f = (size_t)F, slot = (size_t)s->slot;

    gk_product(s->be, x->hidden, gk_packed(x->stream, rows, D),
               gk_packed(p->w_in[last] + slot * d * f, D, F), R, rows, D, F, 0);
    s->be->bias_act(s->be, x->hidden, x->hidden, sh->biases ? p->b_in[last] + slot * f : NULL, R,
                    rows, F, sh->activation);
    gk_product(s->be, x->stream, gk_packed(x->hidden, rows, F),
               gk_packed(p->w_out[last] + slot * f * d, F, D), R, rows, F, D, 1);
    if (sh->biases) s->be->bias_add(s->be, x->stream, p->b_out[last] + slot * d, R, rows, D);
}

/* The residual stream before the MLP. */
static void copy_mid(const buffers *x, const gk_snapshot *s, int R, gk_row_block b)
{
    gk_matrix mid = gk_block_mid(s, b);
    int D = s->lens->D;

    s->be->add_rows(s->be, x->stream, mid.at, R, b.rows, D, D, D, (size_t)b.rows * (size_t)D,
                    mid.step, 0);
}

/* The rest of the network from a changed z. */
static void finish(const buffers *x, const gk_snapshot *s, int R, int result, gk_row_block b)
{
    const gk_shape *sh = s->shape;
    int HK = sh->H * sh->K, D = sh->D;
    const gk_real *w_o = s->model->params.w_o[sh->L - 1];

    copy_mid(x, s, R, b);
    gk_product(s->be, x->stream, gk_packed(x->change, b.rows, HK),
               gk_packed(w_o + (size_t)s->slot * (size_t)HK * (size_t)D, HK, D), R, b.rows, HK, D,
               1);
    if (sh->F) add_mlp(x, s, R, b.rows);
    gk_block_unembed(x->logits, s, R, gk_packed(x->stream, b.rows, D), b.rows);
    gk_losses_add(&x->losses, s, R, x->logits, result, b);
}

/* Every result of heads, from means that are known. */
static void without_heads(const buffers *x, const gk_snapshot *s, int R, parts *p)
{
    const gk_lens *l = s->lens;
    size_t HK = (size_t)s->shape->H * (size_t)s->shape->K;
    double *change = gk_alloc((size_t)l->rows * HK, sizeof *change);

    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        size_t rows = (size_t)b.rows;
        const gk_activations *act = gk_block_activations(s, &s->plan->data->grid, b);
        for (int r = 0; r < R; r++) read_block(&p[r], &s[r], act, b);
        for (int result = EQUALS_ZERO; result < results_of(l); result++) {
            for (int r = 0; r < R; r++) {
                change_of(change, &p[r], &s[r], result, rows);
                gk_upload_reals(s->be, x->change + (size_t)r * rows * HK, change, rows * HK);
            }
            finish(x, s, R, result, b);
        }
    }
    free(change);
}

/* The mean of mid over all inputs, and minus the identity, to the device. */
static void put_mean(const buffers *x, const gk_snapshot *s, int R)
{
    const gk_lens *l = s->lens;
    size_t D = (size_t)l->D;
    double *mean = gk_alloc(D, sizeof *mean), *minus = gk_alloc(D * D, sizeof *minus);

    s->be->bias_add_back(s->be, x->mean, gk_block_mid(s, (gk_row_block){0}).at, R, l->inputs, l->D,
                         0);
    for (int r = 0; r < R; r++) {
        gk_real *at = x->mean + (size_t)r * D;
        gk_download_reals(s->be, mean, at, D);
        for (size_t i = 0; i < D; i++) mean[i] /= l->inputs;
        gk_upload_reals(s->be, at, mean, D);
    }
    for (size_t i = 0; i < D; i++) minus[i * D + i] = -1;
    gk_upload_reals(s->be, x->minus, minus, D * D);
    free(mean);
    free(minus);
}

/* Logits of out - mid, plus the mean of mid for SKIP_MEAN. */
static void without_skip(const buffers *x, const gk_snapshot *s, int R)
{
    const gk_lens *l = s->lens;
    int D = l->D;
    size_t part = (size_t)D;

    put_mean(x, s, R);
    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        gk_matrix out = gk_block_out(s, b), minus = {.at = x->minus, .ld = D};
        s->be->add_rows(s->be, x->stream, out.at, R, b.rows, D, D, D, (size_t)b.rows * part,
                        out.step, 0);
        gk_product(s->be, x->stream, gk_block_mid(s, b), minus, R, b.rows, D, D, 1);
        for (int result = SKIP_ZERO; result <= SKIP_MEAN; result++) {
            if (result == SKIP_MEAN) s->be->bias_add(s->be, x->stream, x->mean, R, b.rows, D);
            gk_block_unembed(x->logits, s, R, gk_packed(x->stream, b.rows, D), b.rows);
            gk_losses_add(&x->losses, s, R, x->logits, result, b);
        }
    }
}

/* The columns of run r, whose snapshot is s. */
static void print(gk_row *row, const buffers *x, const gk_snapshot *s, int r)
{
    const gk_losses *losses = &x->losses;
    double zero, mean;

    gk_losses_mean(losses, s, r, EQUALS_ZERO, &row->equals_zero_all, NULL);
    gk_losses_mean(losses, s, r, EQUALS_MEAN, &row->equals_mean_all, NULL);
    for (int h = 0; h < s->shape->H; h++) { /* fmax passes over the NaN of the start */
        gk_losses_mean(losses, s, r, HEADS + 2 * h, &zero, NULL);
        gk_losses_mean(losses, s, r, HEADS + 2 * h + 1, &mean, NULL);
        row->head_zero_max = fmax(row->head_zero_max, zero);
        row->head_mean_max = fmax(row->head_mean_max, mean);
    }
    if (!s->shape->F) return;
    gk_losses_mean(losses, s, r, SKIP_ZERO, &row->skip_zero_all, NULL);
    gk_losses_mean(losses, s, r, SKIP_MEAN, &row->skip_mean_all, NULL);
}

static void layout(gk_lens *l)
{
    if (l->shape.kind != GK_MLP) take(l);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    gk_lens *l = s->lens;
    size_t mark = gk_scratch_mark(l);

    (void)found;
    if (s->analysis->undefined || !defined(l) || !gk_snapshot_has_nats(s)) return;
    parts *p = gk_alloc((size_t)R, sizeof *p);
    buffers x = take(l);
    for (int r = 0; r < R; r++) open_parts(&p[r], l);
    find_means(p, s, R);
    without_heads(&x, s, R, p);
    if (s->shape->F) without_skip(&x, s, R);
    for (int r = 0; r < R; r++) {
        print(&row[r], &x, s + r, r);
        close_parts(&p[r]);
    }
    gk_scratch_release(l, mark);
    free(p);
}

const gk_family gk_family_ablations = {.measure = measure, .layout = layout};
