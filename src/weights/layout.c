/* The two layouts of weights in files.
 *
 *              memory       TransformerLens   the paper's code
 *   W_E        (V,D)        (V,D)             (D,V)
 *   W_pos      (T,D)        (T,D)             (T,D)
 *   W_Q,K,V    (D,H*K)      (H,D,K)           (H,K,D)
 *   W_O        (H*K,D)      (H,K,D)           (D,H*K)
 *   W_in       (D,F)        (D,F)             (F,D)
 *   W_out      (F,D)        (F,D)             (D,F)
 *   W_U        (D,C)        (D,C)             (D,C)
 */
#include "weights/layout.h"

#include <stdio.h>
#include <string.h>

/* Of what is a matrix in the paper's files. */
static bool is_transposed(const gk_tensor *t, enum gk_layout layout)
{
    return layout == GK_PAPER && (t->form == GK_HEADS_IN || t->id == GK_ID_w_e ||
                                  t->id == GK_ID_w_in || t->id == GK_ID_w_out);
}

gk_file_shape gk_file_shape_of(const gk_tensor *t, const gk_shape *s, enum gk_layout layout)
{
    if (is_transposed(t, layout)) return (gk_file_shape){2, {t->cols, t->rows}};
    switch (t->form) {
    case GK_PLAIN: break;
    case GK_VECTOR:
    case GK_NORM: return (gk_file_shape){1, {t->cols}};
    case GK_HEADS_IN: return (gk_file_shape){3, {s->H, s->K, s->D}};
    case GK_HEADS_OUT:
        if (layout == GK_PAPER) return (gk_file_shape){3, {s->H, s->K, s->D}};
        return (gk_file_shape){3, {s->H, s->D, s->K}};
    }
    return (gk_file_shape){2, {t->rows, t->cols}};
}

size_t gk_file_place(const gk_tensor *t, const gk_shape *s, enum gk_layout layout, size_t row,
                     size_t col)
{
    size_t K = (size_t)s->K, D = (size_t)s->D;

    if (is_transposed(t, layout)) return col * (size_t)t->rows + row;
    if (t->form == GK_HEADS_OUT) /* col is h K + k */
        return layout == GK_PAPER ? col * D + row : (col / K * D + row) * K + col % K;
    return row * (size_t)t->cols + col;
}

static void add(gk_extra list[], int *n, const char *name, int dims, int first, int second)
{
    GK_CHECK(*n < GK_EXTRAS_MAX);
    gk_extra *extra = &list[(*n)++];

    extra->shape = (gk_file_shape){dims, {first, second}};
    snprintf(extra->name, sizeof extra->name, "%s", name);
}

static void add_in_layer(gk_extra list[], int *n, int layer, const char *name, int dims, int first,
                         int second)
{
    char full[GK_NAME_MAX];

    snprintf(full, sizeof full, "blocks.%d.%s", layer, name);
    add(list, n, full, dims, first, second);
}

int gk_extras(gk_extra list[GK_EXTRAS_MAX], const gk_shape *s)
{
    int n = 0;

    if (s->kind == GK_MLP) return 0; /* TransformerLens has no such model */
    for (int l = 0; l < s->L; l++) {
        add_in_layer(list, &n, l, "attn.b_Q", 2, s->H, s->K);
        add_in_layer(list, &n, l, "attn.b_K", 2, s->H, s->K);
        add_in_layer(list, &n, l, "attn.b_V", 2, s->H, s->K);
        add_in_layer(list, &n, l, "attn.b_O", 1, s->D, 0);
        if (s->F == 0 || s->biases) continue;
        add_in_layer(list, &n, l, "mlp.b_in", 1, s->F, 0);
        add_in_layer(list, &n, l, "mlp.b_out", 1, s->D, 0);
    }
    add(list, &n, "unembed.b_U", 1, s->C, 0);
    return n;
}

bool gk_is_buffer(const char *name, int layers)
{
    char buffer[GK_NAME_MAX];

    for (int l = 0; l < layers; l++) {
        snprintf(buffer, sizeof buffer, "blocks.%d.attn.mask", l);
        if (!strcmp(name, buffer)) return true;
        snprintf(buffer, sizeof buffer, "blocks.%d.attn.IGNORE", l);
        if (!strcmp(name, buffer)) return true;
    }
    return false;
}
