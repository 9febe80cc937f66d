/* measures/EPOCH.safetensors: the arrays behind the scalars of a row. */
#include "measures/parts.h"
#include "gk/blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *gk_array_name(int i, const char **shape, const char **help)
{
    static const char *const list[][3] = {
#define ARRAY(name, shape, help) {name, shape, help},
#include "gk/arrays.def"
#undef ARRAY
    };

    if (i < 0 || i >= (int)(sizeof list / sizeof *list)) return NULL;
    *shape = list[i][1];
    *help = list[i][2];
    return list[i][0];
}

void gk_array_add(gk_tensors_writer *w, const char *name, gk_dtype type, int dims,
                  const int64_t *size, const void *data)
{
    const char *shape, *help, *listed;
    bool there = false;

    for (int i = 0; !there && (listed = gk_array_name(i, &shape, &help)); i++)
        there = !strcmp(listed, name);
    GK_CHECK(there); /* arrays.def */
    gk_writer_add(w, name, type, dims, size, data);
}

static void add(gk_tensors_writer *w, const char *name, int dims, int64_t a, int64_t b,
                const double *data)
{
    gk_array_add(w, name, GK_F64_TYPE, dims, (const int64_t[]){a, b}, data);
}

static void add_ints(gk_tensors_writer *w, const char *name, int64_t n, const int *data)
{
    int64_t *copy = gk_alloc((size_t)n, sizeof *copy);

    for (int64_t i = 0; i < n; i++) copy[i] = data[i];
    gk_array_add(w, name, GK_I64_TYPE, 1, &n, copy);
    free(copy);
}

/* Orthonormal DFT of `in` (n): const, cos 1, sin 1, ...: n values (n/2's sine is left out for even
 * n). */
static void dft(double *out, const double *in, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n, K = (size_t)s->lens->K;

    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t e = 0; e < n; e++) sum += in[e] * (i ? s->basis[e * 2 * K + i - 1] : 1);
        out[i] = sum * sqrt((i == 0 || i == n - 1 + n % 2 ? 1.0 : 2.0) / (double)n);
    }
}

/* Is the sequence a b =, embedded and read as it is? */
static bool reads_equals(const gk_shape *s)
{
    return s->kind == GK_TRANSFORMER && s->T == 3 && s->norm != GK_NORM_PRE;
}

/* w_attn[h][t] = (W_E["="] + W_pos[last]) W_Q[h] W_K[h]^T W_E[t]^T of the first block, and its DFT
 * over t. */
static void add_attention(gk_tensors_writer *w, const gk_snapshot *s)
{
    const gk_shape *sh = s->shape;
    const gk_real *w_e = gk_snapshot_tensor(s, "embed.W_E", 0),
                  *w_pos = gk_snapshot_tensor(s, "W_pos", 0);
    const gk_real *w_q = gk_snapshot_tensor(s, "attn.W_Q", 0),
                  *w_k = gk_snapshot_tensor(s, "attn.W_K", 0);
    size_t n = (size_t)s->lens->n, D = (size_t)sh->D, H = (size_t)sh->H, K = (size_t)sh->K,
           HK = H * K;
    double *q = gk_alloc(HK, sizeof *q), *u = gk_alloc(D, sizeof *u),
           *line = gk_alloc(n, sizeof *line);
    double *transform = gk_alloc(H * n, sizeof *transform);

    for (size_t d = 0; d < D; d++)
        for (size_t i = 0; i < HK; i++)
            q[i] += ((double)w_e[(size_t)(sh->V - 1) * D + d] +
                     (w_pos ? (double)w_pos[(size_t)(sh->T - 1) * D + d] : 0)) *
                    (double)w_q[d * HK + i];
    for (size_t h = 0; h < H; h++) {
        for (size_t d = 0; d < D; d++) {
            u[d] = 0;
            for (size_t i = h * K; i < (h + 1) * K; i++) u[d] += q[i] * (double)w_k[d * HK + i];
        }
        for (size_t e = 0; e < n; e++) {
            line[e] = 0;
            for (size_t d = 0; d < D; d++)
                line[e] += u[d] * (double)w_e[(size_t)s->analysis->column[e] * D + d];
        }
        dft(transform + h * n, line, s);
    }
    add(w, "w_attn_fourier", 2, (int64_t)H, (int64_t)n, transform);
    free(q);
    free(u);
    free(line);
    free(transform);
}

/* const, cos 1, sin 1, ...: norms over the other index of a (2K, rows) transform */
static void add_norms(gk_tensors_writer *w, const char *name, const double *hat, size_t rows,
                      double constant, size_t n)
{
    double *norm = gk_alloc(n, sizeof *norm);

    norm[0] = sqrt(constant);
    for (size_t j = 1; j < n; j++) {
        for (size_t i = 0; i < rows; i++)
            norm[j] += hat[(j - 1) * rows + i] * hat[(j - 1) * rows + i];
        norm[j] = sqrt(norm[j]);
    }
    add(w, name, 1, (int64_t)n, 0, norm);
    free(norm);
}

static double w_e_constant(const gk_snapshot *s)
{
    const gk_real *w_e = gk_snapshot_tensor(s, "embed.W_E", 0);
    size_t D = (size_t)s->shape->D, n = (size_t)s->lens->n;
    double square = 0;

    for (size_t d = 0; d < D; d++) {
        double sum = 0;
        for (size_t e = 0; e < n; e++) sum += (double)w_e[(size_t)s->analysis->column[e] * D + d];
        square += sum * sum / (double)n;
    }
    return square;
}

static void add_cosines(gk_tensors_writer *w, const gk_snapshot *s)
{
    size_t K = (size_t)s->lens->K;
    double *v = gk_alloc(2 * K, sizeof *v), norm2;

    for (size_t k = 0; k < K; k++) {
        v[k] = gk_cosine_coefficient(s, (int)k + 1, &norm2);
        v[K + k] = v[k] / sqrt(s->norm2);
    }
    add(w, "cosine_coefficients", 1, (int64_t)K, 0, v);
    add(w, "cosine_similarity", 1, (int64_t)K, 0, v + K);
    free(v);
}

static void add_arrays(gk_tensors_writer *w, const gk_snapshot *s, const gk_findings *found)
{
    size_t n = (size_t)s->lens->n, rows = (size_t)s->w_l_rows;

    if (gk_snapshot_tensor(s, "embed.W_E", 0))
        add_norms(w, "w_e_fourier_norms", s->w_e_hat, (size_t)s->shape->D, w_e_constant(s), n);
    add_norms(w, "w_l_fourier_norms", s->w_l_hat, rows, s->w_l_const, n);
    add_cosines(w, s);
    if (reads_equals(s->shape)) add_attention(w, s);
    if (s->lens->attention) add(w, "attention_eq", 1, s->shape->H, 0, s->attention_eq);
    if (s->lens->train_rows)
        add(w, "excluded_by_frequency", 1, s->lens->K, 0, found->excluded.loss);
    if (!s->analysis->no_grid) {
        double *norms = gk_alloc(n * n, sizeof *norms);
        gk_logit_spectrum(norms, s, 1);
        add(w, "logits_fourier2d_norms", 2, (int64_t)n, (int64_t)n, norms);
        free(norms);
    }
    if (!s->analysis->no_grid && s->shape->F) {
        add_ints(w, "neuron_frequency", s->shape->F, found->neurons.k);
        add(w, "neuron_fve", 1, s->shape->F, 0, found->neurons.fve);
    }
    add_ints(w, "element_class", s->lens->n, s->analysis->column);
    if (!s->keys) return;
    add_ints(w, "key_freqs", s->keys, s->key);
    if (!s->analysis->no_grid) add(w, "ablate8_loss", 1, s->keys, 0, found->ablated.loss);
    if (!s->analysis->no_grid && s->w_l_neurons)
        add(w, "readout_fve", 2, s->keys, 2, found->readout.fve);
}

static void add_neurons(gk_tensors_writer *w, const gk_snapshot *s)
{
    double *norm = gk_alloc((size_t)s->shape->F, sizeof *norm);

    gk_neuron_norms(norm, s);
    add(w, "neuron_norms", 1, s->shape->F, 0, norm);
    free(norm);
}

void gk_arrays_write(gk_tensors_writer *w, const gk_snapshot *s, gk_findings *found)
{
    gk_writer_metadata(w, "kind", "measures");
    if (s->shape->kind == GK_MLP) add_neurons(w, s);
    if (s->analysis->undefined) {
        gk_writer_metadata(w, "undefined", s->analysis->undefined);
        return;
    }
    if (!s->analysis->no_grid && s->shape->F) gk_find_neurons(found, s, 1);
    add_arrays(w, s, found);
}
