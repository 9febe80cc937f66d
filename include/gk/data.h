/* The examples of R runs in device memory, cut into the blocks that go through the network at a time. */
#ifndef GK_DATA_H
#define GK_DATA_H

#include "gk/ops.h"
#include "gk/task.h"

enum { GK_GROUPS_MAX = 2, GK_NO_GROUP = 255 };

/* One set of examples (train or test) of all runs. Block b holds rows [b GK_BLOCK_ROWS, ...) of every run:
 * first run 0's, then run 1's ..., so that an op sees (R, rows, ...). */
typedef struct gk_set {
    int B, T, R, groups;            /* rows of a run; group: what group_sums sums apart */
    int32_t *token;                 /* blocks of (R,rows,T) */
    int32_t *label;                 /* blocks of (R,rows)   */
    uint8_t *group;                 /* blocks of (R,rows)   */
    double *sum;                    /* (R,groups,2): loss, hits */
    double *row_loss;               /* (R,block) */
    uint8_t *row_hit;               /* (R,block) */
    int *group_rows;                /* (R,groups), host: rows in each group */
} gk_set;

/* Test examples whose mirror (b,a) is in train, and those whose mirror is not. */
enum { GK_MIRRORED, GK_UNMIRRORED };

typedef struct gk_data {
    gk_set train, test;
} gk_data;

/* Counting or real; the host part (group_rows) from `host`. */
void gk_data_layout(gk_data *data, int R, int n_train, int n_test, int T, gk_arena *device, gk_arena *host);

/* The examples of one run into its slot: split, labels and mirror groups of its config. The split must have the
 * sizes of the layout. */
gk_status gk_data_put(gk_data *data, int slot, const gk_task *task, const gk_config *config, gk_backend *be);

static inline int gk_set_block_rows(const gk_set *set, int first, int most)
{
    return set->B - first < most ? set->B - first : most;
}

#endif
