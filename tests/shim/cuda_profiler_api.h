/* The range that a profiler records: the shim counts. */
#ifndef GK_SHIM_CUDA_PROFILER_API_H
#define GK_SHIM_CUDA_PROFILER_API_H

#include "cuda_runtime.h"

cudaError_t cudaProfilerStart(void);
cudaError_t cudaProfilerStop(void);

#endif
