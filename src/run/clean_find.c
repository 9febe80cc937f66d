/* The runs that `grokc clean` is asked about. */
#include "gk/archive.h"
#include "gk/clean.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const char *a, const char *b)
{
    struct stat of_a, of_b;

    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

static void add(gk_clean_runs *runs, const char *dir)
{
    for (int i = 0; i < runs->n; i++)
        if (is_same(runs->dir[i], dir)) return;
    runs->dir = gk_grow(runs->dir, (size_t)runs->n, sizeof *runs->dir);
    runs->dir[runs->n] = gk_alloc(strlen(dir) + 1, 1);
    memcpy(runs->dir[runs->n++], dir, strlen(dir));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static gk_status add_sweep(gk_clean_runs *runs, const char *sweep)
{
    char folder[GK_PATH_MAX], path[GK_PATH_MAX];
    struct dirent **entry;
    gk_status status = GK_OK;

    GK_TRY(gk_path(folder, "%s/runs", sweep));
    int n = scandir(folder, &entry, NULL, by_name);
    if (n < 0) return gk_fail(GK_EIO, "cannot open directory %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (status == GK_OK) status = gk_path(path, "%s/%s", folder, entry[i]->d_name);
        if (status == GK_OK && entry[i]->d_name[0] != '.' && gk_is_run(path)) add(runs, path);
        free(entry[i]);
    }
    free(entry);
    return status;
}

gk_status gk_clean_find(gk_clean_runs *runs, const char *dir)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s", dir));
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) path[n - 1] = 0;
    if (gk_is_run(path)) {
        add(runs, path);
        return GK_OK;
    }
    if (gk_run_has(path, "sweep.yaml") && gk_run_has(path, "runs")) return add_sweep(runs, path);
    return gk_fail(
        GK_EUSAGE,
        "%s is no run and no sweep: it has neither config.yaml with rows or a state, nor "
        "sweep.yaml and runs. Name runs or sweeps one by one; grokc ls %s finds runs",
        dir, dir);
}

void gk_clean_runs_free(gk_clean_runs *runs)
{
    for (int i = 0; i < runs->n; i++) free(runs->dir[i]);
    free(runs->dir);
    *runs = (gk_clean_runs){0};
}
