/* Changes of the logits, and losses of what is left: s (R) and arrays with a dimension R as in
 * gk/snapshot.h. Losses are -log softmax in nats over the group's outputs. */
#ifndef GK_CHANGES_H
#define GK_CHANGES_H

#include "gk/blocks.h"

enum { GK_CHANGES_MAX = 72 }; /* that fit into one pass */

/* -- of training examples, by Fourier modes of an element */

/* Minus sum over j of characters[:, column[j]](f(row)) coef[j][:]. */
typedef struct gk_variant {
    int m;
    const int *column; /* (m) of gk_characters */
    double *coef;      /* (m,n) */
    bool control;      /* rows by the control's element instead of f */
    double loss;       /* result: mean over the training rows of the group; NaN: there are none */
} gk_variant;

/* The losses of each run's variants: variant[r] has variants[r] of them, 0 or more. */
void gk_train_losses(const gk_snapshot *s, int R, gk_variant *const *variant, const int *variants);
void gk_train_losses_layout(gk_lens *lens); /* what it takes from the scratch */

/* -- of inputs on a torus, by polynomials of degree 2 */

/* Sum over its m terms j and the torus's four indices t of characters[index t][column[j]]
 * coef[t][j][:]. */
typedef struct gk_polynomial {
    int m;           /* 2 keys + 1; 0: the run has none */
    int32_t *column; /* (m) of lens->characters: both of each frequency, then the ones */
    double *coef;    /* (4,m,cols) */
} gk_polynomial;

/* The least-squares fit of frequencies k to what has these sums: `hat` (4,W,cols), as of
 * gk_torus_hat. The constant, the last term, is 0. */
void gk_polynomial_fit(gk_polynomial *p, const gk_lens *lens, const double *hat, const int *k,
                       int keys, int cols);
void gk_polynomial_free(gk_polynomial *p);

/* Polynomials of R runs on the device, to be taken off logits. */
typedef struct gk_changes {
    gk_real *coef;           /* (R,4,W,n): each run's without gaps, (4,m,n) */
    int32_t *column, *begin; /* (R,W), (R,GK_CHANGES_MAX+1) */
    double *sum;             /* (R,GK_CHANGES_MAX,GK_ROW_GROUPS) */
    const gk_polynomial *p;  /* (R) */
    bool by_frequency;
} gk_changes;

gk_changes gk_changes_take(gk_lens *lens); /* from the scratch */
/* p (R), cols = n, must outlive the changes. by_frequency: change i takes off what p has of its
 * i-th frequency; otherwise there is one change, all of p. GK_CHECK: at most GK_CHANGES_MAX. */
void gk_changes_put(gk_changes *x, const gk_snapshot *s, int R, const gk_polynomial *p,
                    bool by_frequency);
/* The losses of logits (R,rows,n; NULL: zeros) less each change are added up; the first block
 * resets. */
void gk_changes_add(const gk_changes *x, const gk_snapshot *s, int R, const gk_real *logits,
                    gk_row_block b);
/* Means over all inputs and over the test inputs of one change of run r, whose snapshot is s; NULL:
 * not wanted; NaN: no test inputs. */
void gk_changes_mean(const gk_changes *x, const gk_snapshot *s, int r, int change, double *all,
                     double *test);

/* -- of inputs, whatever the logits have become */

typedef struct gk_losses {
    int results;
    double *sum;      /* (R,results,GK_ROW_GROUPS,2) */
    double *row_loss; /* (rows) */
    uint8_t *row_hit; /* (rows) */
} gk_losses;

gk_losses gk_losses_take(gk_lens *lens, int results); /* from the scratch */
/* The losses of logits (R,rows,n) against the labels are added to a result; the first block resets
 * it. */
void gk_losses_add(const gk_losses *x, const gk_snapshot *s, int R, const gk_real *logits,
                   int result, gk_row_block b);
/* Means of a result of run r, as gk_changes_mean. */
void gk_losses_mean(const gk_losses *x, const gk_snapshot *s, int r, int result, double *all,
                    double *test);

#endif
