/* From a task and a split to token, label and group arrays on the device. */
#include "gk/data.h"
#include "gk/model.h"

#include <stdlib.h>
#include <string.h>

static void layout_set(gk_set *set, int R, int B, int T, int groups, gk_arena *device, gk_arena *host)
{
    size_t rows = (size_t)R * (size_t)B;
    size_t block = (size_t)R * (size_t)gk_set_block_rows(&(gk_set){.B = B}, 0, GK_BLOCK_ROWS);

    *set = (gk_set){.B = B, .T = T, .R = R, .groups = groups};
    set->token = gk_arena_take(device, rows * (size_t)T, sizeof *set->token);
    set->label = gk_arena_take(device, rows, sizeof *set->label);
    set->group = gk_arena_take(device, rows, sizeof *set->group);
    set->sum = gk_arena_take(device, (size_t)R * (size_t)groups * 2, sizeof *set->sum);
    set->row_loss = gk_arena_take(device, block, sizeof *set->row_loss);
    set->row_hit = gk_arena_take(device, block, sizeof *set->row_hit);
    set->group_rows = gk_arena_take(host, (size_t)R * (size_t)groups, sizeof *set->group_rows);
}

void gk_data_layout(gk_data *data, int R, int n_train, int n_test, int T, gk_arena *device, gk_arena *host)
{
    layout_set(&data->train, R, n_train, T, 1, device, host);
    layout_set(&data->test, R, n_test, T, 2, device, host);
}

/* Run `slot`'s part of every block of an array with `width` bytes a row. */
static void put_rows(void *to, const void *from, const gk_set *set, int slot, size_t width, gk_backend *be)
{
    for (int first = 0; first < set->B; first += GK_BLOCK_ROWS) {
        int rows = gk_set_block_rows(set, first, GK_BLOCK_ROWS);
        size_t at = (size_t)first * (size_t)set->R + (size_t)slot * (size_t)rows;
        be->upload(be, (char *)to + at * width, (const char *)from + (size_t)first * width, (size_t)rows * width);
    }
}

/* Examples order[0 .. B-1] into the set. `trained` (by example, NULL: no groups) tells where the mirror is. */
static void put_set(gk_set *set, int slot, const gk_task *task, const int *order, const int32_t *label,
                    const uint8_t *trained, gk_backend *be)
{
    size_t B = (size_t)set->B, T = (size_t)set->T;
    int32_t *token = gk_alloc(B * T, sizeof *token), ignored;
    uint8_t *group = gk_alloc(B, 1);
    int *rows = set->group_rows + (size_t)slot * (size_t)set->groups;

    memset(rows, 0, (size_t)set->groups * sizeof *rows);
    for (size_t i = 0; i < B; i++) {
        task->example(task, order[i], token + i * T, &ignored);
        int mirror = trained ? task->mirror(task, order[i]) : 0;
        group[i] = trained && !(mirror >= 0 && trained[mirror]) ? GK_UNMIRRORED : GK_MIRRORED;
        rows[group[i]]++;
    }
    put_rows(set->token, token, set, slot, T * sizeof *token, be);
    put_rows(set->label, label, set, slot, sizeof *label, be);
    put_rows(set->group, group, set, slot, 1, be);
    free(token);
    free(group);
}

gk_status gk_data_put(gk_data *data, int slot, const gk_task *task, const gk_config *config, gk_backend *be)
{
    size_t n = (size_t)task->n;
    int n_train = 0, *order = gk_alloc(n, sizeof *order);
    gk_status status = gk_split(order, &n_train, task, config);

    if (status == GK_OK) {
        int32_t *label = gk_alloc(n, sizeof *label);
        uint8_t *trained = gk_alloc(n, 1);
        GK_CHECK(n_train == data->train.B && task->n - n_train == data->test.B);
        gk_labels(label, order, n_train, task, config);
        for (int i = 0; i < n_train; i++) trained[order[i]] = 1;
        put_set(&data->train, slot, task, order, label, NULL, be);
        put_set(&data->test, slot, task, order + n_train, label + n_train, trained, be);
        free(label);
        free(trained);
    }
    free(order);
    return status;
}
