/* A pool of threads that work through numbered chunks. */
#ifndef GK_CPU_THREADS_H
#define GK_CPU_THREADS_H

#include "gk/base.h"

typedef struct cpu_pool cpu_pool;

/* Chunk 0 <= i < n of a job. It may only write what no other chunk of the job reads or writes. */
typedef void cpu_chunk(const void *job, int i);

/* threads: 0 = one per core that this process may use. The caller of cpu_pool_run is one of
 * them. */
gk_status cpu_pool_open(cpu_pool **pool, int threads);
void cpu_pool_close(cpu_pool *pool);
int cpu_pool_threads(const cpu_pool *pool);

/* Returns when all n chunks are done. Who does which chunk, and when, is left to chance: results
 * may depend on how the work is cut, so it must be cut by the sizes of one run and nothing else. */
void cpu_pool_run(cpu_pool *pool, int n, cpu_chunk *chunk, const void *job);

#endif
