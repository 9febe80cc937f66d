/* cuBLASLt by plain loops. Two algorithms, so that choosing one matters as it does on a GPU:
 * `wide` asks for 16 bytes of alignment of every matrix of the batch, splits long sums in two
 * and needs workspace for both halves of each; `plain` takes anything. They differ in their last
 * bits. */
#include "cublasLt.h"
#include "state.h"

struct cublasLtContext {
};

struct cublasLtMatmulDescStruct {
    cublasComputeType_t compute;
    int32_t transposed_a, transposed_b;
};

struct cublasLtMatrixLayoutStruct {
    uint64_t rows, cols;
    int64_t ld, stride;
    int32_t batch;
};

struct cublasLtMatmulPreferenceStruct {
    uint64_t workspace;
    uint32_t reduction, align[4]; /* of a, b, c, d */
};

namespace
{

using gk_shim::counts;

typedef cublasLtMatrixLayoutStruct layout;

enum { PLAIN = 0x706c61696e, WIDE = 0x77696465 }; /* algo.data[0] */
enum { ALIGNED = 16, LONG = 256 /* terms */ };

struct product {
    cublasLtMatmulDescStruct op;
    layout a, b, c;
};

uint64_t rows(const layout &l, int32_t transposed) { return transposed ? l.cols : l.rows; }
uint64_t cols(const layout &l, int32_t transposed) { return transposed ? l.rows : l.cols; }

bool good(const layout &l) { return l.rows && l.cols && l.ld >= (int64_t)l.rows && l.batch > 0; }

bool same(const layout &x, const layout &y)
{
    return x.rows == y.rows && x.cols == y.cols && x.ld == y.ld && x.stride == y.stride &&
           x.batch == y.batch;
}

/* Do the shapes fit together? No matrix of the batch of c may overlap another. */
bool good(const product &p)
{
    return good(p.a) && good(p.b) && good(p.c) && p.a.batch == p.c.batch &&
           p.b.batch == p.c.batch && rows(p.a, p.op.transposed_a) == p.c.rows &&
           cols(p.b, p.op.transposed_b) == p.c.cols &&
           cols(p.a, p.op.transposed_a) == rows(p.b, p.op.transposed_b) &&
           (p.c.batch == 1 || p.c.stride >= (int64_t)(p.c.ld * (p.c.cols - 1) + p.c.rows));
}

size_t workspace_of(const product &p, uint64_t algorithm)
{
    if (algorithm == PLAIN || cols(p.a, p.op.transposed_a) < LONG) return 0;
    return 2 * sizeof(float) * p.c.rows * p.c.cols * p.c.batch;
}

bool strides_aligned(const layout &l)
{
    return l.batch == 1 || l.stride * sizeof(float) % ALIGNED == 0;
}

bool can(const product &p, uint64_t algorithm)
{
    if (algorithm == WIDE)
        return strides_aligned(p.a) && strides_aligned(p.b) && strides_aligned(p.c);
    return algorithm == PLAIN;
}

/* From element 0 of the first matrix to the last of the last. */
bool inside(const void *from, const layout &l)
{
    size_t last = (l.batch - 1) * l.stride + l.ld * (l.cols - 1) + l.rows;

    return gk_shim::on_device(from, last * sizeof(float));
}

bool aligned(const void *from) { return reinterpret_cast<uintptr_t>(from) % ALIGNED == 0; }

float element(const product &p, const float *a, const float *b, uint64_t i, uint64_t j,
              uint64_t from, uint64_t to)
{
    double sum = 0;

    for (uint64_t l = from; l < to; l++)
        sum += (double)a[p.op.transposed_a ? l + i * p.a.ld : i + l * p.a.ld] *
               b[p.op.transposed_b ? j + l * p.b.ld : l + j * p.b.ld];
    return (float)sum;
}

void multiply(const product &p, uint64_t algorithm, float alpha, const float *a, const float *b,
              float beta, const float *c, float *d)
{
    uint64_t k = cols(p.a, p.op.transposed_a);
    uint64_t middle = algorithm == WIDE && k >= LONG ? k / 2 : k;

    for (uint64_t j = 0; j < p.c.cols; j++)
        for (uint64_t i = 0; i < p.c.rows; i++) {
            uint64_t at = i + j * p.c.ld;
            float sum = element(p, a, b, i, j, 0, middle);

            if (middle < k) sum += element(p, a, b, i, j, middle, k);
            d[at] = beta == 0 ? alpha * sum : alpha * sum + beta * c[at];
        }
}

template <class T> cublasStatus_t take(T *to, const void *value, size_t size)
{
    if (size != sizeof *to) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(to, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

template <class T> cublasStatus_t made(T **out, T value)
{
    *out = new T(value);
    counts.handles++;
    return CUBLAS_STATUS_SUCCESS;
}

template <class T> cublasStatus_t gone(T *handle)
{
    if (handle) counts.handles--;
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

} // namespace

size_t cublasLtGetVersion(void) { return 130000; }

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    }
    return "unknown status";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) { return made(handle, {}); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return gone(handle); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *operation,
                                        cublasComputeType_t compute, cudaDataType)
{
    return made(operation, {compute, 0, 0});
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) { return gone(operation); }

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t name,
                                              const void *value, size_t size)
{
    return take(name == CUBLASLT_MATMUL_DESC_TRANSA ? &operation->transposed_a
                                                    : &operation->transposed_b,
                value, size);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType, uint64_t rows,
                                          uint64_t cols, int64_t ld)
{
    return made(out, {rows, cols, ld, 0, 1});
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l) { return gone(l); }

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l,
                                                cublasLtMatrixLayoutAttribute_t name,
                                                const void *value, size_t size)
{
    if (name == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) return take(&l->batch, value, size);
    return take(&l->stride, value, size);
}

/* The vendor's defaults: no workspace, all reductions, pointers aligned to 256. */
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference)
{
    return made(preference, {0, CUBLASLT_REDUCTION_SCHEME_MASK, {256, 256, 256, 256}});
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    return gone(preference);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void *value, size_t size)
{
    if (name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        return take(&preference->workspace, value, size);
    if (name == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
        return take(&preference->reduction, value, size);
    return take(&preference->align[name - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, size);
}

/* `wide` first, where it can do what is asked and its matrices are as aligned as was promised. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t found[], int *n_found)
{
    product p = {*operation, *a, *b, *c};
    bool wide = preference->reduction & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;

    *n_found = 0;
    if (!good(p) || !same(*c, *d)) return CUBLAS_STATUS_INVALID_VALUE;
    for (uint32_t align : preference->align) wide = wide && align % ALIGNED == 0;
    for (uint64_t algorithm : {(uint64_t)WIDE, (uint64_t)PLAIN}) {
        size_t workspace = workspace_of(p, algorithm);

        if (*n_found >= wanted || !can(p, algorithm) || workspace > preference->workspace) continue;
        if (algorithm == WIDE && !wide) continue;
        found[(*n_found)++] = {{{algorithm}}, workspace, CUBLAS_STATUS_SUCCESS, 1, {}};
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t *algo,
                                       cublasLtMatmulHeuristicResult_t *result)
{
    product p = {*operation, *a, *b, *c};

    if (!good(p) || !same(*c, *d)) return CUBLAS_STATUS_INVALID_VALUE;
    if (!can(p, algo->data[0])) return CUBLAS_STATUS_NOT_SUPPORTED;
    *result = {*algo, workspace_of(p, algo->data[0]), CUBLAS_STATUS_SUCCESS, 1, {}};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t layout_a, const void *b,
                              cublasLtMatrixLayout_t layout_b, const void *beta, const void *c,
                              cublasLtMatrixLayout_t layout_c, void *d,
                              cublasLtMatrixLayout_t layout_d, const cublasLtMatmulAlgo_t *algo,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
    product p = {*operation, *layout_a, *layout_b, *layout_c};
    uint64_t algorithm = algo->data[0];
    float by = *(const float *)alpha, keep = *(const float *)beta;

    if (!good(p) || !same(*layout_c, *layout_d)) return CUBLAS_STATUS_INVALID_VALUE;
    if (!can(p, algorithm)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (workspace_of(p, algorithm) > workspace_bytes ||
        !gk_shim::on_device(workspace, workspace_bytes))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (!inside(a, p.a) || !inside(b, p.b) || !inside(c, p.c) || !inside(d, p.c))
        gk_shim::problem(cudaErrorIllegalAddress, "cublasLtMatmul: a matrix is not on the device");
    if (algorithm == WIDE && !(aligned(a) && aligned(b) && aligned(c) && aligned(d)))
        gk_shim::problem(cudaErrorIllegalAddress, "cublasLtMatmul: misaligned for its algorithm");
    cudaError_t error = gk_shim::submit(stream, [=] {
        for (int64_t r = 0; r < p.c.batch; r++)
            multiply(p, algorithm, by, (const float *)a + r * p.a.stride,
                     (const float *)b + r * p.b.stride, keep, (const float *)c + r * p.c.stride,
                     (float *)d + r * p.c.stride);
    });
    return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
