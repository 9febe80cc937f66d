/* Key frequencies: those that the weights themselves single out. */
#include "gk/snapshot.h"

#include <math.h>
#include <string.h>

/* The quarter rule: key is a frequency whose norm in the transform of W_L is above a quarter of
 * the largest. That W_L has few such frequencies: Nanda et al. 2023, section 4.2; the threshold is
 * ours. */
void gk_snapshot_find_keys(gk_snapshot *s)
{
    double largest = 0;

    for (int k = 0; k < s->lens->K; k++) largest = fmax(largest, s->w_l_norm[k]);
    s->raws = 0;
    for (int k = 0; k < s->lens->K; k++)
        if (s->w_l_norm[k] > largest / 4) s->raw[s->raws++] = k + 1;
}

void gk_snapshot_set_keys(gk_snapshot *s, const int *key, int keys)
{
    GK_CHECK(keys >= 0 && keys <= s->lens->K);
    if (keys) memmove(s->key, key, (size_t)keys * sizeof *s->key);
    s->keys = keys;
}

int gk_most_keys(const gk_snapshot *s, int R)
{
    int most = 0;

    for (int r = 0; r < R; r++)
        if (s[r].keys > most) most = s[r].keys;
    return most;
}
