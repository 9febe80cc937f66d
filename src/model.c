/* The layout of a model: which tensors exist, where they lie in the blobs, what activations
 * need. */
#include "gk/model.h"
#include "activations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

gk_shape gk_shape_of(const gk_config *config, int V, int T, int answers)
{
    return (gk_shape){
        .L = (int)config->model.layers,
        .T = T,
        .V = V,
        .D = (int)config->model.d_model,
        .H = (int)config->model.heads,
        .K = (int)config->model.d_head,
        .F = (int)config->model.d_mlp,
        .C = config->model.outputs ? (int)config->model.outputs : answers,
        .activation = config->model.activation,
        .biases = config->model.biases != GK_BIASES_OFF,
    };
}

static void add(gk_tensor list[], int *n, int id, int layer, int rows, int cols, enum gk_form form,
                const char *prefix, const char *name)
{
    GK_CHECK(*n < GK_TENSORS_MAX);
    gk_tensor *t = &list[*n];

    *t = (gk_tensor){.layer = layer, .rows = rows, .cols = cols, .id = id, .form = form};
    snprintf(t->name, sizeof t->name, "%s%s", prefix, name);
    t->size = (size_t)rows * (size_t)cols;
    t->packed = *n ? list[*n - 1].packed + list[*n - 1].size : 0;
    ++*n;
}

static void add_layers(gk_tensor list[], int *n, int id, int layers, int rows, int cols,
                       enum gk_form form, const char *name)
{
    char prefix[32];

    for (int l = 0; l < layers; l++) {
        snprintf(prefix, sizeof prefix, "blocks.%d.", l);
        add(list, n, id, l, rows, cols, form, prefix, name);
    }
}

int gk_tensors(gk_tensor list[GK_TENSORS_MAX], const gk_shape *s)
{
    int n = 0, id = 0;

#define ONCE(field, exists, rows, cols, form, name)                                                \
    if (exists) add(list, &n, id, 0, rows, cols, GK_##form, "", name);                             \
    id++;
#define LAYER(field, exists, rows, cols, form, name)                                               \
    if (exists) add_layers(list, &n, id, s->L, rows, cols, GK_##form, name);                       \
    id++;
#include "gk/params.def"
#undef ONCE
#undef LAYER
    return n;
}

size_t gk_parameters(const gk_shape *shape)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, shape);

    return list[n - 1].packed + list[n - 1].size;
}

/* Elements that a tensor of R runs takes in a blob: whole 256 bytes. */
static size_t padded(const gk_tensor *t, int R)
{
    size_t unit = 256 / sizeof(gk_real);

    return (t->size * (size_t)R + unit - 1) / unit * unit;
}

static void layout_params(gk_params *p, const gk_model *model, gk_arena *device)
{
    const gk_shape *s = &model->shape;
    const gk_tensor *t = model->tensor;
    size_t at = 0;

    p->elements = 0;
    for (int i = 0; i < model->n_tensors; i++) p->elements += padded(&t[i], model->R);
    p->blob = gk_arena_take(device, p->elements, sizeof(gk_real));
    if (!p->blob) return;
#define ONCE(field, exists, rows, cols, form, name)                                                \
    if (exists) {                                                                                  \
        p->field = p->blob + at;                                                                   \
        at += padded(t++, model->R);                                                               \
    }
#define LAYER(field, exists, rows, cols, form, name)                                               \
    for (int l = 0; (exists) && l < s->L; l++) {                                                   \
        p->field[l] = p->blob + at;                                                                \
        at += padded(t++, model->R);                                                               \
    }
#include "gk/params.def"
#undef ONCE
#undef LAYER
    GK_CHECK(at == p->elements && t == model->tensor + model->n_tensors);
}

static gk_real *take(gk_arena *device, int R, int B, int rows, int cols)
{
    size_t count = (size_t)R * (size_t)B;

    return gk_arena_take(device, count * (size_t)rows * (size_t)cols, sizeof(gk_real));
}

static void layout_activations(gk_activations *a, const gk_shape *s, int R, int B, gk_arena *device)
{
    int HK = s->H * s->K;

    for (int l = 0; l < s->L; l++) {
        int Q = gk_positions(s, l);
        a->x[l] = l == 0 || s->F ? take(device, R, B, s->T, s->D) : a->mid[l - 1];
        a->q[l] = take(device, R, B, Q, HK);
        a->k[l] = take(device, R, B, s->T, HK);
        a->v[l] = take(device, R, B, s->T, HK);
        a->prob[l] = take(device, R, B, Q * s->H, s->T);
        a->z[l] = take(device, R, B, Q, HK);
        a->mid[l] = take(device, R, B, Q, s->D);
        if (!s->F) continue;
        a->pre[l] = take(device, R, B, Q, s->F);
        a->h[l] = take(device, R, B, Q, s->F);
    }
    a->x[s->L] = s->F ? take(device, R, B, 1, s->D) : a->mid[s->L - 1];
    a->logits = take(device, R, B, 1, s->C);

    int Q = s->L > 1 ? s->T : 1; /* the most positions of any block's output */
    a->d = take(device, R, B, s->T, s->D);
    a->dx = take(device, R, B, s->T, s->D);
    if (s->F) a->dh = take(device, R, B, Q, s->F);
    a->dq = take(device, R, B, Q, HK);
    a->dz = take(device, R, B, Q, HK);
    a->dk = take(device, R, B, s->T, HK);
    a->dv = take(device, R, B, s->T, HK);
}

void gk_model_layout(gk_model *model, const gk_shape *shape, int R, int rows, gk_arena *device)
{
    gk_shape kept = *shape; /* may be the model's own */

    gk_model_close(model);
    model->shape = kept;
    model->R = R;
    model->rows = rows;
    model->n_tensors = gk_tensors(model->tensor, &model->shape);
    layout_params(&model->params, model, device);
    layout_params(&model->grads, model, device);
    layout_params(&model->m, model, device);
    layout_params(&model->v, model, device);
    model->slot = gk_arena_take(device, (size_t)R, sizeof *model->slot);
    model->span = gk_arena_take(device, (size_t)model->n_tensors, sizeof *model->span);
    model->act = gk_alloc(1, sizeof *model->act);
    layout_activations(model->act, &model->shape, R, rows, device);
}

void gk_model_close(gk_model *model)
{
    free(model->act);
    memset(model, 0, sizeof *model);
}

void gk_model_start(gk_model *model, const gk_config *config, gk_backend *be)
{
    gk_tensor_span span[GK_TENSORS_MAX];
    size_t at = 0;

    for (int i = 0; i < model->n_tensors; i++) {
        const gk_tensor *t = &model->tensor[i];
        bool frozen = t->form == GK_VECTOR && config->model.biases == GK_BIASES_FROZEN;
        span[i] = (gk_tensor_span){
            .offset = at, .size = t->size, .lr_scale = frozen ? 0 : 1, .decay_scale = 1};
        at += padded(t, model->R);
    }
    be->upload(be, model->span, span, (size_t)model->n_tensors * sizeof *span);
    be->zero(be, model->slot, (size_t)model->R * sizeof *model->slot);
    gk_params *all[] = {&model->params, &model->grads, &model->m, &model->v};
    for (int i = 0; i < 4; i++) be->zero(be, all[i]->blob, all[i]->elements * sizeof(gk_real));
}

void gk_model_put(gk_model *model, const gk_params *blob, int slot, const gk_real *packed,
                  gk_backend *be)
{
    size_t at = 0;

    for (int i = 0; i < model->n_tensors; i++) {
        const gk_tensor *t = &model->tensor[i];
        be->upload(be, blob->blob + at + (size_t)slot * t->size, packed + t->packed,
                   t->size * sizeof(gk_real));
        at += padded(t, model->R);
    }
}

void gk_model_get(const gk_model *model, const gk_params *blob, int slot, gk_real *packed,
                  gk_backend *be)
{
    size_t at = 0;

    for (int i = 0; i < model->n_tensors; i++) {
        const gk_tensor *t = &model->tensor[i];
        be->download(be, packed + t->packed, blob->blob + at + (size_t)slot * t->size,
                     t->size * sizeof(gk_real));
        at += padded(t, model->R);
    }
}
