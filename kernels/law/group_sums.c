/* Rule 29 of docs/arithmetic.md: losses and hits in 256 lanes. */
#include "law/law.h"

#include <string.h>

enum { LANES = 256 };

/* Of group g: losses (hit NULL) or hits. */
static double total(const double *loss, const uint8_t *hit, const uint8_t *group, int B, int g)
{
    double lane[LANES] = {0};

    for (int i = 0; i < B; i++) {
        if ((group ? group[i] : 0) != g) continue;
        lane[i % LANES] = lane[i % LANES] + (hit ? hit[i] : loss[i]);
    }
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
    return lane[0];
}

void law_group_sums(gk_backend *be, double *sum, const double *row_loss, const uint8_t *row_hit,
                    const uint8_t *group, int R, int B, int G, int beta)
{
    (void)be;
    for (size_t r = 0; r < (size_t)R; r++) {
        const uint8_t *of = group ? group + r * B : NULL;

        for (int g = 0; g < G; g++) {
            double *out = sum + (r * G + g) * 2;
            double loss = total(row_loss + r * B, NULL, of, B, g);
            double hits = total(NULL, row_hit + r * B, of, B, g);

            out[0] = beta ? out[0] + loss : loss;
            out[1] = beta ? out[1] + hits : hits;
        }
    }
}
