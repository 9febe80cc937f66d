/* The loop over events. Between two events the backend advances without the host; everything that
 * touches files happens at one. A row, a checkpoint or a resume point of epoch e shows the weights
 * before update e. */
#include "gk/hook.h"
#include "gk/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest that gk_advance runs without a look at clocks and progress. Changes nothing in the
 * results. */
static const double POLL_SECONDS = 0.1;

typedef struct loop {
    gk_run *run;
    gk_batch batch; /* its slots are current at every event */
    gk_progress progress;
    double per_epoch; /* seconds, of the last advance */
    bool stopping;    /* a signal was seen before the current event */
} loop;

/* Weights, moments and slot of one run: from its resume point or from its seed. */
static gk_status start_run(loop *l, int r)
{
    gk_run *run = &l->run[r];
    gk_batch *b = &l->batch;
    size_t bytes = gk_parameters(&run->shape) * sizeof(gk_real);

    memset(b->stage.m, 0, bytes);
    memset(b->stage.v, 0, bytes);
    GK_TRY(gk_run_restore(run, &b->stage, &b->analysis[r]));
    if (!run->restored) GK_TRY(gk_init(b->stage.params, &run->shape, &run->config));
    gk_batch_put(b, r);
    gk_batch_set_slot(b, r, &run->config, run->position.epoch, run->position.loss_max);

    gk_text backend = {0};
    gk_text_add(&backend, "\"backend\": \"%s\", ", b->be->name);
    b->be->describe(b->be, &backend);
    gk_status status =
        gk_run_environment(run, backend.data, b->size.tables ? "table" : "ops");
    gk_run_log(run, "%s at epoch %lld of %lld; %s", run->restored ? "goes on" : "starts",
               (long long)run->position.epoch, (long long)run->config.run.epochs, backend.data);
    gk_text_free(&backend);
    if (status == GK_OK) gk_hook_open(run);
    return status;
}

static bool row_due(const gk_run *run, int64_t epoch)
{
    return epoch % run->config.run.measure_every == 0 || epoch == run->config.run.epochs;
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
    gk_run *run = &l->run[r];

    GK_TRY(gk_run_resume_point(run, &l->batch.stage));
    GK_TRY(gk_final(run, &l->batch, r));
    GK_TRY(gk_run_finish(run, state, by));
    gk_run_log(run, "%s at epoch %lld (%s)", state, (long long)run->position.epoch, by);
    l->batch.slot[r].active = 0;
    return GK_OK;
}

/* The row of this event into the files; why the run ends with it, if it does. */
static gk_status record(loop *l, int r, const char **state, const char **by)
{
    gk_run *run = &l->run[r];
    const gk_config *c = &run->config;
    gk_row row;

    gk_batch_row(&l->batch, r, &row, &run->keys);
    gk_status status = l->batch.be->sync(l->batch.be);
    if (status == GK_OK) status = gk_run_append(run, &row, &l->batch.snapshot);
    l->batch.slot[r].loss_max = -1;
    *by = gk_events_stop(&run->events, c);
    if (!*by && row.epoch == c->run.epochs) *by = "run.epochs";
    if (*by) *state = "done";
    if (gk_row_diverged(&row)) {
        *state = "diverged";
        *by = "the train loss is not finite";
    }
    if (status == GK_OK && (*state || gk_epochs_has(c->run.arrays_at, c->run.epochs, row.epoch)))
        status = gk_run_arrays(run, &l->batch.snapshot);
    gk_row_free(&row);
    return status;
}

static gk_status run_event(loop *l, int r, bool with_row)
{
    gk_run *run = &l->run[r];
    const gk_config *c = &run->config;
    int64_t epoch = run->position.epoch;
    const char *state = NULL, *by = NULL;
    bool staged = false;
    double now = gk_seconds();

    if (with_row) GK_TRY(record(l, r, &state, &by));
    if (with_row && gk_hook_ready(run)) {
        GK_TRY(stage_run(l, r, &staged));
        gk_hook_ask(run, l->batch.stage.params);
    }
    if (state || gk_epochs_has(c->run.checkpoint_at, c->run.epochs, epoch)) {
        GK_TRY(stage_run(l, r, &staged));
        GK_TRY(gk_run_checkpoint(run, &l->batch.stage, state != NULL));
    }
    if (gk_epochs_has(c->run.keep_state, c->run.epochs, epoch)) {
        GK_TRY(stage_run(l, r, &staged));
        GK_TRY(gk_run_keep_state(run, &l->batch.stage));
    }
    if (state) return end_run(l, r, state, by);

    bool resume =
        c->run.resume_every > 0 ? now - run->last_resume >= c->run.resume_every : with_row;
    if (resume || l->stopping) {
        GK_TRY(stage_run(l, r, &staged));
        GK_TRY(gk_run_resume_point(run, &l->batch.stage));
    }
    if (now - run->last_touch > 60) {
        gk_owner_touch(run->dir);
        run->last_touch = now;
    }
    return GK_OK;
}

static gk_status event(loop *l)
{
    gk_batch *b = &l->batch;
    bool any_row = false;

    l->stopping = gk_signal_seen() != 0;
    GK_TRY(gk_batch_download_slots(b));
    for (int r = 0; r < b->R; r++) {
        gk_run *run = &l->run[r];
        if (run->finished) continue;
        run->position = (gk_position){b->slot[r].step, run->metrics_bytes, b->slot[r].loss_max};
        any_row |= row_due(run, run->position.epoch);
    }
    if (any_row) gk_batch_observe(b);
    for (int r = 0; r < b->R; r++) {
        gk_run *run = &l->run[r];
        if (!run->finished) GK_TRY(run_event(l, r, row_due(run, run->position.epoch)));
    }
    gk_batch_upload_slots(b);
    return GK_OK;
}

/* Epochs until something is due for any run, at most as many as fit between two looks at the clock;
 * 0: all done. */
static int64_t epochs_to_next(const loop *l)
{
    int64_t k = INT64_MAX;

    for (int r = 0; r < l->batch.R; r++) {
        const gk_run *run = &l->run[r];
        const gk_config *c = &run->config;
        int64_t e = run->position.epoch, every = c->run.measure_every;
        if (run->finished) continue;
        int64_t next[] = {e / every * every + every, c->run.epochs,
                          gk_epochs_next(c->run.checkpoint_at, c->run.epochs, e),
                          gk_epochs_next(c->run.keep_state, c->run.epochs, e)};
        for (size_t i = 0; i < sizeof next / sizeof *next; i++)
            if (next[i] - e < k) k = next[i] - e;
    }
    if (k == INT64_MAX) return 0;
    int64_t most = l->per_epoch > 0 ? (int64_t)(POLL_SECONDS / l->per_epoch) + 1 : 1;
    return k < most ? k : most;
}

static gk_status run_loop(loop *l)
{
    for (;;) {
        GK_TRY(event(l));
        int64_t k = epochs_to_next(l), done;
        gk_progress_show(&l->progress, &l->run[0], l->run[0].position.epoch, k == 0 || l->stopping);
        if (k == 0) return GK_OK;
        if (l->stopping) return GK_STOPPED;
        double start = gk_seconds();
        gk_batch_advance(&l->batch, k, &done);
        GK_TRY(l->batch.be->sync(l->batch.be));
        l->per_epoch = (gk_seconds() - start) / (double)done;
    }
}

/* Why an unfinished run ends here, in its state file and log, as far as they can be written. */
static void note_end(gk_run *run, gk_status status)
{
    char why[4096];

    snprintf(why, sizeof why, "%s", gk_message());
    gk_run_log(run, "%s", status == GK_STOPPED ? "interrupted" : why);
    if (status == GK_STOPPED)
        gk_run_set_state(run, "interrupted");
    else
        gk_run_set_state(run, "failed: %s", why);
    gk_fail(status, "%s", why); /* the first message is the one that counts */
}

gk_status gk_train(gk_run *runs, int R, gk_backend *be)
{
    loop *l = gk_alloc(1, sizeof *l);
    const gk_config **configs = gk_alloc((size_t)R, sizeof *configs);

    l->run = runs;
    for (int r = 0; r < R; r++) configs[r] = &runs[r].config;
    gk_status status = gk_batch_open(&l->batch, configs, R, be);
    for (int r = 0; status == GK_OK && r < R; r++) status = start_run(l, r);
    if (status == GK_OK) {
        gk_batch_upload_slots(&l->batch);
        gk_progress_start(&l->progress, runs[0].position.epoch);
        status = run_loop(l);
    }
    for (int r = 0; status != GK_OK && r < R; r++)
        if (!runs[r].finished) note_end(&runs[r], status);
    gk_batch_close(&l->batch);
    gk_hook_close(runs, R, status != GK_OK);
    free(configs);
    free(l);
    return status;
}
