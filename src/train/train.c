/* The loop over events. Between two events the backend advances without the host; everything that
 * touches files happens at one. A row, a checkpoint or a resume point of epoch e shows the weights
 * before update e. */
#include "gk/train.h"
#include "gk/hook.h"
#include "gk/owner.h"
#include "train/keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest that gk_advance runs without a look at clocks and progress. Changes nothing in the
 * results. */
static const double POLL_SECONDS = 0.1;

typedef struct loop {
    gk_queue *queue;
    gk_backend *be;
    gk_run **run;   /* (R); NULL: an empty slot */
    int64_t *seen;  /* (R): the epoch whose event the slot's run has had; -1: none */
    gk_batch batch; /* its slots are current at every event */
    bool none_waits;
    double per_epoch; /* seconds, of the last advance */
    bool stopping;    /* a signal was seen before the current event */
    gk_profile profile;
    bool profiled; /* a profiler is recording */
} loop;

static bool row_due(const gk_run *run, int64_t epoch)
{
    const gk_config *c = &run->config;

    return epoch % c->run.measure_every == 0 || epoch == c->run.epochs ||
           (*c->run.measure_at && gk_epochs_has(c->run.measure_at, c->run.epochs, epoch));
}

/* The stage gets this run's weights and moments; *staged: it has them already. */
static gk_status stage_run(loop *l, int r, bool *staged)
{
    if (*staged) return GK_OK;
    gk_batch_get(&l->batch, r);
    *staged = true;
    return l->batch.be->sync(l->batch.be);
}

static gk_status end_run(loop *l, int r, const char *state, const char *by)
{
    gk_run *run = l->run[r];

    GK_TRY(gk_keep_resume_point(run, &l->batch));
    GK_TRY(gk_final(run, &l->batch, r, l->queue));
    GK_TRY(gk_run_finish(run, state, by));
    gk_run_log(run, "%s at epoch %lld (%s)", state, (long long)run->position.epoch, by);
    gk_live_report(run);
    return GK_OK;
}

/* The row of this event into the files; why the run ends with it, if it does. */
static gk_status record(loop *l, int r, const char **state, const char **by)
{
    gk_run *run = l->run[r];
    const gk_config *c = &run->config;
    gk_row row;

    gk_batch_row(&l->batch, r, &row, &run->keys);
    gk_status status = l->batch.be->sync(l->batch.be);
    if (status == GK_OK) status = gk_keep_row(run, &row, &l->batch);
    l->batch.slot[r].loss_max = -1;
    gk_hook_hear(run);
    *by = gk_stop_reason(&run->stop);
    if (!*by && row.epoch == c->run.epochs) *by = "run.epochs";
    if (*by) *state = "done";
    if (gk_row_diverged(&row)) {
        *state = "diverged";
        *by = "the train loss is not finite";
    }
    if (status == GK_OK && (*state || gk_epochs_has(c->run.arrays_at, c->run.epochs, row.epoch)))
        status = gk_keep_arrays(run, &l->batch, *state != NULL);
    gk_row_free(&row);
    return status;
}

static gk_status run_event(loop *l, int r, bool with_row)
{
    gk_run *run = l->run[r];
    const gk_config *c = &run->config;
    int64_t epoch = run->position.epoch;
    const char *state = NULL, *by = NULL;
    bool staged = false;
    double now = gk_seconds();

    if (with_row) GK_TRY(record(l, r, &state, &by));
    if (with_row && !state) gk_live_report(run);
    if (with_row && gk_hook_ready(run)) {
        GK_TRY(stage_run(l, r, &staged));
        gk_keep_question(run, &l->batch);
    }
    if (state || gk_epochs_has(c->run.checkpoint_at, c->run.epochs, epoch)) {
        GK_TRY(stage_run(l, r, &staged));
        GK_TRY(gk_keep_weights(run, &l->batch, state != NULL));
    }
    if (gk_epochs_has(c->run.keep_state, c->run.epochs, epoch)) {
        GK_TRY(stage_run(l, r, &staged));
        GK_TRY(gk_keep_state(run, &l->batch));
    }
    if (state) return end_run(l, r, state, by);

    bool resume =
        c->run.resume_every > 0 ? now - run->last_resume >= c->run.resume_every : with_row;
    if (resume || l->stopping) {
        GK_TRY(stage_run(l, r, &staged));
        GK_TRY(gk_keep_resume_point(run, &l->batch));
    }
    return GK_OK;
}

/* The signal came after this run's event: its position is still that of the event. */
static gk_status stop_there(loop *l, int r)
{
    GK_TRY(stage_run(l, r, &(bool){false}));
    return gk_keep_resume_point(l->run[r], &l->batch);
}

/* A signal ended the measuring behind run r's last epoch; its resume point is there. The runs whose
 * events came before get theirs, those behind it will see l->stopping. */
static gk_status stop_in_final(loop *l, int r)
{
    for (int i = 0; i < r && !l->stopping; i++)
        if (l->run[i]) GK_TRY(stop_there(l, i));
    l->stopping = true;
    return GK_OK;
}

/* Opens and closes the range that a profiler records. */
static void watch_profile(loop *l)
{
    int64_t epoch = l->run[0] ? l->run[0]->position.epoch : -1;
    bool wanted = l->profile.from <= epoch && epoch < l->profile.to;

    if (wanted != l->profiled) l->be->profile(l->be, wanted);
    l->profiled = wanted;
}

/* Why an unfinished run ends here, in its state file and log, as far as they can be written. */
static void note_end(gk_run *run, gk_status status, const char *why)
{
    gk_run_log(run, "%s", status == GK_STOPPED ? "interrupted" : why);
    if (status == GK_STOPPED)
        gk_run_set_state(run, "interrupted");
    else
        gk_run_set_state(run, "failed: %s", why);
}

/* The slot is empty from here on. */
static void let_go(loop *l, int r, gk_status status)
{
    gk_run *run = l->run[r];

    gk_hook_close(&run, 1, status != GK_OK);
    l->run[r] = NULL;
    l->batch.slot[r].active = 0;
    l->queue->ended(l->queue, run, status);
}

/* The event of every slot that has not had it. */
static gk_status event(loop *l)
{
    gk_batch *b = &l->batch;
    bool any_row = false;

    l->stopping = gk_signal_seen() != 0;
    GK_TRY(gk_batch_download_slots(b));
    for (int r = 0; r < b->R; r++) {
        gk_run *run = l->run[r];
        if (!run || l->seen[r] == b->slot[r].step) continue;
        run->position = (gk_position){b->slot[r].step, run->metrics_bytes, b->slot[r].loss_max};
        any_row |= row_due(run, run->position.epoch);
    }
    watch_profile(l);
    if (any_row) gk_batch_observe(b);
    for (int r = 0; r < b->R; r++) {
        gk_run *run = l->run[r];
        bool had = run && l->seen[r] == b->slot[r].step;
        if (had && l->stopping) GK_TRY(stop_there(l, r));
        if (!run || had) continue;
        l->seen[r] = b->slot[r].step;
        gk_status status = run_event(l, r, row_due(run, run->position.epoch));
        if (status == GK_STOPPED) status = stop_in_final(l, r);
        GK_TRY(status);
        if (run->finished) let_go(l, r, GK_OK);
    }
    gk_batch_upload_slots(b);
    return GK_OK;
}

/* gk_start_run; what is wrong with a run's own files ends that run alone, and leaves its slot
 * empty. */
static gk_status begin(loop *l, int r)
{
    gk_status status = gk_start_run(l->run[r], &l->batch, r);

    l->seen[r] = -1;
    if (status != GK_EDATA) return status;
    note_end(l->run[r], status, gk_message());
    let_go(l, r, status);
    return GK_OK;
}

/* Waiting runs into empty slots; *any: there were some, whose events are due. */
static gk_status refill(loop *l, bool *any)
{
    gk_batch *b = &l->batch;

    *any = false;
    for (int r = 0; r < b->R && !l->none_waits; r++) {
        while (!l->run[r] && !l->none_waits) {
            GK_TRY(l->queue->next(l->queue, &l->run[r]));
            l->none_waits = !l->run[r];
            if (l->none_waits) break;
            GK_TRY(gk_batch_replace(b, r, &l->run[r]->config));
            GK_TRY(begin(l, r));
            *any |= l->run[r] != NULL;
        }
    }
    if (*any) gk_batch_upload_slots(b);
    return GK_OK;
}

/* Epochs until something is due for any run, at most as many as fit between two looks at the clock;
 * 0: all done. */
static int64_t epochs_to_next(const loop *l)
{
    int64_t k = INT64_MAX;

    for (int r = 0; r < l->batch.R; r++) {
        const gk_run *run = l->run[r];
        if (!run) continue;
        const gk_config *c = &run->config;
        int64_t e = run->position.epoch, every = c->run.measure_every;
        const char *at = *c->run.measure_at ? c->run.measure_at : "none";
        int64_t next[] = {e / every * every + every, c->run.epochs,
                          gk_epochs_next(at, c->run.epochs, e),
                          gk_epochs_next(c->run.checkpoint_at, c->run.epochs, e),
                          gk_epochs_next(c->run.keep_state, c->run.epochs, e)};
        for (size_t i = 0; i < sizeof next / sizeof *next; i++)
            if (next[i] > e && next[i] - e < k) k = next[i] - e;
    }
    if (k == INT64_MAX) return 0;
    const int64_t ends[] = {l->profile.from, l->profile.to},
                  epoch = l->run[0] ? l->run[0]->position.epoch : INT64_MAX;
    for (int i = 0; i < 2; i++)
        if (ends[i] > epoch && ends[i] - epoch < k) k = ends[i] - epoch;
    int64_t most = l->per_epoch > 0 ? (int64_t)(POLL_SECONDS / l->per_epoch) + 1 : 1;
    return k < most ? k : most;
}

static gk_status advance(loop *l, int64_t k)
{
    gk_backend *be = l->be;
    double start = gk_seconds();
    int64_t done;

    be->enter(be, "advance");
    gk_batch_advance(&l->batch, k, &done);
    gk_status status = be->sync(be);
    be->leave(be);
    l->per_epoch = (gk_seconds() - start) / (double)done;
    return status;
}

static gk_status open_batch(loop *l, int n)
{
    const gk_config **configs = gk_alloc((size_t)n, sizeof *configs);

    for (int r = 0; r < n; r++) configs[r] = &l->run[r]->config;
    gk_status status = gk_batch_open(&l->batch, configs, n, l->be);
    free(configs);
    return status;
}

static int busy_slots(const loop *l)
{
    int busy = 0;

    for (int r = 0; r < l->batch.R; r++) busy += l->run[r] != NULL;
    return busy;
}

/* At the end of a queue: the runs that are left, side by side in a smaller batch. */
static gk_status shrink(loop *l)
{
    gk_batch *b = &l->batch;
    const gk_shape shape = b->size.shape;
    int busy = busy_slots(l), to = 0;
    gk_stage *kept = gk_alloc((size_t)busy, sizeof *kept);
    gk_slot *slot = gk_alloc((size_t)busy, sizeof *slot);

    for (int r = 0; r < b->R; r++) {
        if (!l->run[r]) continue;
        gk_batch_get(b, r);
        GK_TRY(b->be->sync(b->be));
        gk_stage_open(&kept[to], &shape, b->stage.optimiser);
        gk_stage_copy(&kept[to], &b->stage, &shape);
        slot[to] = b->slot[r];
        l->seen[to] = l->seen[r];
        l->run[to++] = l->run[r];
    }
    for (int r = busy; r < b->R; r++) l->run[r] = NULL;
    gk_batch_close(b);
    gk_status status = open_batch(l, busy);
    for (int r = 0; status == GK_OK && r < busy; r++) {
        gk_stage_copy(&b->stage, &kept[r], &shape);
        gk_batch_put(b, r);
        b->slot[r] = slot[r];
    }
    if (status == GK_OK) gk_batch_upload_slots(b);
    for (int r = 0; r < busy; r++) gk_stage_close(&kept[r]);
    free(kept);
    free(slot);
    return status;
}

static gk_status run_loop(loop *l)
{
    for (bool more = true; more;) {
        l->be->enter(l->be, "event");
        gk_status status = event(l);
        if (status == GK_OK && !l->stopping) status = refill(l, &more);
        l->be->leave(l->be);
        GK_TRY(status);
        if (l->stopping) return GK_STOPPED;
        if (more) continue; /* the events of those that came */
        int busy = busy_slots(l);
        if (busy && 2 * busy <= l->batch.R) GK_TRY(shrink(l));
        int64_t k = epochs_to_next(l);
        l->queue->show(l->queue, l->run, l->batch.R);
        more = k > 0;
        if (more) GK_TRY(advance(l, k));
    }
    return GK_OK;
}

/* The first runs, as many as there are slots for. */
static gk_status first_runs(loop *l, int R, int *n)
{
    for (*n = 0; *n < R; ++*n) {
        GK_TRY(l->queue->next(l->queue, &l->run[*n]));
        if (!l->run[*n]) break;
    }
    l->none_waits = *n < R;
    return GK_OK;
}

/* What is still in the slots stops here. */
static void end_all(loop *l, int R, gk_status status)
{
    char why[4096];
    int n = 0;

    snprintf(why, sizeof why, "%s", gk_message());
    for (int r = 0; r < R; r++)
        if (l->run[r]) l->run[n++] = l->run[r];
    gk_hook_close(l->run, n, true);
    for (int r = 0; r < n; r++) {
        note_end(l->run[r], status, why);
        gk_fail(status, "%s", why); /* the first message is the one that counts */
        l->queue->ended(l->queue, l->run[r], status);
    }
    if (n) gk_fail(status, "%s", why);
}

gk_status gk_train(gk_queue *queue, int R, gk_backend *be, const gk_profile *profile)
{
    loop *l = gk_alloc(1, sizeof *l);
    int n;

    l->queue = queue;
    l->be = be;
    l->run = gk_alloc((size_t)R, sizeof *l->run);
    l->seen = gk_alloc((size_t)R, sizeof *l->seen);
    if (profile) l->profile = *profile;
    gk_status status = first_runs(l, R, &n);
    if (status == GK_OK && n) {
        status = open_batch(l, n);
        for (int r = 0; status == GK_OK && r < n; r++) status = begin(l, r);
        if (status == GK_OK) {
            gk_batch_upload_slots(&l->batch);
            status = run_loop(l);
        }
    }
    if (l->profiled) be->profile(be, false);
    end_all(l, R, status);
    gk_batch_close(&l->batch);
    free(l->run);
    free(l->seen);
    free(l);
    return status;
}
