/* The seam between the program that knows what a transformer is (src/) and the loops that do not
 * (kernels/). A backend owns memory, computes the ops of ops.def in the order in which they are
 * called, and keeps its first error until `sync`. src/ never touches backend memory except
 * through upload and download. */
#ifndef GK_OPS_H
#define GK_OPS_H

#include "gk/table.h"

enum gk_activation { GK_RELU, GK_GELU /* tanh form */, GK_GELU_ERF /* exact form */ };
enum gk_loss_form { GK_LOSS_EXACT, GK_LOSS_F64, GK_LOSS_F32 };

/* What lr_t is after the warm-up (kernels/slot.h): lr. */
enum gk_schedule { GK_SCHEDULE_CONSTANT };

/* What changes from step to step, for each slot, in device memory: so that no kernel argument
 * ever changes. No byte is padding, as slots are compared by their bytes. */
typedef struct gk_slot {
    int64_t step;     /* updates done */
    int32_t active;   /* 0: the slot's weights stay as they are */
    int32_t l2;       /* decay is added to the gradient instead of decoupled */
    int64_t schedule; /* enum gk_schedule */
    int64_t warmup;   /* lr of update t = 0, 1, ... is lr t / warmup for t below this */
    double lr, weight_decay, beta1, beta2, eps; /* set by the host at events */
    double lr_now, correction1, correction2;    /* tick -> adamw: lr_t, 1 - beta1^n, 1 - beta2^n */
    double loss;                                /* of the last update */
    double loss_max; /* the largest since the host last set it; NaN after a NaN, -1 before any */
    double momentum; /* of sgd */
    double noise;    /* sigma of the noise that add_noise puts on weights */
    uint64_t seed;   /* of noise and dropout: Philox streams of (seed, step, ...) */
} gk_slot;

enum { GK_NAME_MAX = 64 }; /* bytes of a tensor's name, its end included */

/* A parameter tensor inside its blob: R matrices of rows x cols from `offset` on, one after
 * another. An optimiser that works element by element needs `size` alone. */
typedef struct gk_tensor_span {
    size_t offset, size;    /* elements; size = rows * cols */
    int rows, cols;         /* a vector: one row */
    char name[GK_NAME_MAX]; /* blocks.0.attn.W_Q */
    double lr_scale;        /* 0: frozen, the optimiser leaves it alone */
    double decay_scale;     /* 0: no decay */
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
    /* Bytes that alloc could still give; 0: not known. */
    size_t (*room)(gk_backend *be);
    /* Calls step(context) k times and looks at signals between calls; returns how many it did. A
     * step only enqueues ops, each time the same ones with the same arguments: a backend may
     * record one and replay it. */
    int64_t (*repeat)(gk_backend *be, void (*step)(void *context), void *context, int64_t k);
    /* For profilers: names what happens from `enter` to `leave` (they nest); `profile` opens and
     * closes the range that a profiler is told to record. Nothing on the host's backends. */
    void (*enter)(gk_backend *be, const char *name);
    void (*leave)(gk_backend *be);
    void (*profile)(gk_backend *be, bool on);
    /* JSON members for env.json: `"threads": 2, "simd": "avx512"` */
    void (*describe)(gk_backend *be, gk_text *json);
#define OP(name, ...) void (*name)(gk_backend * be, __VA_ARGS__);
#include "gk/ops.def"
#undef OP
};

typedef struct gk_device_options {
    int threads; /* of cpu; 0: one per core that this process may use */
    int ordinal; /* of the GPU: cuda:N */
    bool tf32;   /* products in TF32, where there is such a thing */
    bool nvtx;   /* enter and leave are heard by profilers */
} gk_device_options;

/* device: auto, cpu, ref, cuda or cuda:N (refused with the reason in a build or on a machine
 * without it). NULL options: all zero. Close what was opened. */
gk_status gk_backend_open(gk_backend *be, const char *device, const gk_device_options *options);
void gk_backend_close(gk_backend *be);

/* name and help of every backend in this build that users choose, NULL past the last */
const char *gk_backend_name(int i, const char **help);

#endif
