/* The layout of the paper's code: most matrices are (outputs, inputs), and W_O has no axis of
 * heads. Its modules keep their causal mask with their weights. */
#include "weights/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(const gk_entry *w_o) { return w_o->dims == 2; }

/* Matrices that stand there as (cols, rows) of memory. */
static bool is_transposed(const gk_tensor *t)
{
    return t->form == GK_FORM_HEADS_IN || t->id == GK_ID_w_e || t->id == GK_ID_w_in ||
           t->id == GK_ID_w_out;
}

static gk_file_shape shape(const gk_tensor *t, const gk_shape *s)
{
    if (is_transposed(t)) return (gk_file_shape){2, {t->cols, t->rows}};
    if (t->form == GK_FORM_HEADS_OUT) return (gk_file_shape){3, {s->H, s->K, s->D}};
    return gk_layout_transformer_lens.shape(t, s);
}

static size_t place(const gk_tensor *t, const gk_shape *s, size_t row, size_t col)
{
    if (is_transposed(t)) return col * (size_t)t->rows + row;
    if (t->form == GK_FORM_HEADS_OUT) return col * (size_t)s->D + row; /* col is h K + k */
    return row * (size_t)t->cols + col;
}

static void refuse(gk_text *reason, const gk_shape *s, const gk_config *config)
{
    (void)config;
    if (s->norm != GK_NORM_NONE || s->final_norm)
        gk_text_add(reason, "the paper's layout has no layer norms");
    else if (s->attention_biases || s->unembed_bias)
        gk_text_add(reason, "the paper's layout has no biases of attention and unembedding, and "
                            "here some are not zero");
    else if (!s->F)
        gk_text_add(reason, "the paper's layout has an MLP in every block, and this model none");
    else if (s->V != s->C)
        gk_text_add(reason,
                    "the paper's code has as many outputs as tokens, and this model %d tokens and "
                    "%d outputs (model.outputs)",
                    s->V, s->C);
}

/* Its attention and unembedding have no biases. */
static bool wants(const gk_extra *extra) { return strstr(extra->name, ".mlp."); }

/* The causal mask: ones on and below the diagonal. */
static void add_buffers(gk_tensors_writer *writer, const gk_shape *s)
{
    size_t T = (size_t)s->T;
    float *mask = gk_alloc(T * T, sizeof *mask);

    for (size_t q = 0; q < T; q++)
        for (size_t k = 0; k <= q; k++) mask[q * T + k] = 1;
    for (int l = 0; l < s->L; l++) {
        char name[GK_NAME_MAX];
        snprintf(name, sizeof name, "blocks.%d.attn.mask", l);
        gk_writer_add(writer, name, GK_F32_TYPE, 2, (int64_t[]){s->T, s->T}, mask);
    }
    free(mask);
}

const gk_file_layout gk_layout_paper = {
    .name = "paper",
    .is = is,
    .shape = shape,
    .place = place,
    .v_axis = 1,
    .k_axis = 1,
    .f_axis = 0,
    .refuse = refuse,
    .wants = wants,
    .add_buffers = add_buffers,
};
