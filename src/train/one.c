/* A queue of one run, with the progress line. */
#include "gk/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct one {
    gk_queue queue; /* first */
    gk_run *waiting;
    gk_progress_style style;
    gk_progress progress;
    bool started;
    double start, trained; /* clocks: of the first epoch, of the last one; 0: not yet */
    int found;             /* checkpoints that had been measured before this process came */
    gk_status failed;      /* with this message */
    char why[4096];
} one;

static gk_status next(gk_queue *queue, gk_run **run)
{
    one *o = (one *)queue;

    *run = o->waiting;
    o->waiting = NULL;
    return GK_OK;
}

static void start(one *o)
{
    if (o->started) return;
    o->started = true;
    gk_progress_open(&o->progress, o->style);
    o->start = gk_seconds();
}

/* printf shows the sign of a NaN, which says nothing. */
static double without_sign(double x) { return isnan(x) ? (double)NAN : x; }

/* The rate is that of epochs alone, whatever is done behind the last one. */
static void show_epoch(one *o, const gk_run *run, bool last)
{
    gk_progress_line line = {.unit = "ep/s"};
    int64_t epochs = run->config.run.epochs, epoch = run->position.epoch;
    const gk_row *row = &run->events.last;

    if (!gk_progress_due(&o->progress, last)) return;
    double now = gk_seconds(), training = (o->trained > 0 ? o->trained : now) - o->start;
    int percent = epochs ? (int)(100 * epoch / epochs) : 100;
    line.rate = training > 0 ? (double)(epoch - run->began) / training : 0;
    line.spent = now - o->start;
    line.left = line.rate > 0 ? (double)(epochs - epoch) / line.rate : -1;
    snprintf(line.head, sizeof line.head, "epoch %lld/%lld %d%%", (long long)epoch,
             (long long)epochs, percent);
    gk_progress_bar(line.bar, percent);
    if (run->events.rows) /* a branch may begin between two rows */
        snprintf(line.numbers, sizeof line.numbers, "train %.2g test %.2g acc %.0f%%",
                 without_sign(row->train_loss), without_sign(row->test_loss),
                 without_sign(100 * row->test_acc));
    snprintf(line.phase, sizeof line.phase, "%s", gk_events_phase(&run->events));
    gk_progress_print(&o->progress, &line, last);
}

static void measuring(gk_queue *queue, const gk_run *run, int done, int n)
{
    one *o = (one *)queue;
    gk_progress_line line = {.rate = -1};
    double now = gk_seconds();

    (void)run;
    start(o);
    if (o->trained <= 0) {
        o->trained = now;
        o->found = done;
    }
    if (done == n || !gk_progress_due(&o->progress, false)) return;
    snprintf(line.head, sizeof line.head, "measuring checkpoint %d/%d", done + 1, n);
    gk_progress_bar(line.bar, 100 * done / n);
    line.spent = now - o->start;
    line.left = done > o->found ? (now - o->trained) / (done - o->found) * (n - done) : -1;
    gk_progress_print(&o->progress, &line, false);
}

static void ended(gk_queue *queue, gk_run *run, gk_status status)
{
    one *o = (one *)queue;

    if (status == GK_OK || status == GK_STOPPED) {
        if (o->started) show_epoch(o, run, true);
        if (run->hook_said.length) gk_warn("%s", run->hook_said.data);
    } else {
        gk_progress_end(&o->progress);
        o->failed = status;
        snprintf(o->why, sizeof o->why, "%s", gk_message());
    }
}

static void show(gk_queue *queue, gk_run *const *run, int R)
{
    one *o = (one *)queue;

    (void)R;
    if (!run[0]) return;
    start(o);
    show_epoch(o, run[0], false);
}

gk_status gk_train_one(gk_run *run, gk_backend *be, const gk_profile *profile,
                       gk_progress_style style)
{
    one o = {.queue = {next, ended, show, measuring}, .waiting = run, .style = style};

    GK_TRY(gk_train(&o.queue, 1, be, profile));
    return o.failed == GK_OK ? GK_OK : gk_fail(o.failed, "%s", o.why);
}
