/* TransformerLens's layout: memory's, but for heads, which are an axis of their own. */
#include "weights/layout.h"

static bool is(const gk_entry *w_o) { return w_o->dims == 3; }

static gk_file_shape shape(const gk_tensor *t, const gk_shape *s)
{
    switch (t->form) {
    case GK_FORM_PLAIN: break;
    case GK_FORM_VECTOR:
    case GK_FORM_NORM: return (gk_file_shape){1, {t->cols}};
    case GK_FORM_HEADS_VECTOR: return (gk_file_shape){2, {s->H, s->K}};
    case GK_FORM_HEADS_IN: return (gk_file_shape){3, {s->H, s->K, s->D}};
    case GK_FORM_HEADS_OUT: return (gk_file_shape){3, {s->H, s->D, s->K}};
    }
    return (gk_file_shape){2, {t->rows, t->cols}};
}

static size_t place(const gk_tensor *t, const gk_shape *s, size_t row, size_t col)
{
    size_t K = (size_t)s->K, D = (size_t)s->D;

    if (t->form == GK_FORM_HEADS_OUT) return (col / K * D + row) * K + col % K; /* col is h K + k */
    return row * (size_t)t->cols + col;
}

static void refuse(gk_text *reason, const gk_shape *s, const gk_config *config)
{
    if (config && config->model.norm == GK_NORM_POST)
        gk_text_add(reason, "TransformerLens's decoder normalises what a block reads, and this "
                            "model (model.norm: post) what it leaves");
    else if ((s->norm != GK_NORM_NONE) != s->final_norm)
        gk_text_add(reason, "TransformerLens has layer norms in the blocks and before the "
                            "unembedding, or nowhere; this model has only the one or the other");
}

static bool wants(const gk_extra *extra)
{
    (void)extra;
    return true;
}

const gk_file_layout gk_layout_transformer_lens = {
    .name = "transformer_lens",
    .is = is,
    .shape = shape,
    .place = place,
    .v_axis = 0,
    .k_axis = 2,
    .f_axis = 1,
    .refuse = refuse,
    .wants = wants,
};
