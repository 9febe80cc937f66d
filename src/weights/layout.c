/* The list of layouts, and what they share.
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
#include "gk/export.h"

#include <stdio.h>
#include <string.h>

static const gk_file_layout *const layouts[] = {&gk_layout_transformer_lens, &gk_layout_paper};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

const char *gk_export_layout(int i) { return i < 0 || i >= LAYOUTS ? NULL : layouts[i]->name; }

void gk_export_layouts(gk_text *text, const char * or)
{
    for (int i = 0; i < LAYOUTS; i++)
        gk_text_add(text, "%s%s", !i ? "" : i + 1 < LAYOUTS ? ", " : or, layouts[i]->name);
}

const gk_file_layout *gk_layout_of(const gk_entry *w_o)
{
    for (int i = 0; i < LAYOUTS; i++)
        if (layouts[i]->is(w_o)) return layouts[i];
    return layouts[0];
}

gk_status gk_layout_parse(const gk_file_layout **layout, const char *word)
{
    const char *words[LAYOUTS];
    gk_text list = {0};

    for (int i = 0; i < LAYOUTS; i++) {
        words[i] = layouts[i]->name;
        *layout = layouts[i];
        if (!strcmp(word, words[i])) return GK_OK;
    }
    int nearest = gk_nearest(word, words, LAYOUTS);
    gk_export_layouts(&list, " or ");
    gk_fail(GK_EUSAGE, "--layout \"%s\": expects %s%s%s%s", word, list.data,
            nearest < 0 ? "" : "; did you mean \"", nearest < 0 ? "" : words[nearest],
            nearest < 0 ? "" : "\"?");
    gk_text_free(&list);
    return GK_EUSAGE;
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

static void add_extras_of_layer(gk_extra list[], int *n, const gk_shape *s, int l)
{
    if (!s->attention_biases) {
        add_in_layer(list, n, l, "attn.b_Q", 2, s->H, s->K);
        add_in_layer(list, n, l, "attn.b_K", 2, s->H, s->K);
        add_in_layer(list, n, l, "attn.b_V", 2, s->H, s->K);
        add_in_layer(list, n, l, "attn.b_O", 1, s->D, 0);
    }
    if (s->F == 0 || s->biases) return;
    add_in_layer(list, n, l, "mlp.b_in", 1, s->F, 0);
    add_in_layer(list, n, l, "mlp.b_out", 1, s->D, 0);
}

int gk_extras(gk_extra list[GK_EXTRAS_MAX], const gk_shape *s)
{
    int n = 0;

    if (s->kind == GK_MLP) return 0; /* TransformerLens has no such model */
    for (int l = 0; l < s->L; l++) add_extras_of_layer(list, &n, s, l);
    if (!s->unembed_bias) add(list, &n, "unembed.b_U", 1, s->C, 0);
    return n;
}
static bool is_zero(const gk_tensors_file *file, const char *name)
{
    const gk_entry *entry = gk_tensors_find(file, name);

    for (size_t i = 0; entry && i < entry->count; i++)
        if (!(gk_entry_value(entry, i) == 0)) return false;
    return true;
}

bool gk_has_attention_biases(const gk_tensors_file *file, int layers)
{
    static const char *const bias[] = {"b_Q", "b_K", "b_V", "b_O"};
    char name[GK_NAME_MAX];

    for (int i = 0; i < 4 * layers; i++) {
        snprintf(name, sizeof name, "blocks.%d.attn.%s", i / 4, bias[i % 4]);
        if (!is_zero(file, name)) return true;
    }
    return false;
}

bool gk_has_unembed_bias(const gk_tensors_file *file) { return !is_zero(file, "unembed.b_U"); }

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
