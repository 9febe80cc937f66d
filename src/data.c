/* From a task and a split to token, label and group arrays on the device. */
#include "gk/data.h"
#include "gk/model.h"

#include <stdlib.h>

static void layout_set(gk_set *set, int R, int B, int T, int groups, gk_arena *device)
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
}

void gk_data_layout(gk_data *data, int R, const gk_analysis *analysis, int T, gk_arena *device)
{
    layout_set(&data->train, R, analysis->n_train, T, 1, device);
    layout_set(&data->grid, R, analysis->inputs, T, GK_ROW_GROUPS, device);
    layout_set(&data->rest, R, analysis->N - analysis->inputs, T, GK_ROW_GROUPS, device);
}

/* Run `slot`'s part of every block of an array with `width` bytes a row. */
static void put_rows(void *to, const void *from, const gk_set *set, int slot, size_t width,
                     gk_backend *be)
{
    for (int first = 0; first < set->B; first += GK_BLOCK_ROWS) {
        int rows = gk_set_block_rows(set, first, GK_BLOCK_ROWS);
        size_t at = (size_t)first * (size_t)set->R + (size_t)slot * (size_t)rows;
        be->upload(be, (char *)to + at * width, (const char *)from + (size_t)first * width,
                   (size_t)rows * width);
    }
}

/* Rows row[0 .. B-1] of the analysis (NULL: first, first + 1, ...) into the set. */
static void put_set(gk_set *set, int slot, const gk_task *task, const gk_analysis *a,
                    const int *row, int first, gk_backend *be)
{
    size_t B = (size_t)set->B, T = (size_t)set->T;
    int32_t *token = gk_alloc(B * T, sizeof *token), *label = gk_alloc(B, sizeof *label), ignored;
    uint8_t *group = gk_alloc(B, 1);

    for (size_t i = 0; i < B; i++) {
        int at = row ? row[i] : first + (int)i;
        task->example(task, a->order[at], token + i * T, &ignored);
        label[i] = a->label[at];
        group[i] = set->groups == 1 ? 0 : a->group[at];
    }
    put_rows(set->token, token, set, slot, T * sizeof *token, be);
    put_rows(set->label, label, set, slot, sizeof *label, be);
    put_rows(set->group, group, set, slot, 1, be);
    free(token);
    free(label);
    free(group);
}

void gk_data_put(gk_data *data, int slot, const gk_task *task, const gk_analysis *analysis,
                 gk_backend *be)
{
    GK_CHECK(data->train.B == analysis->n_train && data->grid.B == analysis->inputs);
    put_set(&data->train, slot, task, analysis, analysis->train, 0, be);
    put_set(&data->grid, slot, task, analysis, NULL, 0, be);
    put_set(&data->rest, slot, task, analysis, NULL, analysis->inputs, be);
}
