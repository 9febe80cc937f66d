/* From a task and a split to token, label and group arrays on the device. */
#include "gk/data.h"
#include "gk/model.h"

#include <stdlib.h>

enum { BLOCK_TOKENS = 65536, POSITIONS = 84 };

int gk_block_rows(int T)
{
    int rows = BLOCK_TOKENS / T;

    return rows > GK_BLOCK_ROWS ? GK_BLOCK_ROWS : rows < 1 ? 1 : rows;
}

/* The group of a scored position: later ones than fit into a byte share the last. */
static int group_of(int rows, int position)
{
    return rows + GK_ROW_GROUPS * (position < POSITIONS ? position : POSITIONS);
}

static void layout_set(gk_set *set, int R, int B, const gk_analysis *a, bool apart,
                       gk_arena *device)
{
    size_t rows = (size_t)R * (size_t)B, S = (size_t)a->S;

    *set = (gk_set){.B = B,
                    .T = a->T,
                    .S = a->S,
                    .R = R,
                    .groups = apart ? group_of(GK_ROW_GROUPS, a->S - 1) : 1,
                    .block = gk_block_rows(a->T),
                    .scored = a->scored};
    size_t block = (size_t)R * (size_t)gk_set_block_rows(set, 0, set->block);
    set->token = gk_arena_take(device, rows * (size_t)a->T, sizeof *set->token);
    set->label = gk_arena_take(device, rows * S, sizeof *set->label);
    set->group = gk_arena_take(device, rows * S, sizeof *set->group);
    set->sum = gk_arena_take(device, (size_t)R * (size_t)set->groups * 2, sizeof *set->sum);
    set->row_loss = gk_arena_take(device, block * S, sizeof *set->row_loss);
    set->row_hit = gk_arena_take(device, block * S, sizeof *set->row_hit);
}

void gk_data_layout(gk_data *data, int R, const gk_analysis *a, gk_arena *device)
{
    gk_pool *pool = &data->pool;
    size_t runs = (size_t)R;

    layout_set(&data->train, R, a->batch ? a->batch : a->n_train, a, false, device);
    layout_set(&data->grid, R, a->inputs, a, true, device);
    layout_set(&data->rest, R, a->N - a->inputs, a, true, device);
    *pool = (gk_pool){.N = a->stream ? GK_RING * a->batch : a->batch ? a->n_train : 0};
    if (!pool->N) return;
    size_t rows = runs * (size_t)pool->N;
    pool->token = gk_arena_take(device, rows * (size_t)a->T, sizeof *pool->token);
    pool->label = gk_arena_take(device, rows * (size_t)a->S, sizeof *pool->label);
    pool->index = gk_arena_take(device, runs * GK_RING * (size_t)a->batch, sizeof *pool->index);
}

/* Run `slot`'s part of every block of an array with `width` bytes a row. */
static void put_rows(void *to, const void *from, const gk_set *set, int slot, size_t width,
                     gk_backend *be)
{
    for (int first = 0; first < set->B; first += set->block) {
        int rows = gk_set_block_rows(set, first, set->block);
        size_t at = (size_t)first * (size_t)set->R + (size_t)slot * (size_t)rows;
        be->upload(be, (char *)to + at * width, (const char *)from + (size_t)first * width,
                   (size_t)rows * width);
    }
}

/* Rows row[0 .. n-1] of the analysis (NULL: first, first + 1, ...): token (n,T), label (n,S). */
static void take_rows(int32_t *token, int32_t *label, const gk_task *task, const gk_analysis *a,
                      const int *row, int first, int n)
{
    size_t S = (size_t)a->S, T = (size_t)a->T;
    int32_t *ignored = gk_alloc(S, sizeof *ignored);

    for (int i = 0; i < n; i++) {
        size_t at = (size_t)(row ? row[i] : first + i);
        task->example(task, a->order[at], token + (size_t)i * T, ignored);
        for (size_t s = 0; s < S; s++) label[(size_t)i * S + s] = a->label[at * S + s];
    }
    free(ignored);
}

static void put_set(gk_set *set, int slot, const gk_task *task, const gk_analysis *a,
                    const int *row, int first, gk_backend *be)
{
    size_t B = (size_t)set->B, T = (size_t)set->T, S = (size_t)set->S;
    int32_t *token = gk_alloc(B * T, sizeof *token), *label = gk_alloc(B * S, sizeof *label);
    uint8_t *group = gk_alloc(B * S, 1);

    take_rows(token, label, task, a, row, first, set->B);
    for (size_t i = 0; i < B * S && set->groups > 1; i++)
        group[i] = (uint8_t)group_of(a->group[(size_t)first + i / S], (int)(i % S));
    put_rows(set->token, token, set, slot, T * sizeof *token, be);
    put_rows(set->label, label, set, slot, S * sizeof *label, be);
    put_rows(set->group, group, set, slot, S, be);
    free(token);
    free(label);
    free(group);
}

/* The training examples into the pool. */
static void put_pool(gk_data *data, int slot, const gk_task *task, const gk_analysis *a,
                     gk_backend *be)
{
    size_t N = (size_t)data->pool.N, T = (size_t)a->T, S = (size_t)a->S, at = (size_t)slot * N;
    int32_t *token = gk_alloc(N * T, sizeof *token), *label = gk_alloc(N * S, sizeof *label);

    take_rows(token, label, task, a, a->train, 0, data->pool.N);
    be->upload(be, data->pool.token + at * T, token, N * T * sizeof *token);
    be->upload(be, data->pool.label + at * S, label, N * S * sizeof *label);
    free(token);
    free(label);
}

void gk_data_put(gk_data *data, int slot, const gk_task *task, const gk_analysis *a, gk_backend *be)
{
    gk_set *train = &data->train;
    size_t scored = (size_t)train->B * (size_t)train->S;

    GK_CHECK(data->grid.B == a->inputs && data->rest.B == a->N - a->inputs);
    if (!a->batch)
        put_set(train, slot, task, a, a->train, 0, be);
    else { /* rows come with every step; until then they are any that exist */
        size_t ring = GK_RING * (size_t)train->B, fresh = a->stream ? (size_t)data->pool.N : 0;
        be->zero(be, train->group + (size_t)slot * scored, scored);
        be->zero(be, data->pool.index + (size_t)slot * ring, ring * sizeof *data->pool.index);
        be->zero(be, data->pool.token + (size_t)slot * fresh * (size_t)a->T,
                 fresh * (size_t)a->T * sizeof *data->pool.token);
        be->zero(be, data->pool.label + (size_t)slot * fresh * (size_t)a->S,
                 fresh * (size_t)a->S * sizeof *data->pool.label);
        if (!a->stream) put_pool(data, slot, task, a, be);
    }
    put_set(&data->grid, slot, task, a, NULL, 0, be);
    put_set(&data->rest, slot, task, a, NULL, a->inputs, be);
}

void gk_data_select(gk_data *data, const gk_slot *slot, gk_backend *be)
{
    const gk_set *train = &data->train;
    const gk_pool *pool = &data->pool;

    if (!pool->N) return;
    be->select_rows(be, train->token, pool->token, pool->index, slot, train->R, train->B, pool->N,
                    train->T, GK_RING);
    be->select_rows(be, train->label, pool->label, pool->index, slot, train->R, train->B, pool->N,
                    train->S, GK_RING);
}
