/* What the subcommands share: options, the config, and a training run from opening to its last
 * line. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is `name` (length n) one of the words of `allowed`? */
static bool is_allowed(const char *name, size_t n, const char *allowed)
{
    for (const char *word = allowed; *word; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        if (length == n && !strncmp(word, name, n)) return true;
        word += length;
    }
    return false;
}

/* Another one of an option that may come many times. */
static gk_status take_more(const char **list, int *n, const char *value)
{
    if (*n == GK_SETS_MAX)
        return gk_fail(GK_EUSAGE, "more than %d times --set or --sbatch", GK_SETS_MAX);
    list[(*n)++] = value;
    return GK_OK;
}

/* The options of `sweep --submit`, of `ls` and of `report`; NULL: it is none of them. */
static const char **plain_option(gk_cli *cli, const char *name, size_t n)
{
    const struct {
        const char *name, **value;
    } options[] = {
        {"submit", &cli->submit},   {"partition", &cli->partition}, {"time", &cli->time},
        {"gres", &cli->gres},       {"shards", &cli->shards},       {"account", &cli->account},
        {"where", &cli->where},     {"columns", &cli->columns},     {"sort", &cli->sort},
        {"figures", &cli->figures}, {"layout", &cli->layout}};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strlen(options[i].name) == n && !strncmp(name, options[i].name, n))
            return options[i].value;
    return NULL;
}

static gk_status take_value(gk_cli *cli, const char *name, size_t n, const char *value)
{
    const char **plain = plain_option(cli, name, n);

    if (!*value) return gk_fail(GK_EUSAGE, "--%.*s needs a value", (int)n, name);
    if (plain)
        *plain = value;
    else if (!strncmp(name, "set", n))
        return take_more(cli->set, &cli->sets, value);
    else if (!strncmp(name, "sbatch", n))
        return take_more(cli->sbatch, &cli->sbatches, value);
    else if (!strncmp(name, "out", n))
        cli->out = value;
    else if (!strncmp(name, "every", n))
        cli->every = value;
    else if (!strncmp(name, "key-freqs", n))
        cli->key_freqs = value;
    else if (!strncmp(name, "profile", n))
        cli->profile = value;
    else if (!strncmp(name, "shard", n))
        cli->shard = value;
    else if (!strncmp(name, "slots", n))
        cli->slots = value;
    else
        cli->device = value;
    return GK_OK;
}

/* The option that takes no value; NULL: it takes one. */
static bool *switch_of(gk_cli *cli, const char *name, size_t n)
{
    if (!strncmp(name, "fresh", n)) return &cli->fresh;
    if (!strncmp(name, "dry-run", n)) return &cli->dry_run;
    if (!strncmp(name, "csv", n)) return &cli->csv;
    return !strncmp(name, "nvtx", n) ? &cli->nvtx : NULL;
}

gk_status gk_cli_parse(gk_cli *cli, int argc, char **argv, const char *allowed)
{
    static char out[] = "--out";
    const bool many = is_allowed("...", 3, allowed);

    *cli = (gk_cli){.arguments = argv};
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "-o") && is_allowed("out", 3, allowed)) argv[i] = out;
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[cli->n_arguments++] = argv[i];
            if (cli->argument && !many)
                return gk_fail(GK_EUSAGE, "one argument is expected, not also \"%s\"", argv[i]);
            if (!cli->argument) cli->argument = argv[i];
            continue;
        }
        const char *name = argv[i] + 2, *value = strchr(name, '=');
        size_t n = value ? (size_t)(value - name) : strlen(name);
        if (!is_allowed(name, n, allowed))
            return gk_fail(GK_EUSAGE, "unknown option \"%s\"; --help shows what there is", argv[i]);
        bool *is_set = switch_of(cli, name, n);
        if (is_set) {
            if (value) return gk_fail(GK_EUSAGE, "--%.*s takes no value", (int)n, name);
            *is_set = true;
        } else {
            if (!value && i + 1 == argc) return gk_fail(GK_EUSAGE, "%s needs a value", argv[i]);
            GK_TRY(take_value(cli, name, n, value ? value + 1 : argv[++i]));
        }
    }
    return GK_OK;
}

gk_status gk_cli_config(gk_config *config, const char *path, const gk_cli *cli)
{
    const char *set[GK_SETS_MAX + 1];
    char device[64];
    int n = cli->sets;

    memcpy(set, cli->set, (size_t)n * sizeof *set);
    if (cli->device) {
        if (snprintf(device, sizeof device, "device.backend=%s", cli->device) >= (int)sizeof device)
            return gk_fail(GK_EUSAGE, "--device %.20s...: no such device", cli->device);
        set[n++] = device;
    }
    return gk_config_load(config, path, set, n);
}

gk_status gk_cli_device(gk_backend *be, const gk_config *config, const gk_cli *cli)
{
    gk_device_options options = {.threads = (int)config->device.threads,
                                 .tf32 = config->device.matmul == GK_MATMUL_TF32,
                                 .nvtx = cli->nvtx};

    GK_TRY(gk_backend_open(be, config->device.backend, &options));
    if ((!cli->nvtx && !cli->profile) || !strcmp(be->name, "cuda")) return GK_OK;
    gk_status status = gk_fail(GK_EUSAGE,
                               "--nvtx and --profile are for profilers of the cuda "
                               "backend; this run would be on %s",
                               be->name);
    gk_backend_close(be);
    return status;
}

/* --profile FROM:TO; 0:0 where it is not given. */
static gk_status parse_profile(gk_profile *profile, const char *text)
{
    char from[32];
    const char *colon = text ? strchr(text, ':') : NULL;

    *profile = (gk_profile){0};
    if (!text) return GK_OK;
    if (colon && colon - text < (int)sizeof from) {
        snprintf(from, sizeof from, "%.*s", (int)(colon - text), text);
        if (gk_parse_int(from, &profile->from) && gk_parse_int(colon + 1, &profile->to) &&
            profile->from >= 0 && profile->from < profile->to)
            return GK_OK;
    }
    return gk_fail(GK_EUSAGE, "--profile \"%s\": expects two epochs, FROM:TO, as in 100:110", text);
}

/* The result, on stdout. */
static void print_end(const gk_run *run)
{
    const gk_row *row = &run->events.last;
    int64_t grok = gk_grok_epoch(&run->events);

    printf("%s: %s at epoch %lld, train loss %.3g, test loss %.3g, test accuracy %.4g%%", run->dir,
           run->state, (long long)row->epoch, row->train_loss, row->test_loss, 100 * row->test_acc);
    if (grok >= 0) printf(", test loss below 0.1 from epoch %lld on", (long long)grok);
    putchar('\n');
}

static gk_status train_opened(gk_run *run, gk_backend *be, const gk_profile *profile)
{
    bool was_finished = run->finished;

    if (was_finished) {
        printf("%s: %s already; see summary.json\n", run->dir, run->state);
    } else {
        gk_status status = gk_train_one(run, be, profile);
        if (status == GK_STOPPED)
            gk_warn("%s stopped at epoch %lld with a resume point; the same command goes on",
                    run->dir, (long long)run->position.epoch);
        GK_TRY(status);
        print_end(run);
    }
    return !strcmp(run->state, "diverged") ? GK_DIVERGED : GK_OK;
}

gk_status gk_cli_run(const gk_config *config, const char *dir, const gk_cli *cli)
{
    gk_batch_size size;
    gk_profile profile;
    gk_backend be;

    GK_TRY(parse_profile(&profile, cli->profile));
    gk_run *run = gk_alloc(1, sizeof *run);

    gk_signal_install();
    gk_status status = gk_batch_size_of(&size, config, 1);

    if (status == GK_OK && (status = gk_cli_device(&be, config, cli)) == GK_OK) {
        status = gk_run_open(run, dir, config, cli->fresh ? GK_FRESH : GK_GO_ON);
        if (status == GK_OK) status = train_opened(run, &be, &profile);
        gk_run_close(run);
        gk_backend_close(&be);
    }
    free(run);
    return status;
}
