/* A batch of runs in memory. */
#include "gk/batch.h"

#include <stdlib.h>
#include <string.h>

static gk_status check_batch(const gk_analysis *a, const gk_config *config)
{
    if (a->batch > gk_block_rows(a->T))
        return gk_fail(GK_EUSAGE, "optim.batch: at most %d examples of %d tokens, not %lld",
                       gk_block_rows(a->T), a->T, (long long)config->optim.batch);
    return GK_OK;
}

static gk_status open_analysis(gk_analysis *analysis, const gk_config *config, gk_shape *shape)
{
    gk_task task;
    int n_train = 0;

    GK_TRY(gk_task_open(&task, config));
    int *order = gk_alloc((size_t)task.n, sizeof *order);
    gk_status status = GK_OK;
    if (*config->task.split)
        status = gk_split(order, &n_train, &task, config);
    else /* somebody's weights, of which only the task is known */
        for (int i = 0; i < task.n; i++) order[i] = i;
    if (status == GK_OK) {
        gk_analysis_open(analysis, &task, config, order, n_train);
        status = gk_shape_open(shape, config, &task);
        if (status == GK_OK) status = check_batch(analysis, config);
        if (status != GK_OK) gk_analysis_close(analysis);
    }
    free(order);
    gk_task_close(&task);
    return status;
}

static void layout(gk_batch *b, const gk_analysis *a)
{
    size_t n = gk_parameters(&b->size.shape);

    gk_model_layout(&b->model, &b->size.shape, b->R, b->size.rows, &b->device);
    gk_data_layout(&b->data, b->R, a, &b->device);
    b->plan.tables = b->size.tables;
    b->plan.recipe = b->size.recipe;
    gk_plan_layout(&b->plan, &b->model, &b->data, &b->device);
    gk_lens_layout(&b->lens, &b->size.shape, a, b->R, b->size.rows, 1, &b->device, &b->host);
    gk_measure_layout(&b->lens, &b->device);
    b->slot = gk_arena_take(&b->host, (size_t)b->R, sizeof *b->slot);
    b->stage.params = gk_arena_take(&b->host, n, sizeof(gk_real));
    b->stage.optimiser = &gk_optimisers[b->size.recipe.optimiser];
    for (int i = 0; i < b->stage.optimiser->moments; i++)
        b->stage.moment[i] = gk_arena_take(&b->host, n, sizeof(gk_real));
}

/* Sizes of a batch of runs like this one. */
static void find_size(gk_batch_size *size, const gk_analysis *a, int R)
{
    gk_batch b = {.R = R};

    int most = a->N > a->batch ? a->N : a->batch, block = gk_block_rows(a->T);

    size->n_train = a->stream ? a->batch : a->n_train;
    size->n_test = a->N - a->n_train;
    size->batch = a->batch;
    size->scored = a->scored;
    size->stream = a->stream;
    size->rows = most < block ? most : block;
    b.size = *size;
    layout(&b, a);
    gk_model_close(&b.model);
    size->device_bytes = b.device.used;
    size->host_bytes = b.host.used;
}

gk_status gk_batch_size_of(gk_batch_size *size, const gk_config *config, int R)
{
    gk_analysis analysis;
    const char *why;

    *size = (gk_batch_size){0};
    GK_TRY(open_analysis(&analysis, config, &size->shape));
    gk_status status = gk_plan_choose(&size->tables, &why, config, &size->shape);
    size->recipe = gk_recipe_of(config);
    find_size(size, &analysis, R);
    gk_analysis_close(&analysis);
    return status;
}

/* Why the device gave no memory, and how many runs it has memory for. */
static gk_status too_large(const gk_batch *b)
{
    size_t room = b->be->room(b->be), need = b->size.device_bytes;
    gk_batch_size one = b->size, two = b->size;

    find_size(&one, &b->analysis[0], 1);
    find_size(&two, &b->analysis[0], 2);
    size_t more = two.device_bytes - one.device_bytes,
           fit = room >= one.device_bytes && more ? 1 + (room - one.device_bytes) / more : 0;
    if (!room)
        return gk_fail(GK_EMEM, "not enough memory: %d runs side by side need %zu bytes", b->R,
                       need);
    return gk_fail(GK_EMEM,
                   "not enough memory on the device: %d runs side by side need %zu bytes, %zu are "
                   "free, which is enough for %zu",
                   b->R, need, room, fit);
}

/* More than the cgroup leaves is given all the same, and the process killed when it is used. */
static gk_status check_host(const gk_batch *b)
{
    size_t need = b->size.device_bytes + b->size.host_bytes;
    gk_memory memory = gk_memory_free();

    if (b->be->room(b->be) || !strcmp(memory.from, "host") || need <= memory.bytes) return GK_OK;
    return gk_fail(GK_EMEM,
                   "not enough memory: %d runs side by side need %zu bytes, and the limit of this "
                   "%s leaves %zu",
                   b->R, need, memory.from, memory.bytes);
}

static gk_status allocate(gk_batch *b)
{
    GK_TRY(check_host(b));
    b->device.size = b->size.device_bytes;
    b->host.size = b->size.host_bytes;
    b->device.base = b->be->alloc(b->be, b->device.size);
    b->host.base = aligned_alloc(256, (b->host.size + 255) / 256 * 256);
    if (!b->device.base) return too_large(b);
    if (!b->host.base)
        return gk_fail(GK_EMEM, "not enough memory: %zu bytes on the host", b->host.size);
    memset(b->host.base, 0, b->host.size);
    return GK_OK;
}

static gk_status put_examples(gk_batch *b, int r, const gk_config *config)
{
    gk_feed *feed = &b->feed[r];
    const gk_shape *shape = &b->size.shape;
    gk_status status = GK_OK;

    gk_feed_close(feed);
    GK_TRY(gk_task_open(&feed->task, config));
    gk_data_put(&b->data, r, &feed->task, &b->analysis[r], b->be);
    gk_real *initial = gk_alloc(gk_parameters(shape), sizeof *initial);
    if (b->plan.recipe.to_init) status = gk_init(initial, shape, config);
    if (status == GK_OK) gk_plan_put(&b->plan, r, &feed->task, &b->analysis[r], initial);
    free(initial);
    GK_TRY(status);
    gk_lens_put(&b->lens, r, b->be);
    gk_feed_open(feed, config, &b->data);
    return GK_OK;
}

/* Opens the analysis of slot r, which must be like those of the other slots. */
static gk_status take_config(gk_batch *b, int r, const gk_config *config)
{
    gk_batch_size size = {0};
    gk_analysis *a = &b->analysis[r];
    const char *why;

    GK_TRY(open_analysis(a, config, &size.shape));
    GK_TRY(gk_plan_choose(&size.tables, &why, config, &size.shape));
    size.recipe = gk_recipe_of(config);
    find_size(&size, a, b->R);
    if (!b->size.rows) b->size = size; /* the first one */
    if (!gk_same_shape(&size.shape, &b->size.shape) || size.n_train != b->size.n_train ||
        size.n_test != b->size.n_test || size.batch != b->size.batch ||
        size.scored != b->size.scored || size.stream != b->size.stream ||
        size.device_bytes != b->size.device_bytes || size.tables != b->size.tables ||
        !gk_same_recipe(&size.recipe, &b->size.recipe))
        return gk_fail(GK_EUSAGE, "runs of different shapes cannot train side by side");
    return GK_OK;
}

gk_status gk_batch_open(gk_batch *b, const gk_config *const *config, int R, gk_backend *be)
{
    *b = (gk_batch){.be = be, .R = R, .plan.be = be};
    b->analysis = gk_alloc((size_t)R, sizeof *b->analysis);
    b->feed = gk_alloc((size_t)R, sizeof *b->feed);
    for (int r = 0; r < R; r++) GK_TRY(take_config(b, r, config[r]));
    GK_TRY(allocate(b));
    layout(b, b->analysis);
    gk_model_start(&b->model, config[0], be);
    for (int r = 0; r < R; r++) GK_TRY(put_examples(b, r, config[r]));
    gk_snapshot_open(&b->snapshot, &b->lens);
    gk_findings_open(&b->found, &b->lens);
    return be->sync(be);
}

gk_status gk_batch_replace(gk_batch *b, int r, const gk_config *config)
{
    gk_analysis_close(&b->analysis[r]);
    GK_TRY(take_config(b, r, config));
    return put_examples(b, r, config);
}

void gk_batch_close(gk_batch *b)
{
    gk_snapshot_close(&b->snapshot);
    gk_findings_close(&b->found);
    gk_model_close(&b->model);
    for (int r = 0; b->analysis && r < b->R; r++) gk_analysis_close(&b->analysis[r]);
    for (int r = 0; b->feed && r < b->R; r++) gk_feed_close(&b->feed[r]);
    free(b->analysis);
    free(b->feed);
    if (b->device.base) b->be->release(b->be, b->device.base);
    free(b->host.base);
    *b = (gk_batch){0};
}

void gk_batch_set_slot(gk_batch *b, int r, const gk_config *c, int64_t epoch, double loss_max)
{
    b->slot[r] = (gk_slot){.step = epoch,
                           .active = 1,
                           .l2 = c->optim.decay == GK_DECAY_L2,
                           .schedule = GK_SCHEDULE_CONSTANT,
                           .warmup = c->optim.warmup,
                           .lr = c->optim.lr,
                           .weight_decay = c->optim.weight_decay,
                           .beta1 = c->optim.beta1,
                           .beta2 = c->optim.beta2,
                           .eps = c->optim.eps,
                           .loss_max = loss_max,
                           .momentum = c->optim.momentum,
                           .noise = c->optim.weight_noise,
                           .seed = (uint64_t)c->optim.seed};
}

void gk_batch_upload_slots(gk_batch *b)
{
    b->be->upload(b->be, b->model.slot, b->slot, (size_t)b->R * sizeof *b->slot);
}

gk_status gk_batch_download_slots(gk_batch *b)
{
    b->be->download(b->be, b->slot, b->model.slot, (size_t)b->R * sizeof *b->slot);
    return b->be->sync(b->be);
}

/* Where the device has moment i of the optimiser. */
static const gk_params *moment(const gk_model *model, int i)
{
    const gk_params *const all[GK_MOMENTS_MAX] = {&model->m, &model->v};

    return all[i];
}

void gk_batch_put(gk_batch *b, int r)
{
    gk_model_put(&b->model, &b->model.params, r, b->stage.params, b->be);
    for (int i = 0; i < b->stage.optimiser->moments; i++)
        gk_model_put(&b->model, moment(&b->model, i), r, b->stage.moment[i], b->be);
}

void gk_batch_get(gk_batch *b, int r)
{
    gk_model_get(&b->model, &b->model.params, r, b->stage.params, b->be);
    for (int i = 0; i < b->stage.optimiser->moments; i++)
        gk_model_get(&b->model, moment(&b->model, i), r, b->stage.moment[i], b->be);
}

/* The next k updates of every run get their rows. */
static void feed(gk_batch *b, int64_t already, int k)
{
    for (int r = 0; r < b->R; r++)
        if (b->slot[r].active)
            gk_feed_steps(&b->feed[r], &b->data, r, b->slot[r].step + already, k, b->be);
}

void gk_batch_advance(gk_batch *b, int64_t k, int64_t *done)
{
    if (!b->data.pool.N) {
        gk_advance(&b->plan, k, done);
        return;
    }
    int64_t now = 0;
    int part = 0;
    for (*done = 0; now == part && *done < k; *done += now) {
        part = k - *done < GK_RING ? (int)(k - *done) : GK_RING;
        feed(b, *done, part);
        gk_advance(&b->plan, part, &now);
    }
}

void gk_batch_observe(gk_batch *b)
{
    if (b->size.stream) feed(b, 0, 1);
    gk_lens_forward(&b->lens, &b->plan);
}

/* The snapshot of run r, and what of its row follows from that alone. */
static void start_row(gk_batch *b, int r, gk_row *row)
{
    gk_row_start(row, b->slot[r].step);
    gk_snapshot_take(&b->snapshot, 1, &b->plan, r, &b->slot[r]);
    gk_measure_keys(row, &b->snapshot);
}

void gk_batch_row(gk_batch *b, int r, gk_row *row, gk_key_watch *watch)
{
    gk_snapshot *s = &b->snapshot;

    start_row(b, r, row);
    gk_key_watch_add(watch, row->key_freqs);
    if (gk_key_watch_ready(watch)) gk_snapshot_set_keys(s, s->raw, s->raws);
    gk_measure_all(row, &b->found, s, 1, GK_KEYED);
}

void gk_batch_final_row(gk_batch *b, int r, gk_row *row, const int *key, int keys)
{
    start_row(b, r, row);
    gk_snapshot_set_keys(&b->snapshot, key, keys);
    gk_measure_all(row, &b->found, &b->snapshot, 1, GK_FINAL);
}
