/* The files of a run directory that are read whole, and the paths of those that there is one of for
 * an epoch. */
#include "gk/archive.h"
#include "gk/row.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_LIMIT = 1 << 16, JSON_LIMIT = 1 << 24 };

bool gk_run_has(const char *dir, const char *name)
{
    char path[GK_PATH_MAX];

    return gk_path(path, "%s/%s", dir, name) == GK_OK && gk_exists(path);
}

bool gk_is_run(const char *dir)
{
    return gk_run_has(dir, "config.yaml") &&
           (gk_run_has(dir, "state") || gk_run_has(dir, "metrics.jsonl"));
}

/* ---- state, config, json */

gk_status gk_run_read_state(gk_run_state *state, const char *dir)
{
    char path[GK_PATH_MAX], *text;
    size_t size;

    *state = (gk_run_state){0};
    GK_TRY(gk_path(path, "%s/state", dir));
    if (stat(path, &state->stamp) != 0) {
        if (errno == ENOENT) return GK_OK;
        return gk_fail(GK_EIO, "%s: %s", path, strerror(errno));
    }
    state->there = true;
    GK_TRY(gk_file_read(path, STATE_LIMIT, &text, &size));
    snprintf(state->line, sizeof state->line, "%.*s", (int)strcspn(text, "\n"), text);
    snprintf(state->word, sizeof state->word, "%.*s", (int)strcspn(state->line, ":"), state->line);
    free(text);
    return GK_OK;
}

bool gk_run_is_finished(const gk_run_state *state)
{
    return !strcmp(state->word, "done") || !strcmp(state->word, "diverged");
}

gk_status gk_run_read_config(gk_config *config, const char *dir)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/config.yaml", dir));
    return gk_config_load(config, path, NULL, 0);
}

gk_status gk_run_read_json(json_t **json, const char *dir, const char *name)
{
    char path[GK_PATH_MAX], *text;
    json_error_t error;
    size_t size;

    *json = NULL;
    GK_TRY(gk_path(path, "%s/%s", dir, name));
    GK_TRY(gk_file_read(path, JSON_LIMIT, &text, &size));
    gk_text now = {0};
    bool older = !strcmp(name, "summary.json") && gk_older_json(&now, text, size);
    *json = json_loadb(older ? now.data : text, older ? now.length : size, JSON_REJECT_DUPLICATES,
                       &error);
    gk_text_free(&now);
    free(text);
    return *json ? GK_OK : gk_fail(GK_EDATA, "%s:%d: %s", path, error.line, error.text);
}

/* ---- epochs' files */

static const struct {
    const char *folder, *end;
} kinds[] = {[GK_EPOCH_WEIGHTS] = {"checkpoints", ".safetensors"},
             [GK_EPOCH_STATE] = {"checkpoints", ".state.safetensors"},
             [GK_EPOCH_ARRAYS] = {"measures", ".safetensors"},
             [GK_EPOCH_HOOK] = {"hook", ".safetensors"}};

gk_status gk_epoch_path(char path[GK_PATH_MAX], const char *dir, gk_epoch_file file, int64_t epoch)
{
    return gk_path(path, "%s/%s/%08lld%s", dir, kinds[file].folder, (long long)epoch,
                   kinds[file].end);
}

/* "00000100.safetensors" */
static bool epoch_of(int64_t *epoch, const char *name, const char *end)
{
    size_t digits = strspn(name, "0123456789");

    if (digits == 0 || digits > 18 || strcmp(name + digits, end) != 0) return false;
    *epoch = strtoll(name, NULL, 10);
    return true;
}

gk_status gk_run_epochs(int64_t **epochs, int *n, const char *dir, gk_epoch_file file)
{
    char path[GK_PATH_MAX];
    struct dirent *entry;
    int64_t epoch;

    *epochs = NULL;
    *n = 0;
    GK_TRY(gk_path(path, "%s/%s", dir, kinds[file].folder));
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT) return GK_OK;
    if (!folder) return gk_fail(GK_EIO, "cannot open directory %s: %s", path, strerror(errno));
    while ((entry = readdir(folder)))
        if (epoch_of(&epoch, entry->d_name, kinds[file].end)) {
            *epochs = gk_grow(*epochs, (size_t)*n, sizeof **epochs);
            (*epochs)[(*n)++] = epoch;
        }
    closedir(folder);
    if (*n) qsort(*epochs, (size_t)*n, sizeof **epochs, gk_ascending_epochs);
    return GK_OK;
}
