/* What the subcommands share: the config, and a training run from opening to its last line. */
#include "cli/cli.h"
#include "gk/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 1 << 20 };

/* --set and --device as settings. */
typedef struct settings {
    const char *set[GK_LIST_MAX + 1];
    int n;
    char device[64];
} settings;

static gk_status take_settings(settings *s, const gk_cli *cli)
{
    s->n = cli->set.n;
    memcpy(s->set, cli->set.item, (size_t)s->n * sizeof *s->set);
    if (!cli->device) return GK_OK;
    int length = snprintf(s->device, sizeof s->device, "device.backend=%s", cli->device);
    if (length >= (int)sizeof s->device)
        return gk_fail(GK_EUSAGE, "--device %.20s...: no such device", cli->device);
    s->set[s->n++] = s->device;
    return GK_OK;
}

gk_status gk_cli_config(gk_config *config, const char *path, const gk_cli *cli)
{
    settings s;

    GK_TRY(take_settings(&s, cli));
    return gk_config_load(config, path, s.set, s.n);
}

gk_status gk_cli_input(gk_config *config, const char *path, const gk_cli *cli)
{
    settings s;
    char *yaml;
    size_t size;

    GK_TRY(take_settings(&s, cli));
    gk_status status = gk_input_read(path, BYTES_MAX, &yaml, &size);
    if (status == GK_EMEM) return status;
    if (status != GK_OK) return gk_fail(GK_EUSAGE, "%s", gk_message());
    status = gk_config_parse(config, gk_input_name(path), yaml, size, s.set, s.n);
    free(yaml);
    return status;
}

gk_status gk_cli_needs_out(const char *path)
{
    if (gk_input_has_name(path)) return GK_OK;
    return gk_fail(GK_EUSAGE, "%s has no name for a directory: say --out DIR", gk_input_name(path));
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
