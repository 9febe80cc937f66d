/* A decoder-only transformer of R runs: shape, weights, activations; forward, backward.
 *
 *     x_0 = W_E[token] + W_pos
 *     m_l = x_l + attention(x_l W_Q, x_l W_K, x_l W_V) W_O            scores / sqrt(K), causal
 *     x_(l+1) = m_l + act(m_l W_in + b_in) W_out + b_out
 *     logits = x_L W_U, at the last position; the last block computes only that position
 */
#ifndef GK_MODEL_H
#define GK_MODEL_H

#include "gk/config.h"
#include "gk/ops.h"

enum { GK_LAYERS_MAX = 16, GK_TENSORS_MAX = 4 + 8 * GK_LAYERS_MAX, GK_NAME_MAX = 64 };

/* Rows of the batch that go through the network at a time. Part of a run's meaning: sums over the
 * batch are cut here, whatever R and the number of threads. */
enum { GK_BLOCK_ROWS = 4096 };

typedef struct gk_shape {
    int L, T, V, D, H, K, F,
        C;          /* layers, tokens, vocabulary, d_model, heads, d_head, d_mlp, outputs */
    int activation; /* enum gk_activation */
    bool biases;
} gk_shape;

enum gk_form { GK_PLAIN, GK_VECTOR, GK_HEADS_OUT, GK_HEADS_IN };

typedef struct gk_tensor {
    char name[GK_NAME_MAX]; /* blocks.0.attn.W_Q */
    int layer, rows, cols;  /* layer 0 for those that exist once */
    int id;                 /* position of its line in params.def: the same for all layers */
    enum gk_form form;
    size_t size;   /* rows * cols */
    size_t packed; /* where it begins in a packed blob of one run */
} gk_tensor;

/* The tensors that exist, in params.def's order, layers side by side; returns how many.
 * A packed blob is one run's tensors one after another without gaps: the host's form. */
int gk_tensors(gk_tensor list[GK_TENSORS_MAX], const gk_shape *shape);
size_t gk_parameters(const gk_shape *shape); /* elements of a packed blob */

/* Initial weights of one run into a packed blob (init.c): config.model.init. */
gk_status gk_init(gk_real *packed, const gk_shape *shape, const gk_config *config);

/* Pointers into a blob of R runs in device memory. Params, gradients and both moments are this one
 * type. */
typedef struct gk_params {
    gk_real *blob;
    size_t elements;
#define ONCE(field, exists, rows, cols, form, name)  gk_real *field;
#define LAYER(field, exists, rows, cols, form, name) gk_real *field[GK_LAYERS_MAX];
#include "gk/params.def"
#undef ONCE
#undef LAYER
} gk_params;

typedef struct gk_activations gk_activations; /* src/model.c */

typedef struct gk_model {
    gk_shape shape;
    int R, n_tensors;
    int rows; /* most rows that forward takes at once */
    gk_tensor tensor[GK_TENSORS_MAX];
    gk_params params, grads, m, v;
    gk_slot *slot;        /* (R), device */
    gk_tensor_span *span; /* (n_tensors), device */
    gk_activations *act;  /* host struct of device pointers */
} gk_model;

gk_shape gk_shape_of(const gk_config *config, int V, int T, int answers);

/* Lays the model out in `device` (counting or real). `rows`: as many as forward will ever take at
 * once. */
void gk_model_layout(gk_model *model, const gk_shape *shape, int R, int rows, gk_arena *device);
/* After a real layout: zero gradients and moments, the tensor table. */
void gk_model_start(gk_model *model, const gk_config *config, gk_backend *be);
void gk_model_close(gk_model *model);

/* One run's weights (or moments) between the device and a packed blob. */
void gk_model_put(gk_model *model, const gk_params *blob, int slot, const gk_real *packed,
                  gk_backend *be);
void gk_model_get(const gk_model *model, const gk_params *blob, int slot, gk_real *packed,
                  gk_backend *be);

/* logits (R,B,C) of tokens (R,B,T), left in the activations; B <= model->rows. */
const gk_real *gk_forward(gk_model *model, const int32_t *token, int B, gk_backend *be);
/* Gradients of the forward that was just done, from the loss's gradient that log_softmax put into
 * gk_dlogits(); added to model->grads where beta is 1. */
void gk_backward(gk_model *model, const int32_t *token, int B, gk_real beta, gk_backend *be);
gk_real *gk_dlogits(gk_model *model);

#endif
