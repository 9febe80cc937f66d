/* gk_step_words (gk/base.h) for many indices at once; included by the vector part of a file
 * (simd.h). Plain loops over lanes, enough of them for the compiler to use whatever vectors the
 * variant has. */
#define PHILOX_LANES 32
#define PHILOX_WORDS (4 * PHILOX_LANES)

/* word: the words of `index`, then those of index + 1, ... index + PHILOX_LANES - 1 */
static void SIMD(step_words)(uint32_t word[PHILOX_WORDS], const gk_slot *slot, uint32_t purpose,
                             int site, uint32_t index)
{
    uint32_t c0[PHILOX_LANES], c1[PHILOX_LANES], c2[PHILOX_LANES], c3[PHILOX_LANES];
    uint32_t k0 = (uint32_t)slot->seed, k1 = (uint32_t)(slot->seed >> 32);

    for (uint32_t l = 0; l < PHILOX_LANES; l++) {
        c0[l] = index + l;
        c1[l] = (uint32_t)slot->step;
        c2[l] = purpose;
        c3[l] = (uint32_t)site << 16 | ((uint32_t)(slot->step >> 32) & 0xffff);
    }
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < PHILOX_LANES; l++) {
            uint64_t even = (uint64_t)0xd2511f53 * c0[l], odd = (uint64_t)0xcd9e8d57 * c2[l];

            c0[l] = (uint32_t)(odd >> 32) ^ c1[l] ^ k0;
            c1[l] = (uint32_t)odd;
            c2[l] = (uint32_t)(even >> 32) ^ c3[l] ^ k1;
            c3[l] = (uint32_t)even;
        }
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    for (int l = 0; l < PHILOX_LANES; l++) {
        word[4 * l] = c0[l];
        word[4 * l + 1] = c1[l];
        word[4 * l + 2] = c2[l];
        word[4 * l + 3] = c3[l];
    }
}
