/* The rows of a run as columns of numbers, what run.hook answered beside them. */
#include "gk/archive.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 2048 };

/* Where `column` answers a row: the table and the row's number. */
typedef struct place {
    gk_row_table *table;
    size_t row;
} place;

static int find(const gk_row_table *t, const char *name)
{
    for (int c = 0; c < t->columns; c++)
        if (!strcmp(t->name[c], name)) return c;
    return -1;
}

/* -1: there are too many. */
static int column_at(gk_row_table *t, const char *name)
{
    int at = find(t, name);

    if (at >= 0 || t->columns == COLUMNS_MAX) return at;
    double *value = gk_alloc(t->room, sizeof *value);
    for (size_t i = 0; i < t->room; i++) value[i] = GK_NULL;
    t->name = gk_grow(t->name, (size_t)t->columns, sizeof *t->name);
    t->value = gk_grow(t->value, (size_t)t->columns, sizeof *t->value);
    t->name[t->columns] = strdup(name);
    t->value[t->columns] = value;
    return t->columns++;
}

/* Room for `n` rows, NaN where nothing has been put. */
static void make_room(gk_row_table *t, size_t n)
{
    if (n <= t->room) return;
    size_t room = 2 * n + 64;
    for (int c = 0; c < t->columns; c++) {
        double *value = gk_alloc(room, sizeof *value);
        memcpy(value, t->value[c], t->n * sizeof *value);
        for (size_t i = t->n; i < room; i++) value[i] = GK_NULL;
        free(t->value[c]);
        t->value[c] = value;
    }
    t->room = room;
}

/* GK_EDATA, without a message: it is none. */
static gk_status add_row(gk_row_table *t, const gk_row_file *rows)
{
    json_t *row = json_loadb(rows->line, rows->length, JSON_REJECT_DUPLICATES, NULL), *value;
    const char *name;

    if (!json_is_object(row) || !json_is_number(json_object_get(row, "epoch"))) {
        json_decref(row);
        return GK_EDATA;
    }
    make_room(t, t->n + 1);
    json_object_foreach(row, name, value)
    {
        int c = json_is_number(value) ? column_at(t, name) : -1;
        if (c >= 0) t->value[c][t->n] = json_number_value(value);
    }
    t->n++;
    json_decref(t->last);
    t->last = row;
    return GK_OK;
}

gk_status gk_row_table_read(gk_row_table *t, const char *dir, const char *name)
{
    gk_row_file rows;
    bool more = true;

    if (!gk_run_has(dir, name)) return GK_OK;
    gk_status status = gk_row_file_open(&rows, dir, name);
    while (status == GK_OK) {
        status = gk_row_file_next(&rows, &more);
        if (status == GK_OK && !more) break;
        if (status == GK_OK) status = add_row(t, &rows);
        if (status == GK_EDATA)
            gk_fail(status, "%s: line %lld is not a row of measures", rows.path,
                    (long long)rows.number);
    }
    gk_row_file_close(&rows);
    t->own = t->columns;
    return status;
}

/* A measure of a row stays what it is. */
static gk_status put_answer(void *user, const char *column, const json_t *value)
{
    place *at = user;
    int c = json_is_number(value) ? column_at(at->table, column) : -1;

    if (c >= at->table->own) at->table->value[c][at->row] = json_number_value(value);
    return GK_OK;
}

gk_status gk_row_table_join(gk_row_table *t, const char *dir)
{
    int epoch = find(t, "epoch");
    gk_answers answers;

    gk_status status = gk_answers_read(&answers, dir);
    for (size_t i = 0; epoch >= 0 && answers.n && i < t->n && status == GK_OK; i++) {
        const char *line = gk_answers_at(&answers, (int64_t)t->value[epoch][i]);
        if (line) status = gk_answer_values(line, put_answer, &(place){t, i});
    }
    gk_answers_free(&answers);
    return status;
}

void gk_row_table_free(gk_row_table *t)
{
    for (int c = 0; c < t->columns; c++) {
        free(t->name[c]);
        free(t->value[c]);
    }
    free(t->name);
    free(t->value);
    json_decref(t->last);
    *t = (gk_row_table){0};
}

const double *gk_row_table_column(const gk_row_table *t, const char *name)
{
    int c = find(t, name);

    return c < 0 ? NULL : t->value[c];
}
