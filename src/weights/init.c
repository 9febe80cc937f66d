/* Initial weights: our own, and the dispatch to published programs' (published.c) and files.
 * Layer norms start as the identity, biases at zero unless the source says otherwise.
 *
 * Weights start as float32 values in the program in double too: both start from the same point. */
#include "gk/arith.h"
#include "gk/weights.h"
#include "weights/init.h"

#include <math.h>
#include <string.h>

_Static_assert(GK_ID_b_u < GK_ID_ln1_w && GK_ID_ln2_b < 16 && GK_ID_b_o - GK_ID_b_q < 4,
               "GK_RNG_INIT has 16 streams a layer, for what is drawn");

/* Norms are not drawn: attention's biases, which came later, take their streams. */
static uint32_t purpose_of(const gk_tensor *t)
{
    int late = t->id < GK_ID_b_q ? 0 : GK_ID_b_q - GK_ID_ln1_w;

    return GK_RNG_INIT + 16 * (uint32_t)t->layer + (uint32_t)(t->id - late);
}

/* Call i of stream (seed, purpose) gives the uniforms 4i .. 4i+3 in (0, 1). */
static void philox_uniform(double out[4], uint64_t seed, uint32_t purpose, uint64_t i)
{
    uint32_t word[4];

    gk_random_words(word, seed, purpose, i);
    for (int j = 0; j < 4; j++) out[j] = ((word[j] >> 8) + 0.5) * 0x1p-24;
}

/* Call i of stream (seed, purpose) gives the standard normals 4i .. 4i+3. */
static void philox_normal(double out[4], uint64_t seed, uint32_t purpose, uint64_t i)
{
    double u[4];

    philox_uniform(u, seed, purpose, i);
    for (int j = 0; j < 4; j += 2) {
        double radius = sqrt(-2 * gk_log(u[j])), sine, cosine;

        gk_sin_cos_turns(&sine, &cosine, u[j + 1]);
        out[j] = radius * cosine;
        out[j + 1] = radius * sine;
    }
}

/* Normals divided by `root`, in memory's order. */
static void fill_normal(gk_real *out, const gk_tensor *t, double root, uint64_t seed)
{
    double x[4];

    for (size_t i = 0; i < t->size; i++) {
        if (i % 4 == 0) philox_normal(x, seed, purpose_of(t), i / 4);
        out[i] = (float)(x[i % 4] / root);
    }
}

/* Uniforms in (-1, 1) divided by `root`. */
static void fill_uniform(gk_real *out, const gk_tensor *t, double root, uint64_t seed)
{
    double x[4];

    for (size_t i = 0; i < t->size; i++) {
        if (i % 4 == 0) philox_uniform(x, seed, purpose_of(t), i / 4);
        out[i] = (float)((2 * x[i % 4] - 1) / root);
    }
}

/* philox:S. A transformer's deviations are the paper's: 1 / sqrt(D), W_U 1 / sqrt(V). In an mlp
 * they keep the size of what passes through: one over the root of how many inputs a sum has that
 * are not zero. */
static double paper_root(const gk_tensor *t, const gk_shape *s)
{
    if (s->kind == GK_TRANSFORMER) return sqrt(t->id == GK_ID_w_u ? s->V : s->D);
    if (t->id == GK_ID_w_u) return sqrt(s->F);
    return sqrt(s->input == GK_INPUT_SUM ? s->D : s->T);
}

/* linear:S. What the layer of a weight or bias sums over: PyTorch's fan-in of nn.Linear. */
static int fan_in(const gk_tensor *t, const gk_shape *s)
{
    switch (t->id) {
    case GK_ID_b_in: return gk_mlp_inputs(s);
    case GK_ID_b_out: return s->F;
    case GK_ID_b_u: return gk_unembed_inputs(s);
    case GK_ID_b_q:
    case GK_ID_b_k:
    case GK_ID_b_v: return s->D;
    case GK_ID_b_o: return s->H * s->K;
    default: return t->rows;
    }
}

static void own_init(gk_real *packed, const gk_shape *s, bool linear, uint64_t seed)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, s);

    for (const gk_tensor *t = list; t < list + n; t++) {
        gk_real *out = packed + t->packed;
        bool embeds = t->id == GK_ID_w_e || t->id == GK_ID_w_pos;
        if (t->form == GK_FORM_NORM || (gk_is_bias(t) && !linear)) continue;
        if (linear && !embeds)
            fill_uniform(out, t, sqrt(fan_in(t, s)), seed);
        else
            fill_normal(out, t, linear ? 1 : paper_root(t, s), seed);
    }
}

/* Every layer norm is the identity; all else zero. */
static void start(gk_real *packed, const gk_shape *s)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, s);

    memset(packed, 0, gk_parameters(s) * sizeof *packed);
    for (const gk_tensor *t = list; t < list + n; t++) {
        bool ones = t->id == GK_ID_ln1_w || t->id == GK_ID_ln2_w || t->id == GK_ID_ln_final_w;
        for (size_t i = 0; ones && i < t->size; i++) packed[t->packed + i] = 1;
    }
}

/* Positions that are not learned. Sines and cosines of Vaswani et al. 2017: element 2i of
 * position t is sin(t / 10000^(2i/D)), element 2i + 1 the cosine of the same; Power et al.'s
 * code has it so too. */
static const double log_10000 = 9.2103403719761827;

static void fix_positions(gk_real *packed, const gk_shape *s, int positions)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, s);

    if (positions == GK_POSITIONS_LEARNED) return;
    for (const gk_tensor *t = list; t < list + n; t++) {
        if (t->id != GK_ID_w_pos) continue;
        for (size_t i = 0; i < t->size; i++) {
            int position = (int)i / t->cols, j = (int)i % t->cols;
            double power = (double)(j - j % 2) / t->cols, sine, cosine;

            gk_sin_cos(&sine, &cosine, position / gk_exp(power * log_10000));
            double value = j % 2 ? cosine : sine;
            packed[t->packed + i] = positions == GK_POSITIONS_NONE ? 0 : (float)value;
        }
    }
}

gk_status gk_init(gk_real *packed, const gk_shape *shape, const gk_config *config)
{
    const char *text = config->model.init;
    bool linear = gk_seed_text(text, "linear", &(uint64_t){0}), demo;
    uint64_t seed;

    start(packed, shape);
    const char *file = gk_source_path(config, GK_SOURCE_INIT);
    if (file) return gk_checkpoint_load(file, shape, packed);
    demo = gk_seed_text(text, "torch_tl", &seed);
    if (demo || gk_seed_text(text, "torch", &seed))
        GK_TRY(gk_init_published(packed, shape, demo, seed));
    else if (gk_seed_text(text, linear ? "linear" : "philox", &seed))
        own_init(packed, shape, linear, seed);
    else
        return gk_fail(
            GK_EUSAGE,
            "model.init: \"%.100s\" is none of torch:S, torch_tl:S, philox:S, linear:S (S a "
            "number from 0 on) and file:PATH",
            text);
    fix_positions(packed, shape, config->model.positions);
    return GK_OK;
}
