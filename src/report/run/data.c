/* Reading a run directory for a report. */
#include "report/run/data.h"
#include "gk/events.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

gk_status gk_run_load(gk_tensors_file *tensors, const gk_run_data *d, gk_epoch_file file,
                      int64_t epoch)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_epoch_path(path, d->dir, file, epoch));
    return gk_tensors_load(tensors, path);
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

/* ---- what it says */

static void find_keys(gk_run_data *d)
{
    const json_t *list = json_object_get(d->summary, "key_freqs"), *item;
    size_t i;

    if (!json_is_array(list)) list = json_object_get(d->best, "key_freqs");
    json_array_foreach(list, i, item)
    {
        int64_t k = json_integer_value(item);
        if (k < 1 || k > INT_MAX || d->keys == (int)(sizeof d->key / sizeof *d->key)) break;
        d->key[d->keys++] = (int)k;
    }
}

static double value_at(const double *column, size_t i) { return column ? column[i] : GK_NULL; }

/* The rows once more through the rule of gk/events.h: what an older grokc wrote into summary.json
 * went by another one. */
static void replay(gk_events *events, const gk_run_data *d)
{
    const double *epoch = gk_row_table_column(&d->rows, "epoch"),
                 *test_loss = gk_row_table_column(&d->rows, "test_loss"),
                 *squares = gk_row_table_column(&d->rows, "squared_l2_norm"),
                 *restricted = gk_row_table_column(&d->rows, "restricted_all_online");

    for (size_t i = 0; i < d->rows.n; i++) {
        gk_row row;
        gk_row_start(&row, (int64_t)epoch[i]);
        row.test_loss = value_at(test_loss, i);
        row.squared_l2_norm = value_at(squares, i);
        row.restricted_all = value_at(restricted, i);
        gk_events_add(events, &row);
    }
}

static double told(int64_t epoch) { return epoch < 0 ? GK_NULL : (double)epoch; }

static void find_phases(gk_run_data *d)
{
    const json_t *row =
        json_object_get(json_object_get(d->summary, "turning_points"), "restricted < 0.01");
    const json_t *keys = json_object_get(d->summary, "key_freqs");
    gk_events *events = gk_alloc(1, sizeof *events);
    gk_phases phases = {-1, -1, -1};

    gk_events_start(events);
    if (d->summary) {
        replay(events, d);
        int64_t small = json_is_integer(row) ? json_integer_value(row) : -1;
        gk_phases_find(&phases, events, keys && !json_is_null(keys) ? &small : NULL);
    }
    d->grok = told(gk_grok_epoch(events));
    d->phase[0] = told(phases.memorisation);
    d->phase[1] = told(phases.circuit_formation);
    d->phase[2] = told(phases.cleanup);
    gk_events_free(events);
    free(events);
}

/* A file that is not there (yet) says nothing. */
static gk_status read_json(json_t **json, const gk_run_data *d, const char *name)
{
    return gk_run_has(d->dir, name) ? gk_run_read_json(json, d->dir, name) : GK_OK;
}

static gk_status read_files(gk_run_data *d)
{
    GK_TRY(gk_run_read_state(&d->state, d->dir));
    if (!d->state.there) return gk_fail(GK_EUSAGE, "%s is no run: it has no file `state`", d->dir);
    GK_TRY(gk_run_read_config(&d->config, d->dir));
    GK_TRY(gk_row_table_read(&d->rows, d->dir, "parent.jsonl"));
    d->own_rows = d->rows.n;
    GK_TRY(gk_row_table_read(&d->rows, d->dir, "metrics.jsonl"));
    d->own_rows = d->rows.n - d->own_rows;
    if (gk_row_table_join(&d->rows, d->dir) != GK_OK)
        gk_warn("what the hook answered is left out: %s", gk_message());
    GK_TRY(gk_row_table_read(&d->finals, d->dir, "final.jsonl"));
    GK_TRY(read_json(&d->summary, d, "summary.json"));
    GK_TRY(read_json(&d->env, d, "env.json"));
    GK_TRY(gk_run_epochs(&d->array_epochs, &d->n_arrays, d->dir, GK_EPOCH_ARRAYS));
    GK_TRY(gk_run_epochs(&d->checkpoint_epochs, &d->n_checkpoints, d->dir, GK_EPOCH_WEIGHTS));
    if (!d->n_arrays) return GK_OK;
    GK_TRY(gk_run_load(&d->arrays, d, GK_EPOCH_ARRAYS, d->array_epochs[d->n_arrays - 1]));
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
    gk_row_table_free(&d->rows);
    gk_row_table_free(&d->finals);
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
