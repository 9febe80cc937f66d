/* hook.jsonl: the answers by epoch, and what their columns are called. */
#include "gk/archive.h"
#include "gk/renamed.h"
#include "gk/row.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 4 };

/* ---- by epoch */

/* The last answer whose epoch is at most `epoch`, counted from 1; 0: none. */
static size_t count_up_to(const gk_answers *answers, int64_t epoch)
{
    size_t low = 0, high = answers->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (answers->epoch[middle] <= epoch)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A run that went on from a resume point was asked again: what comes later counts. */
static void add(gk_answers *answers, const gk_row_file *rows)
{
    size_t n = count_up_to(answers, rows->epoch);
    bool again = n && answers->epoch[n - 1] == rows->epoch;

    if (again) {
        free(answers->line[--n]);
    } else {
        size_t behind = answers->n - n;
        answers->epoch = gk_grow(answers->epoch, answers->n, sizeof *answers->epoch);
        answers->line = gk_grow(answers->line, answers->n, sizeof *answers->line);
        memmove(answers->epoch + n + 1, answers->epoch + n, behind * sizeof *answers->epoch);
        memmove(answers->line + n + 1, answers->line + n, behind * sizeof *answers->line);
        answers->n++;
    }
    answers->epoch[n] = rows->epoch;
    answers->line[n] = strndup(rows->line, rows->length);
}

gk_status gk_answers_read(gk_answers *answers, const char *dir)
{
    gk_row_file rows;
    bool more = true;

    *answers = (gk_answers){0};
    if (!gk_run_has(dir, "hook.jsonl")) return GK_OK;
    gk_status status = gk_row_file_open(&rows, dir, "hook.jsonl");
    while (status == GK_OK) {
        status = gk_row_file_next(&rows, &more);
        if (status != GK_OK || !more) break;
        add(answers, &rows);
    }
    gk_row_file_close(&rows);
    return status;
}

void gk_answers_free(gk_answers *answers)
{
    for (size_t i = 0; i < answers->n; i++) free(answers->line[i]);
    free(answers->line);
    free(answers->epoch);
    *answers = (gk_answers){0};
}

const char *gk_answers_up_to(const gk_answers *answers, int64_t epoch)
{
    size_t n = count_up_to(answers, epoch);

    return n ? answers->line[n - 1] : NULL;
}

const char *gk_answers_at(const gk_answers *answers, int64_t epoch)
{
    size_t n = count_up_to(answers, epoch);

    return n && answers->epoch[n - 1] == epoch ? answers->line[n - 1] : NULL;
}

/* ---- names */

static bool begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with));
}

/* A measure, as rows and final.jsonl call it. */
static bool is_measure(const char *name)
{
    static const char online[] = "_online";
    size_t n = strlen(name), m = strlen(online);
    const char *measure, *help;

    if (n > m && !strcmp(name + n - m, online)) n -= m;
    for (int i = 0; (measure = gk_measure_name(i, &help)); i++)
        if (strlen(measure) == n && !strncmp(measure, name, n)) return true;
    return false;
}

/* A config key, in full or by its last part. */
static bool is_setting(const char *name)
{
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const char *key = gk_config_keys[i].name, *dot = strrchr(key, '.');
        if (!strcmp(key, name) || (dot && !strcmp(dot + 1, name))) return true;
    }
    return false;
}

/* The names do not depend on what else a run has: a hook's column is called the same everywhere. */
static bool is_taken(const char *name)
{
    /* other columns of rows and of tables of runs */
    static const char *const whole[] = {
        "diverged", "run",    "state",  "seed",          "index",     "directory",     "grok_epoch",
        "ended_by", "format", "epochs", "measure_every", "run_index", "observed_until"};
    static const char *const parts[] = {"grok_",   "events.", "turning_points.",
                                        "phases.", "hook.",   "test_loss_peak."};

    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strcmp(name, whole[i])) return true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (begins(name, parts[i])) return true;
    return gk_is_other_column(name) || is_measure(name) || is_setting(name) ||
           gk_is_renamed(name, GK_OLD_ANY);
}

void gk_answer_column(gk_text *column, const char *name)
{
    gk_text_add(column, "%s%s", is_taken(name) ? "hook." : "", name);
}

/* ---- values */

static gk_status put_object(json_t *object, const char *prefix, int depth, gk_answer_put *put,
                            void *user)
{
    gk_status status = GK_OK;
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        gk_text full = {0}, column = {0};
        if (status != GK_OK) break;
        if (!*name || json_is_array(value) || (!*prefix && !strcmp(name, "epoch"))) continue;
        gk_text_add(&full, "%s%s%s", prefix, *prefix ? "." : "", name);
        if (json_is_object(value)) {
            if (depth < DEPTH) status = put_object(value, full.data, depth + 1, put, user);
        } else {
            gk_answer_column(&column, full.data);
            status = put(user, column.data, value);
        }
        gk_text_free(&full);
        gk_text_free(&column);
    }
    return status;
}

gk_status gk_answer_values(const char *line, gk_answer_put *put, void *user)
{
    json_t *answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    gk_status status = put_object(answer, "", 0, put, user);

    json_decref(answer);
    return status;
}
