/* The vendor's libraries that are not part of the program: found when the backend opens, so that a
 * program with a cuda backend starts on machines that have none of them. */
#ifndef GK_CUDA_LIBRARIES_H
#define GK_CUDA_LIBRARIES_H

extern "C" {
#include "gk/base.h"
}

#include <cublasLt.h>
#include <cufft.h>

/* What we call of them. */
#define CUBLASLT_FUNCTIONS(FUNCTION)                                                               \
    FUNCTION(cublasLtCreate)                                                                       \
    FUNCTION(cublasLtDestroy)                                                                      \
    FUNCTION(cublasLtGetStatusString)                                                              \
    FUNCTION(cublasLtGetVersion)                                                                   \
    FUNCTION(cublasLtMatmul)                                                                       \
    FUNCTION(cublasLtMatmulAlgoCheck)                                                              \
    FUNCTION(cublasLtMatmulAlgoGetHeuristic)                                                       \
    FUNCTION(cublasLtMatmulDescCreate)                                                             \
    FUNCTION(cublasLtMatmulDescDestroy)                                                            \
    FUNCTION(cublasLtMatmulDescSetAttribute)                                                       \
    FUNCTION(cublasLtMatmulPreferenceCreate)                                                       \
    FUNCTION(cublasLtMatmulPreferenceDestroy)                                                      \
    FUNCTION(cublasLtMatmulPreferenceSetAttribute)                                                 \
    FUNCTION(cublasLtMatrixLayoutCreate)                                                           \
    FUNCTION(cublasLtMatrixLayoutDestroy)                                                          \
    FUNCTION(cublasLtMatrixLayoutSetAttribute)
#define CUFFT_FUNCTIONS(FUNCTION)                                                                  \
    FUNCTION(cufftDestroy)                                                                         \
    FUNCTION(cufftExecR2C)                                                                         \
    FUNCTION(cufftGetVersion)                                                                      \
    FUNCTION(cufftPlanMany)                                                                        \
    FUNCTION(cufftSetStream)

struct cuda_libraries {
#define FUNCTION(name) decltype(&::name) name;
    CUBLASLT_FUNCTIONS(FUNCTION)
    CUFFT_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* NULLs until cuda_libraries_load has succeeded; it may be called again. GK_EUSAGE names the
 * library that is not there, or lacks a function. */
extern cuda_libraries vendor;
extern "C" gk_status cuda_libraries_load(void);

#endif
