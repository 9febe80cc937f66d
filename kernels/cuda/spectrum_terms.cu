/* Power of columns by frequency: what it means is in ref. The power of everything reads the
 * whole spectrum: a block owns (run, slice of the first index, 32 columns), and neighbouring
 * threads neighbouring columns. Then a thread per (run, frequency, column): frequency 0 adds the
 * slices, the others the few coefficients that are theirs. */
#include "slices.h"

enum { SLICES = 32 }; /* at most */

/* Coefficient (i, j) of a column c of a spectrum (P,half,cols,2). */
static __device__ double square_at(const gk_real *x, size_t c, int i, int j, int P, int cols)
{
    const gk_real *at = x + (((size_t)i * (P / 2 + 1) + j) * cols + c) * 2;
    double re = at[0], im = at[1], scale = 1.0 / ((double)P * P);

    return (j == 0 || 2 * j == P ? scale : 2 * scale) * (re * re + im * im);
}

/* part (R,slices,cols) */
static __global__ void power_kernel(double *part, const gk_real *spectrum, int P, int cols,
                                    int slice)
{
    SHARED(double, sums, SLICES_X *SLICES_Y);
    size_t r = blockIdx.z, c = (size_t)blockIdx.x * SLICES_X + threadIdx.x;
    int half = P / 2 + 1, from = blockIdx.y * slice, to = P - from < slice ? P : from + slice;
    const gk_real *x = spectrum + r * P * half * cols * 2;
    int here = threadIdx.y * SLICES_X + threadIdx.x;
    double sum = 0;

    for (int i = from; c < (size_t)cols && i < to; i++) {
        for (int j = threadIdx.y; j < half; j += SLICES_Y) {
            if (i || j) sum += square_at(x, c, i, j, P, cols);
        }
    }
    sums[here] = sum;
    __syncthreads();
    if (threadIdx.y || c >= (size_t)cols) return;
    for (int y = 1; y < SLICES_Y; y++) sum += sums[here + y * SLICES_X];
    part[(r * gridDim.y + blockIdx.y) * cols + c] = sum;
}

static __global__ void terms_kernel(double *power, const double *part, const gk_real *spectrum,
                                    int P, int cols, int slices)
{
    size_t r = blockIdx.z, c = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    int half = P / 2 + 1, k = blockIdx.y;
    const gk_real *x = spectrum + r * P * half * cols * 2;
    double sum = 0;

    if (c >= (size_t)cols) return;
    if (k == 0) {
        for (int s = 0; s < slices; s++) sum += part[(r * slices + s) * cols + c];
    } else {
        sum = square_at(x, c, 0, k, P, cols);
        sum += square_at(x, c, k, 0, P, cols) + square_at(x, c, k, k, P, cols);
        if (2 * k != P)
            sum += square_at(x, c, P - k, 0, P, cols) + square_at(x, c, P - k, k, P, cols);
    }
    power[(r * cols + c) * half + k] = sum;
}

void cuda_spectrum_terms(gk_backend *be, double *power, const gk_real *spectrum, int R, int P,
                         int cols)
{
    slices s = slices_of(P, 1, SLICES);
    double *part = (double *)cuda_scratch(be, (size_t)R * s.n * cols * sizeof *part);

    if (!part) return;
    LAUNCH(be, power_kernel, dim3(cuda_blocks((size_t)cols, SLICES_X), (unsigned)s.n, (unsigned)R),
           dim3(SLICES_X, SLICES_Y), 0, part, spectrum, P, cols, s.rows);
    LAUNCH(be, terms_kernel,
           dim3(cuda_blocks((size_t)cols, CUDA_WARP), (unsigned)(P / 2 + 1), (unsigned)R),
           CUDA_WARP, 0, power, part, spectrum, P, cols, s.n);
}
