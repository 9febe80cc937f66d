/* A network of R runs: shape, weights, activations; forward, backward. Two kinds:
 *
 * transformer, decoder-only; norm_l is the identity, or layer norm where the shape says so:
 *     x_0 = W_E[token] + W_pos
 *     none, pre:  m_l = x_l + attention(norm1(x_l)),     x_(l+1) = m_l + mlp(norm2(m_l))
 *     post:       m_l = norm1(x_l + attention(x_l)),     x_(l+1) = norm2(m_l + mlp(m_l))
 *     attention(x) = softmax(x W_Q + b_Q, x W_K + b_K) (x W_V + b_V) W_O + b_O
 *                    scores / sqrt(K), causal; b_Q to b_O where the shape has them, so b_U
 *     mlp(x) = dropout(act(x W_in + b_in) W_out + b_out)         dropout in training only
 *     logits = norm_final(x_L) W_U + b_U, at the last S positions; the last block has only those
 *
 * mlp: one hidden layer over the whole input, S = 1:
 *     logits = act(x W_in + b_in) W_U + b_U
 *     x = sum of W_E[token], the tokens one-hot side by side, or bits as -1 and +1
 */
#ifndef GK_MODEL_H
#define GK_MODEL_H

#include "gk/ops.h"
#include "gk/task.h"

enum { GK_LAYERS_MAX = 16, GK_TENSORS_MAX = 6 + 16 * GK_LAYERS_MAX };

/* Rows of the batch that go through the network at a time. Part of a run's meaning: sums over the
 * batch are cut here, whatever R and the number of threads. */
enum { GK_BLOCK_ROWS = 4096 };

typedef struct gk_shape {
    int L, T, V, D, H, K, F,
        C;                 /* layers, tokens, vocabulary, d_model, heads, d_head, d_mlp, outputs */
    int activation;        /* enum gk_activation */
    bool biases;           /* b_in, b_out; of an mlp b_in, b_U */
    bool attention_biases; /* b_Q, b_K, b_V, b_O */
    bool unembed_bias;     /* b_U of a transformer */
    int S;                 /* scored positions: the last S of T */
    int kind;              /* enum gk_kind */
    int input;             /* enum gk_input: of an mlp */
    int norm;              /* enum gk_norm  */
    bool final_norm;       /* a layer norm before W_U */
    double dropout;        /* rate; 0: none */
    bool doubled;          /* m_l = 2 x_l + attention(x_l) */
} gk_shape;

/* What W_in and W_U read. */
static inline int gk_mlp_inputs(const gk_shape *s)
{
    if (s->kind == GK_TRANSFORMER || s->input == GK_INPUT_SUM) return s->D;
    return s->input == GK_INPUT_ONEHOT ? s->T * s->V : s->T;
}
static inline int gk_unembed_inputs(const gk_shape *s)
{
    return s->kind == GK_TRANSFORMER ? s->D : s->F;
}

/* How files differ from memory: params.def. */
enum gk_form {
    GK_FORM_PLAIN,
    GK_FORM_VECTOR,
    GK_FORM_HEADS_VECTOR,
    GK_FORM_HEADS_OUT,
    GK_FORM_HEADS_IN,
    GK_FORM_NORM
};

enum gk_tensor_id { /* GK_ID_w_e ...: the lines of params.def */
#define ONCE(field, exists, rows, cols, form, name)  GK_ID_##field,
#define LAYER(field, exists, rows, cols, form, name) GK_ID_##field,
#include "gk/params.def"
#undef ONCE
#undef LAYER
};

typedef struct gk_tensor {
    char name[GK_NAME_MAX]; /* blocks.0.attn.W_Q */
    int layer, rows, cols;  /* layer 0 for those that exist once */
    int id;                 /* enum gk_tensor_id: the same for all layers */
    enum gk_form form;
    size_t size;   /* rows * cols */
    size_t packed; /* where it begins in a packed blob of one run */
} gk_tensor;

static inline bool gk_is_bias(const gk_tensor *t)
{
    return t->form == GK_FORM_VECTOR || t->form == GK_FORM_HEADS_VECTOR;
}

/* The tensors that exist, in params.def's order, layers side by side; returns how many.
 * A packed blob is one run's tensors one after another without gaps: the host's form. */
int gk_tensors(gk_tensor list[GK_TENSORS_MAX], const gk_shape *shape);
size_t gk_parameters(const gk_shape *shape); /* elements of a packed blob */

/* Pointers into a blob of R runs in device memory. Params, gradients and moments are this one
 * type. What does not exist is NULL. */
typedef struct gk_params {
    gk_real *blob;
    size_t elements;
#define ONCE(field, exists, rows, cols, form, name)  gk_real *field;
#define LAYER(field, exists, rows, cols, form, name) gk_real *field[GK_LAYERS_MAX];
#include "gk/params.def"
#undef ONCE
#undef LAYER
} gk_params;

typedef struct gk_activations gk_activations; /* src/activations.h */

typedef struct gk_model {
    gk_shape shape;
    int R, n_tensors;
    int rows;      /* most rows that forward takes at once */
    bool training; /* forward and backward drop activations (gk_shape.dropout) */
    gk_tensor tensor[GK_TENSORS_MAX];
    gk_params params, grads, m, v;
    gk_slot *slot;        /* (R), device */
    gk_tensor_span *span; /* (n_tensors), device */
    gk_activations *act;  /* host struct of device pointers */
} gk_model;

/* The model of a config for a task. GK_EUSAGE where the two do not fit. */
gk_status gk_shape_open(gk_shape *shape, const gk_config *config, const gk_task *task);
bool gk_same_shape(const gk_shape *a, const gk_shape *b);

/* Lays the model out in `device` (counting or real). `rows`: as many as forward will ever take at
 * once. */
void gk_model_layout(gk_model *model, const gk_shape *shape, int R, int rows, gk_arena *device);
/* One more blob like the model's own. */
void gk_params_layout(gk_params *params, const gk_model *model, gk_arena *device);
/* After a real layout: zero gradients and moments, the tensor table. */
void gk_model_start(gk_model *model, const gk_config *config, gk_backend *be);
void gk_model_close(gk_model *model);

/* One run's weights (or moments) between the device and a packed blob. */
void gk_model_put(gk_model *model, const gk_params *blob, int slot, const gk_real *packed,
                  gk_backend *be);
void gk_model_get(const gk_model *model, const gk_params *blob, int slot, gk_real *packed,
                  gk_backend *be);

/* logits (R,B,S,C) of tokens (R,B,T), left in the activations; B <= model->rows. `first`: the place
 * of these rows in their batch, which tells dropout its random numbers. */
const gk_real *gk_forward(gk_model *model, const int32_t *token, int first, int B, gk_backend *be);
/* Gradients of the forward that was just done, from the loss's gradient that the loss put into
 * gk_dlogits(); added to model->grads where beta is 1. */
void gk_backward(gk_model *model, const int32_t *token, int first, int B, gk_real beta,
                 gk_backend *be);
gk_real *gk_dlogits(gk_model *model);

/* What the last forward left at the first of the scored positions. Rows of a run are `step` rows of
 * the array apart, its B step rows one after another. */
typedef struct gk_stream {
    const gk_real *mid;    /* (R,B,step,D): what the last MLP reads; NULL: of an mlp */
    const gk_real *hidden; /* (R,B,step,F): after the activation; NULL: no MLP */
    const gk_real *out;    /* (R,B,step,width): what W_U reads */
    int width, step;
} gk_stream;
gk_stream gk_scored_stream(const gk_model *model);

#endif
