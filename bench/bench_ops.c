/* Times every op of the cpu backend at the shapes of the reference experiment (one run, its 3830
 * training pairs), on one thread and on all, beside the rate of a large product by BLAS on one
 * core:
 *
 *     bench_ops [CALLS]          the median of CALLS (default 15) calls of each
 *
 * "a step" is what an epoch of the ops plan calls: each row times its count. */
#include "gk/ops.h"
#include "gk/startup.h"

#include <stdio.h>
#include <stdlib.h>
#ifndef GK_BLAS_NONE
#include <cblas.h>
#endif

enum {
    B = 3830,
    T = 3,
    D = 128,
    H = 4,
    K = 32,
    F = 512,
    C = 114,
    V = 114,
    BIG = 1024,
    CALLS_MAX = 999
};

/* Arrays that the ops share; large enough for each of them. */
static struct {
    gk_real *x, *y, *z, *h, *pre, *w, *w2, *prob, *zero, *d_bias;
    int32_t *token, *label;
    double *row_loss, *sum;
    uint8_t *row_hit;
    gk_slot *slot;
    gk_tensor_span *span;
} a;

typedef struct row {
    const char *name;
    int count; /* calls in a step */
    void (*call)(gk_backend *be, const struct row *row);
    int m, n, k, ta, tb; /* of products */
    double work;         /* floating point operations of a product, bytes of the others */
} row;

static void product(gk_backend *be, const row *r)
{
    be->matmul(be, a.z, a.x, r->ta ? a.y : a.w, 1, r->m, r->n, r->k, r->ta, r->tb,
               r->ta ? r->m : r->k, r->tb ? r->k : r->n, r->n, 0, 0, 0, 0);
}

static void embed(gk_backend *be, const row *r)
{
    (void)r;
    be->embed(be, a.x, a.w, a.w2, a.token, 1, B, T, D, V);
}
static void embed_back(gk_backend *be, const row *r)
{
    (void)r;
    be->embed_back(be, a.w, a.w2, a.x, a.token, 1, B, T, D, V, 0);
}
static void attention(gk_backend *be, const row *r)
{
    (void)r;
    be->attention(be, a.z, a.prob, a.h, a.x, a.y, 1, B, 1, T, H, K);
}
static void attention_back(gk_backend *be, const row *r)
{
    (void)r;
    be->attention_back(be, a.h, a.pre, a.z, a.h + B * F / 2, a.prob, a.z + B * D, a.x, a.y, 1, B, 1,
                       T, H, K);
}
static void copy_rows(gk_backend *be, const row *r)
{
    (void)r;
    be->add_rows(be, a.z, a.x, 1, B, D, D, T * D, 0, 0, 0);
}
static void add_rows(gk_backend *be, const row *r)
{
    (void)r;
    be->add_rows(be, a.z, a.x, 1, B, D, T * D, D, 0, 0, 1);
}
static void bias_act(gk_backend *be, const row *r)
{
    be->bias_act(be, a.h, a.pre, a.zero, 1, B, F, r->m);
}
static void bias_act_back(gk_backend *be, const row *r)
{
    be->bias_act_back(be, a.h, a.d_bias, a.h, a.pre, 1, B, F, r->m, 0);
}
static void bias_add(gk_backend *be, const row *r)
{
    (void)r;
    be->bias_add(be, a.x, a.zero, 1, B, D);
}
static void bias_add_back(gk_backend *be, const row *r)
{
    (void)r;
    be->bias_add_back(be, a.d_bias, a.x, 1, B, D, 0);
}
static void log_softmax(gk_backend *be, const row *r)
{
    be->log_softmax(be, a.row_loss, a.row_hit, a.z, a.y, a.label, 1, B, C, r->m, 1.0 / B);
}
static void group_sums(gk_backend *be, const row *r)
{
    (void)r;
    be->group_sums(be, a.sum, a.row_loss, a.row_hit, NULL, 1, B, 1, 0);
}
static void tick(gk_backend *be, const row *r)
{
    (void)r;
    be->tick(be, a.slot, a.sum, 1, B);
}
static void adamw(gk_backend *be, const row *r)
{
    (void)r;
    be->adamw(be, a.x, a.y, a.z, a.w, a.slot, a.span, 1, 1);
}

#define PRODUCT(name, count, m, n, k, ta, tb)                                                      \
    {                                                                                              \
        name, count, product, m, n, k, ta, tb, 2.0 * (m) * (n) * (k)                               \
    }
#define OTHER(name, count, call, form, floats)                                                     \
    {                                                                                              \
        name, count, call, form, 0, 0, 0, 0, 4.0 * (floats)                                        \
    }

static const row rows[] = {
    PRODUCT("q = x Wq, out = z Wo", 2, B, D, D, 0, 0),
    PRODUCT("k, v = x W", 2, B *T, D, D, 0, 0),
    PRODUCT("pre = mid Win", 1, B, F, D, 0, 0),
    PRODUCT("x = h Wout", 1, B, D, F, 0, 0),
    PRODUCT("logits = x Wu", 1, B, C, D, 0, 0),
    PRODUCT("dx = dq Wq', dz = d Wo'", 2, B, D, D, 0, 1),
    PRODUCT("dx = dk Wk', dv Wv'", 2, B *T, D, D, 0, 1),
    PRODUCT("d = dpre Win'", 1, B, D, F, 0, 1),
    PRODUCT("dh = d Wout'", 1, B, F, D, 0, 1),
    PRODUCT("d = dlogits Wu'", 1, B, D, C, 0, 1),
    PRODUCT("dWq, dWo", 2, D, D, B, 1, 0),
    PRODUCT("dWk, dWv", 2, D, D, B *T, 1, 0),
    PRODUCT("dWin = mid' dpre", 1, D, F, B, 1, 0),
    PRODUCT("dWout = h' d", 1, F, D, B, 1, 0),
    PRODUCT("dWu = x' dlogits", 1, D, C, B, 1, 0),
    PRODUCT("table plan: E W_L", 0, B, C, F, 0, 0),
    PRODUCT("table plan: G W_L'", 0, B, F, C, 0, 1),
    PRODUCT("table plan: H' G", 0, F, C, B, 1, 0),
    PRODUCT("1024^3", 0, BIG, BIG, BIG, 0, 0),
    OTHER("embed", 1, embed, 0, B *T *D),
    OTHER("embed_back", 1, embed_back, 0, B *T *D),
    OTHER("attention", 1, attention, 0, B *D *(2 + 2 * T)),
    OTHER("attention_back", 1, attention_back, 0, B *D *(3 + 4 * T)),
    OTHER("add_rows, copy", 2, copy_rows, 0, B *D * 2),
    OTHER("add_rows, add", 1, add_rows, 0, B *D * 3),
    OTHER("bias_act relu", 1, bias_act, GK_RELU, B *F * 3),
    OTHER("bias_act gelu", 0, bias_act, GK_GELU, B *F * 3),
    OTHER("bias_act gelu_erf", 0, bias_act, GK_GELU_ERF, B *F * 3),
    OTHER("bias_act_back relu", 1, bias_act_back, GK_RELU, B *F * 3),
    OTHER("bias_act_back gelu", 0, bias_act_back, GK_GELU, B *F * 3),
    OTHER("bias_act_back gelu_erf", 0, bias_act_back, GK_GELU_ERF, B *F * 3),
    OTHER("bias_add", 1, bias_add, 0, B *D * 2),
    OTHER("bias_add_back", 1, bias_add_back, 0, B *D),
    OTHER("log_softmax exact", 1, log_softmax, GK_LOSS_EXACT, B *C * 2),
    OTHER("log_softmax f64", 0, log_softmax, GK_LOSS_F64, B *C * 2),
    OTHER("log_softmax f32", 0, log_softmax, GK_LOSS_F32, B *C * 2),
    OTHER("group_sums", 1, group_sums, 0, B * 2),
    OTHER("tick", 1, tick, 0, 1),
    OTHER("adamw", 1, adamw, 0, 226816 * 7),
};

static gk_real *reals(gk_backend *be, size_t n)
{
    gk_real *x = be->alloc(be, n * sizeof *x);
    uint32_t word[4];

    GK_CHECK(x);
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) gk_random_words(word, 1, 0, i / 4);
        x[i] = (gk_real)((word[i % 4] + 0.5) * 0x1p-31 - 1);
    }
    return x;
}

static void fill_arrays(gk_backend *be)
{
    static gk_slot slot = {
        .active = 1, .lr = 1e-3, .weight_decay = 1, .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8};
    static gk_tensor_span span = {.size = 226816, .lr_scale = 1, .decay_scale = 1};
    size_t most = (size_t)B * T * F;

    a.x = reals(be, most), a.y = reals(be, most), a.z = reals(be, most);
    a.h = reals(be, most), a.pre = reals(be, most), a.w = reals(be, BIG * BIG),
    a.w2 = reals(be, BIG * BIG);
    a.prob = reals(be, (size_t)B * T * H), a.d_bias = reals(be, F);
    a.zero = reals(be, F), be->zero(be, a.zero, F * sizeof *a.zero);
    a.token = gk_alloc((size_t)B * T, sizeof *a.token), a.label = gk_alloc(B, sizeof *a.label);
    a.row_loss = gk_alloc(B, sizeof(double)), a.sum = gk_alloc(2, sizeof(double));
    a.row_hit = gk_alloc(B, 1);
    a.slot = &slot, a.span = &span;
    for (int b = 0; b < B; b++) {
        a.token[b * T] = b * 29 % (V - 1), a.token[b * T + 1] = b * 41 % (V - 1),
                    a.token[b * T + 2] = V - 1;
        a.label[b] = b % C;
    }
}

static int ascending(const void *x, const void *y)
{
    double d = *(const double *)x - *(const double *)y;

    return (d > 0) - (d < 0);
}

/* The median of `calls` calls;  */
static double seconds_of(gk_backend *be, const row *r, int calls)
{
    double seconds[CALLS_MAX];

    r->call(be, r);
    for (int i = 0; i < calls; i++) {
        double start = gk_seconds();

        r->call(be, r);
        GK_CHECK(be->sync(be) == GK_OK);
        seconds[i] = gk_seconds() - start;
    }
    qsort(seconds, calls, sizeof *seconds, ascending);
    return seconds[calls / 2];
}

static void print_raw_rate(int calls)
{
#ifndef GK_BLAS_NONE
    double seconds[CALLS_MAX];

    for (int i = -1; i < calls; i++) {
        double start = gk_seconds();

        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, BIG, BIG, BIG, 1, a.x, BIG, a.y, BIG,
                    0, a.z, BIG);
        if (i >= 0) seconds[i] = gk_seconds() - start;
    }
    qsort(seconds, calls, sizeof *seconds, ascending);
    printf("raw sgemm 1024^3, one thread: %.1f GFLOP/s\n",
           2e-9 * BIG * BIG * BIG / seconds[calls / 2]);
#else
    (void)calls;
#endif
}

/* BLAS is timed beside our own loops, so it is mended whether or not products go there. That may
 * start the program again, so the user's own choice waits in the environment. */
static void mend_blas(char **argv)
{
    static const char choice[] = "GROKC_MATMUL", kept[] = "GROKC_BENCH_MATMUL";
    const char *own = getenv(choice);

    setenv(kept, own ? own : "", 0);
    setenv(choice, "blas", 1);
    gk_mend_blas(argv);
    setenv(choice, getenv(kept), 1);
    unsetenv(kept);
}

int main(int argc, char **argv)
{
    int64_t calls = 15;
    double step[2][2] = {{0}}; /* products and others, one thread and all */
    gk_backend be[2];
    gk_text json = {0};

    mend_blas(argv);
    if (argc > 2 ||
        (argc == 2 && (!gk_parse_int(argv[1], &calls) || calls < 1 || calls > CALLS_MAX))) {
        fprintf(stderr, "usage: bench_ops [CALLS]\n");
        return 2;
    }
    if (gk_backend_open(&be[0], "cpu", &(gk_device_options){.threads = 1}) != GK_OK ||
        gk_backend_open(&be[1], "cpu", NULL) != GK_OK) {
        gk_warn("%s", gk_message());
        return 1;
    }
    fill_arrays(&be[0]);
    be[1].describe(&be[1], &json);
    printf("%s\n", json.data);
    print_raw_rate((int)calls);
    printf("%-26s %5s %10s %8s %10s %8s\n", "", "count", "1 thread", "rate", "all", "rate");
    for (const row *r = rows; r < rows + sizeof rows / sizeof *rows; r++) {
        printf("%-26s %5d", r->name, r->count);
        for (int i = 0; i < 2; i++) {
            double seconds = seconds_of(&be[i], r, (int)calls);

            step[i][r->call != product] += seconds * r->count;
            printf(" %7.0f us %8.1f", 1e6 * seconds, 1e-9 * r->work / seconds);
        }
        printf(" %s\n", r->call == product ? "GFLOP/s" : "GB/s");
    }
    for (int i = 0; i < 2; i++)
        printf("a step, %s: products %.2f ms, others %.2f ms (%.1f percent of the products)\n",
               i ? "all threads" : "one thread", 1e3 * step[i][0], 1e3 * step[i][1],
               100 * step[i][1] / step[i][0]);
    gk_backend_close(&be[0]);
    gk_backend_close(&be[1]);
    gk_text_free(&json);
    return 0;
}
