/* What an update means for one slot, written once for every backend: the learning rate, the bias
 * corrections and the loss of gk_slot. Host and device compile this text; additions and
 * multiplications do not stand side by side here, so that neither can fuse them into other bits. */
#ifndef GK_SLOT_H
#define GK_SLOT_H

#include "gk/ops.h"

#include "gk/arith.h"

#ifdef __CUDACC__
#define SLOT_INLINE static __device__ inline
#else
#define SLOT_INLINE static inline
#endif

/* lr_t / lr after the warm-up. A schedule is one more case. */
SLOT_INLINE double slot_schedule(const gk_slot *s)
{
    switch ((enum gk_schedule)s->schedule) {
    case GK_SCHEDULE_CONSTANT: break;
    }
    return 1;
}

/* The learning rate of update t = 0, 1, ... */
SLOT_INLINE double slot_lr(const gk_slot *s)
{
    double t = (double)s->step;

    return s->lr * (s->step < s->warmup ? t / (double)s->warmup : slot_schedule(s));
}

/* tick of ops.def for one slot, whose update has this loss. */
SLOT_INLINE void slot_tick(gk_slot *s, double loss)
{
    int64_t n = s->step + 1;

    s->loss = loss;
    if (loss != loss || loss > s->loss_max) s->loss_max = loss; /* a NaN there stays */
    s->lr_now = slot_lr(s);
    s->correction1 = 1 - gk_power(s->beta1, n);
    s->correction2 = 1 - gk_power(s->beta2, n);
    if (s->active) s->step++;
}

#endif
