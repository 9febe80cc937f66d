/* What the subcommands share: the config, and a training run from opening to its last line. */
#include "cli/cli.h"
#include "gk/archive.h"
#include "gk/input.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
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

gk_status gk_cli_write_out(gk_cli *cli)
{
    if (!cli->epochs) return GK_OK;
    if (cli->set.n == GK_LIST_MAX)
        return gk_fail(GK_EUSAGE, "more than %d times --set", GK_LIST_MAX - 1);
    snprintf(cli->epochs_set, sizeof cli->epochs_set, "run.epochs=%" PRId64, cli->epochs);
    cli->set.item[cli->set.n++] = cli->epochs_set;
    return GK_OK;
}

gk_status gk_cli_progress(gk_progress_style *style, const gk_cli *cli)
{
    static const char *const words[] = {
        [GK_PROGRESS_PLAIN] = "plain", [GK_PROGRESS_BAR] = "bar", [GK_PROGRESS_NONE] = "none"};

    *style = cli->quiet ? GK_PROGRESS_NONE : GK_PROGRESS_AUTO;
    if (!cli->progress) return GK_OK;
    for (int i = GK_PROGRESS_PLAIN; i <= GK_PROGRESS_NONE; i++)
        if (!strcmp(cli->progress, words[i])) {
            *style = (gk_progress_style)i;
            return GK_OK;
        }
    return gk_fail(GK_EUSAGE, "--progress \"%s\": expects plain, bar or none", cli->progress);
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

/* printf shows the sign of a NaN, which says nothing. */
static double without_sign(double x) { return isnan(x) ? (double)NAN : x; }

/* The result, on stdout. */
static void print_end(const gk_run *run)
{
    const gk_row *row = &run->events.last;
    int64_t grok = gk_grok_epoch(&run->events);

    printf("%s: %s at epoch %lld, train loss %.3g, test loss %.3g, test accuracy %.4g%%", run->dir,
           run->state, (long long)row->epoch, without_sign(row->train_loss),
           without_sign(row->test_loss), without_sign(100 * row->test_acc));
    if (grok >= 0) printf(", test loss below 0.1 from epoch %lld on", (long long)grok);
    putchar('\n');
}

/* What happened to a run that diverged, and what can be tried. */
static void advise(const gk_run *run)
{
    const gk_config *c = &run->config;
    int64_t rows = run->events.rows;
    double shrinks = c->optim.lr * c->optim.weight_decay;
    gk_text text = {0};

    gk_text_add(&text, "%s: the train loss is not finite at epoch %lld", run->dir,
                (long long)run->events.last.epoch);
    if (rows > 1)
        gk_text_add(&text, "; at the row before, epoch %lld, it was",
                    (long long)gk_events_moments(&run->events)[rows - 2].epoch);
    gk_text_add(&text, ". What can be tried: a smaller optim.lr (here %g)", c->optim.lr);
    gk_text_add(&text, ", a longer optim.warmup (here %lld)", (long long)c->optim.warmup);
    if (shrinks >= 1)
        gk_text_add(
            &text,
            ", a smaller optim.weight_decay (a step takes lr x weight_decay = %g of each weight)",
            shrinks);
    if (c->loss.name == GK_CROSS_ENTROPY && c->loss.form == GK_LOSS_F32)
        gk_text_add(&text, ", loss.form: exact (f32 has rounding errors that spike)");
    gk_warn("%s", text.data);
    gk_text_free(&text);
}

/* A run that has nothing left to do: why it ended, and what goes on with it. */
static void print_done(const gk_run *run)
{
    json_t *summary = NULL;

    if (gk_run_read_json(&summary, run->dir, "summary.json") != GK_OK) {
        printf("%s: %s already\n", run->dir, run->state);
        return;
    }
    const char *by = json_string_value(json_object_get(summary, "ended_by"));
    long long epoch = json_integer_value(json_object_get(summary, "epochs"));
    printf("%s: %s already at epoch %lld, by %s; see summary.json", run->dir, run->state, epoch,
           by ? by : "an older program");
    if (by && !strcmp(by, "run.epochs"))
        printf(". More epochs go on with it: --epochs %lld", 2 * epoch);
    else if (by && !strncmp(by, "run.stop_", 9))
        printf(". Without that rule it goes on: --set %s=null", by);
    putchar('\n');
    json_decref(summary);
}

static gk_status train_opened(gk_run *run, gk_backend *be, const gk_profile *profile,
                              gk_progress_style style, bool quiet)
{
    bool was_finished = run->finished;

    if (was_finished) {
        if (!quiet) print_done(run);
    } else {
        gk_status status = gk_train_one(run, be, profile, style);
        if (status == GK_STOPPED)
            gk_warn("%s stopped at epoch %lld with a resume point; the same command goes on",
                    run->dir, (long long)run->position.epoch);
        GK_TRY(status);
        if (!quiet) print_end(run);
        if (!strcmp(run->state, "diverged")) advise(run);
    }
    return !strcmp(run->state, "diverged") ? GK_DIVERGED : GK_OK;
}

/* What the run in `dir`, if there is one, was made of; --fresh makes it anew. */
static gk_status use_made_of(gk_config *config, const char *dir, bool fresh)
{
    gk_made_of made = {0};

    gk_status status = fresh ? GK_OK : gk_made_of_read(&made, dir);
    if (status == GK_OK) status = gk_made_of_check(&made, config, dir, GK_MADE_RUN);
    if (status == GK_OK) status = gk_made_of_use(config, &made, dir, GK_MADE_RUN);
    gk_made_of_free(&made);
    return status;
}

gk_status gk_cli_run(gk_config *config, const char *dir, const gk_cli *cli)
{
    gk_batch_size size;
    gk_profile profile;
    gk_progress_style style;
    gk_backend be;

    GK_TRY(gk_cli_progress(&style, cli)); /* before anything is made */
    GK_TRY(parse_profile(&profile, cli->profile));
    GK_TRY(use_made_of(config, dir, cli->fresh));
    gk_run *run = gk_alloc(1, sizeof *run);

    gk_signal_install();
    gk_status status = gk_batch_size_of(&size, config, 1);

    if (status == GK_OK && (status = gk_cli_device(&be, config, cli)) == GK_OK) {
        status = gk_run_open(run, dir, config, cli->fresh ? GK_FRESH : GK_GO_ON);
        if (status == GK_OK) status = train_opened(run, &be, &profile, style, cli->quiet);
        gk_run_close(run);
        gk_backend_close(&be);
    }
    free(run);
    return status;
}
