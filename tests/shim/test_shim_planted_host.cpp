/* Bugs of the host's side, planted, and their correct twins: arguments that change under a
 * recorded graph, calls that are forbidden while recording, memory of the wrong side, products
 * and transforms that a GPU's libraries would refuse. */
#include "planted.h"

#include "cublasLt.h"
#include "cufft.h"
#include "nvtx3/nvToolsExt.h"

#include <float.h>

enum { N = 40 };

/* ---- graphs */

/* out[i] += the step's number: an argument, or a counter in device memory. */
static __global__ void add_kernel(float *out, const float *counter, float number)
{
    out[threadIdx.x] += counter ? *counter : number;
}

static __global__ void count_kernel(float *counter) { *counter += 1; }

struct steps {
    lab *l;
    float *out, *counter;
    float number; /* on the host: what it is when the launch is recorded stays */
};

static void step(steps *s)
{
    s->number += 1;
    if (s->counter) GK_LAUNCH(s->l->stream, count_kernel, 1, 1, 0, s->counter);
    GK_LAUNCH(s->l->stream, add_kernel, 1, N, 0, s->out, s->counter, s->number);
}

/* 5 steps, each called, or the second one recorded and replayed. */
static std::vector<float> five_steps(bool in_memory, bool recorded)
{
    lab l;
    array out(N), counter(1);
    steps s = {&l, out.at, in_memory ? counter.at : nullptr, 1};
    cudaGraph_t graph;
    cudaGraphExec_t exec;

    step(&s);
    if (recorded) {
        int64_t before = gk_shim_count().launches;

        WORKS(cudaStreamBeginCapture(l.stream, cudaStreamCaptureModeThreadLocal));
        step(&s);
        WORKS(cudaStreamEndCapture(l.stream, &graph));
        assert_int_equal(gk_shim_count().launches, before); /* nothing ran */
        WORKS(cudaGraphInstantiate(&exec, graph, 0));
        WORKS(cudaGraphDestroy(graph));
        for (int i = 1; i < 5; i++) WORKS(cudaGraphLaunch(exec, l.stream));
        WORKS(cudaGraphExecDestroy(exec));
    } else {
        for (int i = 1; i < 5; i++) step(&s);
    }
    WORKS(cudaStreamSynchronize(l.stream));
    return out.values(l.stream);
}

static void test_argument_of_a_graph(void **)
{
    assert_true(five_steps(true, false) == five_steps(true, true));
    assert_true(five_steps(false, false) == five_steps(true, false));
    assert_false(five_steps(false, false) == five_steps(false, true));
    assert_int_equal(gk_shim_count().graphs, 0);
}

/* Copies and fills are recorded, too. */
static void test_recorded_copies(void **)
{
    lab l;
    array from(N), to(N);
    cudaGraph_t graph;
    cudaGraphExec_t exec;

    WORKS(cudaStreamBeginCapture(l.stream, cudaStreamCaptureModeGlobal));
    WORKS(cudaMemsetAsync(from.at, 0, sizeof *from.at, l.stream));
    WORKS(cudaMemcpyAsync(to.at, from.at, N * sizeof *to.at, cudaMemcpyDeviceToDevice, l.stream));
    WORKS(cudaStreamEndCapture(l.stream, &graph));
    assert_true(from.values(l.stream)[0] == 1);
    WORKS(cudaGraphInstantiate(&exec, graph));
    WORKS(cudaGraphLaunch(exec, l.stream));
    assert_true(to.values(l.stream)[0] == 0 && to.values(l.stream)[1] == 2);
    WORKS(cudaGraphExecDestroy(exec));
    WORKS(cudaGraphDestroy(graph));
}

enum { NOTHING, MALLOC, FREE, WAIT, UPLOAD, OTHER_STREAM };

static cudaError_t capture_with(int forbidden, cudaError_t *end)
{
    lab l;
    array out(N);
    float *memory = nullptr;
    cudaGraph_t graph;
    cudaError_t error = cudaSuccess;

    WORKS(cudaStreamBeginCapture(l.stream, cudaStreamCaptureModeThreadLocal));
    GK_LAUNCH(l.stream, add_kernel, 1, N, 0, out.at, (const float *)nullptr, 1.0f);
    switch (forbidden) {
    case MALLOC: error = cudaMalloc(&memory, 16); break;
    case FREE: error = cudaFree(out.at); break;
    case WAIT: error = cudaStreamSynchronize(l.stream); break;
    case UPLOAD:
        error = cudaMemcpyAsync(out.at, &error, sizeof error, cudaMemcpyHostToDevice, nullptr);
        break;
    case OTHER_STREAM: GK_LAUNCH(nullptr, count_kernel, 1, 1, 0, out.at); break;
    }
    if (forbidden == OTHER_STREAM) error = cudaGetLastError();
    *end = cudaStreamEndCapture(l.stream, &graph);
    assert_true((graph == nullptr) == (*end != cudaSuccess));
    if (graph) WORKS(cudaGraphDestroy(graph));
    assert_true(out.values(l.stream)[0] == 1);
    return error;
}

static void test_forbidden_while_recording(void **)
{
    cudaError_t end;

    ANSWERS(capture_with(NOTHING, &end), cudaSuccess);
    assert_int_equal(end, cudaSuccess);
    for (int forbidden : {MALLOC, FREE, WAIT}) {
        ANSWERS(capture_with(forbidden, &end), cudaErrorStreamCaptureUnsupported);
        assert_int_equal(end, cudaErrorStreamCaptureInvalidated);
    }
    for (int forbidden : {UPLOAD, OTHER_STREAM}) {
        ANSWERS(capture_with(forbidden, &end), cudaErrorStreamCaptureImplicit);
        assert_int_equal(end, cudaErrorStreamCaptureInvalidated);
    }
}

/* ---- memory of the wrong side */

static void test_host_pointer_for_a_kernel(void **)
{
    float on_host[N] = {};

    {
        lab l;

        GK_LAUNCH(l.stream, count_kernel, 1, 1, 0, on_host);
        expect_fault(l.stream, "argument 1 of count_kernel points to no device memory");
    }
    lab l;
    array released(N);
    float *stale;
    WORKS(cudaMalloc(&stale, sizeof *stale));
    WORKS(cudaFree(stale));
    GK_LAUNCH(l.stream, count_kernel, 1, 1, 0, stale);
    expect_fault(l.stream, "argument 1 of count_kernel");
}

static void test_host_touches_device_memory(void **)
{
    for (int guarded = 0; guarded < 2; guarded++) {
        ending end = ending_of([=] {
            lab l;
            array out(N);

            gk_shim_guard_memory(guarded);
            GK_LAUNCH(l.stream, count_kernel, 1, 1, 0, out.at);
            if (out.values(l.stream)[0] != 2) raise(SIGABRT); /* copies and kernels may */
            volatile float seen = out.at[0];
            (void)seen;
        });
        assert_int_equal(end, guarded ? SIGNAL : FINE);
    }
}

static void test_copies_of_the_wrong_kind(void **)
{
    lab l;
    array a(N);
    float host[2 * N] = {};

    ANSWERS(cudaMemcpyAsync(a.at, host, sizeof *host, cudaMemcpyDeviceToHost, l.stream),
            cudaErrorInvalidValue);
    ANSWERS(cudaMemcpyAsync(host, a.at, sizeof *host, cudaMemcpyHostToDevice, l.stream),
            cudaErrorInvalidValue);
    ANSWERS(cudaMemcpyAsync(a.at, host, sizeof host, cudaMemcpyHostToDevice, l.stream),
            cudaErrorInvalidValue); /* too long */
    ANSWERS(cudaMemsetAsync(a.at, 0, sizeof host, l.stream), cudaErrorInvalidValue);
    ANSWERS(cudaFree(a.at + 1), cudaErrorInvalidValue);
    ANSWERS(cudaGetLastError(), cudaErrorInvalidValue); /* of a call: it does not stick */
    WORKS(cudaGetLastError());
    WORKS(cudaMemcpyAsync(a.at, host, N * sizeof *host, cudaMemcpyHostToDevice, l.stream));
}

/* ---- launches that ask for too much */

static __global__ void shared_kernel(float *out)
{
    SHARED_DYN(float, tile);

    tile[threadIdx.x] = 1;
    out[0] = tile[threadIdx.x];
}

static void test_launches(void **)
{
    lab l;
    array out(N);
    const size_t more = 64 << 10;

    GK_LAUNCH(l.stream, shared_kernel, 1, 1025, 0, out.at);
    ANSWERS(cudaGetLastError(), cudaErrorInvalidConfiguration);
    GK_LAUNCH(l.stream, shared_kernel, 0, 1, 0, out.at);
    ANSWERS(cudaGetLastError(), cudaErrorInvalidConfiguration);
    GK_LAUNCH(l.stream, shared_kernel, dim3(1, 65536), 1, 0, out.at);
    ANSWERS(cudaGetLastError(), cudaErrorInvalidConfiguration);
    GK_LAUNCH(l.stream, shared_kernel, 1, 1, more, out.at);
    ANSWERS(cudaGetLastError(), cudaErrorInvalidValue);
    WORKS(cudaFuncSetAttribute(shared_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               (int)more));
    GK_LAUNCH(l.stream, shared_kernel, 1, 1024, more, out.at);
    WORKS(cudaGetLastError());
    expect_fault(l.stream, nullptr);
}

/* ---- libraries */

struct multiplication {
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t found[4];
    int n;

    /* c (m x n) = a (m x k) b (k x n), column-major and dense, all pointers aligned to `align` */
    multiplication(int m, int n_columns, int k, uint32_t align)
    {
        uint64_t workspace = 1 << 20;

        cublasLtCreate(&handle);
        cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_32F);
        cublasLtMatrixLayoutCreate(&a, CUDA_R_32F, m, k, m);
        cublasLtMatrixLayoutCreate(&b, CUDA_R_32F, k, n_columns, k);
        cublasLtMatrixLayoutCreate(&c, CUDA_R_32F, m, n_columns, m);
        cublasLtMatmulPreferenceCreate(&preference);
        cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &workspace, sizeof workspace);
        for (int i = 0; i < 4; i++)
            cublasLtMatmulPreferenceSetAttribute(
                preference,
                (cublasLtMatmulPreferenceAttributes_t)(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES +
                                                       i),
                &align, sizeof align);
        assert_int_equal(
            cublasLtMatmulAlgoGetHeuristic(handle, operation, a, b, c, c, preference, 4, found, &n),
            CUBLAS_STATUS_SUCCESS);
    }
    ~multiplication()
    {
        cublasLtMatmulPreferenceDestroy(preference);
        for (cublasLtMatrixLayout_t l : {a, b, c}) cublasLtMatrixLayoutDestroy(l);
        cublasLtMatmulDescDestroy(operation);
        cublasLtDestroy(handle);
    }
    void batch(int32_t count, int64_t stride)
    {
        for (cublasLtMatrixLayout_t l : {a, b, c}) {
            cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                             sizeof count);
            cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                             &stride, sizeof stride);
        }
    }
    cublasStatus_t check(const cublasLtMatmulAlgo_t *algorithm)
    {
        cublasLtMatmulHeuristicResult_t result;

        return cublasLtMatmulAlgoCheck(handle, operation, a, b, c, c, algorithm, &result);
    }
    cublasStatus_t run(const lab &l, const float *pa, const float *pb, float *pc,
                       const array &workspace, const cublasLtMatmulAlgo_t *algorithm)
    {
        const float one = 1, zero = 0;

        return cublasLtMatmul(handle, operation, &one, pa, a, pb, b, &zero, pc, c, pc, c, algorithm,
                              workspace.at, workspace.n * sizeof(float), l.stream);
    }
};

/* [ 1 3 ] [ 1 3 ]   [  7 15 ]
 * [ 2 4 ] [ 2 4 ] = [ 10 22 ] */
static void test_products(void **)
{
    lab l;
    array a(N), b(N), c(N), workspace(1);
    multiplication p(2, 2, 2, 16), careful(2, 2, 2, 4);

    assert_int_equal(p.n, 2);
    assert_int_equal(careful.n, 1); /* what asks for alignment is not offered without */
    assert_int_equal(p.run(l, a.at, b.at, c.at, workspace, &p.found[0].algo), 0);
    std::vector<float> got = c.values(l.stream);
    assert_true(got[0] == 7 && got[1] == 10 && got[2] == 15 && got[3] == 22 && got[4] == 5);

    p.batch(2, 5); /* 20 bytes: the second product is not aligned */
    assert_int_equal(p.check(&p.found[0].algo), CUBLAS_STATUS_NOT_SUPPORTED);
    assert_int_equal(p.run(l, a.at, b.at, c.at, workspace, &p.found[0].algo),
                     CUBLAS_STATUS_NOT_SUPPORTED);
    assert_int_equal(p.check(&careful.found[0].algo), CUBLAS_STATUS_SUCCESS);
    p.batch(2, 3); /* they overlap */
    assert_int_equal(p.check(&careful.found[0].algo), CUBLAS_STATUS_INVALID_VALUE);
    p.batch(1, 0);
    assert_int_equal(p.run(l, a.at + 1, b.at, c.at, workspace, &careful.found[0].algo), 0);
    expect_fault(l.stream, nullptr);
    assert_int_equal(p.run(l, a.at + 1, b.at, c.at, workspace, &p.found[0].algo), 0);
    expect_fault(l.stream, "misaligned");
}

/* Long sums need workspace, and have other last bits than with the other algorithm. */
static void test_long_products(void **)
{
    const int m = 16, k = 1000;
    lab l;
    array a(m * k), b(k), c(m), enough(2 * m), little(2 * m - 1);
    multiplication p(m, 1, k, 16);
    std::vector<float> roots(m * k), sums[2];
    int differ = 0;

    for (size_t i = 0; i < roots.size(); i++) roots[i] = sqrtf((float)i);
    WORKS(cudaMemcpyAsync(a.at, roots.data(), m * k * sizeof(float), cudaMemcpyHostToDevice));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(p.run(l, a.at, b.at, c.at, enough, &p.found[i].algo), 0);
        sums[i] = c.values(l.stream);
    }
    for (size_t i = 0; i < m; i++) {
        differ += sums[0][i] != sums[1][i];
        assert_true(fabsf(sums[0][i] - sums[1][i]) <=
                    2 * FLT_EPSILON * sums[0][i]); /* 4 roundings */
    }
    assert_true(differ > 0);
    assert_int_equal(p.run(l, a.at, b.at, c.at, little, &p.found[0].algo),
                     CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(p.run(l, a.at, b.at, c.at + 4, enough, &p.found[1].algo), 0);
    expect_fault(l.stream, "not on the device");
}

/* The column 1, 2, 3 of a (3, 1, 2) array: 6, and -1.5 + i sqrt(3)/2. */
static void test_transforms(void **)
{
    lab l;
    array in(6), out(12);
    int size[2] = {3, 1}, half[2] = {3, 1};
    float column[6] = {1, 5, 2, 6, 3, 7};
    cufftHandle plan;

    WORKS(cudaMemcpyAsync(in.at, column, sizeof column, cudaMemcpyHostToDevice));
    assert_int_equal(cufftPlanMany(&plan, 2, size, size, 2, 1, half, 2, 1, CUFFT_R2C, 2), 0);
    assert_int_equal(cufftSetStream(plan, l.stream), 0);
    assert_int_equal(cufftExecR2C(plan, in.at, (cufftComplex *)out.at), 0);
    std::vector<float> got = out.values(l.stream);
    assert_true(got[0] == 6 && got[1] == 0 && got[2] == 18);
    assert_true(fabsf(got[4] + 1.5f) < 1e-6f && fabsf(got[5] - 0.8660254f) < 1e-6f);
    assert_int_equal(cufftExecR2C(plan, in.at + 1, (cufftComplex *)out.at), CUFFT_INVALID_VALUE);
    assert_int_equal(cufftExecR2C(plan, in.at, (cufftComplex *)(out.at + 2)), CUFFT_INVALID_VALUE);
    assert_int_equal(cufftDestroy(plan), 0);
    assert_int_equal(cufftDestroy(plan), CUFFT_INVALID_PLAN);
    assert_int_equal(gk_shim_count().handles, 0);
}

static void test_ranges(void **)
{
    int before = gk_shim_count().open_ranges;

    nvtxRangePushA("outer");
    nvtxRangePushA("inner");
    nvtxRangePop();
    assert_int_equal(gk_shim_count().open_ranges, before + 1);
    nvtxRangePop();
    assert_int_equal(gk_shim_count().open_ranges, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argument_of_a_graph),
        cmocka_unit_test(test_recorded_copies),
        cmocka_unit_test(test_forbidden_while_recording),
        cmocka_unit_test(test_host_pointer_for_a_kernel),
        cmocka_unit_test(test_host_touches_device_memory),
        cmocka_unit_test(test_copies_of_the_wrong_kind),
        cmocka_unit_test(test_launches),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_long_products),
        cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
