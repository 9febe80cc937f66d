/* What begins an update; the formulas are in slot.h. */
#include "kernels.h"
#include "slot.h"

void ref_tick(gk_backend *be, gk_slot *slot, const double *sum, int R, double rows)
{
    (void)be;
    for (int r = 0; r < R; r++) slot_tick(&slot[r], sum[(size_t)r * 2] / rows);
}
