/* Records: what a run keeps of the logits of each row, in projections.bin, and the restricted loss
 * that follows from it. Knows neither files nor devices.
 *
 * With L (inputs,n) the logits of all inputs, columns by element, and C_k, S_k the cosine and sine
 * of 2 pi k f / n over the inputs: N = sum over key k of P_k(L) + column means of the rest, where
 * P_k projects on C_k and S_k. N depends on an input through its element f alone, so a table of n x
 * n is all there is. Restricted loss: the loss of N. Nanda et al. 2023, section 5.1; "trig loss" in
 * the post. */
#ifndef GK_RECORDS_H
#define GK_RECORDS_H

#include <stddef.h>

/* The inputs of a run by element. */
typedef struct gk_elements {
    int n, K;            /* elements; frequencies 1 .. K = n/2 */
    double inputs;       /* how many */
    const double *basis; /* (n,2K): gk_characters */
    const double *count; /* (n): inputs of each element */
} gk_elements;

/* Numbers of a record, float32: C_k^T L and S_k^T L for k = 1 .. K, C_k and S_k of unit norm (0:
 * the sine of k = n/2), then the column means of L; n each. */
static inline size_t gk_record_values(int n, int K) { return (2 * (size_t)K + 1) * (size_t)n; }

/* record (gk_record_values) of logits whose sums by element are sum (n,n), and over all inputs
 * total (n). */
void gk_record_make(float *record, const gk_elements *elements, const double *sum,
                    const double *total);

/* table (n,n): N by element. dots (m,n): C_k^T L and S_k^T L of the key frequencies, C_k and S_k as
 * they are in the basis, in the order of gk_character_columns; spoiled. total (n): sums of L over
 * all inputs. */
void gk_restricted_table(double *table, const gk_elements *elements, const int *key, int keys,
                         double *dots, const double *total);

/* Restricted loss, in nats, of one record; any key set. pairs (n,n): as in gk_table_loss. */
double gk_record_restricted(const float *record, const gk_elements *elements, const int *key,
                            int keys, const double *pairs);

#endif
