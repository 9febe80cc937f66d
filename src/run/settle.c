/* The config of a run that is there already against the one that is asked for: what may change
 * between two starts changes config.yaml, and stands in history.jsonl. */
#include "gk/archive.h"
#include "gk/run.h"
#include "run/directory.h"

#include <stdlib.h>
#include <string.h>

/* How far the run is. */
typedef struct standing {
    gk_position position; /* of its resume point; zeros: it has none */
    bool resumes;
} standing;

static gk_status find_standing(standing *s, const gk_run *run)
{
    char path[GK_PATH_MAX];
    gk_tensors_file file;

    *s = (standing){0};
    GK_TRY(gk_path(path, "%s/resume.safetensors", run->dir));
    if (!gk_exists(path)) return GK_OK;
    GK_TRY(gk_tensors_load(&file, path));
    gk_status status = gk_position_read(&s->position, &file, path);
    gk_tensors_close(&file);
    s->resumes = status == GK_OK;
    return status;
}

/* The first row, of those that begin before `bytes` (-1: of all), at which a stop rule of the
 * config that is asked for ends a run; -1: none does. *last: the last of these rows. Answers of a
 * hook are not looked at: they count anew at each start. */
static gk_status first_stop(int64_t *epoch, const char **rule, int64_t *last, const gk_run *run,
                            int64_t bytes)
{
    gk_stop stop;
    gk_row_file rows;
    bool more = true;

    *epoch = *last = -1;
    GK_TRY(gk_stop_open(&stop, &run->config));
    gk_status status = gk_row_file_open(&rows, run->dir, "metrics.jsonl");
    while (status == GK_OK) {
        gk_row row;
        status = gk_row_file_next(&rows, &more);
        if (status != GK_OK || !more || (bytes >= 0 && rows.at >= bytes)) break;
        if ((status = gk_row_parse(&row, rows.line, rows.length)) != GK_OK) break;
        gk_stop_row(&stop, &row);
        *last = row.epoch;
        const char *reason = *epoch < 0 ? gk_stop_reason(&stop) : NULL;
        if (reason) {
            *rule = reason;
            *epoch = row.epoch;
        }
        gk_row_free(&row);
    }
    gk_row_file_close(&rows);
    return status;
}

/* A rule that a run has passed cannot end it any more. */
static gk_status check_rules(const gk_run *run, const standing *s)
{
    int64_t epoch, last;
    const char *rule;

    if (!gk_run_has(run->dir, "metrics.jsonl")) return GK_OK;
    GK_TRY(first_stop(&epoch, &rule, &last, run, s->position.metrics_bytes));
    if (epoch < 0) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "%s: with this %s it would have ended at epoch %lld, and it stands at %lld; "
                   "give another rule, or another --out",
                   run->dir, rule, (long long)epoch, (long long)s->position.epoch);
}

/* Is there anything left to do for a run that is done? */
static gk_status is_done_still(bool *still, const gk_run *run, const standing *s)
{
    int64_t epoch = -1, last = -1;
    const char *rule;

    *still = true;
    if (s->position.epoch >= run->config.run.epochs) return GK_OK;
    if (!s->resumes)
        return gk_fail(GK_EUSAGE,
                       "%s has no resume point any more, from which it could go on; grokc branch "
                       "starts from a kept state, --fresh starts over",
                       run->dir);
    GK_TRY(first_stop(&epoch, &rule, &last, run, -1));
    *still = epoch >= 0 && epoch == last;
    return GK_OK;
}

/* ---- what changes */

static void add_changes(gk_text *lines, const gk_config *was, const gk_config *is, int64_t epoch)
{
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        gk_text from = {0}, to = {0};
        gk_config_value(&from, was, key);
        gk_config_value(&to, is, key);
        if (strcmp(from.data, to.data) != 0 && gk_config_may_change(key) &&
            strcmp(key->group, "device") != 0) {
            gk_text_add(lines, "{\"epoch\": %lld, \"key\": \"%s\", \"from\": ", (long long)epoch,
                        key->name);
            gk_config_json(lines, was, key);
            gk_text_add(lines, ", \"to\": ");
            gk_config_json(lines, is, key);
            gk_text_add(lines, "}\n");
        }
        gk_text_free(&from);
        gk_text_free(&to);
    }
}

static bool differs(const gk_config *was, const gk_config *is)
{
    gk_text lines = {0};

    add_changes(&lines, was, is, 0);
    bool differ = lines.length;
    gk_text_free(&lines);
    return differ;
}

/* history.jsonl with these lines at its end; a process that died before config.yaml was replaced
 * has written them already. */
static gk_status write_history(const gk_run *run, const gk_text *lines)
{
    char path[GK_PATH_MAX], *there = NULL;
    size_t size = 0;
    gk_text text = {0};

    GK_TRY(gk_path(path, "%s/history.jsonl", run->dir));
    if (gk_exists(path)) GK_TRY(gk_file_read(path, (size_t)1 << 28, &there, &size));
    bool written =
        size >= lines->length && !memcmp(there + size - lines->length, lines->data, lines->length);
    gk_status status = GK_OK;
    if (!written) {
        gk_text_append(&text, there, size);
        gk_text_append(&text, lines->data, lines->length);
        status = gk_run_replace(run, "history.jsonl", &text);
    }
    gk_text_free(&text);
    free(there);
    return status;
}

/* Epochs that are spread over the whole run stay where they were as far as the run has gone. */
static void warn_of_spread(const gk_config *was, const gk_config *is, const char *dir)
{
    const char *const text[] = {is->run.measure_at, is->run.checkpoint_at, is->run.arrays_at,
                                is->run.keep_state};

    for (size_t i = 0; i < sizeof text / sizeof *text && was->run.epochs != is->run.epochs; i++)
        if (!strncmp(text[i], "log:", 4)) {
            gk_warn("%s: \"%s\" spreads over run.epochs, which changes: what is there stays at the "
                    "epochs that the run had, and is not that of a run begun with %lld",
                    dir, text[i], (long long)is->run.epochs);
            return;
        }
}

static gk_status change(gk_run *run, const gk_config *there, const gk_text *lines)
{
    gk_text text = {0};

    warn_of_spread(there, &run->config, run->dir);
    GK_TRY(write_history(run, lines));
    /* a finished run that changes is one that runs before that: there may be no next moment */
    if (!strcmp(run->state, "done")) GK_TRY(gk_run_set_state(run, "running"));
    gk_config now = run->config;
    now.device = there->device; /* env.json tells where it runs */
    gk_config_print(&text, &now);
    gk_status status = gk_run_replace(run, "config.yaml", &text);
    gk_text_free(&text);
    return status;
}

/* Files have been compared: where they are named from is no difference. */
static void keep_names(gk_run *run, const gk_config *there)
{
    const gk_made_of *made = &run->made;

    for (int i = 0; i < made->n; i++) {
        bool split = !strcmp(made->file[i].key, gk_source_keys[GK_SOURCE_SPLIT]);
        char *text = split ? run->config.task.split : run->config.model.init;
        const char *was = split ? there->task.split : there->model.init;
        if (!strncmp(text, "file:", 5) && !strncmp(was, "file:", 5)) memcpy(text, was, GK_TEXT_MAX);
    }
}

static gk_status check_same(const gk_run *run, const gk_config *there)
{
    gk_text text = {0};
    gk_status status = GK_OK;

    gk_config_diff(&text, there, &run->config);
    if (text.length)
        status = gk_fail(GK_EUSAGE,
                         "%s holds a run of another config:\n%sgive another --out, or --fresh to "
                         "start it over",
                         run->dir, text.data);
    gk_text_free(&text);
    return status;
}

gk_status gk_run_settle(gk_run *run)
{
    char path[GK_PATH_MAX];
    gk_text lines = {0};
    gk_config there;
    standing s;
    bool still = false;

    GK_TRY(gk_path(path, "%s/config.yaml", run->dir));
    GK_TRY(gk_config_load(&there, path, NULL, 0));
    keep_names(run, &there);
    GK_TRY(check_same(run, &there));
    if (!strcmp(run->state, "diverged") || !differs(&there, &run->config)) return GK_OK;
    GK_TRY(find_standing(&s, run));
    if (!strcmp(run->state, "done")) GK_TRY(is_done_still(&still, run, &s));
    if (still) return GK_OK;
    if (s.position.epoch > run->config.run.epochs)
        return gk_fail(GK_EUSAGE, "%s stands at epoch %lld already, beyond run.epochs = %lld",
                       run->dir, (long long)s.position.epoch, (long long)run->config.run.epochs);
    GK_TRY(check_rules(run, &s));
    add_changes(&lines, &there, &run->config, s.position.epoch);
    gk_status status = change(run, &there, &lines);
    gk_text_free(&lines);
    return status;
}
