/* Gathering: a block owns a few pairs and 128 columns of E, neighbouring threads neighbouring
 * columns. It first computes its pairs' attention, then adds, head by head, the rows of both tokens
 * to all its pairs at once; pairs are sorted by a, so that the rows of a are in the first cache. */
#include "cuda/table/pairs.h"

enum { COLUMNS = 128, PAIRS = 8 /* of a block */ };

/* A0, A1, A2 of a pair and head */
static __device__ void attend(float *A, const gk_table &t, size_t r, int a, int b, int h)
{
    const gk_real *score = t.table.score + r * 2 * t.N * t.H + h;
    float s[3] = {score[(size_t)a * t.H], score[((size_t)t.N + b) * t.H],
                  t.table.score_eq[r * t.H + h]};
    float max = s[0], sum = 0;

    for (int j = 1; j < 3; j++) max = s[j] > max ? s[j] : max;
    for (int j = 0; j < 3; j++) sum += A[j] = expf(s[j] - max);
    for (int j = 0; j < 3; j++) A[j] /= sum;
}

/* Shared: A0 and A1 of PAIRS pairs, H heads. */
static __global__ void gather_kernel(gathering g)
{
    SHARED_DYN(float, shared);
    const gk_table &t = g.t;
    int H = t.H, F = t.F, W = F + t.rest, w = blockIdx.y * COLUMNS + threadIdx.x;
    int first = blockIdx.x * PAIRS, n = g.rows - first < PAIRS ? g.rows - first : PAIRS;
    size_t r = blockIdx.z;
    const int32_t *a = g.a + r * g.tokens + (size_t)first * g.step;
    const int32_t *b = g.b + r * g.tokens + (size_t)first * g.step;
    float E[PAIRS];

    for (int i = threadIdx.x; i < n * H; i += COLUMNS) {
        float A[3];
        gk_real *prob = g.prob + ((r * g.room + first) * H + i) * 3;

        attend(A, t, r, a[i / H * g.step], b[i / H * g.step], i % H);
        shared[2 * i] = A[0];
        shared[2 * i + 1] = A[1];
        for (int j = 0; blockIdx.y == 0 && j < 3; j++) prob[j] = A[j];
    }
    __syncthreads();
    if (w >= W) return;
    for (int p = 0; p < PAIRS; p++) E[p] = t.table.base[r * W + w];
    for (int h = 0; h < H; h++) {
        const gk_real *row = t.table.row + (r * t.N * H + h) * W + w;
        const gk_real *shift = t.table.shift + (r * 2 * H + h) * W + w;
        float shift0 = shift[0], shift1 = shift[(size_t)H * W];

        for (int p = 0; p < PAIRS; p++) {
            if (p >= n) break;
            const float *A = shared + 2 * (p * H + h);

            E[p] += A[0] * (row[(size_t)a[p * g.step] * H * W] + shift0) +
                    A[1] * (row[(size_t)b[p * g.step] * H * W] + shift1);
        }
    }
    for (int p = 0; p < PAIRS; p++) {
        size_t i = r * g.room + first + p;

        if (p >= n) break;
        if (w < F)
            g.pre[i * g.pre_ld + w] = g.relu && E[p] <= 0 ? 0 : E[p];
        else
            g.rest[i * g.rest_ld + w - F] = E[p];
    }
}

void cuda_gather(gk_backend *be, const gathering *g, int R)
{
    int W = g->t.F + g->t.rest;

    LAUNCH(be, gather_kernel,
           dim3(cuda_blocks((size_t)g->rows, PAIRS), cuda_blocks((size_t)W, COLUMNS), (unsigned)R),
           COLUMNS, (size_t)PAIRS * g->t.H * 2 * sizeof(float), *g);
}

void cuda_table_rows(gk_backend *be, gk_real *pre, gk_real *rest, gk_real *prob, const gk_table *t,
                     const int32_t *token, int B)
{
    gathering g;

    g.t = *t;
    g.pre = pre;
    g.rest = rest;
    g.prob = prob;
    g.a = token;
    g.b = token + 1;
    g.pre_ld = t->F;
    g.rest_ld = t->rest;
    g.rows = g.room = B;
    g.tokens = 3 * B;
    g.step = 3;
    g.relu = false;
    cuda_gather(be, &g, t->R);
}
