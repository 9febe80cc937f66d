/* The seam between the program that knows what a transformer is (src/) and the loops that do not
 * (kernels/). A backend owns memory, computes the ops of ops.def in the order in which they are
 * called, and keeps its first error until `sync`. src/ never touches backend memory except
 * through upload and download. */
#ifndef GK_OPS_H
#define GK_OPS_H

#include "gk/base.h"

enum gk_activation { GK_RELU, GK_GELU /* tanh form */, GK_GELU_ERF /* exact form */ };
enum gk_loss_form { GK_LOSS_EXACT, GK_LOSS_F64, GK_LOSS_F32 };

/* What changes from step to step, for each slot, in device memory: so that no kernel argument
 * ever changes. */
typedef struct gk_slot {
    int64_t step;   /* updates done */
    int32_t active; /* 0: the slot's weights stay as they are */
    int32_t l2;     /* decay is added to the gradient instead of decoupled */
    int64_t warmup; /* lr of update t = 0, 1, ... is lr min(t / warmup, 1); 0: lr at once */
    double lr, weight_decay, beta1, beta2, eps; /* set by the host at events   */
    double lr_now, correction1, correction2;    /* tick -> adamw: lr_t, 1 - beta1^n, 1 - beta2^n */
    double loss, loss_max; /* of the last update; the largest since the host last set it */
} gk_slot;

/* A parameter tensor inside its blob: R times `size` elements from `offset` on. */
typedef struct gk_tensor_span {
    size_t offset, size; /* elements */
    double lr_scale;     /* 0: frozen, the optimiser leaves it alone */
    double decay_scale;  /* 0: no decay */
} gk_tensor_span;

typedef struct gk_backend gk_backend;

struct gk_backend {
    const char *name;
    void *state; /* the backend's own */
    void (*close)(gk_backend *be);
    void *(*alloc)(gk_backend *be, size_t bytes); /* aligned to 256; NULL: no memory */
    void (*release)(gk_backend *be, void *memory);
    void (*upload)(gk_backend *be, void *to, const void *from, size_t bytes);
    void (*download)(gk_backend *be, void *to, const void *from, size_t bytes);
    void (*zero)(gk_backend *be, void *memory, size_t bytes);
    gk_status (*sync)(gk_backend *be); /* waits; the first error since open */
    /* JSON members for env.json: `"threads": 2, "blas": "OpenBLAS 0.3.21 SkylakeX"` */
    void (*describe)(gk_backend *be, gk_text *json);
#define OP(name, ...) void (*name)(gk_backend * be, __VA_ARGS__);
#include "gk/ops.def"
#undef OP
};

/* device: auto, cpu, ref (cuda is refused with the reason in a build without it). threads: 0 =
 * one per core that this process may use. Close what was opened. */
gk_status gk_backend_open(gk_backend *be, const char *device, int threads);
void gk_backend_close(gk_backend *be);

/* name and help of every backend in this build, NULL past the last */
const char *gk_backend_name(int i, const char **help);

#endif
