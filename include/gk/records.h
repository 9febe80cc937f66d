/* A record of projections.bin: C_k^T L and S_k^T L for k = 1 .. K, then the column means of L,
 * float32, n each. Enough for the restricted loss of any key set, long after the row. */
#ifndef GK_RECORDS_H
#define GK_RECORDS_H

#include "gk/lens.h"

static inline size_t gk_record_values(int n, int K) { return (2 * (size_t)K + 1) * (size_t)n; }

/* Of a taken snapshot: gk_record_values(n, K) of them. */
void gk_record_fill(float *record, const gk_snapshot *snapshot);
/* Restricted loss over all inputs. `pairs` (n,n): inputs by element and label, of all groups
 * (gk_record_pairs). */
double gk_record_restricted(const float *record, const gk_snapshot *snapshot, const int *key,
                            int keys, const double *pairs);
void gk_record_pairs(double *pairs, const gk_snapshot *snapshot);

#endif
