/* The sizes of a model from the shapes in its file. */
#include "gk/checkpoint.h"

#include <stdio.h>

static gk_status shape_of(const gk_entry **entry, const gk_tensors_file *file, const char *path,
                          const char *name, int dims)
{
    *entry = gk_tensors_find(file, name);
    if (!*entry) return gk_fail(GK_EDATA, "%s: no tensor %s", path, name);
    if (dims && (*entry)->dims != dims)
        return gk_fail(GK_EDATA, "%s: %s has %d dimensions", path, name, (*entry)->dims);
    for (int i = 0; i < (*entry)->dims; i++)
        if ((*entry)->shape[i] < 1 || (*entry)->shape[i] > 1 << 20)
            return gk_fail(GK_EDATA, "%s: %s has a size of %lld", path, name,
                           (long long)(*entry)->shape[i]);
    return GK_OK;
}

static int count_layers(const gk_tensors_file *file)
{
    char name[64];
    int layers = 0;

    do snprintf(name, sizeof name, "blocks.%d.attn.W_O", layers);
    while (gk_tensors_find(file, name) && ++layers);
    return layers;
}

static gk_status read_sizes(const gk_tensors_file *file, const char *path,
                            char set[GK_SIZE_SETS][64])
{
    const gk_entry *w_e, *w_k, *w_o, *w_u, *w_in;
    long long F = 0;

    GK_TRY(shape_of(&w_e, file, path, "embed.W_E", 2));
    GK_TRY(shape_of(&w_k, file, path, "blocks.0.attn.W_K", 3));
    GK_TRY(shape_of(&w_o, file, path, "blocks.0.attn.W_O", 0));
    GK_TRY(shape_of(&w_u, file, path, "unembed.W_U", 2));
    bool lens =
        w_o->dims == 3; /* TransformerLens: W_O (H,K,D), W_E (V,D), W_K (H,D,K), W_in (D,F) */
    if (gk_tensors_find(file, "blocks.0.mlp.W_in")) {
        GK_TRY(shape_of(&w_in, file, path, "blocks.0.mlp.W_in", 2));
        F = (long long)w_in->shape[lens ? 1 : 0];
    }
    snprintf(set[0], 64, "task.p=%lld", (long long)w_e->shape[lens ? 0 : 1] - 1);
    snprintf(set[1], 64, "model.d_model=%lld", (long long)w_u->shape[0]);
    snprintf(set[2], 64, "model.heads=%lld", (long long)w_k->shape[0]);
    snprintf(set[3], 64, "model.d_head=%lld", (long long)w_k->shape[lens ? 2 : 1]);
    snprintf(set[4], 64, "model.d_mlp=%lld", F);
    snprintf(set[5], 64, "model.outputs=%lld", (long long)w_u->shape[1]);
    snprintf(set[6], 64, "model.layers=%d", count_layers(file));
    snprintf(set[7], 64, "model.biases=%s",
             gk_tensors_find(file, "blocks.0.mlp.b_in") ? "on" : "off");
    return GK_OK;
}

gk_status gk_checkpoint_sizes(const char *path, char set[GK_SIZE_SETS][64])
{
    gk_tensors_file file;

    GK_TRY(gk_tensors_load(&file, path));
    gk_status status = read_sizes(&file, path, set);
    gk_tensors_close(&file);
    return status;
}
