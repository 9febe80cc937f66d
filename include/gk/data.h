/* The examples of R runs in device memory, cut into the blocks that go through the network at a
 * time; and the minibatches or fresh examples that a run's updates take from a pool. */
#ifndef GK_DATA_H
#define GK_DATA_H

#include "gk/analysis.h"
#include "gk/ops.h"

enum { GK_NO_GROUP = 255 };

/* One set of examples (train or test) of all runs. Block b holds rows [b block, ...) of every run:
 * first run 0's, then run 1's ..., so that an op sees (R, rows, ...). A row has T tokens and S
 * scored positions, the last ones; labels are -1 where a position is not scored. */
typedef struct gk_set {
    int B, T, S, R, groups; /* B rows of a run; groups: what group_sums sums apart */
    int block;              /* rows of a block: gk_block_rows */
    int scored;             /* positions of a row with a label: a mean is a sum / (B scored) */
    int32_t *token;         /* blocks of (R,rows,T) */
    int32_t *label;         /* blocks of (R,rows,S) */
    uint8_t *group;         /* blocks of (R,rows,S) */
    double *sum;            /* (R,groups,2): loss, hits */
    double *row_loss;       /* (R,block,S) */
    uint8_t *row_hit;       /* (R,block,S) */
} gk_set;

/* Where train's rows come from when they change from step to step: row i of step t is row
 * index[t mod GK_RING][i] of the pool. */
enum { GK_RING = 64 };
typedef struct gk_pool {
    int N;          /* rows; 0: there is no pool, train is the training set */
    int32_t *token; /* (R,N,T) */
    int32_t *label; /* (R,N,S) */
    int32_t *index; /* (R,GK_RING,B) */
} gk_pool;

typedef struct gk_data {
    /* What a step is made of, in the split's order: all training examples, or a batch. */
    gk_set train;
    /* Every input of the group, in gk_analysis's order; a group of sums for each of enum
     * gk_row_group and scored position: GK_ROW_GROUPS position + rows. */
    gk_set grid;
    /* Examples outside of the group, if any (B may be 0), with groups of sums as in grid. */
    gk_set rest;
    gk_pool pool;
} gk_data;

/* Rows that go through the network at a time: part of a run's meaning, as sums are cut here. */
int gk_block_rows(int T);

/* Counting or real. `analysis`: of any run of the batch, they are alike in size. */
void gk_data_layout(gk_data *data, int R, const gk_analysis *analysis, gk_arena *device);

/* The examples of one run into its slot. */
void gk_data_put(gk_data *data, int slot, const gk_task *task, const gk_analysis *analysis,
                 gk_backend *be);

/* The rows of this step, of every slot, from the pool into `train`; nothing without a pool. */
void gk_data_select(gk_data *data, const gk_slot *slot, gk_backend *be);

/* feed.c: the host's side of a run's batches, a pure function of seed and step. */
typedef struct gk_feed {
    gk_task task;   /* owned: streams draw from it */
    uint64_t seed;  /* optim.seed */
    bool repeat;    /* optim.leftover */
    int n_train;    /* rows of the pool that passes are made of */
    int64_t pass;   /* what `order` is the order of; -1: none yet */
    int *order;     /* (n_train) */
    int32_t *index; /* (GK_RING,B) */
    int32_t *rows;  /* of a stream: (GK_RING,B) x (T+S) */
} gk_feed;

void gk_feed_open(gk_feed *feed, const gk_config *config, const gk_data *data);
void gk_feed_close(gk_feed *feed);
/* Makes the updates first .. first + k - 1 of a slot possible, k <= GK_RING. A pass over the
 * training set takes floor(n_train / B) updates, each with the next B examples of a new order; what
 * is left over at its end is not trained on in this pass, or, repeated, in one more update. */
void gk_feed_steps(gk_feed *feed, gk_data *data, int slot, int64_t first, int k, gk_backend *be);

static inline int gk_set_block_rows(const gk_set *set, int first, int most)
{
    return set->B - first < most ? set->B - first : most;
}

#endif
