/* cuFFT's two-dimensional transforms of real input, as sums in double over one dimension after
 * the other. */
#include "cufft.h"
#include "state.h"

#include <complex>
#include <map>

namespace
{

typedef std::complex<double> number;

struct plan {
    int P, Q; /* transforms of P x Q */
    int in_row, in_stride, in_distance, out_row, out_stride, out_distance, batch;
    cudaStream_t stream;
};

std::map<cufftHandle, plan> plans;
cufftHandle last_handle;

/* exp(-2 pi i k / n), k = 0 .. n - 1 */
std::vector<number> roots(int n)
{
    std::vector<number> w(n);

    for (int k = 0; k < n; k++) w[k] = std::polar(1.0, -2 * M_PI * k / n);
    return w;
}

void transform(const plan &p, const cufftReal *in, cufftComplex *out)
{
    std::vector<number> by_p = roots(p.P), by_q = roots(p.Q), rows((size_t)p.P * (p.Q / 2 + 1));
    int half = p.Q / 2 + 1;

    for (int a = 0; a < p.P; a++)
        for (int j = 0; j < half; j++)
            for (int b = 0; b < p.Q; b++)
                rows[a * half + j] += (double)in[((int64_t)a * p.in_row + b) * p.in_stride] *
                                      by_q[(int64_t)b * j % p.Q];
    for (int i = 0; i < p.P; i++)
        for (int j = 0; j < half; j++) {
            number sum = 0;

            for (int a = 0; a < p.P; a++) sum += rows[a * half + j] * by_p[(int64_t)a * i % p.P];
            out[((int64_t)i * p.out_row + j) * p.out_stride] = {(float)sum.real(),
                                                                (float)sum.imag()};
        }
}

size_t elements(int rows, int cols, int row, int stride, int distance, int batch)
{
    return ((size_t)(rows - 1) * row + cols - 1) * stride + (size_t)(batch - 1) * distance + 1;
}

bool inside(const plan &p, const cufftReal *in, const cufftComplex *out)
{
    size_t read = elements(p.P, p.Q, p.in_row, p.in_stride, p.in_distance, p.batch);
    size_t written = elements(p.P, p.Q / 2 + 1, p.out_row, p.out_stride, p.out_distance, p.batch);

    return gk_shim::on_device(in, read * sizeof *in) &&
           gk_shim::on_device(out, written * sizeof *out);
}

} // namespace

cufftResult cufftGetVersion(int *version)
{
    *version = 12000;
    return CUFFT_SUCCESS;
}

cufftResult cufftPlanMany(cufftHandle *handle, int rank, int *n, int *inembed, int istride,
                          int idist, int *onembed, int ostride, int odist, cufftType type,
                          int batch)
{
    if (rank != 2 || type != CUFFT_R2C || !inembed || !onembed) return CUFFT_NOT_SUPPORTED;
    if (n[0] < 1 || n[1] < 1 || istride < 1 || ostride < 1 || batch < 1 || inembed[1] < n[1] ||
        onembed[1] < n[1] / 2 + 1)
        return CUFFT_INVALID_VALUE;
    *handle = ++last_handle;
    plans[*handle] = {n[0],       n[1],    inembed[1], istride, idist,
                      onembed[1], ostride, odist,      batch,   nullptr};
    gk_shim::counts.handles++;
    return CUFFT_SUCCESS;
}

cufftResult cufftDestroy(cufftHandle handle)
{
    if (!plans.erase(handle)) return CUFFT_INVALID_PLAN;
    gk_shim::counts.handles--;
    return CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle handle, cudaStream_t stream)
{
    auto at = plans.find(handle);

    if (at == plans.end()) return CUFFT_INVALID_PLAN;
    at->second.stream = stream;
    return CUFFT_SUCCESS;
}

/* Both arrays must be aligned as complex numbers are. */
cufftResult cufftExecR2C(cufftHandle handle, cufftReal *in, cufftComplex *out)
{
    auto at = plans.find(handle);

    if (at == plans.end()) return CUFFT_INVALID_PLAN;
    plan p = at->second;
    if (!inside(p, in, out) || (uintptr_t)in % sizeof *out || (uintptr_t)out % sizeof *out)
        return CUFFT_INVALID_VALUE;
    cudaError_t error = gk_shim::submit(p.stream, [=] {
        for (int i = 0; i < p.batch; i++)
            transform(p, in + (size_t)i * p.in_distance, out + (size_t)i * p.out_distance);
    });
    return error == cudaSuccess ? CUFFT_SUCCESS : CUFFT_EXEC_FAILED;
}
