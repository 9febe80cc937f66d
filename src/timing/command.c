/* grokc bench ops|step|measure: times on this machine; bench compare: of two reports. */
#include "cli/cli.h"
#include "timing/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 100000 };

/* Options that only this subcommand has; all take a value. */
typedef struct options {
    const char *config, *runs, *threads, *rounds, *filter, *json, *compare; /* NULL: not given */
} options;

static const char **value_of(options *o, const char *name, size_t n)
{
    const struct {
        const char *name, **value;
    } all[] = {{"config", &o->config},  {"runs", &o->runs},     {"threads", &o->threads},
               {"rounds", &o->rounds},  {"filter", &o->filter}, {"json", &o->json},
               {"compare", &o->compare}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i].name) == n && !strncmp(all[i].name, name, n)) return all[i].value;
    return NULL;
}

/* Takes its own options out of argv; the others are for gk_cli_parse. */
static gk_status take_options(options *o, int *argc, char **argv)
{
    int kept = 0;

    *o = (options){0};
    for (int i = 0; i < *argc; i++) {
        const char *name = argv[i] + 2, *value = NULL, **to = NULL;
        size_t n = strncmp(argv[i], "--", 2) ? 0 : strcspn(name, "=");
        if (n) to = value_of(o, name, n);
        if (!to) {
            argv[kept++] = argv[i];
            continue;
        }
        value = name[n] ? name + n + 1 : i + 1 < *argc ? argv[++i] : "";
        if (!*value) return gk_fail(GK_EUSAGE, "--%.*s needs a value", (int)n, name);
        *to = value;
    }
    *argc = kept;
    return GK_OK;
}

static gk_status parse_count(int *count, const char *option, const char *text, int most)
{
    int64_t n;

    if (!text) return GK_OK;
    if (!gk_parse_int(text, &n) || n < 1 || n > most)
        return gk_fail(GK_EUSAGE, "%s \"%s\": a number from 1 to %d", option, text, most);
    *count = (int)n;
    return GK_OK;
}

typedef gk_status bench_mode(gk_bench *bench);

static gk_status find_mode(bench_mode **mode, const char *what)
{
    static const struct {
        const char *name;
        bench_mode *run;
    } modes[] = {{"ops", gk_bench_ops}, {"step", gk_bench_step}, {"measure", gk_bench_measure}};

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        *mode = modes[i].run;
        if (!strcmp(modes[i].name, what)) return GK_OK;
    }
    return gk_fail(GK_EUSAGE, "bench what? grokc bench ops, step, measure or compare");
}

/* Two reports, neither of which is measured now. */
static gk_status compare(const char *now, const char *then)
{
    json_t *report, *earlier = NULL;

    if (!now || !then) return gk_fail(GK_EUSAGE, "grokc bench compare NEW.json --compare OLD.json");
    GK_TRY(gk_report_read(&report, now));
    gk_status status = gk_report_read(&earlier, then);
    if (status == GK_OK) gk_report_compare(report, earlier, then);
    json_decref(earlier);
    json_decref(report);
    return status;
}

/* What the mode has no use for, before minutes of measuring. */
static gk_status check_usage(const options *o, const gk_cli *cli, bench_mode *mode)
{
    if (cli->argument)
        return gk_fail(GK_EUSAGE, "no argument \"%s\" is expected; --config names a config",
                       cli->argument);
    if (o->filter && mode != gk_bench_ops) return gk_fail(GK_EUSAGE, "--filter is for bench ops");
    if (o->filter && !gk_bench_has_op(o->filter))
        return gk_fail(GK_EUSAGE, "--filter \"%s\": no such op; `grokc verify` lists them",
                       o->filter);
    if (o->runs && mode == gk_bench_measure)
        return gk_fail(GK_EUSAGE, "--runs is for bench ops and step; a row is of one run");
    return GK_OK;
}

static gk_status prepare(gk_bench *bench, const options *o, const gk_cli *cli)
{
    bench->threads = o->threads;
    bench->filter = o->filter;
    bench->runs = 1;
    GK_TRY(parse_count(&bench->runs, "--runs", o->runs, RUNS_MAX));
    GK_TRY(parse_count(&bench->rounds, "--rounds", o->rounds, GK_ROUNDS_MAX));
    return gk_cli_config(&bench->config, o->config, cli);
}

static gk_status run(gk_bench *bench, const options *o, const char *what, bench_mode *mode)
{
    json_t *earlier = NULL;

    if (o->compare) GK_TRY(gk_report_read(&earlier, o->compare));
    if (mode == gk_bench_ops) gk_bench_mend_blas();
    gk_status status = gk_bench_open(bench, what);
    if (status == GK_OK) status = mode(bench);
    if (status == GK_OK && o->json) status = gk_report_write(bench, o->json);
    if (status == GK_OK && earlier) gk_report_compare(bench->report, earlier, o->compare);
    gk_bench_close(bench);
    json_decref(earlier);
    return status;
}

gk_status gk_cli_bench(int argc, char **argv)
{
    const char *what = argc ? argv[0] : "";
    int rest = argc ? argc - 1 : 0;
    bench_mode *mode;
    gk_cli cli;
    options o;

    GK_TRY(take_options(&o, &rest, argv + 1));
    GK_TRY(gk_cli_parse(&cli, rest, argv + 1, "set device"));
    if (!strcmp(what, "compare")) return compare(cli.argument, o.compare);
    GK_TRY(find_mode(&mode, what));
    GK_TRY(check_usage(&o, &cli, mode));
    gk_bench *bench = gk_alloc(1, sizeof *bench);
    gk_status status = prepare(bench, &o, &cli);
    if (status == GK_OK) status = run(bench, &o, what, mode);
    free(bench);
    return status;
}
