/* What the files of table_pairs share. */
#ifndef GK_LAW_TABLE_PAIRS_H
#define GK_LAW_TABLE_PAIRS_H

#include "law/law.h"

/* Some things in a row: [from, to) */
typedef struct law_range {
    int from, to;
} law_range;

/* Rule 37: how many panels; the tokens of one; slices of each panel; the tokens of one; rows of a
 * block of a slice with n rows. */
int law_panels(int B);
law_range law_panel(const int32_t *first_a, int N, int B, int i);
int law_slices(int B);
law_range law_slice(const int32_t *first_a, law_range panel, int slices, int i);
int law_block_rows(int n);

enum { LAW_GROUP = 8 }; /* tokens b */

/* One run: what each pair has, and the rows of dE. */
typedef struct law_pairs {
    gk_table t;
    gk_pairs pairs;
    size_t W;
    float *A[3];  /* (B,H) */
    float *dA[2]; /* (B,H) */
    float *E;     /* (B,W): E with relu, in the end dE */
    float *H;     /* (B,F): E[:F], kept */
    float *y;     /* (B,rest): narrow: the second layer's input, kept */
    float *G;     /* (B,C): logits, then their gradient */
} law_pairs;

/* Rule 38 for a pair: A (three arrays from A0[0] etc. on, H each), E (W) without relu */
void law_attend(float *const A[3], const gk_table *t, int a, int b);
void law_mix(float *E, float *const A[3], const gk_table *t, int a, int b);
/* X_hj of a token, W columns */
void law_shifted(float *x, const gk_table *t, int token, int h, int j);

/* Rules 41 to 43, from A, dE */
void law_pairs_sums(const law_pairs *w);

#endif
