/* Products of matrices in device memory, one for each of R runs side by side. */
#ifndef GK_PRODUCT_H
#define GK_PRODUCT_H

#include "gk/ops.h"

/* A matrix of each run. */
typedef struct gk_matrix {
    const gk_real *at;
    int ld;      /* elements in memory from a row to the next; 0: as many as it is wide */
    size_t step; /* elements from one run's matrix to the next one's; 0: one matrix for all runs */
    bool turned; /* its transpose is what is multiplied */
} gk_matrix;

/* (R,rows,cols) without gaps; or some rows of it, where `at` is the first of them. */
static inline gk_matrix gk_packed(const gk_real *at, int rows, int cols)
{
    return (gk_matrix){.at = at, .ld = cols, .step = (size_t)rows * (size_t)cols};
}

/* How many columns each run has in an array that has room for `most`: each run's part begins where
 * that of the widest would, and has no gaps; what is left over behind it is neither read nor
 * written. */
typedef struct gk_width {
    int most;
    const int *of; /* (R); NULL: all have the most */
} gk_width;

static inline int gk_width_of(gk_width width, int run)
{
    return width.of ? width.of[run] : width.most;
}

/* y (R,rows,out) = x (R,rows,in) w (R,in,out) + beta y. y has no gaps and does not overlap x, w. */
void gk_product(gk_backend *be, gk_real *y, gk_matrix x, gk_matrix w, int R, int rows, int in,
                int out, gk_real beta);

/* The same where runs have widths of their own; a run with in or out 0 is passed over. */
void gk_product_ragged(gk_backend *be, gk_real *y, gk_matrix x, gk_matrix w, int R, int rows,
                       gk_width in, gk_width out, gk_real beta);

#endif
