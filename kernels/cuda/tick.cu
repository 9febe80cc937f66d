/* What begins an update, a thread for each slot; the formulas are in slot.h. */
#include "cuda/machine/cuda.h"
#include "slot.h"

static __global__ void tick_kernel(gk_slot *slot, const double *sum, int R, double rows)
{
    int r = blockIdx.x * blockDim.x + threadIdx.x;

    if (r < R) slot_tick(&slot[r], sum[(size_t)r * 2] / rows);
}

void cuda_tick(gk_backend *be, gk_slot *slot, const double *sum, int R, double rows)
{
    LAUNCH(be, tick_kernel, cuda_blocks((size_t)R, CUDA_WARP), CUDA_WARP, 0, slot, sum, R, rows);
}
