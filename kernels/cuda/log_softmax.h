/* The loss of rows that lie apart: for the table plan, whose logits are the last columns of a wider
 * array, a part of the batch at a time. */
#ifndef GK_CUDA_LOG_SOFTMAX_H
#define GK_CUDA_LOG_SOFTMAX_H

#include "cuda/machine/cuda.h"

/* Row i < rows of run r: logits and gradient at r * run + i * ld, all else at r * B + i. */
typedef struct loss_rows {
    double *loss;
    uint8_t *hit;
    gk_real *d; /* NULL: not wanted; may be x */
    const gk_real *x;
    const int32_t *label;
    int rows, B, C, ld;
    size_t run;
} loss_rows;

void cuda_loss_rows(gk_backend *be, const loss_rows *w, int R, int form, double scale);

#endif
