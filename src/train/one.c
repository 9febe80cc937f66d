/* A queue of one run, with the progress line. */
#include "gk/train.h"

#include <stdio.h>

typedef struct one {
    gk_queue queue; /* first */
    gk_run *waiting;
    gk_progress progress;
    bool started;
    gk_status failed; /* with this message */
    char why[4096];
} one;

static gk_status next(gk_queue *queue, gk_run **run)
{
    one *o = (one *)queue;

    *run = o->waiting;
    o->waiting = NULL;
    return GK_OK;
}

static void ended(gk_queue *queue, gk_run *run, gk_status status)
{
    one *o = (one *)queue;

    if (status == GK_OK || status == GK_STOPPED) {
        gk_progress_show(&o->progress, run, run->position.epoch, true);
    } else {
        o->failed = status;
        snprintf(o->why, sizeof o->why, "%s", gk_message());
    }
}

static void show(gk_queue *queue, gk_run *const *run, int R)
{
    one *o = (one *)queue;

    (void)R;
    if (!run[0]) return;
    if (!o->started) gk_progress_start(&o->progress, run[0]->position.epoch);
    o->started = true;
    gk_progress_show(&o->progress, run[0], run[0]->position.epoch, false);
}

gk_status gk_train_one(gk_run *run, gk_backend *be, const gk_profile *profile)
{
    one o = {.queue = {next, ended, show}, .waiting = run};

    GK_TRY(gk_train(&o.queue, 1, be, profile));
    return o.failed == GK_OK ? GK_OK : gk_fail(o.failed, "%s", o.why);
}
