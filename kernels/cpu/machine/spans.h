/* Blobs of tensors in chunks, so that threads share the work of one call: all tensors of all runs
 * are one list. */
#ifndef GK_CPU_SPANS_H
#define GK_CPU_SPANS_H

#include "cpu/cpu.h"

enum { SPAN_CHUNK = 16384 };

/* Elements [at, at + n) of the blob, of tensor `tensor` of run `run`. */
typedef struct span_chunk {
    const gk_tensor_span *tensor;
    size_t run, at, n;
} span_chunk;

static inline size_t span_chunks_of(const gk_tensor_span *tensor)
{
    return (tensor->size + SPAN_CHUNK - 1) / SPAN_CHUNK;
}

/* How many there are. */
static inline int span_chunks(const gk_tensor_span *tensor, int n, int R)
{
    size_t chunks = 0;

    for (int i = 0; i < n; i++) chunks += span_chunks_of(&tensor[i]) * R;
    return (int)chunks;
}

static inline span_chunk span_chunk_at(const gk_tensor_span *tensor, int R, size_t i)
{
    for (; i >= span_chunks_of(tensor) * R; tensor++) i -= span_chunks_of(tensor) * R;
    size_t run = i / span_chunks_of(tensor), from = i % span_chunks_of(tensor) * SPAN_CHUNK;
    size_t left = tensor->size - from;

    return (span_chunk){.tensor = tensor,
                        .run = run,
                        .at = tensor->offset + run * tensor->size + from,
                        .n = left < SPAN_CHUNK ? left : SPAN_CHUNK};
}

#endif
