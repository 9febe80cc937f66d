/* Losses and hits summed by group, in LANES lanes: row i in lane i mod LANES, then halves. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS = 256 /* what a byte can name */, LANES = 256 };

typedef struct lane_sums {
    double loss[LANES], hits[LANES];
} lane_sums;

static double total(double lane[LANES])
{
    for (int n = LANES / 2; n > 0; n /= 2) {
        for (int i = 0; i < n; i++) lane[i] += lane[i + n];
    }
    return lane[0];
}

void ref_group_sums(gk_backend *be, double *sum, const double *row_loss, const uint8_t *row_hit,
                    const uint8_t *group, int R, int B, int G, int beta)
{
    lane_sums *lanes = gk_alloc((size_t)G, sizeof *lanes);

    (void)be;
    GK_CHECK(G <= GROUPS);
    for (int r = 0; r < R; r++) {
        size_t run = (size_t)r * B;

        memset(lanes, 0, (size_t)G * sizeof *lanes);
        for (int i = 0; i < B; i++) {
            int g = group ? group[run + i] : 0;

            if (g >= G) continue;
            lanes[g].loss[i % LANES] += row_loss[run + i];
            lanes[g].hits[i % LANES] += row_hit[run + i];
        }
        for (int g = 0; g < G; g++) {
            double *out = sum + ((size_t)r * G + g) * 2;
            double loss = total(lanes[g].loss), hits = total(lanes[g].hits);

            out[0] = beta ? out[0] + loss : loss;
            out[1] = beta ? out[1] + hits : hits;
        }
    }
    free(lanes);
}
