/* The layout of a model: which tensors exist, where they lie in the blobs, what activations
 * need. */
#include "gk/model.h"
#include "gk/network.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gk_shape shape_of(const gk_config *config, const gk_task *task)
{
    return (gk_shape){
        .L = (int)config->model.layers,
        .T = task->T,
        .V = task->V,
        .D = (int)config->model.d_model,
        .H = (int)config->model.heads,
        .K = (int)config->model.d_head,
        .F = (int)config->model.d_mlp,
        .C = config->model.outputs ? (int)config->model.outputs : task->outputs,
        .activation = config->model.activation,
        .biases = config->model.biases != GK_BIASES_OFF,
        .attention_biases = config->model.attention_biases,
        .unembed_bias = config->model.unembed_bias,
        .S = task->S,
        .kind = config->model.kind,
        .input = config->model.input,
        .norm = config->model.norm,
        .final_norm = config->model.final_norm,
        .dropout = config->model.dropout,
        .doubled = config->model.residual,
    };
}

/* Sizes of one tensor are an int. */
static gk_status check_sizes(const gk_shape *shape)
{
    const gk_shape *s = shape;
    int64_t largest = 0;

#define ONCE(field, exists, rows, cols, form, name)                                                \
    if ((exists) && (int64_t)(rows) * (cols) > largest) largest = (int64_t)(rows) * (cols);
#define LAYER ONCE
#include "gk/params.def"
#undef ONCE
#undef LAYER
    if (largest <= INT_MAX && (int64_t)s->T * s->V <= INT_MAX) return GK_OK;
    return gk_fail(GK_EUSAGE, "the model is too large: a tensor would have more than %d numbers",
                   INT_MAX);
}

gk_status gk_shape_open(gk_shape *shape, const gk_config *config, const gk_task *task)
{
    *shape = shape_of(config, task);
    int C = shape->C;
    bool sign = C == 1 && config->loss.name != GK_CROSS_ENTROPY;

    if (C < task->answers && !sign)
        return gk_fail(GK_EUSAGE, "model.outputs: %d are too few for the %d classes of task %s%s",
                       C, task->answers, task->name,
                       C == 1 ? "; one output needs loss.name hinge or mse" : "");
    if (sign && task->answers != 2)
        return gk_fail(GK_EUSAGE,
                       "model.outputs: one output tells 2 classes apart, and task %s has %d",
                       task->name, task->answers);
    if (shape->kind == GK_MLP && task->S != 1)
        return gk_fail(GK_EUSAGE, "model.kind: an mlp scores one position, and task %s scores %d",
                       task->name, task->S);
    if (shape->kind == GK_MLP && shape->input == GK_INPUT_SIGNS && task->V != 2)
        return gk_fail(GK_EUSAGE,
                       "model.input: signs are of tokens 0 and 1, and task %s has %d tokens",
                       task->name, task->V);
    return check_sizes(shape);
}

bool gk_same_shape(const gk_shape *a, const gk_shape *b)
{
    return a->L == b->L && a->T == b->T && a->V == b->V && a->D == b->D && a->H == b->H &&
           a->K == b->K && a->F == b->F && a->C == b->C && a->activation == b->activation &&
           a->biases == b->biases && a->attention_biases == b->attention_biases &&
           a->unembed_bias == b->unembed_bias && a->S == b->S && a->kind == b->kind &&
           a->input == b->input && a->norm == b->norm && a->final_norm == b->final_norm &&
           a->dropout == b->dropout && a->doubled == b->doubled;
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
    if (exists) add(list, &n, id, 0, rows, cols, GK_FORM_##form, "", name);                        \
    id++;
#define LAYER(field, exists, rows, cols, form, name)                                               \
    if (exists) add_layers(list, &n, id, s->L, rows, cols, GK_FORM_##form, name);                  \
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

void gk_params_layout(gk_params *p, const gk_model *model, gk_arena *device)
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

static void layout_attention(gk_activations *a, const gk_shape *s, int l, int R, int B,
                             gk_arena *device)
{
    int T = s->T, Q = gk_positions(s, l), D = s->D, HK = s->H * s->K;
    bool pre = s->norm == GK_NORM_PRE, post = s->norm == GK_NORM_POST;

    a->x[l] = l == 0 || s->F ? take(device, R, B, T, D) : a->mid[l - 1];
    a->read1[l] = pre ? take(device, R, B, T, D) : a->x[l];
    if (1 < Q && Q < T)
        a->query[l] = take(device, R, B, Q, D); /* no one stride leads to its rows */
    a->q[l] = take(device, R, B, Q, HK);
    a->k[l] = take(device, R, B, T, HK);
    a->v[l] = take(device, R, B, T, HK);
    a->prob[l] = take(device, R, B, Q * s->H, T);
    a->z[l] = take(device, R, B, Q, HK);
    a->mid[l] = take(device, R, B, Q, D);
    a->sum1[l] = post ? take(device, R, B, Q, D) : a->mid[l];
    if (pre || post) a->stat1[l] = take(device, R, B, pre ? T : Q, 2);
}

/* x[l+1] is there already, or follows. */
static void layout_mlp(gk_activations *a, const gk_shape *s, int l, int R, int B, gk_arena *device)
{
    int Q = gk_positions(s, l), D = s->D;
    bool pre = s->norm == GK_NORM_PRE, post = s->norm == GK_NORM_POST;

    a->read2[l] = pre && s->F ? take(device, R, B, Q, D) : a->mid[l];
    if (!s->F) return;
    a->pre[l] = take(device, R, B, Q, s->F);
    a->h[l] = take(device, R, B, Q, s->F);
    if (post) a->sum2[l] = take(device, R, B, Q, D);
    if (pre || post) a->stat2[l] = take(device, R, B, Q, 2);
}

static void layout_transformer(gk_activations *a, const gk_shape *s, int R, int B, gk_arena *device)
{
    int last = s->L - 1, HK = s->H * s->K, Q = s->L > 1 ? s->T : s->S; /* the most of any block */

    for (int l = 0; l < s->L; l++) {
        layout_attention(a, s, l, R, B, device);
        layout_mlp(a, s, l, R, B, device);
    }
    a->x[s->L] = s->F ? take(device, R, B, s->S, s->D) : a->mid[last];
    for (int l = 0; l < s->L; l++)
        if (!a->sum2[l]) a->sum2[l] = a->x[l + 1];
    a->out = a->x[s->L];
    if (s->final_norm) {
        a->out = take(device, R, B, s->S, s->D);
        a->stat_final = take(device, R, B, s->S, 2);
    }
    a->logits = take(device, R, B, s->S, s->C);
    a->d = take(device, R, B, s->T, s->D);
    a->dx = take(device, R, B, s->T, s->D);
    if (s->F && (s->norm == GK_NORM_PRE || s->dropout > 0)) a->branch = take(device, R, B, Q, s->D);
    if (s->F) a->dh = take(device, R, B, Q, s->F);
    a->dq = take(device, R, B, Q, HK);
    a->dz = take(device, R, B, Q, HK);
    a->dk = take(device, R, B, s->T, HK);
    a->dv = take(device, R, B, s->T, HK);
}

static void layout_mlp_only(gk_activations *a, const gk_shape *s, int R, int B, gk_arena *device)
{
    if (s->input != GK_INPUT_ONEHOT) a->x[0] = take(device, R, B, 1, gk_mlp_inputs(s));
    a->pre[0] = take(device, R, B, 1, s->F);
    a->h[0] = take(device, R, B, 1, s->F);
    a->out = a->h[0];
    a->logits = take(device, R, B, 1, s->C);
    a->dh = take(device, R, B, 1, s->F);
    if (s->input == GK_INPUT_SUM) a->d = take(device, R, B, 1, s->D);
}

void gk_model_layout(gk_model *model, const gk_shape *shape, int R, int rows, gk_arena *device)
{
    gk_shape kept = *shape; /* may be the model's own */

    gk_model_close(model);
    model->shape = kept;
    model->R = R;
    model->rows = rows;
    model->n_tensors = gk_tensors(model->tensor, &model->shape);
    gk_params_layout(&model->params, model, device);
    gk_params_layout(&model->grads, model, device);
    gk_params_layout(&model->m, model, device);
    gk_params_layout(&model->v, model, device);
    model->slot = gk_arena_take(device, (size_t)R, sizeof *model->slot);
    model->span = gk_arena_take(device, (size_t)model->n_tensors, sizeof *model->span);
    model->act = gk_alloc(1, sizeof *model->act);
    if (kept.kind == GK_MLP)
        layout_mlp_only(model->act, &model->shape, R, rows, device);
    else
        layout_transformer(model->act, &model->shape, R, rows, device);
}

void gk_model_close(gk_model *model)
{
    free(model->act);
    memset(model, 0, sizeof *model);
}

static bool is_frozen(const gk_tensor *t, const gk_config *config)
{
    if (t->id == GK_ID_w_pos) return config->model.positions != GK_POSITIONS_LEARNED;
    return gk_is_bias(t) && config->model.biases == GK_BIASES_FROZEN;
}

void gk_model_start(gk_model *model, const gk_config *config, gk_backend *be)
{
    gk_tensor_span span[GK_TENSORS_MAX];
    size_t at = 0;

    for (int i = 0; i < model->n_tensors; i++) {
        const gk_tensor *t = &model->tensor[i];
        span[i] = (gk_tensor_span){.offset = at,
                                   .size = t->size,
                                   .rows = t->rows,
                                   .cols = t->cols,
                                   .lr_scale = is_frozen(t, config) ? 0 : 1,
                                   .decay_scale = 1};
        memcpy(span[i].name, t->name, sizeof span[i].name);
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
