/* The loop over events. Between two events the backend advances without the host; everything that touches files
 * happens at one. A row, a checkpoint or a resume point of epoch e shows the weights before update e. */
#include "gk/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest that gk_advance runs without a look at clocks and progress. Changes nothing in the results. */
static const double POLL_SECONDS = 0.1;

typedef struct batch {
    gk_run *run;
    int R, form;
    gk_backend *be;
    gk_batch_size size;
    gk_arena device, host;
    gk_model model;
    gk_data data;
    gk_slot *slot; /* (R), the host's copy: current at every event */
    gk_row *row;   /* (R) */
    gk_stage stage;
    gk_progress progress;
    double per_epoch; /* seconds, of the last advance */
    bool stopping;    /* a signal was seen before the current event */
} batch;

static void layout(batch *b)
{
    size_t R = (size_t)b->R, n = gk_parameters(&b->size.shape);

    gk_model_layout(&b->model, &b->size.shape, b->R, b->size.rows, &b->device);
    gk_data_layout(&b->data, b->R, b->size.n_train, b->size.n_test, b->size.shape.T, &b->device,
                   &b->host);
    b->slot = gk_arena_take(&b->host, R, sizeof *b->slot);
    b->row = gk_arena_take(&b->host, R, sizeof *b->row);
    b->stage.params = gk_arena_take(&b->host, n, sizeof(gk_real));
    b->stage.m = gk_arena_take(&b->host, n, sizeof(gk_real));
    b->stage.v = gk_arena_take(&b->host, n, sizeof(gk_real));
}

gk_status gk_batch_measure(gk_batch_size *size, const gk_config *config, int R)
{
    gk_task task;
    batch b = {.R = R};

    GK_TRY(gk_task_open(&task, config));
    int *order = gk_alloc((size_t)task.n, sizeof *order);
    gk_status status = gk_split(order, &size->n_train, &task, config);
    free(order);
    size->n_test = task.n - size->n_train;
    size->shape = gk_shape_of(config, task.V, task.T, task.answers);
    gk_task_close(&task);
    GK_TRY(status);
    size->rows = size->n_train > size->n_test ? size->n_train : size->n_test;
    if (size->rows > GK_BLOCK_ROWS) size->rows = GK_BLOCK_ROWS;

    b.size = *size;
    layout(&b);
    gk_model_close(&b.model);
    size->device_bytes = b.device.used;
    size->host_bytes = b.host.used;
    return GK_OK;
}

static gk_status allocate(batch *b)
{
    GK_TRY(gk_batch_measure(&b->size, &b->run[0].config, b->R));
    b->device.size = b->size.device_bytes;
    b->host.size = b->size.host_bytes;
    b->device.base = b->be->alloc(b->be, b->device.size);
    b->host.base = aligned_alloc(256, (b->host.size + 255) / 256 * 256);
    if (!b->device.base || !b->host.base)
        return gk_fail(GK_EMEM,
                       "not enough memory: a batch of %d runs needs %zu MB on the device and %zu "
                       "MB on the host",
                       b->R, b->device.size >> 20, b->host.size >> 20);
    layout(b);
    gk_model_start(&b->model, &b->run[0].config, b->be);
    return GK_OK;
}

static gk_slot slot_of(const gk_run *run)
{
    const gk_config *c = &run->config;

    return (gk_slot){.step = run->position.epoch,
                     .active = 1,
                     .l2 = c->optim.decay == GK_DECAY_L2,
                     .warmup = c->optim.warmup,
                     .lr = c->optim.lr,
                     .weight_decay = c->optim.weight_decay,
                     .beta1 = c->optim.beta1,
                     .beta2 = c->optim.beta2,
                     .eps = c->optim.eps,
                     .loss_max = run->position.loss_max};
}

/* Weights, moments, examples and slot of one run: from its resume point or from its seed. */
static gk_status start_run(batch *b, int r)
{
    gk_run *run = &b->run[r];
    size_t bytes = gk_parameters(&run->shape) * sizeof(gk_real);
    gk_task task;
    const char *why;

    memset(b->stage.m, 0, bytes);
    memset(b->stage.v, 0, bytes);
    GK_TRY(gk_run_restore(run, &b->stage));
    if (!run->restored) GK_TRY(gk_init(b->stage.params, &run->shape, &run->config));
    gk_model_put(&b->model, &b->model.params, r, b->stage.params, b->be);
    gk_model_put(&b->model, &b->model.m, r, b->stage.m, b->be);
    gk_model_put(&b->model, &b->model.v, r, b->stage.v, b->be);
    b->slot[r] = slot_of(run);

    GK_TRY(gk_task_open(&task, &run->config));
    gk_status status = gk_data_put(&b->data, r, &task, &run->config, b->be);
    gk_task_close(&task);
    GK_TRY(status);

    gk_text backend = {0};
    gk_text_add(&backend, "\"backend\": \"%s\", ", b->be->name);
    b->be->describe(b->be, &backend);
    status = gk_run_environment(run, backend.data, gk_plan_name(&run->config, &run->shape, &why));
    gk_run_log(run, "%s at epoch %lld of %lld; %s", run->restored ? "goes on" : "starts",
               (long long)run->position.epoch, (long long)run->config.run.epochs, backend.data);
    gk_text_free(&backend);
    return status;
}

static void upload_slots(batch *b)
{
    b->be->upload(b->be, b->model.slot, b->slot, (size_t)b->R * sizeof *b->slot);
}

static gk_status download_slots(batch *b)
{
    b->be->download(b->be, b->slot, b->model.slot, (size_t)b->R * sizeof *b->slot);
    return b->be->sync(b->be);
}

static bool row_due(const gk_run *run, int64_t epoch)
{
    return epoch % run->config.run.measure_every == 0 || epoch == run->config.run.epochs;
}

/* The stage gets this run's weights and moments; *staged: it has them already. */
static gk_status stage_run(batch *b, int r, bool *staged)
{
    if (*staged) return GK_OK;
    gk_model_get(&b->model, &b->model.params, r, b->stage.params, b->be);
    gk_model_get(&b->model, &b->model.m, r, b->stage.m, b->be);
    gk_model_get(&b->model, &b->model.v, r, b->stage.v, b->be);
    *staged = true;
    return b->be->sync(b->be);
}

static gk_status end_run(batch *b, int r, const char *state, const char *by)
{
    gk_run *run = &b->run[r];

    GK_TRY(gk_run_resume_point(run, &b->stage));
    GK_TRY(gk_run_finish(run, state, by));
    gk_run_log(run, "%s at epoch %lld (%s)", state, (long long)run->position.epoch, by);
    b->slot[r].active = 0;
    return GK_OK;
}

/* What is due for run r now that its row, if any, is in b->row[r]. */
static gk_status run_event(batch *b, int r, bool with_row)
{
    gk_run *run = &b->run[r];
    const gk_config *c = &run->config;
    int64_t epoch = run->position.epoch;
    const char *state = NULL, *by = NULL;
    bool staged = false;
    double now = gk_seconds();

    if (with_row) {
        GK_TRY(gk_run_append(run, &b->row[r]));
        b->slot[r].loss_max = -1;
        by = gk_events_stop(&run->events, c);
        if (!by && epoch == c->run.epochs) by = "run.epochs";
        if (by) state = "done";
        if (gk_row_diverged(&b->row[r])) {
            state = "diverged";
            by = "the train loss is not finite";
        }
    }
    if (state || gk_epochs_has(c->run.checkpoint_at, c->run.epochs, epoch)) {
        GK_TRY(stage_run(b, r, &staged));
        GK_TRY(gk_run_checkpoint(run, &b->stage, state != NULL));
    }
    if (gk_epochs_has(c->run.keep_state, c->run.epochs, epoch)) {
        GK_TRY(stage_run(b, r, &staged));
        GK_TRY(gk_run_keep_state(run, &b->stage));
    }
    if (state) return end_run(b, r, state, by);

    bool resume =
        c->run.resume_every > 0 ? now - run->last_resume >= c->run.resume_every : with_row;
    if (resume || b->stopping) {
        GK_TRY(stage_run(b, r, &staged));
        GK_TRY(gk_run_resume_point(run, &b->stage));
    }
    if (now - run->last_touch > 60) {
        gk_owner_touch(run->dir);
        run->last_touch = now;
    }
    return GK_OK;
}

static gk_status event(batch *b)
{
    bool any_row = false;

    b->stopping = gk_signal_seen() != 0;
    GK_TRY(download_slots(b));
    for (int r = 0; r < b->R; r++) {
        gk_run *run = &b->run[r];
        if (run->finished) continue;
        run->position = (gk_position){b->slot[r].step, run->metrics_bytes, b->slot[r].loss_max};
        any_row |= row_due(run, run->position.epoch);
    }
    if (any_row) gk_measure(b->row, &b->model, &b->data, b->form, b->slot, b->be);
    GK_TRY(b->be->sync(b->be));
    for (int r = 0; r < b->R; r++) {
        gk_run *run = &b->run[r];
        if (!run->finished) GK_TRY(run_event(b, r, row_due(run, run->position.epoch)));
    }
    upload_slots(b);
    return GK_OK;
}

/* Epochs until something is due for any run, at most as many as fit between two looks at the clock; 0: all done. */
static int64_t epochs_to_next(const batch *b)
{
    int64_t k = INT64_MAX;

    for (int r = 0; r < b->R; r++) {
        const gk_run *run = &b->run[r];
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
    int64_t most = b->per_epoch > 0 ? (int64_t)(POLL_SECONDS / b->per_epoch) + 1 : 1;
    return k < most ? k : most;
}

static gk_status loop(batch *b)
{
    for (;;) {
        GK_TRY(event(b));
        int64_t k = epochs_to_next(b), done;
        gk_progress_show(&b->progress, &b->run[0], b->run[0].position.epoch, k == 0 || b->stopping);
        if (k == 0) return GK_OK;
        if (b->stopping) return GK_STOPPED;
        double start = gk_seconds();
        gk_advance(&b->model, &b->data, b->form, k, &done, b->be);
        GK_TRY(b->be->sync(b->be));
        b->per_epoch = (gk_seconds() - start) / (double)done;
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
    batch b = {.run = runs, .R = R, .be = be, .form = runs[0].config.loss.form};
    gk_status status = allocate(&b);

    for (int r = 0; status == GK_OK && r < R; r++) status = start_run(&b, r);
    if (status == GK_OK) {
        upload_slots(&b);
        gk_progress_start(&b.progress, runs[0].position.epoch);
        status = loop(&b);
    }
    for (int r = 0; status != GK_OK && r < R; r++)
        if (!runs[r].finished) note_end(&runs[r], status);
    gk_model_close(&b.model);
    if (b.device.base) be->release(be, b.device.base);
    free(b.host.base);
    return status;
}
