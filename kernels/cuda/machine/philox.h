/* gk_step_words (gk/base.h) on the device: the words of a slot's stream at its present step. */
#ifndef GK_CUDA_PHILOX_H
#define GK_CUDA_PHILOX_H

#include "cuda/machine/cuda.h"

static __device__ inline void step_words(uint32_t out[4], const gk_slot *slot, uint32_t purpose,
                                         uint32_t site, uint32_t index)
{
    uint32_t c0 = index, c1 = (uint32_t)slot->step, c2 = purpose;
    uint32_t c3 = site << 16 | ((uint32_t)(slot->step >> 32) & 0xffff);
    uint32_t k0 = (uint32_t)slot->seed, k1 = (uint32_t)(slot->seed >> 32);

    for (int round = 0; round < 10; round++) {
        uint64_t even = (uint64_t)0xd2511f53 * c0, odd = (uint64_t)0xcd9e8d57 * c2;

        c0 = (uint32_t)(odd >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)odd;
        c2 = (uint32_t)(even >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)even;
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

#endif
