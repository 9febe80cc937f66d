/* The driver and its one device, which looks like a Hopper GPU, and what profilers would hear. */
#include "cuda_profiler_api.h"
#include "nvtx3/nvToolsExt.h"
#include "state.h"

using namespace gk_shim;

static enum gk_shim_driver driver;

void gk_shim_set_driver(enum gk_shim_driver new_driver) { driver = new_driver; }

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = driver == GK_SHIM_NO_DRIVER ? 0 : driver == GK_SHIM_OLD_DRIVER ? 11040 : 13000;
    return answer(cudaSuccess);
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return answer(cudaSuccess);
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = driver == GK_SHIM_DRIVER ? 1 : 0;
    if (driver == GK_SHIM_NO_DEVICE) return answer(cudaErrorNoDevice);
    return answer(driver == GK_SHIM_DRIVER ? cudaSuccess : cudaErrorInsufficientDriver);
}

cudaError_t cudaSetDevice(int device)
{
    return answer(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device)
{
    size_t available;
    cudaDeviceProp p = {};

    if (device != 0) return answer(cudaErrorInvalidDevice);
    strcpy(p.name, "host shim");
    p.major = 9;
    p.multiProcessorCount = 132;
    p.warpSize = warpSize;
    p.l2CacheSize = 50 << 20;
    p.sharedMemPerBlock = SHARED_DEFAULT;
    p.sharedMemPerBlockOptin = SHARED_MOST;
    p.maxThreadsPerBlock = THREADS_MOST;
    p.maxThreadsPerMultiProcessor = 2048;
    cudaMemGetInfo(&available, &p.totalGlobalMem);
    *properties = p;
    return answer(cudaSuccess);
}

cudaError_t cudaProfilerStart(void)
{
    counts.profiles++;
    counts.open_profiles++;
    return answer(cudaSuccess);
}

cudaError_t cudaProfilerStop(void)
{
    counts.open_profiles--;
    return answer(cudaSuccess);
}

int nvtxRangePushA(const char *)
{
    counts.ranges++;
    return counts.open_ranges++;
}

int nvtxRangePop(void) { return --counts.open_ranges; }
