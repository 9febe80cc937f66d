/* Losses and hits summed by group, in the order of the rows. */
#include "kernels.h"

enum { GROUPS = 256 }; /* what a byte can name */

void ref_group_sums(gk_backend *be, double *sum, const double *row_loss, const uint8_t *row_hit,
                    const uint8_t *group, int R, int B, int G, int beta)
{
    (void)be;
    GK_CHECK(G <= GROUPS);
    for (int r = 0; r < R; r++) {
        double total[GROUPS][2] = {{0}}, *out = sum + (size_t)r * G * 2;

        for (size_t i = (size_t)r * B; i < (size_t)(r + 1) * B; i++) {
            int g = group ? group[i] : 0;

            total[g][0] += row_loss[i];
            total[g][1] += row_hit[i];
        }
        for (int g = 0; g < G; g++) {
            for (int c = 0; c < 2; c++) {
                size_t at = (size_t)g * 2 + c;

                out[at] = beta ? out[at] + total[g][c] : total[g][c];
            }
        }
    }
}
