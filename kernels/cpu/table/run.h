/* Scratch of one run in the op table_pairs, and how its batch is cut: what pairs.c plans and what
 * slices.c and sums.c compute on. */
#ifndef GK_CPU_TABLE_RUN_H
#define GK_CPU_TABLE_RUN_H

#include "cpu/table/table.h"

enum {
    TABLE_SLICES_MAX = 16,
    TABLE_BLOCK_MAX = 192 /* rows */,
    TABLE_TOKENS = 8 /* b's of a chunk */
};

_Static_assert((int)TABLE_BLOCK_MAX <= (int)CPU_DEPTH, "a block's rows are the depth of a product");

/* What a slice has for itself; its sums go through all panels. */
typedef struct table_part {
    gk_real *x0, *sum; /* (H,width) scratch */
    gk_real *shift;    /* (H,width) */
    gk_real *base;     /* (width) */
    gk_real *dw[2];    /* (out,in) of each layer */
    gk_real *logits;   /* (TABLE_BLOCK_MAX,C) narrow */
    gk_real *gate;     /* (TABLE_BLOCK_MAX,ld) where the layer is deep */
} table_part;

typedef struct table_job {
    gk_backend *be;
    const table_kernels *kernels;
    const cpu_tiles *tiles;
    const gk_table *t;
    const gk_pairs *pairs;
    cpu_loss loss; /* of all runs */
    table_shape shape;
    int first, runs;         /* at a time */
    int panels, panel, rows; /* rows: of the largest */
    int slices, tokens;      /* parts of a panel; of b's */
    char *scratch;
    size_t run_bytes;
} table_job;

/* One run's view of everything. */
typedef struct table_run {
    gk_table t;
    gk_pairs pairs;
    int layers;
    table_layer layer[2];
    gk_real *x1, *base; /* (N,H,width), (width) */
    table_prob prob;    /* (B,H) */
    gk_real *dA[2];     /* (B,H) */
    gk_real *E;         /* (rows,ld) of a panel */
    table_part slice[TABLE_SLICES_MAX];
    gk_real *token_part; /* (tokens,2,H,width): shift, and scratch */
} table_run;

table_run table_run_of(const table_job *w, int r);

/* Scratch that one run takes of job->scratch: whole 256 bytes. Needs all sizes of the job. */
size_t table_run_bytes(const table_job *w);

/* The first token of [from, to) before whose rows there are `rows` or more. */
static inline int table_cut(const int32_t *first, int from, int to, int rows)
{
    while (from < to && first[from] < rows) from++;
    return from;
}

/* Tokens a of panel i of a run. */
cpu_range table_panel_of(const int32_t *first_a, int N, int B, int panels, int i);

#endif
