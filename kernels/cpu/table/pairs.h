/* The jobs of the op table_pairs: over (runs, slices) in slices.c, over (runs, tokens) and (runs,
 * table_sum_chunks) in sums.c. */
#ifndef GK_CPU_TABLE_PAIRS_H
#define GK_CPU_TABLE_PAIRS_H

#include "cpu/table/run.h"

cpu_chunk table_slice_chunk, table_token_chunk, table_sum_chunk;
int table_sum_chunks(const table_job *w);

#endif
