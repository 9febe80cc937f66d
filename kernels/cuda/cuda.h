/* What the files of the cuda backend share. One stream; ops only enqueue. The first error sticks, with its place, until
 * sync; after it ops do nothing. No kernel argument changes from step to step, so that steps can be recorded.
 *
 * Rules of every op: a run's bits depend neither on R nor on the runs beside it: sums are cut by the sizes of one run.
 * No atomics on floats. Sums, norms, losses in double where the op says so. */
#ifndef GK_CUDA_H
#define GK_CUDA_H

#include "launch.h"

extern "C" {
#include "../kernels.h"
}

#include <cublasLt.h>
#include <cufft.h>

enum { CUDA_BLOCK = 256, CUDA_WARP = 32, CUDA_MESSAGE = 512 };

typedef struct cuda_products cuda_products; /* matmul.cu: algorithms chosen so far */
typedef struct cuda_plans cuda_plans;       /* fft2.cu */

typedef struct cuda_state {
    int device;
    cudaDeviceProp properties;
    cudaStream_t stream;
    cublasLtHandle_t lt;
    void *workspace; /* of cuBLASLt: fixed size, never grows */
    size_t workspace_bytes;
    bool sync_each; /* GK_SYNC=1: no graphs, wait after every launch */
    bool graphs, tf32, nvtx;
    bool recording; /* a step is being captured: no allocation, no synchronisation */
    void *scratch;
    size_t scratch_bytes;
    cuda_products *products;
    cuda_plans *plans;
    cudaGraphExec_t
        graph; /* of `step` and `context`; dropped by alloc, release and a scratch that grows */
    void (*step)(void *context);
    void *context;
    bool failed;
    char message[CUDA_MESSAGE]; /* the first error */
} cuda_state;

static inline cuda_state *cuda_state_of(gk_backend *be) { return (cuda_state *)be->state; }

/* Keeps the first error. */
void cuda_fail(gk_backend *be, const char *what, const char *why, const char *file, int line);
void cuda_launched(gk_backend *be, const char *kernel, const char *file, int line);

/* CU(be, call): a call of the CUDA runtime, checked; true if it went well. CUBLAS, CUFFT likewise. */
bool cuda_ok(gk_backend *be, cudaError_t error, const char *call, const char *file, int line);
bool cublas_ok(gk_backend *be, cublasStatus_t status, const char *call, const char *file, int line);
bool cufft_ok(gk_backend *be, cufftResult result, const char *call, const char *file, int line);
#define CU(be, call)     cuda_ok((be), (call), #call, __FILE__, __LINE__)
#define CUBLAS(be, call) cublas_ok((be), (call), #call, __FILE__, __LINE__)
#define CUFFT(be, call)  cufft_ok((be), (call), #call, __FILE__, __LINE__)

/* Device memory for partial results, aligned to 256, contents undefined: one block, valid until the op returns. Grows in
 * the first, unrecorded step. NULL after an error. */
void *cuda_scratch(gk_backend *be, size_t bytes);

/* Blocks of `block` threads for n things, at least 1. */
static inline unsigned cuda_blocks(size_t n, unsigned block)
{
    size_t blocks = (n + block - 1) / block;

    return blocks < 1 ? 1u : (unsigned)blocks;
}

extern "C" {
#define OP(name, ...) void cuda_##name(gk_backend *be, __VA_ARGS__);
#include "gk/ops.def"
#undef OP
}

#endif
