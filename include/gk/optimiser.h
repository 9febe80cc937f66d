/* What the program knows of an optimiser beside its arithmetic (an op of ops.def): one line of
 * optimisers.def for each. Needs no device. */
#ifndef GK_OPTIMISER_H
#define GK_OPTIMISER_H

#include "gk/config.h"

enum { GK_MOMENTS_MAX = 2, GK_DECAY_CHOSEN = -1 };
enum {
    GK_OPTIMISERS = 0
#define OPTIMISER(id, ...) +1
#include "gk/optimisers.def"
#undef OPTIMISER
};

typedef struct gk_optimiser_info {
    const char *word, *name; /* of optim.name, and in reports: "adamw", "AdamW" */
    int decay;     /* its one form (GK_DECAY_L2 ...), or GK_DECAY_CHOSEN: of optim.decay */
    bool momentum; /* reads optim.momentum; the others have optim.beta1 */
    int moments;   /* arrays like the weights that it keeps from step to step */
    const char *moment[GK_MOMENTS_MAX]; /* their names in PyTorch's state; "": not there */
} gk_optimiser_info;

extern const gk_optimiser_info gk_optimisers[GK_OPTIMISERS]; /* by enum gk_optimiser */

#endif
