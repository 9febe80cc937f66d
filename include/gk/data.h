/* The examples of R runs in device memory, cut into the blocks that go through the network at a
 * time. */
#ifndef GK_DATA_H
#define GK_DATA_H

#include "gk/analysis.h"
#include "gk/ops.h"

enum { GK_NO_GROUP = 255 };

/* One set of examples (train or test) of all runs. Block b holds rows [b GK_BLOCK_ROWS, ...) of
 * every run: first run 0's, then run 1's ..., so that an op sees (R, rows, ...). */
typedef struct gk_set {
    int B, T, R, groups; /* B rows of a run; groups: what group_sums sums apart */
    int32_t *token;      /* blocks of (R,rows,T) */
    int32_t *label;      /* blocks of (R,rows)   */
    uint8_t *group;      /* blocks of (R,rows)   */
    double *sum;         /* (R,groups,2): loss, hits */
    double *row_loss;    /* (R,block) */
    uint8_t *row_hit;    /* (R,block) */
} gk_set;

typedef struct gk_data {
    gk_set train; /* what steps are made of, in the split's order */
    gk_set grid;  /* every input of the group, in gk_analysis's order */
    gk_set rest;  /* examples outside of the group, if any (B may be 0) */
} gk_data;

/* Counting or real. `analysis`: of any run of the batch, they are alike in size. */
void gk_data_layout(gk_data *data, int R, const gk_analysis *analysis, int T, gk_arena *device);

/* The examples of one run into its slot. */
void gk_data_put(gk_data *data, int slot, const gk_task *task, const gk_analysis *analysis,
                 gk_backend *be);

static inline int gk_set_block_rows(const gk_set *set, int first, int most)
{
    return set->B - first < most ? set->B - first : most;
}

#endif
