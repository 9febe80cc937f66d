/* Matrix products by cuBLASLt: all runs in one strided batch, in IEEE float32, or in TF32 where
 * the user asks for it.
 *
 * A run's bits must not depend on how many runs there are. So the algorithm belongs to the shape:
 * the heuristic is asked for one product alone, at the alignment that every run of the call has,
 * and what it answers is kept. Where the batch of this call does not fit that algorithm (its
 * workspace grows with the batch), the batch is cut, never the algorithm changed. Split-K only
 * with a separate, ordered reduction. Shapes without any algorithm go to a kernel of our own, one
 * tile of c to a block.
 *
 * cuBLASLt is column-major: there our c is c^T = op(b)^T op(a)^T, so b is its first operand and a
 * its second, each transposed where ours is, and the sizes are n x m. */
#include "cuda/machine/cuda.h"

#include <stdlib.h>
#include <string.h>

/* What decides about an algorithm. */
typedef struct shape {
    int m, n, k, ta, tb, lda, ldb, ldc;
    uint32_t align_a, align_b, align_c; /* bytes: of every run's matrix */
} shape;

struct cuda_product {
    shape of;
    bool own; /* cuBLASLt has nothing for it */
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algorithm;
    cuda_product *next;
};

/* The arrays of a call and their strides over runs, in elements. */
typedef struct operands {
    float *c;
    const float *a, *b;
    size_t sa, sb, sc;
    float beta;
} operands;

enum { CANDIDATES = 8, ALIGNED = 16 /* bytes: no kernel asks for more */ };

/* The largest power of two, ALIGNED at most, that divides the addresses of all runs, and counts the
 * stride where a run is alone, too. */
static uint32_t alignment(const void *first, size_t stride)
{
    uintptr_t bits = (uintptr_t)first | stride * sizeof(float) | ALIGNED;

    return (uint32_t)(bits & -bits);
}

/* ---- a kernel of our own */

enum { TILE = 64, DEPTH = 16, SIDE = 16, EACH = TILE / SIDE, ROW = TILE + 1 };

/* DEPTH x TILE elements of a matrix that is (k, across), or (across, k) where `turned`; 0 beyond
 * its edges. Neighbouring threads read neighbouring elements. */
static __device__ void load_tile(float *tile, const float *from, int across, int k, int at_across,
                                 int at_k, int turned, int ld)
{
    for (int i = (int)threadIdx.x; i < TILE * DEPTH; i += SIDE * SIDE) {
        int x = turned ? i / DEPTH : i % TILE, d = turned ? i % DEPTH : i / TILE;
        size_t col = (size_t)at_across + x, row = (size_t)at_k + d;
        bool inside = at_across + x < across && at_k + d < k;

        tile[d * ROW + x] = inside ? from[turned ? col * ld + row : row * ld + col] : 0;
    }
}

/* Block (tile, run). A thread has every SIDE-th row and column of the tile, EACH x EACH elements.
 * DEPTH products are summed at a time and then added: shorter sums, smaller errors. */
static __global__ void __launch_bounds__(SIDE *SIDE)
    product_kernel(operands p, shape s, int tiles_across, int first_run)
{
    SHARED(float, a, DEPTH *ROW);
    SHARED(float, b, DEPTH *ROW);
    size_t run = (size_t)first_run + blockIdx.y;
    int row0 = (int)blockIdx.x / tiles_across * TILE, col0 = (int)blockIdx.x % tiles_across * TILE;
    int tx = (int)threadIdx.x % SIDE, ty = (int)threadIdx.x / SIDE;
    float sum[EACH][EACH] = {};

    for (int k0 = 0; k0 < s.k; k0 += DEPTH) {
        load_tile(a, p.a + run * p.sa, s.m, s.k, row0, k0, !s.ta, s.lda);
        load_tile(b, p.b + run * p.sb, s.n, s.k, col0, k0, s.tb, s.ldb);
        __syncthreads();
        float part[EACH][EACH] = {};
        for (int d = 0; d < DEPTH; d++)
            for (int i = 0; i < EACH; i++)
                for (int j = 0; j < EACH; j++)
                    part[i][j] =
                        fmaf(a[d * ROW + ty + SIDE * i], b[d * ROW + tx + SIDE * j], part[i][j]);
        for (int i = 0; i < EACH; i++)
            for (int j = 0; j < EACH; j++) sum[i][j] += part[i][j];
        __syncthreads();
    }
    for (int i = 0; i < EACH; i++)
        for (int j = 0; j < EACH; j++) {
            int row = row0 + ty + SIDE * i, col = col0 + tx + SIDE * j;
            if (row >= s.m || col >= s.n) continue;
            float *c = p.c + run * p.sc + (size_t)row * s.ldc + col;
            *c = p.beta != 0 ? *c + sum[i][j] : sum[i][j];
        }
}

static void multiply_own(gk_backend *be, const operands *p, const shape *s, int R)
{
    const int most = 65535; /* blocks of a grid along y */
    int across = (s->n + TILE - 1) / TILE, down = (s->m + TILE - 1) / TILE;

    for (int r = 0; r < R; r += most) {
        dim3 grid((unsigned)across * (unsigned)down, (unsigned)(R - r < most ? R - r : most));
        LAUNCH(be, product_kernel, grid, SIDE * SIDE, 0, *p, *s, across, r);
    }
}

/* ---- cuBLASLt */

static cublasStatus_t set_batch(cublasLtMatrixLayout_t layout, int runs, size_t stride)
{
    int32_t count = runs;
    int64_t offset = (int64_t)stride;
    cublasStatus_t status = vendor.cublasLtMatrixLayoutSetAttribute(
        layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);

    if (status != CUBLAS_STATUS_SUCCESS) return status;
    return vendor.cublasLtMatrixLayoutSetAttribute(
        layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &offset, sizeof offset);
}

static bool set_batches(gk_backend *be, cuda_product *product, const operands *p, int runs)
{
    return CUBLAS(be, set_batch(product->a, runs, p->sa)) &&
           CUBLAS(be, set_batch(product->b, runs, p->sb)) &&
           CUBLAS(be, set_batch(product->c, runs, p->sc));
}

/* Can the algorithm do so many runs at once? */
static bool fits(gk_backend *be, cuda_product *product, const cublasLtMatmulAlgo_t *algorithm,
                 const operands *p, int runs)
{
    cuda_state *s = cuda_state_of(be);
    cublasLtMatmulHeuristicResult_t result;

    if (!set_batches(be, product, p, runs)) return false;
    return vendor.cublasLtMatmulAlgoCheck(s->lt, product->operation, product->b, product->a,
                                          product->c, product->c, algorithm,
                                          &result) == CUBLAS_STATUS_SUCCESS &&
           result.workspaceSize <= s->workspace_bytes;
}

static bool layout(gk_backend *be, cublasLtMatrixLayout_t *made, int rows, int cols, int ld)
{
    return CUBLAS(be, vendor.cublasLtMatrixLayoutCreate(made, CUDA_R_32F, (uint64_t)cols,
                                                        (uint64_t)rows, ld));
}

/* PEDANTIC: float32 in all phases, whatever the library's defaults and environment say. */
static bool describe(gk_backend *be, cuda_product *product)
{
    const shape *s = &product->of;
    cublasOperation_t first = s->tb ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasOperation_t second = s->ta ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasComputeType_t arithmetic =
        cuda_state_of(be)->tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F_PEDANTIC;

    return CUBLAS(be,
                  vendor.cublasLtMatmulDescCreate(&product->operation, arithmetic, CUDA_R_32F)) &&
           CUBLAS(be, vendor.cublasLtMatmulDescSetAttribute(
                          product->operation, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first)) &&
           CUBLAS(be, vendor.cublasLtMatmulDescSetAttribute(product->operation,
                                                            CUBLASLT_MATMUL_DESC_TRANSB, &second,
                                                            sizeof second)) &&
           layout(be, &product->a, s->ta ? s->k : s->m, s->ta ? s->m : s->k, s->lda) &&
           layout(be, &product->b, s->tb ? s->n : s->k, s->tb ? s->k : s->n, s->ldb) &&
           layout(be, &product->c, s->m, s->n, s->ldc);
}

typedef struct setting {
    cublasLtMatmulPreferenceAttributes_t name;
    const void *value;
    size_t size;
} setting;

/* What the heuristic may choose from. Of the ways to add up split sums only the one that writes
 * them all to the workspace and adds them in a second step. */
static bool prefer(gk_backend *be, cublasLtMatmulPreference_t preference, const shape *s)
{
    uint64_t workspace = cuda_state_of(be)->workspace_bytes;
    uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const setting settings[] = {
        {CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace},
        {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reduction, sizeof reduction},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &s->align_b, sizeof s->align_b},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &s->align_a, sizeof s->align_a},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &s->align_c, sizeof s->align_c},
        {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &s->align_c, sizeof s->align_c}};

    for (const setting &each : settings)
        if (!CUBLAS(be, vendor.cublasLtMatmulPreferenceSetAttribute(preference, each.name,
                                                                    each.value, each.size)))
            return false;
    return true;
}

/* The first of the heuristic's candidates that can do a batch at all, else its first; our own where
 * it has none. */
static void choose(gk_backend *be, cuda_product *product, const operands *p)
{
    cuda_state *s = cuda_state_of(be);
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t candidate[CANDIDATES];
    int n = 0, best = 0;

    if (!set_batches(be, product, p, 1)) return;
    if (!CUBLAS(be, vendor.cublasLtMatmulPreferenceCreate(&preference))) return;
    if (prefer(be, preference, &product->of) &&
        vendor.cublasLtMatmulAlgoGetHeuristic(s->lt, product->operation, product->b, product->a,
                                              product->c, product->c, preference, CANDIDATES,
                                              candidate, &n) != CUBLAS_STATUS_SUCCESS)
        n = 0;
    vendor.cublasLtMatmulPreferenceDestroy(preference);
    product->own = n == 0;
    if (n == 0) return;
    while (best < n && !fits(be, product, &candidate[best].algo, p, 2)) best++;
    product->algorithm = candidate[best < n ? best : 0].algo;
}

static cuda_product *find(gk_backend *be, const shape *of, const operands *p)
{
    cuda_state *s = cuda_state_of(be);
    cuda_product *product = s->products;

    while (product && memcmp(&product->of, of, sizeof *of) != 0) product = product->next;
    if (product) return product;
    product = (cuda_product *)gk_alloc(1, sizeof *product);
    product->of = *of;
    product->next = s->products;
    s->products = product;
    if (s->own_products)
        product->own = true;
    else if (describe(be, product))
        choose(be, product, p);
    return product;
}

static void multiply_batch(gk_backend *be, cuda_product *product, const operands *p, int runs)
{
    cuda_state *s = cuda_state_of(be);
    const float one = 1;

    if (!set_batches(be, product, p, runs)) return;
    CUBLAS(be,
           vendor.cublasLtMatmul(s->lt, product->operation, &one, p->b, product->b, p->a,
                                 product->a, &p->beta, p->c, product->c, p->c, product->c,
                                 &product->algorithm, s->workspace, s->workspace_bytes, s->stream));
    cuda_launched(be, "cublasLtMatmul", __FILE__, __LINE__);
}

void cuda_matmul(gk_backend *be, gk_real *c, const gk_real *a, const gk_real *b, int R, int m,
                 int n, int k, int ta, int tb, int lda, int ldb, int ldc, size_t sa, size_t sb,
                 size_t sc, gk_real beta)
{
    cuda_state *s = cuda_state_of(be);
    operands p = {c, a, b, sa, sb, sc, beta};
    shape of = {m,
                n,
                k,
                ta != 0,
                tb != 0,
                lda,
                ldb,
                ldc,
                alignment(a, sa),
                alignment(b, sb),
                alignment(c, sc)};

    if (s->failed) return;
    cuda_product *product = find(be, &of, &p);
    if (product->own) {
        multiply_own(be, &p, &of, R);
        return;
    }
    int group = R;
    while (group > 1 && !fits(be, product, &product->algorithm, &p, group)) group = (group + 1) / 2;
    for (int r = 0; r < R && !s->failed; r += group) {
        multiply_batch(be, product, &p, R - r < group ? R - r : group);
        p.a += group * sa;
        p.b += group * sb;
        p.c += group * sc;
    }
}

void cuda_products_close(gk_backend *be)
{
    cuda_state *s = cuda_state_of(be);

    for (cuda_product *next; s->products; s->products = next) {
        next = s->products->next;
        vendor.cublasLtMatmulDescDestroy(s->products->operation);
        vendor.cublasLtMatrixLayoutDestroy(s->products->a);
        vendor.cublasLtMatrixLayoutDestroy(s->products->b);
        vendor.cublasLtMatrixLayoutDestroy(s->products->c);
        free(s->products);
    }
}
