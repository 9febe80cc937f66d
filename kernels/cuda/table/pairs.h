/* The parts of the table plan's way from pairs to the loss and back to the tables:
 *
 *     pairs.cu            panels, memory, the products
 *     rows.cu             gathering: pairs -> A and E
 *     scatter.cu          dE -> the tables' gradients */
#ifndef GK_CUDA_TABLE_PAIRS_H
#define GK_CUDA_TABLE_PAIRS_H

#include "cuda/machine/cuda.h"

/* Pairs of all runs to E and A. Run r has `rows` pairs here, and room for `room` of them in pre,
 * rest and prob; its tokens begin at r * tokens. */
typedef struct gathering {
    gk_table t;
    gk_real *pre, *rest; /* the first F columns of E, then relu if asked; the others */
    gk_real *prob;       /* (R,room,H,3) */
    const int32_t *a, *b;
    int pre_ld, rest_ld, rows, room, tokens;
    int step; /* from one pair's token to the next one's */
    bool relu;
} gathering;

void cuda_gather(gk_backend *be, const gathering *g, int R);

/* Some runs, and of their pairs the rows from .. from + rows - 1. Arrays of a run have room for
 * `room` rows. */
typedef struct panel {
    gk_table t;
    gk_pairs pairs;
    int from, rows, room, ld, strips;
    gk_real *e;      /* (R,room,ld)  [ H | E's rest, then its gradient ] */
    gk_real *dh;     /* (R,room,F) */
    gk_real *prob;   /* (R,room,H,3) */
    gk_real *dots;   /* (R,2,strips,room,H)  shares of dA_j */
    gk_real *logits; /* (R,room,C)  narrow; wide: in e */
    gk_real *part; /* (R,N,2H+1,W)  of a token: sum A0 dE, sum A1 dE, sum dE over its pairs as a */
    double *score; /* (R,3,N,H)  ds_0(a), ds_1(b), ds_2 over the pairs of a */
} panel;

static inline int panel_width(const panel *p) { return p->t.F + p->t.rest; }

/* How many shares dA_j has. */
int cuda_scatter_strips(int width);
/* dE of a panel to p->dots, p->part and p->score: written for the first panel, added for others. */
void cuda_scatter(gk_backend *be, const panel *p);
/* From all panels' sums to d_table. */
void cuda_scatter_finish(gk_backend *be, const panel *p);

#endif
