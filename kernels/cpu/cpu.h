/* What the files of the cpu backend share. Every op cuts its work into chunks by the sizes of one
 * run, so that bits depend neither on the number of threads nor on R; sums over chunks are added in
 * the order of the chunks. */
#ifndef GK_CPU_H
#define GK_CPU_H

#include "kernels.h"
#include "cpu/machine/threads.h"

/* Which vectors: 16 bytes, on x86 without and with FMA; AVX2 with FMA; AVX-512. */
enum cpu_simd { CPU_NONE, CPU_FMA, CPU_AVX2, CPU_AVX512 };
enum { CPU_LINE = 64, CPU_NAME_MAX = 128 };

typedef struct cpu_fft cpu_fft; /* fftw.c */

typedef struct cpu_state {
    cpu_pool *pool;
    const char *threads_from; /* what their number comes from: see gk_cores_allowed */
    enum cpu_simd simd;
    void *scratch;
    size_t scratch_bytes;
    cpu_fft *fft; /* plans made so far */
} cpu_state;

static inline cpu_state *cpu_state_of(gk_backend *be) { return be->state; }

static inline void cpu_parallel(gk_backend *be, int n, cpu_chunk *chunk, const void *job)
{
    cpu_pool_run(cpu_state_of(be)->pool, n, chunk, job);
}

/* Memory for partial results, aligned to a line, contents undefined: one block, valid until the
 * next call. */
void *cpu_scratch(gk_backend *be, size_t bytes);

/* The address of that variant of a function (or object) which simd.h compiled for this backend. */
#ifdef __x86_64__
#define CPU_PICK(be, name)                                                                         \
    ((__typeof__(&name##_none)[]){&name##_none, &name##_fma, &name##_avx2,                         \
                                  &name##_avx512}[cpu_state_of(be)->simd])
#else
#define CPU_PICK(be, name) ((void)(be), &name##_none)
#endif

static inline int cpu_min(int a, int b) { return a < b ? a : b; }
static inline int cpu_max(int a, int b) { return a > b ? a : b; }
static inline int cpu_pieces(int n, int size) { return (n - 1) / size + 1; }

/* Part `i` of [0, n) in pieces of `size`. */
typedef struct cpu_range {
    int from, to;
} cpu_range;

static inline cpu_range cpu_piece(int n, int size, int i)
{
    return (cpu_range){i * size, cpu_min(n, (i + 1) * size)};
}

/* Rows of `cols` elements in a chunk of some 20 us. */
static inline int cpu_chunk_rows(int cols) { return cpu_max(1, 32768 / cols); }

/* Rows whose column sums are taken together, in double; these are added in their order. */
enum { CPU_SUM_ROWS = 256 };

/* Runs that are worked on at a time when each needs `bytes` of scratch memory. */
static inline int cpu_group(int R, size_t bytes)
{
    size_t fit = ((size_t)64 << 20) / bytes;

    return fit < 1 ? 1 : fit < (size_t)R ? (int)fit : R;
}

/* out[r][i] = beta out + sum over pieces p of part[r][p][i], i < n: in this order, in double. */
void cpu_add_parts(gk_backend *be, gk_real *out, const double *part, int R, int pieces, int n,
                   gk_real beta);

/* simd.c: the best variant of this CPU, its name; the one that GROKC_SIMD asks for, if it does. */
enum cpu_simd cpu_best_simd(void);
const char *cpu_simd_name(enum cpu_simd simd);
gk_status cpu_choose_simd(enum cpu_simd *simd);

/* cores.c */
void cpu_model(char name[CPU_NAME_MAX]);

/* One product c (m,n) = op(a) (m,k) op(b) (k,n) + beta c. */
typedef struct cpu_product {
    gk_real *c;
    const gk_real *a, *b;
    int m, n, k, ta, tb, lda, ldb, ldc;
    gk_real beta;
} cpu_product;

/* log_softmax.c: the loss of `n` rows from `first` on, as the op has it, but with a leading
 * dimension of the logits and their gradient. From chunks. */
typedef struct cpu_loss {
    double *row_loss;
    uint8_t *row_hit;
    gk_real *dlogits;
    const gk_real *logits;
    const int32_t *label;
    int C, ld, form;
    double scale;
} cpu_loss;

void cpu_loss_rows(gk_backend *be, const cpu_loss *loss, size_t first, int n);

/* hinge.c: a loss of ref's that looks at one row at a time, on all rows, in chunks. */
typedef void cpu_row_loss(gk_backend *be, double *row_loss, uint8_t *row_hit, gk_real *dlogits,
                          const gk_real *logits, const int32_t *label, int R, int B, int C,
                          double scale);
void cpu_share_rows(gk_backend *be, cpu_row_loss *rows, double *row_loss, uint8_t *row_hit,
                    gk_real *dlogits, const gk_real *logits, const int32_t *label, int R, int B,
                    int C, double scale);

/* fftw.c: whether it is there and good at such sizes; a plan for `width` of the `cols` columns of
 * P x Q points, which the backend keeps; what the plan does, once there is one (from chunks
 * too). */
bool cpu_fft_suits(int P, int Q);
void cpu_fft_plan(gk_backend *be, int P, int Q, int cols, int width);
void cpu_fft_columns(gk_backend *be, gk_real *out, const gk_real *in, int P, int Q, int cols,
                     int width);
void cpu_fft_close(gk_backend *be);
void cpu_fft_name(char name[CPU_NAME_MAX]);

#define OP(name, ...) void cpu_##name(gk_backend *be, __VA_ARGS__);
#include "gk/ops.def"
#undef OP

#endif
