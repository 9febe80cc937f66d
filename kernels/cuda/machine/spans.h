/* Blobs of tensors in one launch: blockIdx.y is a tensor, and the blocks of a tensor take turns at
 * its chunks, run after run. The table of tensors is in device memory, so sizes are not known on
 * the host: a tensor with fewer chunks than blocks lets blocks go at once. */
#ifndef GK_CUDA_SPANS_H
#define GK_CUDA_SPANS_H

#include "cuda/machine/cuda.h"

enum { SPAN_EACH = 4, SPAN_CHUNK = SPAN_EACH * CUDA_BLOCK };

/* Elements [at, at + n) of the blob, n <= SPAN_CHUNK, of run `run`. */
typedef struct span_chunk {
    size_t run, at;
    int n;
} span_chunk;

static inline dim3 span_grid(int tensors, int R)
{
    const unsigned per_run = 64, most = 2048;
    unsigned blocks = (unsigned)R < most / per_run ? (unsigned)R * per_run : most;

    return dim3(blocks, (unsigned)tensors);
}

/* Chunks of all runs of a tensor. */
static __device__ inline size_t span_chunks(const gk_tensor_span *t, int R)
{
    return (t->size + SPAN_CHUNK - 1) / SPAN_CHUNK * R;
}

static __device__ inline span_chunk span_chunk_at(const gk_tensor_span *t, size_t i)
{
    size_t chunks = (t->size + SPAN_CHUNK - 1) / SPAN_CHUNK, from = i % chunks * SPAN_CHUNK;
    span_chunk c;

    c.run = i / chunks;
    c.at = t->offset + c.run * t->size + from;
    c.n = t->size - from < SPAN_CHUNK ? (int)(t->size - from) : SPAN_CHUNK;
    return c;
}

#endif
