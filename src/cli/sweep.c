/* grokc sweep SWEEP.yaml */
#include "cli/cli.h"
#include "gk/gather.h"
#include "gk/input.h"
#include "gk/slurm.h"
#include "gk/sweep_train.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --shard I/N */
static gk_status parse_options(gk_sweep_options *o, const gk_cli *cli)
{
    int64_t shard = 0, shards = 1;
    const char *slash = cli->shard ? strchr(cli->shard, '/') : NULL;
    char first[32];

    if (cli->shard) {
        snprintf(first, sizeof first, "%.*s", slash ? (int)(slash - cli->shard) : 0, cli->shard);
        if (!slash || !gk_parse_int(first, &shard) || !gk_parse_int(slash + 1, &shards) ||
            shards < 1 || shards > 1000000 || shard < 0 || shard >= shards)
            return gk_fail(GK_EUSAGE, "--shard \"%s\": expects I/N with 0 <= I < N, as in 0/4",
                           cli->shard);
    }
    o->shard = (int)shard;
    o->shards = (int)shards;
    o->slots = (int)cli->slots;
    return gk_cli_progress(&o->progress, cli);
}

static gk_status default_directory(char dir[GK_PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');

    return gk_path(dir, "runs/%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name),
                   name);
}

static void print_end(const gk_sweep_counts *c, const gk_sweep_options *o)
{
    printf("%s: %d runs: %d done, %d diverged, %d elsewhere; %d grokked", o->dir, c->runs, c->done,
           c->diverged, c->elsewhere, c->grokked);
    if (c->broken) printf("; %d broken", c->broken);
    if (c->trained && c->seconds > 0)
        printf("; %d trained now, %.4g run-epochs per second", c->trained,
               c->run_epochs / c->seconds);
    putchar('\n');
}

static gk_status train(gk_sweep *sweep, const gk_sweep_options *o, const gk_cli *cli)
{
    static gk_config config;
    gk_sweep_counts counts;
    gk_gathered gathered;
    gk_backend be;

    gk_signal_install();
    GK_TRY(gk_sweep_config(&config, sweep, 0)); /* for the device */
    GK_TRY(gk_sweep_prepare(sweep, o->dir, cli->set.item, cli->set.n));
    GK_TRY(gk_cli_device(&be, &config, cli));
    gk_status status = gk_sweep_train(&counts, sweep, o, &be);
    gk_backend_close(&be);
    if (status == GK_STOPPED)
        gk_warn("%s stopped with a resume point for each run; the same command goes on", o->dir);
    GK_TRY(status);
    if (!cli->quiet) print_end(&counts, o);
    if (counts.elsewhere)
        return gk_fail(GK_EBUSY,
                       "%d runs of %s are other processes'; when these have ended, the same "
                       "command does what is left",
                       counts.elsewhere, o->dir);
    if (o->shards == 1) GK_TRY(gk_gather(&gathered, o->dir));
    if (!counts.broken) return GK_OK;
    return gk_fail(GK_EDATA, "%d runs of %s could not be gone on with; all others are done",
                   counts.broken, o->dir);
}

/* Options that mean nothing together. */
static gk_status check_submit(const gk_cli *cli)
{
    if (!cli->submit) {
        if (!cli->shards && !cli->partition && !cli->time && !cli->gres && !cli->account &&
            !cli->sbatch.n)
            return GK_OK;
        return gk_fail(GK_EUSAGE, "--shards, --partition, --time, --gres, --account and --sbatch "
                                  "are for --submit slurm");
    }
    if (strcmp(cli->submit, "slurm") != 0)
        return gk_fail(GK_EUSAGE, "--submit \"%s\": slurm is what there is", cli->submit);
    if (cli->argument && !gk_input_has_name(cli->argument))
        return gk_fail(GK_EUSAGE, "--submit slurm needs a file that every task can read, not %s",
                       gk_input_name(cli->argument));
    if (cli->shard || cli->nvtx)
        return gk_fail(GK_EUSAGE, "--shard and --nvtx are for the tasks themselves, not for "
                                  "--submit slurm");
    return GK_OK;
}

/* A shard for each run where that is allowed everywhere, else what --shards says. */
static gk_status parse_shards(int *shards, const gk_cli *cli, int runs)
{
    *shards = runs < GK_SLURM_SHARDS ? runs : GK_SLURM_SHARDS;
    if (cli->shards > runs)
        return gk_fail(GK_EUSAGE,
                       "--shards %lld: expects the number of tasks, from 1 to %d: one for each run",
                       (long long)cli->shards, runs);
    if (cli->shards) *shards = (int)cli->shards;
    return GK_OK;
}

/* The arguments that a task takes over: --set, --device, --slots, --progress, --quiet. */
static int pass_on(const char *argument[2 * GK_LIST_MAX + 7], char slots[24], const gk_cli *cli)
{
    int n = 0;

    for (int i = 0; i < cli->set.n; i++) {
        argument[n++] = "--set";
        argument[n++] = cli->set.item[i];
    }
    if (cli->device) {
        argument[n++] = "--device";
        argument[n++] = cli->device;
    }
    if (cli->slots) {
        snprintf(slots, 24, "%lld", (long long)cli->slots);
        argument[n++] = "--slots";
        argument[n++] = slots;
    }
    if (cli->progress) {
        argument[n++] = "--progress";
        argument[n++] = cli->progress;
    }
    if (cli->quiet) argument[n++] = "--quiet";
    return n;
}

/* Or, with --dry-run, shows the script. */
static gk_status submit(gk_sweep *sweep, const char *file, const char *dir, const gk_cli *cli)
{
    const char *argument[2 * GK_LIST_MAX + 7];
    char program[GK_PATH_MAX], where[GK_PATH_MAX], slots[24];
    gk_text text = {0};
    gk_slurm slurm = {.program = program,
                      .file = file,
                      .dir = dir,
                      .where = where,
                      .argument = argument,
                      .arguments = pass_on(argument, slots, cli),
                      .partition = cli->partition,
                      .time = cli->time,
                      .gres = cli->gres,
                      .account = cli->account,
                      .sbatch = cli->sbatch.item,
                      .sbatches = cli->sbatch.n};

    GK_TRY(parse_shards(&slurm.shards, cli, sweep->n));
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);
    if (n < 0 || n == sizeof program || !getcwd(where, sizeof where))
        return gk_fail(GK_EIO, "the path of grokc or of this folder: %s", strerror(errno));
    program[n] = 0;
    gk_status status = gk_slurm_script(&text, &slurm);
    if (!cli->dry_run) {
        gk_text_free(&text);
        if (status == GK_OK) status = gk_sweep_prepare(sweep, dir, cli->set.item, cli->set.n);
        if (status == GK_OK) status = gk_slurm_submit(&text, &slurm);
    }
    if (text.data) fputs(text.data, stdout);
    gk_text_free(&text);
    return status;
}

gk_status gk_cli_sweep(const gk_cli *cli)
{
    char path[GK_PATH_MAX], dir[GK_PATH_MAX], device[64];
    const char *set[GK_LIST_MAX + 1];
    gk_sweep_options options = {0};
    gk_text text = {0};
    gk_sweep sweep = {0};

    GK_TRY(check_submit(cli));
    if (!cli->argument)
        return gk_fail(GK_EUSAGE, "which sweep? grokc sweep configs/sweep_seeds.yaml");
    GK_TRY(gk_input_find(path, cli->argument));
    GK_TRY(parse_options(&options, cli));
    if (cli->out)
        GK_TRY(gk_path(dir, "%s", cli->out));
    else if (gk_input_has_name(path))
        GK_TRY(default_directory(dir, path));
    else if (cli->dry_run)
        GK_TRY(gk_path(dir, "none yet, --out DIR gives one"));
    else
        GK_TRY(gk_cli_needs_out(path));
    options.dir = dir;
    memcpy(set, cli->set.item, (size_t)cli->set.n * sizeof *set);
    int sets = cli->set.n;
    if (cli->device) {
        snprintf(device, sizeof device, "device.backend=%.40s", cli->device);
        set[sets++] = device;
    }
    gk_status status = gk_sweep_load(&sweep, path, set, sets);
    if (status == GK_OK) status = gk_sweep_use_made_of(&sweep, dir);
    if (status == GK_OK) status = gk_sweep_continue(&sweep, dir);
    if (status == GK_OK && cli->submit) {
        status = submit(&sweep, path, dir, cli);
    } else if (status == GK_OK && cli->dry_run) {
        status = gk_sweep_describe(&text, &sweep, &options);
        if (status == GK_OK) fputs(text.data, stdout);
        gk_text_free(&text);
    } else if (status == GK_OK)
        status = train(&sweep, &options, cli);
    gk_sweep_close(&sweep);
    return status;
}
