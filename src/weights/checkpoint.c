/* Weights between packed blobs and files. A file is checked as a whole before anything is copied: a
 * blob is either filled or as it was. How files differ from memory is layout.h. */
#include "gk/weights.h"
#include "weights/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const gk_dtype real_type = sizeof(gk_real) == 4 ? GK_F32_TYPE : GK_F64_TYPE;

/* What files of format 1 call the moments, whatever the optimiser. */
static const char *const first_names[GK_MOMENTS_MAX] = {"adam_m", "adam_v"};

/* One tensor set of an open file, with what every message needs. */
typedef struct weights {
    const gk_tensors_file *file;
    const char *path, *prefix;
    const gk_shape *shape;
    const gk_file_layout *layout;
    int n, n_extras;
    gk_tensor tensor[GK_TENSORS_MAX];
    gk_extra extras[GK_EXTRAS_MAX];
} weights;

/* ---- reading */

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

/* An mlp has no W_O to tell it by: only grokc writes such files. */
static gk_status find_layout(weights *w)
{
    const gk_entry *w_o = find(w, "blocks.0.attn.W_O");

    w->layout = &gk_layout_transformer_lens;
    if (w->shape->kind == GK_MLP) return GK_OK;
    if (!w_o) return gk_fail(GK_EDATA, "%s: there is no %sblocks.0.attn.W_O", w->path, w->prefix);
    w->layout = gk_layout_of(w_o);
    return GK_OK;
}

static bool begins(const char *name, const char *moment)
{
    size_t n = strlen(moment);

    return n && !strncmp(name, moment, n) && name[n] == '.';
}

/* Is it a moment of any optimiser? */
static bool is_moment(const char *name)
{
    for (int i = 0; i < GK_MOMENTS_MAX; i++) {
        if (begins(name, first_names[i])) return true;
        for (int o = 0; o < GK_OPTIMISERS; o++)
            if (begins(name, gk_optimisers[o].moment[i])) return true;
    }
    return false;
}

/* The set with no prefix is all but the moments. */
static bool belongs(const weights *w, const char *name)
{
    if (*w->prefix) return !strncmp(name, w->prefix, strlen(w->prefix));
    return !is_moment(name);
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
            GK_TRY(check_entry(w, entry, w->layout->shape(t, shape)));
        else if (!gk_is_bias(t))
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
                size_t place = w->layout->place(t, w->shape, row, col);
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

/* A state says whose moments it has; a file of format 1 does not, and has two of any optimiser. */
static gk_status check_optimiser(const gk_tensors_file *file, const char *path,
                                 const gk_optimiser_info *optimiser)
{
    const char *word = gk_tensors_metadata(file, "optimiser");

    if (file->format < GK_FORMAT || (word && !strcmp(word, optimiser->word))) return GK_OK;
    return gk_fail(GK_EDATA, "%s is a state of the optimiser %s, not of %s", path,
                   word ? word : "?", optimiser->word);
}

static gk_status read_state(const gk_tensors_file *file, const char *path, const gk_shape *shape,
                            gk_stage *stage, gk_position *position)
{
    const gk_optimiser_info *o = stage->optimiser;
    const char *const *names = file->format < GK_FORMAT ? first_names : o->moment;
    char prefix[GK_MOMENTS_MAX][GK_NAME_MAX];
    weights params, moment[GK_MOMENTS_MAX];
    gk_position found;

    GK_TRY(gk_position_read(&found, file, path));
    GK_TRY(check_optimiser(file, path, o));
    GK_TRY(check_weights(&params, file, path, "", shape));
    for (int i = 0; i < o->moments; i++) {
        snprintf(prefix[i], sizeof prefix[i], "%s.", names[i]);
        GK_TRY(check_weights(&moment[i], file, path, prefix[i], shape));
    }
    copy_weights(&params, stage->params);
    for (int i = 0; i < o->moments; i++) copy_weights(&moment[i], stage->moment[i]);
    *position = found;
    return GK_OK;
}

gk_status gk_state_load(const char *path, const gk_shape *shape, gk_stage *stage,
                        gk_position *position)
{
    gk_tensors_file file;

    GK_TRY(gk_tensors_load(&file, path));
    gk_status status = read_state(&file, path, shape, stage, position);
    gk_tensors_close(&file);
    return status;
}

/* ---- writing */

static void add_tensors(gk_tensors_writer *writer, const char *prefix, const gk_shape *shape,
                        const gk_real *packed)
{
    const gk_file_layout *own = &gk_layout_transformer_lens;
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, shape);
    gk_text name = {0};

    for (int i = 0; i < n; i++) {
        const gk_tensor *t = &list[i];
        const gk_real *from = packed + t->packed;
        gk_real *buffer = gk_alloc(t->size, sizeof *buffer);
        for (size_t row = 0; row < (size_t)t->rows; row++)
            for (size_t col = 0; col < (size_t)t->cols; col++)
                buffer[own->place(t, shape, row, col)] = *from++;
        gk_file_shape form = own->shape(t, shape);
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

gk_status gk_checkpoint_save(const char *path, const gk_shape *shape, const gk_real *params,
                             int64_t epoch)
{
    gk_tensors_writer writer;
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)epoch);
    gk_writer_open(&writer);
    gk_writer_metadata(&writer, "kind", "weights");
    gk_writer_metadata(&writer, "epoch", text);
    add_tensors(&writer, "", shape, params);
    add_zeros(&writer, shape);
    return gk_writer_save(&writer, path);
}

gk_status gk_state_save(const char *path, const gk_shape *shape, const gk_stage *stage,
                        const gk_position *position)
{
    const gk_optimiser_info *o = stage->optimiser;
    gk_tensors_writer writer;

    gk_writer_open_format(&writer, GK_FORMAT);
    gk_position_write(&writer, position);
    gk_writer_metadata(&writer, "optimiser", o->word);
    add_tensors(&writer, "", shape, stage->params);
    add_zeros(&writer, shape);
    for (int i = 0; i < o->moments; i++) {
        char prefix[GK_NAME_MAX];
        snprintf(prefix, sizeof prefix, "%s.", o->moment[i]);
        add_tensors(&writer, prefix, shape, stage->moment[i]);
    }
    return gk_writer_save(&writer, path);
}
