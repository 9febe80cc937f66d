/* How kernels are launched and where they find shared memory: three macros, so that the same text
 * is compiled by nvcc and, for tests on machines without a GPU, by the host's C++ compiler, where
 * every CUDA thread is a fiber (tests/shim).
 *
 *     static __global__ void copy_kernel(float *to, const float *from, int n)
 *     {
 *         SHARED(float, tile, 256);      float tile[256] in shared memory
 *         SHARED_DYN(float, more);       as many as `smem` bytes hold; once per kernel
 *         ...
 *     }
 *     LAUNCH(be, copy_kernel, grid, block, smem, to, from, n);    on the backend's stream, checked
 *
 * The name of a kernel may be in parentheses, for commas: LAUNCH(be, (copy_kernel<4, 2>), ...).
 * Inline PTX and intrinsics that the host lacks stand behind functions with a host twin in
 * tests/shim. */
#ifndef GK_CUDA_LAUNCH_H
#define GK_CUDA_LAUNCH_H

#ifdef GK_SHIM
#include "shim.h"
#else
#include <cuda_runtime.h>
#define SHARED(type, name, n) __shared__ type name[n]
#define SHARED_DYN(type, name)                                                                     \
    extern __shared__ __align__(16) unsigned char gk_shared_bytes[];                               \
    type *name = reinterpret_cast<type *>(gk_shared_bytes)
#define GK_LAUNCH(stream, kernel, grid, block, smem, ...)                                          \
    (kernel)<<<(grid), (block), (smem), (stream)>>>(__VA_ARGS__)
#endif

/* Nothing after the first error of the backend. Otherwise launches, keeps an error with this place,
 * and waits for the kernel where GK_SYNC=1 asks for it. */
#define LAUNCH(be, kernel, grid, block, smem, ...)                                                 \
    do {                                                                                           \
        if (cuda_state_of(be)->failed) break;                                                      \
        GK_LAUNCH(cuda_state_of(be)->stream, kernel, grid, block, smem, __VA_ARGS__);              \
        cuda_launched((be), #kernel, __FILE__, __LINE__);                                          \
    } while (0)

#endif
