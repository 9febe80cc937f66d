/* Dropout: elements in chunks, random words in groups. */
#ifndef SIMD
#include "cpu/cpu.h"

typedef struct dropout_job {
    gk_real *x;
    const gk_slot *slot;
    size_t n, first;
    int site, per_run; /* chunks */
    uint32_t threshold;
    float scale;
} dropout_job;

enum { CHUNK = 32768 };

#define SIMD_SOURCE "cpu/dropout.c"
#include "cpu/machine/simd.h"

void cpu_dropout(gk_backend *be, gk_real *x, const gk_slot *slot, int R, size_t n, size_t first,
                 int site, double rate)
{
    dropout_job job = {.x = x,
                       .slot = slot,
                       .n = n,
                       .first = first,
                       .site = site,
                       .per_run = (int)((n - 1) / CHUNK + 1),
                       .threshold = (uint32_t)(rate * 0x1p32),
                       .scale = (float)(1 / (1 - rate))};

    GK_CHECK(rate >= 0 && rate < 1);
    GK_CHECK(site >= 0 && site <= GK_STEP_SITES && (first + n - 1) / 4 <= UINT32_MAX);
    cpu_parallel(be, R * job.per_run, CPU_PICK(be, drop), &job);
}

#else

#include "cpu/machine/philox.h"

static void SIMD(drop)(const void *job, int i)
{
    const dropout_job *w = job;
    size_t r = (size_t)(i / w->per_run), from = (size_t)(i % w->per_run) * CHUNK;
    size_t to = w->n - from < CHUNK ? w->n : from + CHUNK;
    uint32_t word[PHILOX_WORDS], threshold = w->threshold;
    float scale = w->scale;

    while (from < to) {
        size_t before = (w->first + from) % 4, left = to - from;
        int n = (int)(left < PHILOX_WORDS - before ? left : PHILOX_WORDS - before);
        gk_real *restrict x = w->x + r * w->n + from;

        SIMD(step_words)
        (word, &w->slot[r], GK_RNG_DROPOUT, w->site, (uint32_t)((w->first + from) / 4));
        for (int j = 0; j < n; j++) x[j] = word[before + j] < threshold ? 0 : x[j] * scale;
        from += n;
    }
}

#endif
