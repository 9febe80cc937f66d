/* grokc bench ops|step|measure: times on this machine; bench compare: of two reports. */
#include "cli/cli.h"
#include "gk/input.h"
#include "gk/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static gk_status compare(const gk_cli *cli)
{
    json_t *report, *earlier = NULL;

    if (cli->n_arguments < 2 || !cli->compare)
        return gk_fail(GK_EUSAGE, "grokc bench compare NEW.json --compare OLD.json");
    GK_TRY(gk_timing_read(&report, cli->arguments[1]));
    gk_status status = gk_timing_read(&earlier, cli->compare);
    if (status == GK_OK) gk_timing_compare(report, earlier, cli->compare);
    json_decref(earlier);
    json_decref(report);
    return status;
}

/* What the mode has no use for, before minutes of measuring. */
static gk_status check_usage(const gk_cli *cli, bench_mode *mode)
{
    if (cli->n_arguments > 1)
        return gk_fail(GK_EUSAGE, "no argument \"%s\" is expected; --config names a config",
                       cli->arguments[1]);
    if (cli->filter && mode != gk_bench_ops) return gk_fail(GK_EUSAGE, "--filter is for bench ops");
    if (cli->filter && !gk_bench_has_op(cli->filter))
        return gk_fail(GK_EUSAGE, "--filter \"%s\": no such op; `grokc verify` lists them",
                       cli->filter);
    if (cli->runs && mode == gk_bench_measure)
        return gk_fail(GK_EUSAGE, "--runs is for bench ops and step; a row is of one run");
    return GK_OK;
}

static gk_status prepare(gk_bench *bench, const gk_cli *cli)
{
    char path[GK_PATH_MAX];

    bench->threads = cli->threads;
    bench->filter = cli->filter;
    bench->runs = cli->runs ? (int)cli->runs : 1;
    bench->rounds = (int)cli->rounds;
    GK_CHECK(bench->rounds <= GK_ROUNDS_MAX);
    if (!cli->config) return gk_cli_config(&bench->config, NULL, cli);
    GK_TRY(gk_input_find(path, cli->config));
    return gk_cli_input(&bench->config, path, cli);
}

static gk_status run(gk_bench *bench, const gk_cli *cli, bench_mode *mode)
{
    json_t *earlier = NULL;

    if (cli->compare) GK_TRY(gk_timing_read(&earlier, cli->compare));
    gk_status status = gk_bench_open(bench, cli->argument);
    if (status == GK_OK) status = mode(bench);
    if (status == GK_OK && cli->json) status = gk_timing_write(bench, cli->json);
    if (status == GK_OK && earlier) gk_timing_compare(bench->report, earlier, cli->compare);
    gk_bench_close(bench);
    json_decref(earlier);
    return status;
}

gk_status gk_cli_bench(const gk_cli *cli)
{
    const char *what = cli->argument ? cli->argument : "";
    bench_mode *mode;

    if (!strcmp(what, "compare")) return compare(cli);
    GK_TRY(find_mode(&mode, what));
    GK_TRY(check_usage(cli, mode));
    gk_bench *bench = gk_alloc(1, sizeof *bench);
    gk_status status = prepare(bench, cli);
    if (status == GK_OK) status = run(bench, cli, mode);
    free(bench);
    return status;
}
