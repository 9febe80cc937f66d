/* A sweep's directory: begun, gone on with, or grown. */
#include "gk/archive.h"
#include "gk/owner.h"
#include "gk/sweep_train.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 60, LEFT_SECONDS = 15 * 60 };

/* There is one backend for all runs, and their config.yaml must not say otherwise. */
gk_status gk_sweep_check_device(const gk_sweep *sweep)
{
    for (int k = 0; k < sweep->keys; k++)
        if (!strncmp(sweep->key[k], "device.", 7) && strcmp(sweep->key[k], "device.plan") != 0)
            return gk_fail(GK_EUSAGE,
                           "%s cannot be swept: the runs of a sweep share a device; start a sweep "
                           "for each value",
                           sweep->key[k]);
    return GK_OK;
}

/* Tasks of one job start at the same moment: one writes, the others wait. */
static gk_status take_directory(gk_owner **owner, const char *dir)
{
    static const struct timespec moment = {.tv_nsec = 20000000};
    double start = gk_seconds();
    gk_status status;

    while ((status = gk_owner_take(owner, dir)) == GK_EBUSY && !gk_signal_seen() &&
           gk_seconds() - start < PATIENCE_SECONDS)
        nanosleep(&moment, NULL);
    return status;
}

/* What gathers left that were killed; one that writes is not as old. */
static void remove_left(const char *dir)
{
    static const char end[] = GK_TEMPORARY;
    char path[GK_PATH_MAX];
    struct dirent *entry;
    struct stat info;
    DIR *list = opendir(dir);

    while (list && (entry = readdir(list))) {
        size_t n = strlen(entry->d_name), m = sizeof end - 1;
        if (n < m || strcmp(entry->d_name + n - m, end) != 0 ||
            gk_path(path, "%s/%s", dir, entry->d_name) != GK_OK || stat(path, &info) != 0)
            continue;
        if (difftime(time(NULL), info.st_mtime) > LEFT_SECONDS) unlink(path);
    }
    if (list) closedir(list);
}

/* A directory that holds something else is not touched. */
static gk_status check_directory(const char *dir)
{
    char path[GK_PATH_MAX];
    struct dirent *entry;
    bool other = false;

    GK_TRY(gk_path(path, "%s/sweep.yaml", dir));
    DIR *list = gk_exists(path) ? NULL : opendir(dir);
    while (list && (entry = readdir(list)))
        other |= *entry->d_name != '.' && strcmp(entry->d_name, "runs") != 0 &&
                 strcmp(entry->d_name, "slurm") != 0 && strcmp(entry->d_name, "owner") != 0 &&
                 !strstr(entry->d_name, GK_TEMPORARY);
    if (list) closedir(list);
    if (!other) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "%s holds something that is no sweep; give another directory with --out", dir);
}

/* sweep.yaml: the file, then --set as comments; the device may be another one each time. */
static void print_file(gk_text *text, const gk_sweep *sweep, const char *const *sets, int n)
{
    gk_text_append(text, sweep->text, sweep->length);
    for (int i = 0; i < n; i++)
        if (strncmp(sets[i], "device.", 7) != 0) gk_text_add(text, "# --set %s\n", sets[i]);
}

/* Does DIR/NAME hold this text? */
static bool holds(const char *dir, const char *name, const gk_text *text)
{
    char path[GK_PATH_MAX], *there;
    size_t size;

    if (gk_path(path, "%s/%s", dir, name) != GK_OK || !gk_exists(path) ||
        gk_file_read(path, (size_t)1 << 30, &there, &size) != GK_OK)
        return false;
    bool same = size == text->length && !memcmp(there, text->data, size);
    free(there);
    return same;
}

static gk_status replace(const gk_owner *owner, const char *dir, const char *name,
                         const gk_text *text)
{
    char path[GK_PATH_MAX];

    if (holds(dir, name, text)) return GK_OK;
    GK_TRY(gk_owner_fence(owner, NULL, 0));
    GK_TRY(gk_path(path, "%s/%s", dir, name));
    return gk_file_replace(path, text->data, text->length);
}

static gk_status write_history(const gk_owner *owner, const gk_sweep *sweep, const char *dir)
{
    char path[GK_PATH_MAX], *there = NULL;
    size_t size = 0;
    gk_text text = {0};

    if (!sweep->changes.length) return GK_OK;
    GK_TRY(gk_path(path, "%s/history.jsonl", dir));
    if (gk_exists(path)) GK_TRY(gk_file_read(path, (size_t)1 << 28, &there, &size));
    gk_text_append(&text, there, size);
    gk_text_append(&text, sweep->changes.data, sweep->changes.length);
    gk_status status = replace(owner, dir, "history.jsonl", &text);
    gk_text_free(&text);
    free(there);
    return status;
}

/* points.csv tells what there is: sweep.yaml is replaced behind it, but written before it first. */
static gk_status write_all(const gk_owner *owner, gk_sweep *sweep, const char *dir,
                           const gk_text *file)
{
    gk_text points = {0};
    gk_status status = GK_OK;

    if (!sweep->had) status = replace(owner, dir, "sweep.yaml", file);
    if (status == GK_OK) status = gk_sweep_keep_made_of(sweep, dir);
    if (status == GK_OK) status = write_history(owner, sweep, dir);
    gk_sweep_points_csv(&points, sweep);
    if (status == GK_OK) status = replace(owner, dir, "points.csv", &points);
    if (status == GK_OK) status = replace(owner, dir, "sweep.yaml", file);
    gk_text_free(&points);
    return status;
}

gk_status gk_sweep_prepare(gk_sweep *sweep, const char *dir, const char *const *sets, int n)
{
    char path[GK_PATH_MAX], taken[GK_PATH_MAX];
    gk_owner *owner = NULL;
    gk_text points = {0}, file = {0};

    GK_TRY(gk_sweep_check_device(sweep));
    GK_TRY(check_directory(dir));
    GK_TRY(gk_path(path, "%s/runs", dir));
    GK_TRY(gk_make_directories(path));
    GK_TRY(gk_path(taken, "%s/owner", dir));
    gk_sweep_points_csv(&points, sweep);
    print_file(&file, sweep, sets, n);
    gk_status status = GK_OK;
    if (!holds(dir, "points.csv", &points) || !holds(dir, "sweep.yaml", &file) ||
        gk_exists(taken)) {
        status = take_directory(&owner, dir); /* another process may have been here meanwhile */
        if (status == GK_OK) status = gk_sweep_use_made_of(sweep, dir);
        if (status == GK_OK) status = gk_sweep_continue(sweep, dir);
    }
    if (status == GK_OK) status = write_all(owner, sweep, dir, &file);
    gk_owner_release(owner);
    gk_text_free(&points);
    gk_text_free(&file);
    if (status == GK_OK) remove_left(dir);
    return status;
}
