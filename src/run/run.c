/* The run directory: opened, gone on with, written, finished. */
#include "gk/run.h"
#include "gk/archive.h"
#include "gk/owner.h"
#include "run/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

gk_status gk_run_fence(const gk_run *run)
{
    const gk_owned_file file[] = {{run->metrics, run->metrics_bytes, "metrics.jsonl"},
                                  {run->projections, run->projections_bytes, "projections.bin"}};

    return gk_owner_fence(run->owner, file, sizeof file / sizeof *file);
}

gk_status gk_run_replace(const gk_run *run, const char *name, const gk_text *text)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/%s", run->dir, name));
    GK_TRY(gk_run_fence(run));
    return gk_file_replace(path, text->data, text->length);
}

static bool has(const gk_run *run, const char *name)
{
    char path[GK_PATH_MAX];

    return gk_path(path, "%s/%s", run->dir, name) == GK_OK && gk_exists(path);
}

/* Calls `doomed(name)` for each entry of dir/sub and removes those it says yes to, while the
 * directory is ours; a missing folder has none. */
static void remove_files(const gk_run *run, const char *sub,
                         bool (*doomed)(const char *name, int64_t epoch), int64_t epoch)
{
    char folder[GK_PATH_MAX], path[GK_PATH_MAX];
    struct dirent *entry;

    if (gk_path(folder, "%s/%s", run->dir, sub) != GK_OK) return;
    DIR *list = opendir(folder);
    if (!list) return;
    while ((entry = readdir(list)))
        if (doomed(entry->d_name, epoch) &&
            gk_path(path, "%s/%s", folder, entry->d_name) == GK_OK && gk_run_fence(run) == GK_OK)
            unlink(path);
    closedir(list);
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

static bool is_temporary(const char *name, int64_t epoch)
{
    (void)epoch;
    return ends_with(name, GK_TEMPORARY);
}

/* 00001000.safetensors and 00001000.state.safetensors of `epoch` and later: to be made again */
static bool is_later(const char *name, int64_t epoch)
{
    char *end;
    long long of = strtoll(name, &end, 10);

    return end > name && ends_with(name, ".safetensors") && of >= epoch;
}

static bool is_earlier_weights(const char *name, int64_t epoch)
{
    char *end;
    long long of = strtoll(name, &end, 10);

    return end > name && strcmp(end, ".safetensors") == 0 && of < epoch;
}

/* What a killed process left of its hook. */
static void remove_hook_files(const gk_run *run)
{
    char folder[GK_PATH_MAX];

    remove_files(run, "hook", is_temporary, 0);
    remove_files(run, "hook", is_later, 0);
    if (gk_path(folder, "%s/hook", run->dir) == GK_OK) rmdir(folder);
}

gk_status gk_run_check_directory(const char *dir)
{
    struct dirent *entry;
    bool empty = true;
    bool run = false;
    DIR *list = opendir(dir);

    if (!list && errno == ENOENT) return GK_OK;
    if (!list) return gk_fail(GK_EIO, "cannot open directory %s: %s", dir, strerror(errno));
    while ((entry = readdir(list))) {
        const char *name = entry->d_name;
        if (name[0] == '.' || !strcmp(name, "owner") || is_temporary(name, 0)) continue;
        empty = false;
        run |= !strcmp(name, "config.yaml");
    }
    closedir(list);
    if (empty || run) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "%s is not empty and not a run (it has no config.yaml); give another --out",
                   dir);
}

/* `state` goes first and config.yaml stays until the new one replaces it: it is a run at every
 * moment. */
static gk_status start_over(const gk_run *run)
{
    static const char *const names[] = {"state",         "resume.safetensors",
                                        "metrics.jsonl", "summary.json",
                                        "env.json",      "log.txt",
                                        "final.jsonl",   "projections.bin",
                                        "hook.jsonl",    "final.jsonl.part",
                                        "made_of.json",  "hook.log"};
    char path[GK_PATH_MAX];

    if (has(run, "parent.json"))
        return gk_fail(GK_EUSAGE,
                       "%s is a branch: remove it and use `grokc branch` again instead of --fresh",
                       run->dir);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        GK_TRY(gk_path(path, "%s/%s", run->dir, names[i]));
        if (unlink(path) != 0 && errno != ENOENT)
            return gk_fail(GK_EIO, "cannot remove %s: %s", path, strerror(errno));
    }
    remove_files(run, "checkpoints", is_later, 0);
    remove_files(run, "measures", is_later, 0);
    return GK_OK;
}

/* The config of a run that is new, or started over. */
static gk_status write_config(gk_run *run)
{
    gk_text text = {0};

    gk_config_print(&text, &run->config);
    gk_status status = gk_run_replace(run, "config.yaml", &text);
    gk_text_free(&text);
    return status;
}

static void read_state(gk_run *run)
{
    char path[GK_PATH_MAX], *text;
    size_t size;

    snprintf(run->state, sizeof run->state, "new");
    if (gk_path(path, "%s/state", run->dir) != GK_OK || !gk_exists(path)) return;
    if (gk_file_read(path, 65536, &text, &size) != GK_OK) return;
    text[strcspn(text, ":\n")] = 0;
    snprintf(run->state, sizeof run->state, "%.15s", text);
    free(text);
}

gk_status gk_run_open(gk_run *run, const char *dir, const gk_config *config, gk_open_mode mode)
{
    char checkpoints[GK_PATH_MAX];

    *run =
        (gk_run){.config = *config, .metrics = -1, .projections = -1, .last_resume = gk_seconds()};
    GK_TRY(gk_stop_open(&run->stop, config));
    GK_TRY(gk_path(run->dir, "%s", dir));
    GK_TRY(gk_path(checkpoints, "%s/checkpoints/1000000000.state.safetensors" GK_TEMPORARY, dir));
    GK_TRY(gk_path(checkpoints, "%s/checkpoints", dir)); /* the longest name fits, too */
    GK_TRY(gk_run_check_directory(dir));
    GK_TRY(gk_make_directories(dir));
    GK_TRY(gk_owner_take(&run->owner, dir));
    remove_files(run, ".", is_temporary, 0);
    remove_files(run, "checkpoints", is_temporary, 0);
    remove_files(run, "measures", is_temporary, 0);
    remove_hook_files(run);
    if (mode == GK_FRESH) GK_TRY(start_over(run));
    GK_TRY(gk_made_of_read(&run->made, dir));
    GK_TRY(gk_made_of_check(&run->made, &run->config, dir, GK_MADE_RUN));
    GK_TRY(gk_made_of_use(&run->config, &run->made, dir, GK_MADE_RUN));
    read_state(run);
    GK_TRY(mode == GK_GO_ON && has(run, "config.yaml") ? gk_run_settle(run) : write_config(run));
    run->finished = !strcmp(run->state, "diverged") || !strcmp(run->state, "done");
    if (run->finished) return GK_OK;
    GK_TRY(gk_make_directories(checkpoints));
    return gk_run_set_state(run, "running");
}

/* Rows whose end lies within the first `bytes` of their file, once more through the events. */
static gk_status replay_rows(gk_run *run, gk_row_file *rows, int64_t bytes)
{
    bool more = true;
    gk_row row;

    while (rows->end < bytes) {
        gk_status status = gk_row_file_next(rows, &more);
        if (status == GK_EIO) return status;
        if (status != GK_OK || !more || rows->end > bytes)
            status = gk_fail(GK_EDATA, "not a row that follows those before it: %.60s", rows->line);
        else
            status = gk_row_parse(&row, rows->line, rows->length);
        if (status != GK_OK)
            return gk_fail(GK_EDATA, "%s: byte %lld: %s; --fresh starts over", rows->path,
                           (long long)rows->at, gk_message());
        gk_events_add(&run->events, &row);
        gk_stop_row(&run->stop, &row);
        gk_key_watch_add(&run->keys, row.key_freqs);
        gk_row_free(&row);
    }
    return GK_OK;
}

/* The first `bytes` (-1: all) of a file of rows. */
static gk_status replay(gk_run *run, const char *name, int64_t bytes)
{
    gk_row_file rows;

    gk_status status = gk_row_file_open(&rows, run->dir, name);
    if (status == GK_OK && rows.size < bytes)
        status =
            gk_fail(GK_EDATA,
                    "%s has %lld bytes, but the resume point was made at %lld; --fresh starts over",
                    rows.path, (long long)rows.size, (long long)bytes);
    if (status == GK_OK) status = replay_rows(run, &rows, bytes < 0 ? rows.size : bytes);
    gk_row_file_close(&rows);
    return status;
}

/* What looks back over rows (key sets, stop rules) looks back over the parent's too; events begin
 * with the branch. */
static gk_status replay_parent(gk_run *run)
{
    GK_TRY(replay(run, "parent.jsonl", -1));
    gk_events_start(&run->events);
    return GK_OK;
}

/* Opens an append-only file of the run, cut to the length it had at the resume point. O_APPEND: a
 * row that comes in spite of all, between another process's look and its write, changes the length
 * and is noticed at its next look; at an offset of its own it could leave a hole. */
static gk_status open_cut(int *fd, const gk_run *run, const char *name, int64_t bytes)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/%s", run->dir, name));
    *fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (*fd < 0) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    if (lseek(*fd, 0, SEEK_END) < bytes)
        return gk_fail(GK_EDATA, "%s is shorter than at the resume point; --fresh starts over",
                       path);
    GK_TRY(gk_owner_fence(run->owner, NULL, 0));
    if (ftruncate(*fd, bytes) != 0 || lseek(*fd, 0, SEEK_END) != bytes)
        return gk_fail(GK_EIO, "cannot cut %s: %s", path, strerror(errno));
    return GK_OK;
}

gk_status gk_run_resume_path(const gk_run *run, char path[GK_PATH_MAX])
{
    GK_TRY(gk_path(path, "%s/resume.safetensors", run->dir));
    if (gk_exists(path)) return GK_OK;
    *path = 0;
    if (!has(run, "parent.json")) return GK_OK;
    return gk_fail(GK_EDATA, "%s is a branch, but its resume point is gone; branch again",
                   run->dir);
}

gk_status gk_run_restore(gk_run *run, const gk_position *position, size_t record)
{
    char summary[GK_PATH_MAX], final[GK_PATH_MAX];

    GK_TRY(gk_path(summary, "%s/summary.json", run->dir));
    GK_TRY(gk_path(final, "%s/final.jsonl", run->dir));
    gk_events_start(&run->events);
    run->position = position ? *position : (gk_position){.loss_max = -1};
    run->restored = position != NULL;
    run->record = record;
    if (run->restored && has(run, "parent.jsonl")) GK_TRY(replay_parent(run));
    if (run->position.metrics_bytes > 0)
        GK_TRY(replay(run, "metrics.jsonl", run->position.metrics_bytes));
    GK_TRY(gk_run_fence(run));
    if (run->position.epoch > run->config.run.epochs)
        return gk_fail(GK_EUSAGE, "%s stands at epoch %lld already, beyond run.epochs = %lld",
                       run->dir, (long long)run->position.epoch, (long long)run->config.run.epochs);
    remove_files(run, "checkpoints", is_later, run->position.epoch);
    unlink(summary); /* of a shorter run */
    unlink(final);
    remove_files(run, "measures", is_later, run->position.epoch);
    run->metrics_bytes = run->position.metrics_bytes;
    GK_TRY(open_cut(&run->metrics, run, "metrics.jsonl", run->metrics_bytes));
    if (!record) return GK_OK;
    run->projections_bytes = run->events.rows * (int64_t)(record * sizeof(float));
    return open_cut(&run->projections, run, "projections.bin", run->projections_bytes);
}

gk_status gk_run_keep_made_of(gk_run *run)
{
    int kept = run->made.n;

    GK_TRY(gk_run_fence(run));
    GK_TRY(gk_made_of_add(&run->made, &run->config, run->dir));
    return run->made.n > kept ? gk_made_of_write(&run->made, run->dir) : GK_OK;
}

void gk_run_close(gk_run *run)
{
    if (run->metrics >= 0) close(run->metrics);
    if (run->projections >= 0) close(run->projections);
    gk_text_free(&run->final);
    gk_made_of_free(&run->made);
    gk_text_free(&run->hook_said);
    gk_events_free(&run->events);
    gk_owner_release(run->owner);
    run->metrics = run->projections = -1;
    run->owner = NULL;
}

void gk_run_forget_weights(const gk_run *run)
{
    if (run->config.run.keep_checkpoints != GK_KEEP_ALL)
        remove_files(run, "checkpoints", is_earlier_weights, run->position.epoch);
}

gk_status gk_run_sync(const gk_run *run)
{
    GK_TRY(gk_run_fence(run));
    if (gk_sync_file(run->metrics) && (run->projections < 0 || gk_sync_file(run->projections)))
        return GK_OK;
    return gk_fail(GK_EIO, "cannot sync %s/metrics.jsonl: %s", run->dir, strerror(errno));
}

gk_status gk_run_finish(gk_run *run, const char *state, const char *ended_by)
{
    gk_text summary = {0};

    gk_events_print(&summary, &run->events, &run->turning, run->final.data, &run->config, state,
                    ended_by);
    gk_status status = gk_run_replace(run, "summary.json", &summary);
    gk_text_free(&summary);
    if (status == GK_OK) status = gk_run_set_state(run, "%s", state);
    run->finished = status == GK_OK;
    return status;
}

gk_status gk_run_set_state(gk_run *run, const char *format, ...)
{
    char line[4608];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    gk_text text = {0};
    gk_text_add(&text, "%s\n", line);
    gk_status status = gk_run_replace(run, "state", &text);
    gk_text_free(&text);
    line[strcspn(line, ":\n")] = 0;
    snprintf(run->state, sizeof run->state, "%.15s", line);
    return status;
}
