/* grokc export RUN|RUN@EPOCH|FILE --layout LAYOUT -o FILE */
#include "cli/cli.h"
#include "gk/archive.h"
#include "gk/export.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_directory(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* A path that exists is one, whatever its name; else RUN@EPOCH. `*epoch` is -1 where none is given.
 */
static gk_status split_argument(char path[GK_PATH_MAX], int64_t *epoch, const char *argument)
{
    *epoch = -1;
    GK_TRY(gk_path(path, "%s", argument));
    if (gk_exists(path) || !strchr(argument, '@')) return GK_OK;
    if (gk_parse_run_at(argument, path, epoch)) return GK_OK;
    return gk_fail(GK_EUSAGE, "\"%s\": no such file, and no RUN@EPOCH", argument);
}

/* The epoch that is asked for, or the last one; a kept state will do where there is no checkpoint.
 */
static gk_status find_checkpoint(char file[GK_PATH_MAX], const char *run, int64_t epoch)
{
    int64_t *epochs = NULL;
    int n = 0;

    GK_TRY(gk_run_epochs(&epochs, &n, run, GK_EPOCH_WEIGHTS));
    if (epoch < 0 && n) epoch = epochs[n - 1];
    free(epochs);
    if (epoch < 0) return gk_fail(GK_EDATA, "%s has no checkpoints", run);
    GK_TRY(gk_epoch_path(file, run, GK_EPOCH_WEIGHTS, epoch));
    if (gk_exists(file)) return GK_OK;
    GK_TRY(gk_epoch_path(file, run, GK_EPOCH_STATE, epoch));
    if (gk_exists(file)) return GK_OK;
    return gk_fail(GK_EDATA, "%s has no checkpoint of epoch %lld; see %s/checkpoints", run,
                   (long long)epoch, run);
}

/* The run that a file lies in the checkpoints/ of; "" for any other file. */
static gk_status find_run(char run[GK_PATH_MAX], const char *file)
{
    static const char folder[] = "/checkpoints";
    char path[GK_PATH_MAX], *full = realpath(file, NULL);
    gk_status status = GK_OK;

    *run = '\0';
    size_t n = full ? (size_t)(strrchr(full, '/') - full) : 0, tail = sizeof folder - 1;
    if (n > tail && !strncmp(full + n - tail, folder, tail))
        status = gk_path(run, "%.*s", (int)(n - tail), full);
    free(full);
    if (status == GK_OK) status = gk_path(path, "%s/config.yaml", run);
    if (status == GK_OK && !gk_exists(path)) *run = '\0';
    return status;
}

static gk_status ask_for_layout(void)
{
    gk_text list = {0};

    gk_export_layouts(&list, ", or --layout ");
    gk_fail(GK_EUSAGE, "for whom? --layout %s", list.data);
    gk_text_free(&list);
    return GK_EUSAGE;
}

gk_status gk_cli_export(const gk_cli *cli)
{
    static gk_config config;
    char file[GK_PATH_MAX], run[GK_PATH_MAX], path[GK_PATH_MAX];
    int64_t epoch;

    if (!cli->argument)
        return gk_fail(GK_EUSAGE,
                       "export what? grokc export runs/paper@1000 --layout paper -o FILE");
    if (!cli->layout) return ask_for_layout();
    if (!cli->weights) return gk_fail(GK_EUSAGE, "where to? -o FILE");
    GK_TRY(split_argument(file, &epoch, cli->argument));
    if (epoch >= 0 || is_directory(file)) {
        GK_TRY(gk_path(run, "%s", file));
        GK_TRY(find_checkpoint(file, run, epoch));
    } else {
        GK_TRY(find_run(run, file));
    }
    if (!*run) return gk_export(cli->weights, file, cli->layout, NULL);
    GK_TRY(gk_path(path, "%s/config.yaml", run));
    GK_TRY(gk_config_load(&config, path, NULL, 0));
    return gk_export(cli->weights, file, cli->layout, &config);
}
