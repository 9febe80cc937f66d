/* What the files of the cuda backend share. One stream; ops only enqueue. The first error sticks,
 * with its place, until sync; after it ops do nothing. No kernel argument changes from step to
 * step, so that steps can be recorded.
 *
 * Rules of every op: a run's bits depend neither on R nor on the runs beside it: sums are cut by
 * the sizes of one run. No atomics on floats. Sums, norms, losses in double where the op says. */
#ifndef GK_CUDA_H
#define GK_CUDA_H

#include "cuda/machine/launch.h"

extern "C" {
#include "kernels.h"
}

#include "cuda/machine/libraries.h"

enum { CUDA_BLOCK = 256, CUDA_WARP = 32, CUDA_MESSAGE = 512 };

typedef struct cuda_product cuda_product; /* matmul.cu: the shapes seen, each with its algorithm */
typedef struct cuda_plan cuda_plan;       /* fft2.cu */

/* graph.cu: one recorded step, and how far the host is ahead of the device. */
typedef struct cuda_record {
    cudaGraphExec_t graph; /* of `step` and `context`; NULL: none */
    void (*step)(void *context);
    void *context;
    cudaEvent_t window[2]; /* ends of the last two windows of steps */
} cuda_record;

typedef struct cuda_state {
    int device;
    cudaDeviceProp properties;
    cudaStream_t stream;
    cublasLtHandle_t lt;
    void *workspace; /* of cuBLASLt: its size never changes, so that neither do bits */
    size_t workspace_bytes;
    bool sync_each;    /* GK_SYNC=1: no graphs, wait after every launch */
    bool graphs;       /* steps are recorded; not with GROKC_GRAPHS=0 */
    bool own_products; /* GROKC_MATMUL=own: no cuBLASLt */
    bool tf32, nvtx;
    bool recording; /* a step is being captured: no allocation, no synchronisation */
    void *scratch;
    size_t scratch_bytes;
    cuda_product *products;
    cuda_plan *plans;
    cuda_record record;
    bool failed;
    char message[CUDA_MESSAGE]; /* the first error */
} cuda_state;

static inline cuda_state *cuda_state_of(gk_backend *be) { return (cuda_state *)be->state; }

/* Keeps the first error: "WHAT: WHY (file:line)". */
void cuda_fail(gk_backend *be, const char *what, const char *why, const char *file, int line);
/* After a launch, ours or a library's: its error is kept; GK_SYNC=1: waits for it. */
void cuda_launched(gk_backend *be, const char *kernel, const char *file, int line);

/* CU(be, call): a call of the CUDA runtime, checked; true if well. CUBLAS, CUFFT likewise. */
bool cuda_ok(gk_backend *be, cudaError_t error, const char *call, const char *file, int line);
bool cublas_ok(gk_backend *be, cublasStatus_t status, const char *call, const char *file, int line);
bool cufft_ok(gk_backend *be, cufftResult result, const char *call, const char *file, int line);
#define CU(be, call)     cuda_ok((be), (call), #call, __FILE__, __LINE__)
#define CUBLAS(be, call) cublas_ok((be), (call), #call, __FILE__, __LINE__)
#define CUFFT(be, call)  cufft_ok((be), (call), #call, __FILE__, __LINE__)

/* Device memory for partial results, aligned to 256, contents undefined: one block, valid until the
 * op returns. Grows in the first, unrecorded step. NULL after an error. */
void *cuda_scratch(gk_backend *be, size_t bytes);

/* Blocks of `block` threads for n things, at least 1. */
static inline unsigned cuda_blocks(size_t n, unsigned block)
{
    size_t blocks = (n + block - 1) / block;

    return blocks < 1 ? 1u : (unsigned)blocks;
}

/* graph.cu. A recorded step holds addresses: alloc, release and a scratch that grows forget it. */
int64_t cuda_repeat(gk_backend *be, void (*step)(void *context), void *context, int64_t k);
void cuda_forget_step(gk_backend *be);

void cuda_products_close(gk_backend *be);
void cuda_plans_close(gk_backend *be);

extern "C" {
#define OP(name, ...) void cuda_##name(gk_backend *be, __VA_ARGS__);
#include "gk/ops.def"
#undef OP
}

#endif
