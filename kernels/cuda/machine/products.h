/* Lists of small matrix products for one launch: each c is a sum of products, for every run and,
 * where asked, every head. For the chains between weights and tables, which are many, small and
 * partly thin; large products go to cuda_matmul.
 *
 *     products w = {};
 *     products_begin(&w, c, run, ld, m, n);                            c (m,n) =
 *     products_add(&w, in(x, run, ld), turned(in(y, run, ld)), k);         x (m,k) y (n,k)^T
 *     products_add(&w, products_unit, in(bias, run, 0), 1);                + bias in every row
 *     cuda_products(be, &w, R);
 *
 * No c may be an input of the same list. */
#ifndef GK_CUDA_PRODUCTS_H
#define GK_CUDA_PRODUCTS_H

#include "cuda/machine/cuda.h"

enum { PRODUCTS_MOST = 10, TERMS_MOST = 28 };

/* Element (i,j) is at[run * r + head * h + ld * i + j]; turned: i and j change places. ld 0:
 * every row is the same. */
typedef struct operand {
    const gk_real *at; /* NULL: ones on the left, the identity on the right */
    size_t run;
    int ld, head;
    bool turned;
    float sign;
} operand;

typedef struct products_term {
    operand a, b;
    int k;
} products_term;

typedef struct product {
    gk_real *c, *copy; /* copy: one more place for a c of one row; NULL: none */
    size_t run, copy_run;
    int ld, m, n;
    int heads, head; /* how many; elements from one to the next */
    int term, terms; /* the first, how many */
    int block;       /* the first */
} product;

typedef struct products {
    product of[PRODUCTS_MOST];
    products_term term[TERMS_MOST];
    int n, terms, blocks;
} products;

static_assert(sizeof(products) <= 4096, "a list is an argument of a kernel");

static const operand products_unit = {NULL, 0, 0, 0, false, 1};

static inline operand in(const gk_real *at, size_t run, int ld)
{
    return {at, run, ld, 0, false, 1};
}

static inline operand by_head(operand x, int head)
{
    x.head = head;
    return x;
}

static inline operand turned(operand x)
{
    x.turned = !x.turned;
    return x;
}

static inline operand minus(operand x)
{
    x.sign = -x.sign;
    return x;
}

/* The product that the next terms belong to; its heads and copy may be set. */
product *products_begin(products *w, gk_real *c, size_t run, int ld, int m, int n);
void products_add(products *w, operand a, operand b, int k);
void cuda_products(gk_backend *be, products *w, int R);

#endif
