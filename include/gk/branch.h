/* A new run from a kept state of another one. */
#ifndef GK_BRANCH_H
#define GK_BRANCH_H

#include "gk/weights.h"

/* The epoch of a run's resume point. GK_EUSAGE: it has none; GK_EDATA, GK_EIO. */
gk_status gk_branch_resume_epoch(int64_t *epoch, const char *parent);

/* A new directory whose resume point is `parent`'s kept state of `epoch`, or its own resume point
 * if that is of this epoch; gk_run_open goes on from it. A moment that only the branch's optimiser
 * has starts at zero. A directory that is this very branch already is left alone. GK_EUSAGE: there
 * is no such state, run.epochs is before it, or `dir` holds something else; GK_EDATA: the state is
 * damaged or of another shape, or the parent's rows are gone; GK_EBUSY: another process makes the
 * same branch; GK_EIO. */
gk_status gk_branch(const char *dir, const char *parent, int64_t epoch, const gk_config *config,
                    const gk_config *parent_config, const gk_shape *shape);

#endif
