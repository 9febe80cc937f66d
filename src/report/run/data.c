/* Reading a run directory for a report. */
#include "report/run/data.h"
#include "gk/events.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_LIMIT = 1 << 30, JSON_LIMIT = 1 << 24, STATE_LIMIT = 1 << 16, COLUMNS_MAX = 2048 };

/* -------------------------------------------------------------------------------------- columns */

static double *column_at(gk_rows *rows, const char *name)
{
    for (int i = 0; i < rows->columns; i++)
        if (!strcmp(rows->name[i], name)) return rows->value[i];
    if (rows->columns == COLUMNS_MAX) return NULL;
    double *value = gk_alloc(rows->room, sizeof *value);
    for (size_t i = 0; i < rows->room; i++) value[i] = GK_NULL;
    rows->name[rows->columns] = strdup(name);
    rows->value[rows->columns] = value;
    return rows->value[rows->columns++];
}

/* Room for `n` rows, NaN where nothing has been put. */
static void make_room(gk_rows *rows, size_t n)
{
    if (!rows->name) {
        rows->name = gk_alloc(COLUMNS_MAX, sizeof *rows->name);
        rows->value = gk_alloc(COLUMNS_MAX, sizeof *rows->value);
    }
    if (n <= rows->room) return;
    size_t room = 2 * n + 64;
    for (int c = 0; c < rows->columns; c++) {
        double *value = gk_alloc(room, sizeof *value);
        memcpy(value, rows->value[c], rows->n * sizeof *value);
        for (size_t i = rows->n; i < room; i++) value[i] = GK_NULL;
        free(rows->value[c]);
        rows->value[c] = value;
    }
    rows->room = room;
}

static gk_status add_row(gk_rows *rows, const char *path, const char *line, size_t length)
{
    json_t *row = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL), *value;
    const char *name;

    if (!json_is_object(row) || !json_is_number(json_object_get(row, "epoch"))) {
        json_decref(row);
        return gk_fail(GK_EDATA, "%s: line %zu is not a row of measures", path, rows->n + 1);
    }
    make_room(rows, rows->n + 1);
    json_object_foreach(row, name, value)
    {
        double *column = json_is_number(value) ? column_at(rows, name) : NULL;
        if (column) column[rows->n] = json_number_value(value);
    }
    rows->n++;
    json_decref(rows->last);
    rows->last = row;
    return GK_OK;
}

/* A last line without its end is being written and does not count. */
gk_status gk_rows_read(gk_rows *rows, const char *path)
{
    gk_status status = GK_OK;
    char *text;
    size_t size;

    if (!gk_exists(path)) return GK_OK;
    GK_TRY(gk_file_read(path, ROWS_LIMIT, &text, &size));
    for (char *at = text, *end; status == GK_OK; at = end + 1) {
        end = memchr(at, '\n', size - (size_t)(at - text));
        if (!end) break;
        status = add_row(rows, path, at, (size_t)(end - at));
    }
    free(text);
    return status;
}

void gk_rows_free(gk_rows *rows)
{
    for (int c = 0; c < rows->columns; c++) {
        free(rows->name[c]);
        free(rows->value[c]);
    }
    free(rows->name);
    free(rows->value);
    json_decref(rows->last);
    *rows = (gk_rows){0};
}

const double *gk_rows_column(const gk_rows *rows, const char *name)
{
    for (int c = 0; c < rows->columns; c++)
        if (!strcmp(rows->name[c], name)) return rows->value[c];
    return NULL;
}

/* ---------------------------------------------------------------------------------------- files */

static gk_status read_json(json_t **json, const gk_run_data *d, const char *name)
{
    char path[GK_PATH_MAX], *text;
    json_error_t error;
    size_t size;

    GK_TRY(gk_path(path, "%s/%s", d->dir, name));
    if (!gk_exists(path)) return GK_OK;
    GK_TRY(gk_file_read(path, JSON_LIMIT, &text, &size));
    *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    free(text);
    return *json ? GK_OK : gk_fail(GK_EDATA, "%s:%d: %s", path, error.line, error.text);
}

static gk_status read_state(gk_run_data *d)
{
    char path[GK_PATH_MAX], *text;
    size_t size;

    GK_TRY(gk_path(path, "%s/state", d->dir));
    if (!gk_exists(path)) return gk_fail(GK_EUSAGE, "%s is no run: it has no file `state`", d->dir);
    GK_TRY(gk_file_read(path, STATE_LIMIT, &text, &size));
    snprintf(d->state, sizeof d->state, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
    return GK_OK;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* EPOCH of every EPOCH.safetensors in a folder; none where there is no folder. */
static gk_status list_epochs(const gk_run_data *d, const char *name, int64_t **epochs, int *n)
{
    char path[GK_PATH_MAX];
    struct dirent *entry;

    GK_TRY(gk_path(path, "%s/%s", d->dir, name));
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT) return GK_OK;
    if (!folder) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    for (size_t room = 0; (entry = readdir(folder));) {
        size_t digits = strspn(entry->d_name, "0123456789");
        if (digits == 0 || digits > 18 || strcmp(entry->d_name + digits, ".safetensors") != 0)
            continue;
        if ((size_t)*n == room) {
            int64_t *more = gk_alloc(room = 2 * room + 64, sizeof *more);
            if (*n) memcpy(more, *epochs, (size_t)*n * sizeof *more);
            free(*epochs);
            *epochs = more;
        }
        (*epochs)[(*n)++] = strtoll(entry->d_name, NULL, 10);
    }
    closedir(folder);
    if (*n) qsort(*epochs, (size_t)*n, sizeof **epochs, ascending);
    return GK_OK;
}

gk_status gk_run_load(gk_tensors_file *file, const gk_run_data *d, const char *folder,
                      int64_t epoch)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/%s/%08lld.safetensors", d->dir, folder, (long long)epoch));
    return gk_tensors_load(file, path);
}

double *gk_entry_reals(const gk_tensors_file *file, const char *name, int dims, size_t *count)
{
    const gk_entry *entry = file->n ? gk_tensors_find(file, name) : NULL;

    if (!entry || entry->dims != dims || !entry->count) return NULL;
    double *value = gk_alloc(entry->count, sizeof *value);
    for (size_t i = 0; i < entry->count; i++)
        if (entry->dtype == GK_I64_TYPE) {
            int64_t whole;
            memcpy(&whole, (const char *)entry->data + i * sizeof whole, sizeof whole);
            value[i] = (double)whole;
        } else
            value[i] = gk_entry_value(entry, i);
    for (size_t i = 0; i < entry->count; i++)
        if (isfinite(value[i])) {
            *count = entry->count;
            return value;
        }
    free(value);
    return NULL;
}

/* --------------------------------------------------------------------------------- what it says */

static void find_keys(gk_run_data *d)
{
    const char *text = json_string_value(json_object_get(d->summary, "key_freqs"));

    if (!text) text = gk_run_text(d, "key_freqs");
    while (*text && d->keys < (int)(sizeof d->key / sizeof *d->key)) {
        char *end;
        long k = strtol(text, &end, 10);
        if (end == text || k < 1) break;
        d->key[d->keys++] = (int)k;
        text = end + (*end == ',');
    }
}

static double value_at(const double *column, size_t i) { return column ? column[i] : GK_NULL; }

/* The rows once more through the rule of gk/events.h: what an older grokc wrote into summary.json
 * went by another one. */
static void replay(gk_events *events, const gk_run_data *d)
{
    const double *epoch = gk_rows_column(&d->rows, "epoch"),
                 *test_loss = gk_rows_column(&d->rows, "test_loss"),
                 *squares = gk_rows_column(&d->rows, "sum_squares");

    for (size_t i = 0; i < d->rows.n; i++) {
        gk_row row;
        gk_row_start(&row, (int64_t)epoch[i]);
        row.test_loss = value_at(test_loss, i);
        row.sum_squares = value_at(squares, i);
        gk_events_add(events, &row, &d->config);
    }
}

static double told(int64_t epoch) { return epoch < 0 ? GK_NULL : (double)epoch; }

static void find_phases(gk_run_data *d)
{
    const json_t *small =
        json_object_get(json_object_get(d->summary, "turning_points"), "restricted < 0.01");
    const json_t *keys = json_object_get(d->summary, "key_freqs");
    gk_events *events = gk_alloc(1, sizeof *events);
    gk_phases phases = {-1, -1, -1};

    gk_events_start(events);
    if (d->summary) {
        replay(events, d);
        gk_phases_find(&phases, events, keys && !json_is_null(keys),
                       json_is_integer(small) ? json_integer_value(small) : -1);
    }
    d->grok = told(gk_grok_epoch(events));
    d->phase[0] = told(phases.memorisation);
    d->phase[1] = told(phases.circuit_formation);
    d->phase[2] = told(phases.cleanup);
    gk_events_free(events);
    free(events);
}

static gk_status read_files(gk_run_data *d)
{
    char path[GK_PATH_MAX];

    GK_TRY(read_state(d));
    GK_TRY(gk_path(path, "%s/config.yaml", d->dir));
    GK_TRY(gk_config_load(&d->config, path, NULL, 0));
    GK_TRY(gk_path(path, "%s/parent.jsonl", d->dir));
    GK_TRY(gk_rows_read(&d->rows, path));
    d->own_rows = d->rows.n;
    GK_TRY(gk_path(path, "%s/metrics.jsonl", d->dir));
    GK_TRY(gk_rows_read(&d->rows, path));
    d->own_rows = d->rows.n - d->own_rows;
    GK_TRY(gk_path(path, "%s/final.jsonl", d->dir));
    GK_TRY(gk_rows_read(&d->finals, path));
    GK_TRY(read_json(&d->summary, d, "summary.json"));
    GK_TRY(read_json(&d->env, d, "env.json"));
    GK_TRY(list_epochs(d, "measures", &d->array_epochs, &d->n_arrays));
    GK_TRY(list_epochs(d, "checkpoints", &d->checkpoint_epochs, &d->n_checkpoints));
    if (!d->n_arrays) return GK_OK;
    GK_TRY(gk_run_load(&d->arrays, d, "measures", d->array_epochs[d->n_arrays - 1]));
    d->arrays_epoch = d->array_epochs[d->n_arrays - 1];
    return GK_OK;
}

gk_status gk_run_data_read(gk_run_data *d, const char *dir)
{
    *d = (gk_run_data){.arrays_epoch = -1};
    GK_TRY(gk_path(d->dir, "%s", dir));
    for (size_t n = strlen(d->dir); n > 1 && d->dir[n - 1] == '/'; n--) d->dir[n - 1] = 0;
    GK_TRY(read_files(d));
    d->best = d->finals.last ? d->finals.last : d->rows.last;
    find_keys(d);
    find_phases(d);
    return GK_OK;
}

void gk_run_data_close(gk_run_data *d)
{
    gk_rows_free(&d->rows);
    gk_rows_free(&d->finals);
    json_decref(d->summary);
    json_decref(d->env);
    gk_tensors_close(&d->arrays);
    free(d->array_epochs);
    free(d->checkpoint_epochs);
    *d = (gk_run_data){0};
}

double gk_run_number(const gk_run_data *d, const char *name)
{
    char online[128];
    const json_t *value = json_object_get(d->best, name);

    if (!json_is_number(value)) {
        snprintf(online, sizeof online, "%s_online", name);
        value = json_object_get(d->best, online);
    }
    return json_is_number(value) ? json_number_value(value) : GK_NULL;
}

const char *gk_run_text(const gk_run_data *d, const char *name)
{
    const char *text = json_string_value(json_object_get(d->best, name));

    return text ? text : "";
}

bool gk_run_is_key(const gk_run_data *d, size_t k)
{
    for (int i = 0; i < d->keys; i++)
        if ((size_t)d->key[i] == k) return true;
    return false;
}

double gk_run_epoch(const gk_run_data *d)
{
    return json_number_value(json_object_get(d->rows.last, "epoch"));
}

const char *gk_run_undefined(const gk_run_data *d)
{
    return d->arrays_epoch >= 0 ? gk_tensors_metadata(&d->arrays, "undefined") : NULL;
}

void gk_run_missing(gk_text *missing, const gk_run_data *d, const char *why)
{
    const char *undefined = gk_run_undefined(d);

    if (undefined)
        gk_text_add(missing, "frequencies are not defined here (%s)", undefined);
    else
        gk_text_add(missing, "%s", why);
}

const char *gk_run_loss_label(const gk_run_data *d)
{
    char loss[64];

    gk_config_pick(&d->config, "loss.name", loss);
    return !*loss || !strcmp(loss, "cross_entropy") ? "loss (nats)" : "loss";
}

size_t gk_run_elements(const gk_run_data *d)
{
    char task[64], op[64];
    size_t p = (size_t)d->config.task.p;

    gk_config_pick(&d->config, "task.name", task);
    gk_config_pick(&d->config, "task.op", op);
    if (strcmp(task, "modular") != 0) return 0;
    if (!strcmp(op, "add") || !strcmp(op, "subtract")) return p;
    return !strcmp(op, "multiply") || !strcmp(op, "divide") ? p - 1 : 0;
}

const char *gk_config_pick(const gk_config *config, const char *name, char word[64])
{
    const gk_config_key *key = gk_config_find(name);
    int length = 0;

    word[0] = 0;
    if (!key || key->type != GK_KEY_PICK) return word;
    const char *at =
        gk_config_word(key, *(const int *)((const char *)config + key->offset), &length);
    if (at) snprintf(word, 64, "%.*s", length, at);
    return word;
}

double gk_config_number(const gk_config *config, const char *name)
{
    const gk_config_key *key = gk_config_find(name);
    const char *at = (const char *)config;

    if (key && key->type == GK_KEY_INT) return (double)*(const int64_t *)(at + key->offset);
    if (key && key->type == GK_KEY_REAL) return *(const double *)(at + key->offset);
    return GK_NULL;
}
