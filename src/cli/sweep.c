/* grokc sweep SWEEP.yaml */
#include "cli.h"
#include "gk/sweep_train.h"

#include <stdio.h>
#include <string.h>

/* --shard I/N, --slots R */
static gk_status parse_options(gk_sweep_options *o, const gk_cli *cli)
{
    int64_t shard = 0, shards = 1, slots = 0;
    const char *slash = cli->shard ? strchr(cli->shard, '/') : NULL;
    char first[32];

    if (cli->shard) {
        snprintf(first, sizeof first, "%.*s", slash ? (int)(slash - cli->shard) : 0, cli->shard);
        if (!slash || !gk_parse_int(first, &shard) || !gk_parse_int(slash + 1, &shards) ||
            shards < 1 || shards > 1000000 || shard < 0 || shard >= shards)
            return gk_fail(GK_EUSAGE, "--shard \"%s\": expects I/N with 0 <= I < N, as in 0/4",
                           cli->shard);
    }
    if (cli->slots && (!gk_parse_int(cli->slots, &slots) || slots < 1 || slots > 100000))
        return gk_fail(GK_EUSAGE, "--slots \"%s\": expects the number of runs side by side",
                       cli->slots);
    o->shard = (int)shard;
    o->shards = (int)shards;
    o->slots = (int)slots;
    return GK_OK;
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
    if (c->trained && c->seconds > 0)
        printf("; %d trained now, %.4g run-epochs per second", c->trained,
               c->run_epochs / c->seconds);
    putchar('\n');
}

static gk_status train(const gk_sweep *sweep, const gk_sweep_options *o, const gk_cli *cli)
{
    static gk_config config;
    gk_sweep_counts counts;
    gk_gathered gathered;
    gk_backend be;

    GK_TRY(gk_sweep_config(&config, sweep, 0)); /* for the device */
    GK_TRY(gk_sweep_prepare(sweep, o->dir));
    gk_signal_install();
    GK_TRY(gk_cli_device(&be, &config, cli));
    gk_status status = gk_sweep_train(&counts, sweep, o, &be);
    gk_backend_close(&be);
    if (status == GK_STOPPED)
        gk_warn("%s stopped with a resume point for each run; the same command goes on", o->dir);
    GK_TRY(status);
    print_end(&counts, o);
    if (o->shards > 1 || counts.elsewhere) return GK_OK;
    return gk_gather(&gathered, o->dir);
}

gk_status gk_cli_sweep(int argc, char **argv)
{
    char dir[GK_PATH_MAX], device[64];
    const char *set[GK_SETS_MAX + 1];
    gk_sweep_options options = {0};
    gk_text text = {0};
    gk_sweep sweep = {0};
    gk_cli cli;

    GK_TRY(gk_cli_parse(&cli, argc, argv, "set out device shard slots dry-run nvtx"));
    if (!cli.argument)
        return gk_fail(GK_EUSAGE, "which sweep? grokc sweep configs/sweep_seeds.yaml");
    GK_TRY(parse_options(&options, &cli));
    if (cli.out)
        GK_TRY(gk_path(dir, "%s", cli.out));
    else
        GK_TRY(default_directory(dir, cli.argument));
    options.dir = dir;
    memcpy(set, cli.set, (size_t)cli.sets * sizeof *set);
    int sets = cli.sets;
    if (cli.device) {
        snprintf(device, sizeof device, "device.backend=%.40s", cli.device);
        set[sets++] = device;
    }
    gk_status status = gk_sweep_load(&sweep, cli.argument, set, sets);
    if (status == GK_OK && cli.dry_run) {
        status = gk_sweep_describe(&text, &sweep, &options);
        if (status == GK_OK) fputs(text.data, stdout);
        gk_text_free(&text);
    } else if (status == GK_OK)
        status = train(&sweep, &options, &cli);
    gk_sweep_close(&sweep);
    return status;
}
