/* 2-D DFT by cuFFT: the columns of a run are the transforms of a batch, one element apart, so that
 * nothing is moved. Plans are kept. Columns go in panels where the whole batch would ask cuFFT for
 * too much memory of its own. */
#include "cuda/machine/cuda.h"

#include <stdlib.h>

struct cuda_plan {
    int P, Q, cols, panel; /* panel: columns at a time */
    cufftHandle handle;
    cuda_plan *next;
};

enum { PANEL = 1 << 26 }; /* real elements of a panel */

static cuda_plan *find(gk_backend *be, int P, int Q, int cols, int panel)
{
    cuda_state *s = cuda_state_of(be);
    cuda_plan *plan = s->plans;
    int size[2] = {P, Q}, half[2] = {P, Q / 2 + 1};

    while (plan && !(plan->P == P && plan->Q == Q && plan->cols == cols && plan->panel == panel))
        plan = plan->next;
    if (plan) return plan;
    cufftHandle handle;
    if (!CUFFT(be, vendor.cufftPlanMany(&handle, 2, size, size, cols, 1, half, cols, 1, CUFFT_R2C,
                                        panel)))
        return NULL;
    plan = (cuda_plan *)gk_alloc(1, sizeof *plan);
    *plan = {P, Q, cols, panel, handle, s->plans};
    s->plans = plan;
    return CUFFT(be, vendor.cufftSetStream(handle, s->stream)) ? plan : NULL;
}

/* One run. `in` is at a multiple of 8 bytes, as cuFFT asks for, and so is every panel. */
static void transform(gk_backend *be, cufftComplex *out, float *in, int P, int Q, int cols)
{
    size_t pairs = PANEL / ((size_t)P * (size_t)Q) / 2; /* of columns */
    int panel = 2 * pairs < (size_t)cols ? 2 * (int)pairs : cols;

    if (pairs == 0) panel = cols < 2 ? cols : 2;
    for (int from = 0; from < cols; from += panel) {
        cuda_plan *plan = find(be, P, Q, cols, cols - from < panel ? cols - from : panel);
        if (!plan) return;
        CUFFT(be, vendor.cufftExecR2C(plan->handle, in + from, out + from));
        cuda_launched(be, "cufftExecR2C", __FILE__, __LINE__);
    }
}

void cuda_fft2(gk_backend *be, gk_real *out, const gk_real *in, int R, int P, int Q, int cols)
{
    cuda_state *s = cuda_state_of(be);
    size_t points = (size_t)P * (size_t)Q * (size_t)cols;
    size_t half = (size_t)P * (size_t)(Q / 2 + 1) * (size_t)cols;

    for (int r = 0; r < R && !s->failed; r++) {
        float *run = (float *)in + r * points; /* out of place: cuFFT leaves real input as it is */
        if ((uintptr_t)run % sizeof(cufftComplex) != 0) {
            float *moved = (float *)cuda_scratch(be, points * sizeof *moved);
            if (!moved) return;
            CU(be, cudaMemcpyAsync(moved, run, points * sizeof *moved, cudaMemcpyDeviceToDevice,
                                   s->stream));
            run = moved;
        }
        transform(be, (cufftComplex *)out + r * half, run, P, Q, cols);
    }
}

void cuda_plans_close(gk_backend *be)
{
    cuda_state *s = cuda_state_of(be);

    for (cuda_plan *next; s->plans; s->plans = next) {
        next = s->plans->next;
        vendor.cufftDestroy(s->plans->handle);
        free(s->plans);
    }
}
