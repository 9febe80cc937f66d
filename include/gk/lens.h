/* The instrument: one forward pass over every input of R runs, kept on the device.
 *
 * Kept per run: what the last MLP and what W_U read at the first scored position, (inputs, D) each:
 * the residual stream before and after the last MLP where nothing is normalised. From them any
 * block of logits or neurons is one product away (gk/blocks.h), so that nothing of size inputs x
 * outputs is ever stored. Everything that only depends on an input through its element f(a,b) is
 * summed by element: C_k^T L and S_k^T L are small products of the Fourier modes with those sums.
 *
 * On a torus the 8 products of {1, cos, sin}(k u) and {1, cos, sin}(k v) without 1 x 1 span the
 * same functions as cos and sin of k u, k v, k (u + v) and k (u - v): so sums by these four indices
 * are all that polynomials of degree 2 in cos and sin of one frequency need of logits and neurons.
 * (For k = P/2 there is no sine, and u - v is u + v: 3 products.)
 *
 * Where the examples are no inputs of a group (gk_analysis) the lens keeps nothing and takes no
 * device memory; only losses are left. */
#ifndef GK_LENS_H
#define GK_LENS_H

#include "gk/analysis.h"
#include "gk/plan.h"

typedef struct gk_lens {
    const gk_analysis *analysis; /* (R); of the same sizes */
    gk_shape shape;
    int R;        /* runs of the batch */
    int together; /* most runs that are measured at a time */
    int rows;     /* most rows of a block */
    int inputs, n, K, P, train_rows;
    int W;       /* columns of `characters`: 2K + 1 */
    int D;       /* width of what W_U reads: d_model, or d_mlp of an mlp */
    bool direct; /* what the last MLP reads goes on to W_U, its outputs added and nothing between */
    int puts;    /* calls of gk_lens_put: what was counted before the last one is stale */

    /* what gk_lens_forward leaves, of all runs */
    gk_real *mid;           /* (R,inputs,D): what the last MLP reads; NULL: of an mlp */
    gk_real *out;           /* (R,inputs,D): what W_U reads */
    gk_real *attention;     /* (R,H,S,T): column sums of the last block's; NULL: none */
    gk_real *neuron_sum;    /* (R,4,P,F): activations of the last MLP summed by `torus`; or NULL */
    double *neuron_moments; /* (R,2,F): their sums over all inputs, and of their squares; or NULL */
    gk_real *scored; /* (R,rows,F): of S > 1 positions the first one's activations, a block's */
    double *whole;   /* (R,GK_ROW_GROUPS), host: examples right at all of S > 1 positions */

    /* examples of all runs, by gk_lens_put */
    int32_t *value, *control; /* (R,inputs): elements */
    int32_t *label;           /* (R,inputs): elements; 0 where `group` says none */
    uint8_t *group; /* (R,inputs): enum gk_row_group; GK_NO_GROUP: label outside of the group */
    int32_t *train_row, *train_label, *train_value, *train_control; /* (R,train_rows) */
    int32_t *train_class; /* (R,train_rows): labels as classes */
    uint8_t *train_group; /* (R,train_rows): 0, or GK_NO_GROUP */

    /* the same for all runs */
    gk_real *characters; /* (n+1,W): gk_characters, then ones; row n is zero */
    int32_t *torus;      /* (inputs,4): u, v, u + v, u - v mod P; NULL: no torus */
    gk_real *zeros;      /* (D) */

    /* of the runs that are measured, by gk_snapshot_take */
    gk_real *unembed;      /* (together,D,n): W_U's columns by element */
    gk_real *unembed_bias; /* (together,n): b_U by element; NULL: the model has none */
    gk_real *torus_sum;    /* (together,4,P,n): logits summed by `torus`; or NULL */

    gk_arena scratch;    /* see gk_scratch */
    size_t scratch_most; /* bytes: the most that was ever taken of it */
} gk_lens;

/* Counting or real. The analyses (R) must outlive the lens; `whole` is the host's. `together`: 1 or
 * more. */
void gk_lens_layout(gk_lens *lens, const gk_shape *shape, const gk_analysis *analysis, int R,
                    int rows, int together, gk_arena *device, gk_arena *host);
/* The examples of one run into its slot. GK_CHECK: they are as many as those of the other slots. */
void gk_lens_put(gk_lens *lens, int slot, gk_backend *be);

/* One forward over every example of all runs: their losses are in the sums of plan->data's sets
 * (grid and rest, and train where every update has fresh examples), the rest in the lens. */
void gk_lens_forward(gk_lens *lens, gk_plan *plan);

/* Device memory that is borrowed in the order of a stack, by names of the borrower's own: `count`
 * elements of `size` bytes. Whoever takes gives back all that was taken since his mark. There is as
 * much as the layout functions of its users take, run while the batch is laid out, when this gives
 * NULL (gk_measure_layout); more than that is a bug and aborts. */
void *gk_scratch(gk_lens *lens, size_t count, size_t size);
static inline size_t gk_scratch_mark(const gk_lens *lens) { return lens->scratch.used; }
static inline void gk_scratch_release(gk_lens *lens, size_t mark) { lens->scratch.used = mark; }

/* (together,count): one array for each of the runs that are measured. */
static inline gk_real *gk_scratch_reals(gk_lens *lens, size_t count)
{
    return gk_scratch(lens, (size_t)lens->together * count, sizeof(gk_real));
}

/* Rows first .. first + rows - 1 of a pass over `all`:
 *     for (gk_row_block b = gk_blocks(lens); gk_block_next(&b);) */
typedef struct gk_row_block {
    int first, rows;
    int all, most; /* most: rows of a block */
} gk_row_block;

static inline gk_row_block gk_blocks(const gk_lens *lens) /* every input */
{
    return (gk_row_block){.all = lens->inputs, .most = lens->rows};
}
static inline gk_row_block gk_train_blocks(const gk_lens *lens) /* every training example */
{
    return (gk_row_block){.all = lens->train_rows, .most = lens->rows};
}
static inline gk_row_block gk_set_blocks(const gk_lens *lens, const gk_set *set)
{
    return (gk_row_block){.all = set->B, .most = lens->rows};
}
static inline bool gk_block_next(gk_row_block *block)
{
    block->first += block->rows;
    block->rows = block->all - block->first;
    if (block->rows > block->most) block->rows = block->most;
    return block->rows > 0;
}

#endif
