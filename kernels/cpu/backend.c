/* The cpu backend: our own loops for what costs time, ref's for the rest. */
#include "cpu/cpu.h"
#include "host.h"

#include <stdlib.h>
#include <string.h>

void *cpu_scratch(gk_backend *be, size_t bytes)
{
    cpu_state *s = cpu_state_of(be);

    if (bytes <= s->scratch_bytes) return s->scratch;
    bytes = (bytes + CPU_LINE - 1) / CPU_LINE * CPU_LINE;
    free(s->scratch);
    s->scratch = aligned_alloc(CPU_LINE, bytes);
    if (!s->scratch) {
        gk_warn("out of memory: %zu bytes for partial sums", bytes);
        abort();
    }
    s->scratch_bytes = bytes;
    return s->scratch;
}

typedef struct parts {
    gk_real *out;
    const double *part;
    int pieces, n;
    gk_real beta;
} parts;

enum { PART = 4096 };

static void add_parts(const void *job, int i)
{
    const parts *w = job;
    int per_run = cpu_pieces(w->n, PART), r = i / per_run;
    cpu_range range = cpu_piece(w->n, PART, i % per_run);
    const double *part = w->part + (size_t)r * w->pieces * w->n;
    gk_real *out = w->out + (size_t)r * w->n;

    for (int j = range.from; j < range.to; j++) {
        double sum = w->beta != 0 ? (double)out[j] : 0;

        for (int p = 0; p < w->pieces; p++) sum += part[(size_t)p * w->n + j];
        out[j] = (gk_real)sum;
    }
}

void cpu_add_parts(gk_backend *be, gk_real *out, const double *part, int R, int pieces, int n,
                   gk_real beta)
{
    parts job = {out, part, pieces, n, beta};

    cpu_parallel(be, R * cpu_pieces(n, PART), add_parts, &job);
}

static void cpu_close(gk_backend *be)
{
    cpu_state *s = cpu_state_of(be);

    cpu_fft_close(be);
    cpu_pool_close(s->pool);
    free(s->scratch);
    free(s);
    be->state = NULL;
}

/* "cpu": "...", "threads": 2, "threads_from": "affinity", "simd": "avx512",
 * "fft": "fftw-3.3.10-sse2-avx" */
static void cpu_describe(gk_backend *be, gk_text *json)
{
    cpu_state *s = cpu_state_of(be);
    char name[CPU_NAME_MAX];

    cpu_model(name);
    gk_text_add(json, "\"cpu\": ");
    gk_text_add_json(json, name);
    gk_text_add(json, ", \"threads\": %d, \"threads_from\": \"%s\", \"simd\": \"%s\", \"fft\": ",
                cpu_pool_threads(s->pool), s->threads_from, cpu_simd_name(s->simd));
    cpu_fft_name(name);
    gk_text_add_json(json, name);
}

/* The ops that the table below leaves out: sums of groups in the order of the rows and ticks take a
 * few microseconds, signs and select_rows are copies, more or less. */
static void take_from_ref(gk_backend *be)
{
#define OP(name, ...)                                                                              \
    if (!be->name) be->name = ref_##name;
#include "gk/ops.def"
#undef OP
}

gk_status cpu_backend(gk_backend *be, const gk_device_options *options)
{
    cpu_state state = {0}, *s;

    GK_TRY(cpu_choose_simd(&state.simd));
    GK_TRY(cpu_pool_open(&state.pool, options->threads));
    state.threads_from = options->threads ? "device.threads" : gk_cores_allowed().from;
    s = gk_alloc(1, sizeof *s);
    *s = state;
    *be = (gk_backend){
        .name = "cpu",
        .state = s,
        .close = cpu_close,
        HOST_MEMBERS,
        .describe = cpu_describe,
        .matmul = cpu_matmul,
        .add_rows = cpu_add_rows,
        .embed = cpu_embed,
        .embed_back = cpu_embed_back,
        .attention = cpu_attention,
        .attention_back = cpu_attention_back,
        .bias_act = cpu_bias_act,
        .bias_act_back = cpu_bias_act_back,
        .bias_add = cpu_bias_add,
        .bias_add_back = cpu_bias_add_back,
        .log_softmax = cpu_log_softmax,
        .hinge = cpu_hinge,
        .squared_error = cpu_squared_error,
        .adamw = cpu_adamw,
        .sgd = cpu_sgd,
        .layer_norm = cpu_layer_norm,
        .layer_norm_back = cpu_layer_norm_back,
        .dropout = cpu_dropout,
        .add_noise = cpu_add_noise,
        .bag = cpu_bag,
        .bag_back = cpu_bag_back,
        .fft2 = cpu_fft2,
        .row_sums = cpu_row_sums,
        .changed_losses = cpu_changed_losses,
        .rounding = cpu_rounding,
        .table_build = cpu_table_build,
        .table_rows = cpu_table_rows,
        .table_pairs = cpu_table_pairs,
        .table_back = cpu_table_back,
    };
    take_from_ref(be);
    return GK_OK;
}
