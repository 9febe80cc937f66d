/* The rows of a minibatch. */
#include "kernels.h"

#include <string.h>

void ref_select_rows(gk_backend *be, int32_t *out, const int32_t *pool, const int32_t *index,
                     const gk_slot *slot, int R, int B, int N, int cols, int ring)
{
    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        const int32_t *now = index + (r * ring + slot[r].step % ring) * B;

        for (size_t b = 0; b < (size_t)B; b++)
            memcpy(out + (r * B + b) * cols, pool + (r * N + now[b]) * cols, cols * sizeof *out);
    }
}
