/* grokc measure RUN|FILE: every measure, recomputed from checkpoints or from somebody else's
 * weights. */
#include "cli/cli.h"
#include "gk/archive.h"
#include "gk/hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct source {
    char path[GK_PATH_MAX]; /* a run directory or a weights file */
    bool is_run;
    int64_t only;    /* the one epoch that is asked for, -1: all */
    int64_t *epochs; /* of a run's checkpoints */
    int n;
} source;

static gk_status path_of(char path[GK_PATH_MAX], const source *from, int i)
{
    if (!from->is_run) return gk_path(path, "%s", from->path);
    return gk_epoch_path(path, from->path, GK_EPOCH_WEIGHTS, from->epochs[i]);
}

/* A file says its sizes; what it was trained on is the user's to say. Without a split: no train and
 * test measures. */
static gk_status config_of_file(gk_config *config, const char *path, const gk_cli *cli)
{
    gk_size_sets sizes;
    const char *set[GK_SIZE_SETS + GK_LIST_MAX + 1];
    bool split = false;
    int n = 0;

    GK_TRY(gk_checkpoint_sizes(&sizes, path, cli->set.item, cli->set.n));
    for (int i = 0; i < sizes.n; i++) set[n++] = sizes.set[i];
    for (int i = 0; i < cli->set.n; i++) {
        set[n++] = cli->set.item[i];
        split |=
            !strncmp(cli->set.item[i], "task.split=", 11) || !strncmp(cli->set.item[i], "seed=", 5);
    }
    char device[64];
    snprintf(device, sizeof device, "device.backend=%.40s", cli->device ? cli->device : "auto");
    set[n++] = device;
    GK_TRY(gk_config_load(config, NULL, set, n));
    if (!split) memset(config->task.split, 0, sizeof config->task.split);
    return GK_OK;
}

/* A path that exists is one, whatever its name; else RUN@EPOCH. */
static gk_status find_source(source *from, const char *argument, const gk_cli *cli)
{
    struct stat info;

    *from = (source){.n = 1, .only = -1};
    GK_TRY(gk_path(from->path, "%s", argument));
    if (!gk_exists(from->path)) gk_parse_run_at(argument, from->path, &from->only);
    if (stat(from->path, &info) != 0) return gk_fail(GK_EIO, "cannot open %s", argument);
    from->is_run = S_ISDIR(info.st_mode);
    if (from->only >= 0 && !from->is_run)
        return gk_fail(GK_EUSAGE, "%s is no run: it has no epochs to choose from", from->path);
    if (from->only >= 0 && cli->every != 1)
        return gk_fail(GK_EUSAGE, "--every chooses among the checkpoints of a run; %s is one",
                       argument);
    return GK_OK;
}

static gk_status open_source(source *from, gk_config *config, const gk_cli *cli)
{
    char path[GK_PATH_MAX];
    bool there = false;

    GK_TRY(find_source(from, cli->argument, cli));
    if (!from->is_run) return config_of_file(config, from->path, cli);
    GK_TRY(gk_path(path, "%s/config.yaml", from->path));
    GK_TRY(gk_cli_config(config, path, cli));
    GK_TRY(gk_run_epochs(&from->epochs, &from->n, from->path, GK_EPOCH_WEIGHTS));
    if (!from->n)
        return gk_fail(
            GK_EDATA,
            "%s has no checkpoints: run.checkpoint_at says which are kept, and grokc clean "
            "removes them; final.jsonl has what was measured of them",
            from->path);
    for (int i = 0; i < from->n; i++) there |= from->epochs[i] == from->only;
    if (from->only < 0 || there) return GK_OK;
    return gk_fail(GK_EDATA, "%s has no checkpoint of epoch %lld; see %s/checkpoints", from->path,
                   (long long)from->only, from->path);
}

/* --key-freqs, or the set of the last weights; none if too many frequencies pass. */
static gk_status choose_keys(int *key, int *keys, gk_batch *b, const source *from,
                             const gk_config *config, const gk_cli *cli)
{
    char path[GK_PATH_MAX];
    gk_row row;

    if (cli->key_freqs) return gk_keys_parse(key, keys, cli->key_freqs, b->lens.K);
    GK_TRY(path_of(path, from, from->n - 1));
    GK_TRY(gk_measure_checkpoint(b, 0, config, path, 0, NULL, 0, &row));
    *keys = *row.key_freqs ? b->snapshot.raws : 0;
    memcpy(key, b->snapshot.raw, (size_t)*keys * sizeof *key);
    gk_row_free(&row);
    return GK_OK;
}

static bool is_wanted(const source *from, int i, int64_t every)
{
    if (!from->is_run) return true;
    if (from->only >= 0) return from->epochs[i] == from->only;
    return from->epochs[i] % every == 0 || i + 1 == from->n;
}

static gk_status print_rows(gk_batch *b, const source *from, const gk_config *config,
                            const gk_cli *cli)
{
    int *key = gk_alloc((size_t)b->lens.K + 1, sizeof *key), keys = 0;
    gk_status status = choose_keys(key, &keys, b, from, config, cli);

    for (int i = 0; status == GK_OK && i < from->n; i++) {
        char path[GK_PATH_MAX];
        gk_text line = {0};
        gk_row row;
        int64_t epoch = from->is_run ? from->epochs[i] : 0;
        if (!is_wanted(from, i, cli->every)) continue;
        if ((status = path_of(path, from, i)) != GK_OK) break;
        if ((status = gk_measure_checkpoint(b, 0, config, path, epoch, key, keys, &row)) != GK_OK)
            break;
        gk_row_print(&line, &row, false);
        fputs(line.data, stdout);
        gk_text_free(&line);
        gk_row_free(&row);
    }
    if (status == GK_OK && cli->arrays) {
        gk_tensors_writer arrays;
        gk_writer_open(&arrays);
        gk_arrays_write(&arrays, &b->snapshot, &b->found);
        gk_arrays_maps(&arrays, &b->snapshot, &b->found);
        status = gk_writer_save(&arrays, cli->arrays);
    }
    free(key);
    return status;
}

/* --hook: the wanted checkpoints, asked about. */
static gk_status ask_hook(const source *from, const gk_cli *cli)
{
    char(*path)[GK_PATH_MAX] = gk_alloc((size_t)from->n, sizeof *path);
    const char **name = gk_alloc((size_t)from->n, sizeof *name);
    int64_t *epoch = gk_alloc((size_t)from->n, sizeof *epoch);
    gk_status status = GK_OK;
    int n = 0;

    for (int i = 0; status == GK_OK && i < from->n; i++) {
        if (!is_wanted(from, i, cli->every)) continue;
        status = path_of(path[n], from, i);
        name[n] = path[n];
        epoch[n++] = from->is_run ? from->epochs[i] : 0;
    }
    gk_signal_install();
    if (status == GK_OK)
        status = gk_hook_checkpoints(from->is_run ? from->path : NULL, cli->hook, name, epoch, n);
    free(path);
    free(name);
    free(epoch);
    return status;
}

gk_status gk_cli_measure(const gk_cli *cli)
{
    static gk_config config;
    const gk_config *configs[] = {&config};
    gk_backend be;
    gk_batch batch;
    source from = {0};

    if (!cli->argument)
        return gk_fail(GK_EUSAGE, "measure what? grokc measure runs/paper, or a .safetensors file");
    if (cli->hook && (cli->key_freqs || cli->arrays))
        return gk_fail(GK_EUSAGE,
                       "--hook asks a command; --key-freqs and --out are for our measures");
    gk_status status = open_source(&from, &config, cli);
    if (status == GK_OK && cli->hook) {
        status = ask_hook(&from, cli);
    } else if (status == GK_OK && (status = gk_cli_device(&be, &config, cli)) == GK_OK) {
        status = gk_batch_open(&batch, configs, 1, &be);
        if (status == GK_OK) status = print_rows(&batch, &from, &config, cli);
        gk_batch_close(&batch);
        gk_backend_close(&be);
    }
    free(from.epochs);
    return status;
}
