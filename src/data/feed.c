/* Which examples an update trains on, worked out on the host for the next updates of a run. */
#include "gk/data.h"

#include <stdlib.h>

void gk_feed_open(gk_feed *feed, const gk_config *config, const gk_data *data)
{
    const gk_set *train = &data->train;
    size_t ring = GK_RING * (size_t)train->B;

    feed->seed = (uint64_t)config->optim.seed;
    feed->repeat = config->optim.leftover == GK_LEFTOVER_REPEAT;
    feed->pass = -1;
    feed->n_train = feed->task.batch ? 0 : data->pool.N;
    if (!data->pool.N) return;
    feed->index = gk_alloc(ring, sizeof *feed->index);
    feed->order = gk_alloc((size_t)feed->n_train, sizeof *feed->order);
    if (feed->task.batch)
        feed->rows = gk_alloc(ring * (size_t)(train->T + train->S), sizeof *feed->rows);
}

void gk_feed_close(gk_feed *feed)
{
    gk_task_close(&feed->task);
    free(feed->order);
    free(feed->index);
    free(feed->rows);
    *feed = (gk_feed){0};
}

/* The order of a pass: for i = n-1 .. 1 swap order[i] and order[below(i + 1)], where the number of
 * the draw is pass 2^32 + i. */
static void shuffle(gk_feed *feed, int64_t pass)
{
    if (feed->pass == pass) return;
    feed->pass = pass;
    for (int i = 0; i < feed->n_train; i++) feed->order[i] = i;
    for (int i = feed->n_train - 1; i > 0; i--) {
        uint64_t draw = (uint64_t)pass << 32 | (uint64_t)i;
        int j = (int)gk_random_below((uint64_t)i + 1, feed->seed, GK_RNG_BATCH, draw);
        int kept = feed->order[i];
        feed->order[i] = feed->order[j];
        feed->order[j] = kept;
    }
}

/* Row numbers of the steps of a ring of batches. */
static void take_from_passes(gk_feed *feed, int B, int64_t first, int k)
{
    int rows = feed->n_train, left = feed->repeat ? rows % B : 0;
    int64_t updates = rows / B + (left > 0); /* of a pass */

    for (int64_t step = first; step < first + k; step++) {
        int32_t *index = feed->index + (size_t)(step % GK_RING) * (size_t)B;
        const int *next = feed->order + step % updates * B;
        int n = left && step % updates == updates - 1 ? left : B;

        shuffle(feed, step / updates);
        for (int i = 0; i < B; i++) index[i] = next[i % n];
    }
}

/* Fresh rows: those of step t stand at t mod GK_RING. */
static void draw(gk_feed *feed, const gk_data *data, int slot, int64_t first, int k, gk_backend *be)
{
    const gk_pool *pool = &data->pool;
    size_t B = (size_t)data->train.B, T = (size_t)data->train.T, S = (size_t)data->train.S;
    int32_t *token = feed->rows, *label = feed->rows + GK_RING * B * T;

    for (int64_t step = first; step < first + k; step++) {
        size_t at = (size_t)(step % GK_RING) * B, run = (size_t)slot * (size_t)pool->N + at;
        for (size_t i = 0; i < B; i++) {
            feed->index[at + i] = (int32_t)(at + i);
            feed->task.example(&feed->task, feed->task.n + step * (int64_t)B + (int64_t)i,
                               token + (at + i) * T, label + (at + i) * S);
        }
        be->upload(be, pool->token + run * T, token + at * T, B * T * sizeof *token);
        be->upload(be, pool->label + run * S, label + at * S, B * S * sizeof *label);
    }
}

void gk_feed_steps(gk_feed *feed, gk_data *data, int slot, int64_t first, int k, gk_backend *be)
{
    size_t ring = GK_RING * (size_t)data->train.B;

    if (!data->pool.N) return;
    GK_CHECK(k <= GK_RING);
    if (feed->task.batch)
        draw(feed, data, slot, first, k, be);
    else
        take_from_passes(feed, data->train.B, first, k);
    be->upload(be, data->pool.index + (size_t)slot * ring, feed->index, ring * sizeof *feed->index);
}
