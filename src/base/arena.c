/* The bump allocator behind every tensor. */
#include "gk/base.h"

#include <stdio.h>
#include <stdlib.h>

void *gk_arena_take(gk_arena *arena, size_t count, size_t size)
{
    GK_CHECK(size == 0 || count <= (SIZE_MAX - 256) / size);
    size_t begin = (arena->used + 255) / 256 * 256;
    size_t end = begin + count * size;

    GK_CHECK(begin >= arena->used && end >= begin);
    arena->used = end;
    if (!arena->base) return NULL;
    GK_CHECK(end <= arena->size);
    return arena->base + begin;
}

void *gk_alloc(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);

    if (!block) {
        fprintf(stderr, "grokc: out of memory (%zu x %zu bytes)\n", count, size);
        exit(1);
    }
    return block;
}
