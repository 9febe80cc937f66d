/* From one layout of weights to the other, element by element in the file's own type; which element
 * lies where, a layout says (layout.h). A file's shapes say what model it is. */
#include "gk/export.h"
#include "weights/layout.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct exported {
    const gk_tensors_file *file;
    const char *path; /* for messages */
    gk_shape shape;
    const gk_file_layout *from, *to;
    gk_dtype dtype; /* of what the file has not: zeros */
} exported;

static gk_status size_of(int *size, const exported *e, const char *name, int dims, int axis)
{
    const gk_entry *entry = gk_tensors_find(e->file, name);

    if (!entry) return gk_fail(GK_EDATA, "%s: no tensor %s", e->path, name);
    if (entry->dims != dims)
        return gk_fail(GK_EDATA, "%s: %s has %d dimensions, not %d", e->path, name, entry->dims,
                       dims);
    if (entry->shape[axis] < 1 || entry->shape[axis] > 1 << 24)
        return gk_fail(GK_EDATA, "%s: %s has a size of %lld", e->path, name,
                       (long long)entry->shape[axis]);
    *size = (int)entry->shape[axis];
    return GK_OK;
}

static int count_layers(const gk_tensors_file *file)
{
    char name[GK_NAME_MAX];
    int layers = 0;

    do snprintf(name, sizeof name, "blocks.%d.attn.W_O", layers);
    while (gk_tensors_find(file, name) && ++layers <= GK_LAYERS_MAX);
    return layers;
}

static gk_status find_shape(exported *e)
{
    const gk_entry *w_o = gk_tensors_find(e->file, "blocks.0.attn.W_O");
    gk_shape *s = &e->shape;

    if (!w_o)
        return gk_fail(GK_EDATA,
                       "%s has no blocks.0.attn.W_O: only a transformer can be exported: "
                       "layouts know no network without attention",
                       e->path);
    e->from = gk_layout_of(w_o);
    e->dtype = w_o->dtype;
    *s = (gk_shape){.L = count_layers(e->file), .S = 1, .kind = GK_TRANSFORMER};
    if (s->L > GK_LAYERS_MAX)
        return gk_fail(GK_EDATA, "%s: more than %d layers", e->path, GK_LAYERS_MAX);
    GK_TRY(size_of(&s->V, e, "embed.W_E", 2, e->from->v_axis));
    GK_TRY(size_of(&s->T, e, "pos_embed.W_pos", 2, 0));
    GK_TRY(size_of(&s->D, e, "pos_embed.W_pos", 2, 1));
    GK_TRY(size_of(&s->H, e, "blocks.0.attn.W_K", 3, 0));
    GK_TRY(size_of(&s->K, e, "blocks.0.attn.W_K", 3, e->from->k_axis));
    GK_TRY(size_of(&s->C, e, "unembed.W_U", 2, 1));
    if (gk_tensors_find(e->file, "blocks.0.mlp.W_in"))
        GK_TRY(size_of(&s->F, e, "blocks.0.mlp.W_in", 2, e->from->f_axis));
    s->biases = gk_tensors_find(e->file, "blocks.0.mlp.b_in") != NULL;
    s->attention_biases = gk_has_attention_biases(e->file, s->L);
    s->unembed_bias = gk_has_unembed_bias(e->file);
    /* pre or post: the same tensors */
    s->norm = gk_tensors_find(e->file, "blocks.0.ln1.w") ? GK_NORM_PRE : GK_NORM_NONE;
    s->final_norm = gk_tensors_find(e->file, "ln_final.w") != NULL;
    return GK_OK;
}

/* Names, shapes and types of all tensors, as the reader of checkpoints checks them. */
static gk_status check_tensors(const exported *e)
{
    gk_real *packed = gk_alloc(gk_parameters(&e->shape), sizeof *packed);
    gk_status status = gk_tensors_read(e->file, e->path, "", &e->shape, packed);

    free(packed);
    return status;
}

static gk_status check_expressible(const exported *e, const gk_config *config)
{
    gk_text reason = {0};
    gk_status status = GK_OK;

    if (config && config->model.residual)
        gk_text_add(&reason, "no layout knows a stream that every block doubles "
                             "(model.residual: doubled)");
    else
        e->to->refuse(&reason, &e->shape, config);
    if (reason.length)
        status = gk_fail(GK_EDATA, "%s cannot be exported so: %s", e->path, reason.data);
    gk_text_free(&reason);
    return status;
}

static size_t count_of(const gk_file_shape *shape)
{
    size_t n = 1;

    for (int i = 0; i < shape->dims; i++) n *= (size_t)shape->size[i];
    return n;
}

static void add_zeros(gk_tensors_writer *writer, const exported *e, const char *name,
                      const gk_file_shape *shape)
{
    double *zeros = gk_alloc(count_of(shape), sizeof *zeros); /* wide enough for any type */

    gk_writer_add(writer, name, e->dtype, shape->dims, shape->size, zeros);
    free(zeros);
}

static void add_tensor(gk_tensors_writer *writer, const exported *e, const gk_tensor *t)
{
    const gk_entry *entry = gk_tensors_find(e->file, t->name);
    gk_file_shape shape = e->to->shape(t, &e->shape);

    if (!entry) { /* b_out beside a b_in */
        add_zeros(writer, e, t->name, &shape);
        return;
    }
    size_t bytes = entry->bytes / entry->count;
    char *data = gk_alloc(entry->count, bytes);
    const char *source = entry->data;
    for (size_t row = 0; row < (size_t)t->rows; row++)
        for (size_t col = 0; col < (size_t)t->cols; col++) {
            size_t to = e->to->place(t, &e->shape, row, col);
            size_t from = e->from->place(t, &e->shape, row, col);
            memcpy(data + to * bytes, source + from * bytes, bytes);
        }
    gk_writer_add(writer, t->name, entry->dtype, shape.dims, shape.size, data);
    free(data);
}

/* What the programs of that layout look for and the model has not. */
static void add_missing(gk_tensors_writer *writer, const exported *e)
{
    gk_extra list[GK_EXTRAS_MAX];
    int n = gk_extras(list, &e->shape);

    for (int i = 0; i < n; i++)
        if (e->to->wants(&list[i])) add_zeros(writer, e, list[i].name, &list[i].shape);
    if (e->to->add_buffers) e->to->add_buffers(writer, &e->shape);
}

/* All but what says how the old file was written, and where a state stood. */
static void copy_metadata(gk_tensors_writer *writer, const gk_tensors_file *file)
{
    static const char *const own[] = {"grokc_format", "crc32_data",    "crc32_header", "kind",
                                      "optimiser",    "metrics_bytes", "loss_max"};
    const char *key;
    json_t *value;

    gk_writer_metadata(writer, "kind", "weights");
    json_object_foreach(file->metadata, key, value)
    {
        bool is_own = false;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) is_own |= !strcmp(key, own[i]);
        if (!is_own) gk_writer_metadata(writer, key, json_string_value(value));
    }
}

static gk_status export_file(const char *out, exported *e, const gk_config *config)
{
    gk_tensor list[GK_TENSORS_MAX];
    gk_tensors_writer writer;

    GK_TRY(find_shape(e));
    GK_TRY(check_tensors(e));
    GK_TRY(check_expressible(e, config));
    gk_writer_open(&writer);
    copy_metadata(&writer, e->file);
    int n = gk_tensors(list, &e->shape);
    for (int i = 0; i < n; i++) add_tensor(&writer, e, &list[i]);
    add_missing(&writer, e);
    return gk_writer_save(&writer, out);
}

gk_status gk_export(const char *out, const char *in, const char *layout, const gk_config *config)
{
    gk_tensors_file file;
    exported e = {.file = &file, .path = in};

    GK_TRY(gk_layout_parse(&e.to, layout));
    GK_TRY(gk_tensors_load(&file, in));
    gk_status status = export_file(out, &e, config);
    gk_tensors_close(&file);
    return status;
}
