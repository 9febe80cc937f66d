/* Weights between packed blobs and files. A file is checked as a whole before anything is copied: a
 * blob is either filled or as it was. How files differ from memory is checkpoint_layout.c. */
#include "gk/checkpoint.h"
#include "weights/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const gk_dtype real_type = sizeof(gk_real) == 4 ? GK_F32_TYPE : GK_F64_TYPE;

/* One tensor set of an open file, with what every message needs. */
typedef struct weights {
    const gk_tensors_file *file;
    const char *path, *prefix;
    const gk_shape *shape;
    enum gk_layout layout;
    int n, n_extras;
    gk_tensor tensor[GK_TENSORS_MAX];
    gk_extra extras[GK_EXTRAS_MAX];
} weights;

/* -------------------------------------------------------------------------------------- reading */

static const gk_entry *find(const weights *w, const char *name)
{
    char full[2 * GK_NAME_MAX];
    int n = snprintf(full, sizeof full, "%s%s", w->prefix, name);

    GK_CHECK(n > 0 && (size_t)n < sizeof full);
    return gk_tensors_find(w->file, full);
}

static void add_shape(gk_text *text, int dims, const int64_t *size)
{
    gk_text_add(text, "(");
    for (int i = 0; i < dims; i++) gk_text_add(text, "%s%lld", i ? ", " : "", (long long)size[i]);
    gk_text_add(text, ")");
}

static gk_status check_entry(const weights *w, const gk_entry *entry, gk_file_shape expected)
{
    if (entry->dims != expected.dims ||
        memcmp(entry->shape, expected.size, (size_t)entry->dims * sizeof *entry->shape) != 0) {
        gk_text text = {0};
        gk_text_add(&text, "%s has shape ", entry->name);
        add_shape(&text, entry->dims, entry->shape);
        gk_text_add(&text, "; this model needs ");
        add_shape(&text, expected.dims, expected.size);
        gk_fail(GK_EDATA, "%s: %s", w->path, text.data);
        gk_text_free(&text);
        return GK_EDATA;
    }
    if (entry->dtype != GK_F32_TYPE && entry->dtype != GK_F64_TYPE && entry->dtype != GK_F16_TYPE &&
        entry->dtype != GK_BF16_TYPE)
        return gk_fail(GK_EDATA, "%s: %s is not of type F32, F64, F16 or BF16", w->path,
                       entry->name);
    return GK_OK;
}

static gk_status check_zero(const weights *w, const gk_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++)
        if (!(gk_entry_value(entry, i) == 0))
            return gk_fail(GK_EDATA, "%s: %s is not zero, and this model has no such bias", w->path,
                           entry->name);
    return GK_OK;
}

/* By the rank of W_O: W_E may be square, W_O never looks like the other one. */
static gk_status find_layout(weights *w)
{
    const gk_entry *w_o = find(w, "blocks.0.attn.W_O");

    w->layout = GK_LENS;
    if (w->shape->kind == GK_MLP) return GK_OK; /* has none; the paper's code knows no such model */
    if (!w_o) return gk_fail(GK_EDATA, "%s: there is no %sblocks.0.attn.W_O", w->path, w->prefix);
    w->layout = w_o->dims == 2 ? GK_PAPER : GK_LENS;
    return GK_OK;
}

/* The set with no prefix is all but the moments. */
static bool belongs(const weights *w, const char *name)
{
    if (*w->prefix) return !strncmp(name, w->prefix, strlen(w->prefix));
    return strncmp(name, "adam_m.", 7) != 0 && strncmp(name, "adam_v.", 7) != 0;
}

static bool is_known(const weights *w, const char *name)
{
    for (int i = 0; i < w->n; i++)
        if (!strcmp(name, w->tensor[i].name)) return true;
    for (int i = 0; i < w->n_extras; i++)
        if (!strcmp(name, w->extras[i].name)) return true;
    return gk_is_buffer(name, w->shape->L);
}

static gk_status check_names(const weights *w)
{
    for (int i = 0; i < w->file->n; i++) {
        const char *name = w->file->entry[i].name;
        if (belongs(w, name) && !is_known(w, name + strlen(w->prefix)))
            return gk_fail(GK_EDATA,
                           "%s: tensor %.200s is not one of this model's (layers: %d, d_mlp: %d, "
                           "layer norm: %s)",
                           w->path, name, w->shape->L, w->shape->F,
                           (const char *[]){"none", "pre", "post"}[w->shape->norm]);
    }
    return GK_OK;
}

static gk_status check_weights(weights *w, const gk_tensors_file *file, const char *path,
                               const char *prefix, const gk_shape *shape)
{
    w->file = file;
    w->path = path;
    w->prefix = prefix;
    w->shape = shape;
    w->n = gk_tensors(w->tensor, shape);
    w->n_extras = gk_extras(w->extras, shape);
    GK_TRY(find_layout(w));
    for (int i = 0; i < w->n; i++) {
        const gk_tensor *t = &w->tensor[i];
        const gk_entry *entry = find(w, t->name);
        if (entry)
            GK_TRY(check_entry(w, entry, gk_file_shape_of(t, shape, w->layout)));
        else if (t->form != GK_VECTOR)
            return gk_fail(GK_EDATA, "%s: there is no %s%s", path, prefix, t->name);
    }
    for (int i = 0; i < w->n_extras; i++) {
        const gk_entry *entry = find(w, w->extras[i].name);
        if (!entry) continue;
        GK_TRY(check_entry(w, entry, w->extras[i].shape));
        GK_TRY(check_zero(w, entry));
    }
    return check_names(w);
}

static void copy_weights(const weights *w, gk_real *packed)
{
    for (int i = 0; i < w->n; i++) {
        const gk_tensor *t = &w->tensor[i];
        const gk_entry *entry = find(w, t->name);
        gk_real *to = packed + t->packed;
        for (size_t row = 0; row < (size_t)t->rows; row++)
            for (size_t col = 0; col < (size_t)t->cols; col++) {
                size_t place = gk_file_place(t, w->shape, w->layout, row, col);
                *to++ = entry ? (gk_real)gk_entry_value(entry, place) : 0;
            }
    }
}

gk_status gk_tensors_read(const gk_tensors_file *file, const char *path, const char *prefix,
                          const gk_shape *shape, gk_real *packed)
{
    weights w;

    GK_TRY(check_weights(&w, file, path, prefix, shape));
    copy_weights(&w, packed);
    return GK_OK;
}

gk_status gk_checkpoint_load(const char *path, const gk_shape *shape, gk_real *params)
{
    gk_tensors_file file;

    GK_TRY(gk_tensors_load(&file, path));
    gk_status status = gk_tensors_read(&file, path, "", shape, params);
    gk_tensors_close(&file);
    return status;
}

static bool read_count(const gk_tensors_file *file, const char *key, int64_t *value)
{
    const char *text = gk_tensors_metadata(file, key);

    return text && gk_parse_int(text, value) && *value >= 0;
}

/* Any number, NaN and infinity too. */
static bool read_loss(const gk_tensors_file *file, const char *key, double *value)
{
    const char *text = gk_tensors_metadata(file, key);
    char *end = NULL;

    if (text) *value = strtod(text, &end);
    return text && end != text && !*end;
}

static gk_status read_position(const gk_tensors_file *file, const char *path, gk_position *position)
{
    const char *kind = gk_tensors_metadata(file, "kind");

    if (!file->ours)
        return gk_fail(GK_EDATA, "%s has no checksums: it is not a state that grokc wrote", path);
    if (!kind || strcmp(kind, "state") != 0)
        return gk_fail(
            GK_EDATA,
            "%s holds weights only; to go on from an epoch, its state is needed "
            "(resume.safetensors, or checkpoints/*.state.safetensors where run.keep_state asks)",
            path);
    if (!read_count(file, "epoch", &position->epoch) ||
        !read_count(file, "metrics_bytes", &position->metrics_bytes) ||
        !read_loss(file, "loss_max", &position->loss_max))
        return gk_fail(GK_EDATA, "%s: epoch, metrics_bytes or loss_max is missing or not a number",
                       path);
    return GK_OK;
}

static gk_status read_state(const gk_tensors_file *file, const char *path, const gk_shape *shape,
                            gk_real *blob[3], gk_position *position)
{
    static const char *const prefix[3] = {"", "adam_m.", "adam_v."};
    weights set[3];
    gk_position found;

    GK_TRY(read_position(file, path, &found));
    for (int i = 0; i < 3; i++) GK_TRY(check_weights(&set[i], file, path, prefix[i], shape));
    for (int i = 0; i < 3; i++) copy_weights(&set[i], blob[i]);
    *position = found;
    return GK_OK;
}

gk_status gk_state_load(const char *path, const gk_shape *shape, gk_real *params, gk_real *m,
                        gk_real *v, gk_position *position)
{
    gk_tensors_file file;

    GK_TRY(gk_tensors_load(&file, path));
    gk_status status = read_state(&file, path, shape, (gk_real *[3]){params, m, v}, position);
    gk_tensors_close(&file);
    return status;
}

/* -------------------------------------------------------------------------------------- writing */

static void add_tensors(gk_tensors_writer *writer, const char *prefix, const gk_shape *shape,
                        const gk_real *packed)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, shape);
    gk_text name = {0};

    for (int i = 0; i < n; i++) {
        const gk_tensor *t = &list[i];
        const gk_real *from = packed + t->packed;
        gk_real *buffer = gk_alloc(t->size, sizeof *buffer);
        for (size_t row = 0; row < (size_t)t->rows; row++)
            for (size_t col = 0; col < (size_t)t->cols; col++)
                buffer[gk_file_place(t, shape, GK_LENS, row, col)] = *from++;
        gk_file_shape form = gk_file_shape_of(t, shape, GK_LENS);
        name.length = 0;
        gk_text_add(&name, "%s%s", prefix, t->name);
        gk_writer_add(writer, name.data, real_type, form.dims, form.size, buffer);
        free(buffer);
    }
    gk_text_free(&name);
}

/* The biases that this model has not, so that TransformerLens finds all that it looks for. */
static void add_zeros(gk_tensors_writer *writer, const gk_shape *shape)
{
    gk_extra list[GK_EXTRAS_MAX];
    int n = gk_extras(list, shape);

    for (int i = 0; i < n; i++) {
        gk_file_shape form = list[i].shape;
        size_t size = (size_t)(form.size[0] * (form.dims == 2 ? form.size[1] : 1));
        gk_real *zeros = gk_alloc(size, sizeof *zeros);
        gk_writer_add(writer, list[i].name, real_type, form.dims, form.size, zeros);
        free(zeros);
    }
}

static void add_number(gk_tensors_writer *writer, const char *key, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)value);
    gk_writer_metadata(writer, key, text);
}

gk_status gk_checkpoint_save(const char *path, const gk_shape *shape, const gk_real *params,
                             int64_t epoch)
{
    gk_tensors_writer writer;

    gk_writer_open(&writer);
    gk_writer_metadata(&writer, "kind", "weights");
    add_number(&writer, "epoch", epoch);
    add_tensors(&writer, "", shape, params);
    add_zeros(&writer, shape);
    return gk_writer_save(&writer, path);
}

gk_status gk_state_save(const char *path, const gk_shape *shape, const gk_real *params,
                        const gk_real *m, const gk_real *v, const gk_position *position)
{
    gk_tensors_writer writer;
    char text[32];

    gk_writer_open(&writer);
    gk_writer_metadata(&writer, "kind", "state");
    add_number(&writer, "epoch", position->epoch);
    add_number(&writer, "metrics_bytes", position->metrics_bytes);
    snprintf(text, sizeof text, "%.17g", position->loss_max);
    gk_writer_metadata(&writer, "loss_max", text);
    add_tensors(&writer, "", shape, params);
    add_zeros(&writer, shape);
    add_tensors(&writer, "adam_m.", shape, m);
    add_tensors(&writer, "adam_v.", shape, v);
    return gk_writer_save(&writer, path);
}
