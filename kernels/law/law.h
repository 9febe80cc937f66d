/* The sums and functions of docs/arithmetic.md, one by one; the numbers of its rules stand beside
 * them. Plain C in float, slow, in the order of the text: backends are held to its bytes. */
#ifndef GK_LAW_H
#define GK_LAW_H

#include "functions.h"
#include "kernels.h"

/* MOST terms of a chain; lanes of a row sum; rows of a block of a column sum */
enum { LAW_MOST = 256, LAW_LANES = 16, LAW_ROWS = 256 };

/* 2 */
static inline float law_fma(float a, float b, float c) { return fmaf(a, b, c); }

/* Numbers at[0], at[step], ... */
typedef struct law_row {
    const float *at;
    size_t step;
} law_row;

/* Element (i,j) at at[i * row + j * column]. */
typedef struct law_matrix {
    const float *at;
    size_t row, column;
} law_matrix;

law_matrix law_rows(const float *at, size_t ld);    /* (i,j) at at[i ld + j] */
law_matrix law_columns(const float *at, size_t ld); /* its transpose */

float law_chain(law_row x, law_row y, int n); /* 6 */

/* 7: c (m,n) with leading dimension ldc = a (m,k) b (k,n), added to c or not */
typedef struct law_sizes {
    int m, n, k, most;
    bool add;
} law_sizes;
void law_product(float *c, size_t ldc, law_matrix a, law_matrix b, law_sizes s);

/* 8: lanes that terms are given to one by one, by their column */
typedef struct law_dots {
    float lane[LAW_LANES];
} law_dots;
typedef struct law_sums {
    double lane[LAW_LANES];
} law_sums;
void law_dot_terms(law_dots *d, const float *x, const float *y, int n);
float law_dot_total(const law_dots *d);
void law_sum_term(law_sums *s, int column, float x);
double law_sum_total(const law_sums *s);
/* of n terms side by side */
float law_dot(const float *x, const float *y, int n);
double law_row_sum(const float *x, int n);

/* 9: out (cols) = column sums of x (rows,cols) */
void law_column_sums(float *out, const float *x, int rows, int cols, bool add);

/* n things in pieces of at most `size`: how many, and how large as equal pieces are */
static inline int law_pieces(int n, int size) { return (n + size - 1) / size; }

static inline int law_smaller(int a, int b) { return a < b ? a : b; }
static inline int law_larger(int a, int b) { return a > b ? a : b; }

/* log_softmax.c, 25 to 27: one row. `e` is scratch for C numbers; d may be x. */
typedef struct law_loss {
    int form;
    double scale;
    float *e;
} law_loss;
void law_loss_row(const law_loss *w, double *loss, uint8_t *hit, float *d, const float *x,
                  int label, int C);

#define OP(name, ...) void law_##name(gk_backend *be, __VA_ARGS__);
#include "gk/ops.def"
#undef OP

#endif
