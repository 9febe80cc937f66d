/* The cuda backend: device, stream, memory, errors, and what profilers hear. The ops are in files
 * of their names, the recorded step is in graph.cu. */
#include "cuda/machine/cuda.h"

#include <cuda_profiler_api.h>
#include <nvtx3/nvToolsExt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKSPACE = 32 << 20, ALIGNMENT = 256 };

/* ---- errors */

void cuda_fail(gk_backend *be, const char *what, const char *why, const char *file, int line)
{
    cuda_state *s = cuda_state_of(be);
    const char *slash = strrchr(file, '/');

    if (s->failed) return;
    s->failed = true;
    snprintf(s->message, sizeof s->message, "%s: %s (%s:%d)", what, why, slash ? slash + 1 : file,
             line);
}

bool cuda_ok(gk_backend *be, cudaError_t error, const char *call, const char *file, int line)
{
    if (error != cudaSuccess) cuda_fail(be, call, cudaGetErrorString(error), file, line);
    return error == cudaSuccess;
}

bool cublas_ok(gk_backend *be, cublasStatus_t status, const char *call, const char *file, int line)
{
    if (status != CUBLAS_STATUS_SUCCESS)
        cuda_fail(be, call, vendor.cublasLtGetStatusString(status), file, line);
    return status == CUBLAS_STATUS_SUCCESS;
}

bool cufft_ok(gk_backend *be, cufftResult result, const char *call, const char *file, int line)
{
    char why[32];

    snprintf(why, sizeof why, "cuFFT error %d", (int)result);
    if (result != CUFFT_SUCCESS) cuda_fail(be, call, why, file, line);
    return result == CUFFT_SUCCESS;
}

void cuda_launched(gk_backend *be, const char *kernel, const char *file, int line)
{
    cuda_state *s = cuda_state_of(be);

    if (cuda_ok(be, cudaGetLastError(), kernel, file, line) && s->sync_each)
        cuda_ok(be, cudaStreamSynchronize(s->stream), kernel, file, line);
}

/* Which kernel it was that an error belongs to is known only where the host waits for each. */
static gk_status cuda_sync(gk_backend *be)
{
    cuda_state *s = cuda_state_of(be);

    if (!s->failed) CU(be, cudaStreamSynchronize(s->stream));
    if (!s->failed) return GK_OK;
    bool late = !s->sync_each && strstr(s->message, "Synchronize(");
    return gk_fail(GK_EDEVICE, "device cuda:%d: %s%s", s->device, s->message,
                   late ? "; with GK_SYNC=1 the message names the kernel" : "");
}

/* ---- memory */

static void *cuda_alloc(gk_backend *be, size_t bytes)
{
    cuda_state *s = cuda_state_of(be);
    void *memory = NULL;

    GK_CHECK(!s->recording);
    cuda_forget_step(be);
    if (s->failed) return NULL;
    if (cudaMalloc(&memory, bytes ? bytes : 1) == cudaSuccess) return memory;
    cudaGetLastError(); /* no memory is the caller's to report */
    return NULL;
}

static void cuda_release(gk_backend *be, void *memory)
{
    cuda_state *s = cuda_state_of(be);

    GK_CHECK(!s->recording);
    cuda_forget_step(be);
    if (!s->failed) CU(be, cudaStreamSynchronize(s->stream));
    if (memory) CU(be, cudaFree(memory));
}

/* Memory of the backend's own. */
static void *take(gk_backend *be, size_t bytes, const char *purpose)
{
    void *memory = cuda_alloc(be, bytes);
    char what[96];

    if (memory) return memory;
    snprintf(what, sizeof what, "%zu bytes for %s", bytes, purpose);
    cuda_fail(be, what, "the device is out of memory", __FILE__, __LINE__);
    return NULL;
}

void *cuda_scratch(gk_backend *be, size_t bytes)
{
    cuda_state *s = cuda_state_of(be);

    if (s->failed) return NULL;
    if (bytes <= s->scratch_bytes) return s->scratch;
    GK_CHECK(!s->recording); /* the step before this one had the same ops */
    cuda_release(be, s->scratch);
    s->scratch_bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    s->scratch = take(be, s->scratch_bytes, "partial results");
    if (!s->scratch) s->scratch_bytes = 0;
    return s->scratch;
}

/* Both wait: the host may use its memory at once, pageable as it is. */
static void copy(gk_backend *be, void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    cuda_state *s = cuda_state_of(be);

    GK_CHECK(!s->recording);
    if (s->failed || !bytes) return;
    if (CU(be, cudaMemcpyAsync(to, from, bytes, kind, s->stream)))
        CU(be, cudaStreamSynchronize(s->stream));
}

static void cuda_upload(gk_backend *be, void *to, const void *from, size_t bytes)
{
    copy(be, to, from, bytes, cudaMemcpyHostToDevice);
}

static void cuda_download(gk_backend *be, void *to, const void *from, size_t bytes)
{
    copy(be, to, from, bytes, cudaMemcpyDeviceToHost);
}

static void cuda_zero(gk_backend *be, void *memory, size_t bytes)
{
    cuda_state *s = cuda_state_of(be);

    if (!s->failed && bytes) CU(be, cudaMemsetAsync(memory, 0, bytes, s->stream));
}

static size_t cuda_room(gk_backend *be)
{
    size_t available = 0, total;

    return CU(be, cudaMemGetInfo(&available, &total)) ? available : 0;
}

/* ---- profilers */

static void cuda_enter(gk_backend *be, const char *name)
{
    if (cuda_state_of(be)->nvtx) nvtxRangePushA(name);
}

static void cuda_leave(gk_backend *be)
{
    if (cuda_state_of(be)->nvtx) nvtxRangePop();
}

static void cuda_profile(gk_backend *be, bool on)
{
    cuda_state *s = cuda_state_of(be);

    if (s->failed || !CU(be, cudaStreamSynchronize(s->stream))) return;
    CU(be, on ? cudaProfilerStart() : cudaProfilerStop());
}

/* ---- opening and closing */

static void cuda_describe(gk_backend *be, gk_text *json)
{
    const cuda_state *s = cuda_state_of(be);
    int driver = 0, runtime = 0, fft = 0;
    size_t lt = vendor.cublasLtGetVersion();

    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    vendor.cufftGetVersion(&fft);
    gk_text_add(json, "\"gpu\": ");
    gk_text_add_json(json, s->properties.name);
    gk_text_add(json, ", \"ordinal\": %d, \"compute_capability\": \"%d.%d\", \"memory_mb\": %zu",
                s->device, s->properties.major, s->properties.minor,
                s->properties.totalGlobalMem >> 20);
    gk_text_add(json, ", \"cuda_driver\": \"%d.%d\", \"cuda_runtime\": \"%d.%d\"", driver / 1000,
                driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    gk_text_add(json, ", \"cublaslt\": %zu, \"cufft\": %d", lt, fft);
    gk_text_add(json, ", \"matmul\": \"%s%s\", \"graphs\": %s", s->tf32 ? "tf32" : "fp32",
                s->own_products ? " own" : "", s->graphs ? "true" : "false");
}

static void cuda_close(gk_backend *be)
{
    cuda_state *s = cuda_state_of(be);

    if (s->stream) cudaStreamSynchronize(s->stream);
    cuda_forget_step(be);
    cuda_products_close(be);
    cuda_plans_close(be);
    for (int i = 0; i < 2; i++)
        if (s->record.window[i]) cudaEventDestroy(s->record.window[i]);
    if (s->lt) vendor.cublasLtDestroy(s->lt);
    cudaFree(s->workspace);
    cudaFree(s->scratch);
    if (s->stream) cudaStreamDestroy(s->stream);
    free(s);
    be->state = NULL;
}

/* Is there a driver that this build can use, and the device? GK_ENODEVICE: there is no GPU, and
 * nothing is wrong. */
static gk_status find_device(int ordinal)
{
    int devices = 0, driver = 0, runtime = 0;
    cudaError_t error = cudaGetDeviceCount(&devices);

    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (error == cudaErrorInsufficientDriver && driver == 0)
        return gk_fail(GK_ENODEVICE, "device cuda:%d: this machine has no NVIDIA driver", ordinal);
    if (error == cudaErrorInsufficientDriver)
        return gk_fail(GK_EDEVICE,
                       "device cuda:%d: the NVIDIA driver supports CUDA %d.%d and this program was "
                       "built with CUDA %d.%d: it needs a newer driver, or an older toolkit",
                       ordinal, driver / 1000, driver % 1000 / 10, runtime / 1000,
                       runtime % 1000 / 10);
    if (error == cudaErrorNoDevice || (error == cudaSuccess && devices == 0))
        return gk_fail(GK_ENODEVICE, "device cuda:%d: the NVIDIA driver shows no GPU", ordinal);
    if (error != cudaSuccess)
        return gk_fail(GK_EDEVICE, "device cuda:%d: %s", ordinal, cudaGetErrorString(error));
    if (ordinal >= devices)
        return gk_fail(GK_EDEVICE, "device cuda:%d: this machine has %d, cuda:0 to cuda:%d",
                       ordinal, devices, devices - 1);
    return GK_OK;
}

#ifdef __CUDA_ARCH_LIST__
static const int compiled_for[] = {__CUDA_ARCH_LIST__}; /* 750, 800, ... */
#else
static const int compiled_for[] = {0};
#endif

static __global__ void probe_kernel(int *word) { *word = 1; }

static void fail_without_code(gk_backend *be)
{
    const cudaDeviceProp *device = &cuda_state_of(be)->properties;
    gk_text what = {};

    gk_text_add(&what, "this build has code for");
    for (int architecture : compiled_for) gk_text_add(&what, " sm_%d", architecture / 10);
    gk_text_add(&what, ", not for %s (compute capability %d.%d)", device->name, device->major,
                device->minor);
    cuda_fail(be, what.data, "build again with -DGK_CUDA_ARCH=auto on this machine", __FILE__,
              __LINE__);
    gk_text_free(&what);
}

/* Does the device run what this build has for it? */
static void probe(gk_backend *be)
{
    cuda_state *s = cuda_state_of(be);

    if (s->failed) return;
    GK_LAUNCH(s->stream, probe_kernel, 1, 1, 0, (int *)s->workspace);
    cudaError_t error = cudaGetLastError();
    if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorUnsupportedPtxVersion)
        fail_without_code(be);
    CU(be, error);
}

static bool is_set(const char *variable, const char *value)
{
    const char *found = getenv(variable);

    return found && !strcmp(found, value);
}

/* What the user may ask for. */
static void choose(cuda_state *s, const gk_device_options *options)
{
    s->sync_each = is_set("GK_SYNC", "1");
    s->graphs = !s->sync_each && !is_set("GROKC_GRAPHS", "0");
    s->own_products = is_set("GROKC_MATMUL", "own");
    s->tf32 = options->tf32 && s->properties.major >= 8 && !s->own_products;
    s->nvtx = options->nvtx;
}

static void prepare(gk_backend *be, const gk_device_options *options)
{
    cuda_state *s = cuda_state_of(be);

    s->device = options->ordinal;
    if (!CU(be, cudaSetDevice(s->device))) return;
    if (!CU(be, cudaGetDeviceProperties(&s->properties, s->device))) return;
    choose(s, options);
    if (!CU(be, cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking))) return;
    for (int i = 0; i < 2; i++)
        CU(be, cudaEventCreateWithFlags(&s->record.window[i], cudaEventDisableTiming));
    s->workspace_bytes = WORKSPACE;
    s->workspace = take(be, s->workspace_bytes, "cuBLASLt");
    CUBLAS(be, vendor.cublasLtCreate(&s->lt));
    probe(be);
}

static const gk_backend table = {
    .name = "cuda",
    .state = NULL,
    .close = cuda_close,
    .alloc = cuda_alloc,
    .release = cuda_release,
    .upload = cuda_upload,
    .download = cuda_download,
    .zero = cuda_zero,
    .sync = cuda_sync,
    .room = cuda_room,
    .repeat = cuda_repeat,
    .enter = cuda_enter,
    .leave = cuda_leave,
    .profile = cuda_profile,
    .describe = cuda_describe,
#define OP(name, ...) .name = cuda_##name,
#include "gk/ops.def"
#undef OP
};

extern "C" gk_status cuda_backend(gk_backend *be, const gk_device_options *options)
{
    GK_TRY(find_device(options->ordinal));
    GK_TRY(cuda_libraries_load());
    *be = table;
    be->state = gk_alloc(1, sizeof(cuda_state));
    prepare(be, options);
    gk_status status = cuda_sync(be);
    if (status != GK_OK) {
        cuda_close(be);
        *be = gk_backend();
    }
    return status;
}
