/* A snapshot: what is known of one run at a row, small arrays on the host in double. Measures are
 * functions of snapshots and of blocks (gk/blocks.h); they change neither.
 *
 * R runs: functions of the lens and of the measures take `s` (R), snapshots of R slots side by side
 * that were taken together, and arrays with a dimension R. Whatever differs in size between the
 * runs (their key sets) has room for the largest; the rest of a smaller one is neither read nor
 * written, so that a run's numbers are those that it has alone. */
#ifndef GK_SNAPSHOT_H
#define GK_SNAPSHOT_H

#include "gk/lens.h"
#include "gk/records.h"

typedef struct gk_snapshot {
    gk_lens *lens;
    gk_plan *plan; /* for blocks that need another forward pass */
    gk_backend *be;
    const gk_analysis *analysis;
    const gk_shape *shape;
    const gk_model *model;
    int slot, place; /* place: among the runs that were taken together */

    /* losses, in nats or as run.loss has them: sums over rows, and how many rows */
    double sums[GK_ROW_GROUPS][2];   /* loss, hits: all outputs, examples and scored positions */
    double (*position)[2];           /* (256): the same at GK_ROW_GROUPS position + rows */
    double sums_p[GK_ROW_GROUPS][2]; /* over the group's outputs and inputs */
    double rows[GK_ROW_GROUPS];      /* scored positions of all examples */
    double inside[GK_ROW_GROUPS];    /* inputs whose label is an element */
    double loss_max, eps;            /* of the run's gk_slot; loss_max < 0: not known */

    /* examples by element */
    double *count, *count_train;    /* (n): inputs, training examples */
    double *pairs;                  /* (GK_ROW_GROUPS,n,n): inputs by element and label */
    int counted_slot, counted_puts; /* what these and `rows`, `inside` are of */

    /* logits */
    double *basis;             /* (n,2K): gk_characters */
    double *label_sum;         /* (n+1,n): by element; the last row: over all inputs */
    double *label_hat;         /* (2K,n): basis^T label_sum */
    double *label_sum_train;   /* (n+1,n): of training examples; the last row: outside */
    double *label_sum_control; /* (n,n): by the control's elements; of no meaning without control */
    double norm2;              /* sum of squares of the logits */
    double *attention_eq;      /* (H): mean attention to the last token; 0: no attention */

    /* weights and their spectra: an orthonormal DFT by element: cos, sin, cos ... */
    gk_real *params, *m, *v;   /* packed: weights, moments */
    bool w_l_neurons;          /* w_l's rows are neurons: W_out W_U; otherwise it is W_U */
    int w_l_rows;              /* F, or D of the lens */
    double *w_l;               /* (w_l_rows,n) */
    double *w_l_hat, *w_e_hat; /* (2K,w_l_rows), (2K,d_model) */
    double *w_l_norm;          /* (K): norms by frequency */
    double *w_e_norm;          /* (K): likewise of W_E; NaN: the model has none */
    double w_l_const;          /* sum of squares of W_L's constant */

    int *key, keys; /* (K): the key set in force, k ascending; 0: none */
    int *raw, raws; /* (K): the quarter rule's set of these weights */
} gk_snapshot;

/* Host memory for one run at a time. */
void gk_snapshot_open(gk_snapshot *s, gk_lens *lens);
void gk_snapshot_close(gk_snapshot *s);

/* What gk_lens_forward found of the runs slot .. slot + R - 1, R <= lens->together, into s (R);
 * `state` (R): their slots as they were then. No key set is in force. */
void gk_snapshot_take(gk_snapshot *s, int R, gk_plan *plan, int slot, const gk_slot *state);
/* What it takes from the scratch. */
void gk_snapshot_layout(gk_lens *lens);

/* The key set that the measures go by; `key` may be s->raw. GK_CHECK: at most K. */
void gk_snapshot_set_keys(gk_snapshot *s, const int *key, int keys);
/* The largest number of keys of s (R); 0: no run has a key set. */
int gk_most_keys(const gk_snapshot *s, int R);

/* lens/keys.c: raw, raws from w_l_norm. Called by gk_snapshot_take. */
void gk_snapshot_find_keys(gk_snapshot *s);

/* Can losses of changed logits be compared with the run's? Only cross-entropies are computed. */
bool gk_snapshot_has_nats(const gk_snapshot *s);

/* The packed weight whose name ends so, e.g. "mlp.W_out", of a layer; NULL: the model has none. */
const gk_real *gk_snapshot_tensor(const gk_snapshot *s, const char *name, int layer);

/* What records are made from. */
gk_elements gk_snapshot_elements(const gk_snapshot *s);

#endif
