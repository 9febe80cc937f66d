/* Losses of the training examples after changes by characters of an element. */
#include "gk/changes.h"

#include <stdlib.h>
#include <string.h>

enum { TERMS = 192 };

/* Of one run at a time. */
typedef struct buffers {
    int terms;               /* most terms of all changes of a pass */
    gk_real *x, *logits;     /* (rows,D), (rows,n) */
    gk_real *coef;           /* (terms,n) */
    int32_t *begin, *column; /* (GK_CHANGES_MAX+1), (terms) */
    double *sum;             /* (GK_CHANGES_MAX) */
} buffers;

static buffers take(gk_lens *l)
{
    size_t rows = (size_t)l->rows, n = (size_t)l->n, real = sizeof(gk_real);
    buffers x = {.terms = 2 * l->K > TERMS ? 2 * l->K : TERMS};

    x.x = gk_scratch(l, rows * (size_t)l->D, real);
    x.logits = gk_scratch(l, rows * n, real);
    x.coef = gk_scratch(l, (size_t)x.terms * n, real);
    x.begin = gk_scratch(l, GK_CHANGES_MAX + 1, sizeof *x.begin);
    x.column = gk_scratch(l, (size_t)x.terms, sizeof *x.column);
    x.sum = gk_scratch(l, GK_CHANGES_MAX, sizeof *x.sum);
    return x;
}

void gk_train_losses_layout(gk_lens *l) { take(l); }

/* Variants that fit into one pass, sorted: by f first, then by the control. */
typedef struct batch {
    int32_t begin[GK_CHANGES_MAX + 1];
    gk_variant *variant[GK_CHANGES_MAX];
    int n, by_value; /* variants; those by f */
} batch;

/* The next ones from *next on. */
static void choose(batch *b, const buffers *x, gk_variant *variant, int variants, int *next)
{
    size_t terms = 0;
    int end = *next;

    b->n = b->begin[0] = 0;
    for (; end < variants && end - *next < GK_CHANGES_MAX; end++) {
        if (end > *next && terms + (size_t)variant[end].m > (size_t)x->terms) break;
        terms += (size_t)variant[end].m;
    }
    for (int control = 0; control < 2; control++) {
        for (int i = *next; i < end; i++)
            if (variant[i].control == control) b->variant[b->n++] = &variant[i];
        if (!control) b->by_value = b->n;
    }
    for (int v = 0; v < b->n; v++) b->begin[v + 1] = b->begin[v] + b->variant[v]->m;
    *next = end;
}

static void put(const batch *b, const buffers *x, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n, terms = (size_t)b->begin[b->n];
    double *coef = gk_alloc(terms * n, sizeof *coef);
    int32_t *column = gk_alloc(terms, sizeof *column);

    for (int v = 0; v < b->n; v++) {
        const gk_variant *of = b->variant[v];
        memcpy(coef + (size_t)b->begin[v] * n, of->coef, (size_t)of->m * n * sizeof *coef);
        for (int j = 0; j < of->m; j++) column[b->begin[v] + j] = of->column[j];
    }
    gk_upload_reals(s->be, x->coef, coef, terms * n);
    s->be->upload(s->be, x->column, column, terms * sizeof *column);
    s->be->upload(s->be, x->begin, b->begin, sizeof b->begin);
    free(coef);
    free(column);
}

/* Variants from .. to - 1, by the index f or the control's, at a block. */
static void add(const batch *b, const buffers *x, const gk_snapshot *s, int from, int to,
                const int32_t *index, gk_row_block block)
{
    const gk_lens *l = s->lens;
    size_t at = (size_t)s->slot * (size_t)l->train_rows + (size_t)block.first;

    if (from == to) return;
    s->be->changed_losses(s->be, x->sum + from, x->logits, l->train_label + at, l->train_group + at,
                          index + at, l->characters, x->coef, x->begin + from, x->column, 1,
                          block.rows, l->n, 1, to - from, 1, l->n + 1, l->W, b->begin[b->n],
                          block.first > 0);
}

static void losses_of(const buffers *x, const gk_snapshot *s, gk_variant *variant, int variants)
{
    const gk_lens *l = s->lens;
    double inside = s->inside[GK_ROWS_TRAIN], sum[GK_CHANGES_MAX];
    batch b;

    for (int next = 0; next < variants;) {
        choose(&b, x, variant, variants, &next);
        put(&b, x, s);
        for (gk_row_block block = gk_train_blocks(l); gk_block_next(&block);) {
            gk_train_logits(x->logits, x->x, s, 1, block);
            add(&b, x, s, 0, b.by_value, l->train_value, block);
            add(&b, x, s, b.by_value, b.n, l->train_control, block);
        }
        s->be->download(s->be, sum, x->sum, (size_t)b.n * sizeof *sum);
        for (int v = 0; v < b.n; v++) b.variant[v]->loss = inside > 0 ? sum[v] / inside : GK_NULL;
    }
}

void gk_train_losses(const gk_snapshot *s, int R, gk_variant *const *variant, const int *variants)
{
    gk_lens *l = s->lens;
    size_t mark = gk_scratch_mark(l);
    buffers x = take(l);

    for (int r = 0; r < R; r++) losses_of(&x, s + r, variant[r], variants[r]);
    gk_scratch_release(l, mark);
}
