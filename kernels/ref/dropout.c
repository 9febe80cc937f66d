/* Dropout (Srivastava et al. 2014) whose mask is a function of where and when, so that nothing
 * has to be kept for the way back. */
#include "kernels.h"

void ref_dropout(gk_backend *be, gk_real *x, const gk_slot *slot, int R, size_t n, size_t first,
                 int site, double rate)
{
    uint32_t threshold = (uint32_t)(rate * 0x1p32), word[4];

    (void)be;
    GK_CHECK(rate >= 0 && rate < 1);
    GK_CHECK(site >= 0 && site <= GK_STEP_SITES && (first + n - 1) / 4 <= UINT32_MAX);
    for (int r = 0; r < R; r++) {
        for (size_t i = first; i < first + n; i++) {
            gk_real *xi = x + r * n + (i - first);

            if (i == first || i % 4 == 0)
                gk_step_words(word, slot[r].seed, GK_RNG_DROPOUT, slot[r].step, site,
                              (uint32_t)(i / 4));
            *xi = word[i % 4] < threshold ? 0 : (gk_real)(*xi / (1 - rate));
        }
    }
}
