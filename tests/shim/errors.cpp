/* Errors as the CUDA runtime has them: of a call, kept until cudaGetLastError; of the device,
 * which come out of the next call that waits and stay for ever. */
#include "state.h"

#include <cstdarg>
#include <cstdio>

namespace gk_shim
{
gk_shim_counts counts;

static cudaError_t last, device; /* of a call; of the device */
static bool came_out;
static char words[1024];

cudaError_t answer(cudaError_t error)
{
    if (came_out) error = device;
    if (error != cudaSuccess) last = error;
    return error;
}

cudaError_t answer_waited()
{
    came_out = failed();
    return answer(cudaSuccess);
}

void problem(cudaError_t error, const char *format, ...)
{
    va_list args;

    if (failed()) return;
    device = error;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
}

bool failed() { return device != cudaSuccess; }

static const struct {
    cudaError_t error;
    const char *text;
} texts[] = {
    {cudaSuccess, "no error"},
    {cudaErrorInvalidValue, "invalid argument"},
    {cudaErrorMemoryAllocation, "out of memory"},
    {cudaErrorInvalidConfiguration, "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "invalid device ordinal"},
    {cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"},
    {cudaErrorUnsupportedPtxVersion,
     "the provided PTX was compiled with an unsupported toolchain."},
    {cudaErrorInvalidResourceHandle, "invalid resource handle"},
    {cudaErrorIllegalState, "the operation cannot be performed in the present state"},
    {cudaErrorIllegalAddress, "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "unspecified launch failure"},
    {cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureImplicit,
     "operation would make the legacy stream depend on a capturing blocking stream"},
};

} // namespace gk_shim

using namespace gk_shim;

const char *cudaGetErrorString(cudaError_t error)
{
    for (const auto &n : texts)
        if (n.error == error) return n.text;
    return "unrecognized error code";
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = came_out ? device : last;

    last = cudaSuccess;
    return error;
}

const char *gk_shim_problem(void) { return failed() ? words : nullptr; }

gk_shim_counts gk_shim_count(void) { return counts; }

void gk_shim_reset(void)
{
    last = device = cudaSuccess;
    came_out = false;
    gk_shim_set_driver(GK_SHIM_DRIVER);
    gk_shim_set_memory((size_t)80 << 30);
    gk_shim_guard_memory(0);
    reset_launches();
}
