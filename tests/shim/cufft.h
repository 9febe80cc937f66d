/* The part of cuFFT that the cuda backend uses, with the vendor's names and numbers; cufft.cpp
 * computes it. */
#ifndef GK_SHIM_CUFFT_H
#define GK_SHIM_CUFFT_H

#include "cuda_runtime.h"

typedef enum {
    CUFFT_SUCCESS = 0,
    CUFFT_INVALID_PLAN = 1,
    CUFFT_INVALID_VALUE = 4,
    CUFFT_EXEC_FAILED = 6,
    CUFFT_NOT_SUPPORTED = 16,
} cufftResult;

typedef enum { CUFFT_R2C = 0x2a } cufftType;

typedef int cufftHandle;
typedef float cufftReal;
typedef struct float2 {
    float x, y;
} cufftComplex;

cufftResult cufftGetVersion(int *version);
cufftResult cufftPlanMany(cufftHandle *plan, int rank, int *n, int *inembed, int istride, int idist,
                          int *onembed, int ostride, int odist, cufftType type, int batch);
cufftResult cufftDestroy(cufftHandle plan);
cufftResult cufftSetStream(cufftHandle plan, cudaStream_t stream);
cufftResult cufftExecR2C(cufftHandle plan, cufftReal *in, cufftComplex *out);

#endif
