/* grokc clean: what could be freed in runs and sweeps, and what no longer works then; removes only
 * what is named, and only where --yes says so. */
#include "gk/clean.h"
#include "cli/cli.h"

#include <stdio.h>

static void print_sum(const gk_clean *clean)
{
    printf("%-12s %7s %16s %6s  without it no longer works\n", "", "files", "bytes", "stay");
    for (int i = 0; i < GK_CLEAN_PARTS; i++) {
        const gk_clean_sum *s = &clean->sum[i];
        if (clean->parts >> i & 1)
            printf("%-12s %7lld %16lld %6lld  %s\n", gk_clean_kinds[i].name, (long long)s->files,
                   (long long)s->bytes, (long long)s->stay, gk_clean_kinds[i].cost);
    }
}

static void print_end(const gk_clean *clean)
{
    gk_clean_sum all = {0};
    gk_text names = {0};

    for (int i = 0; i < GK_CLEAN_PARTS; i++) {
        all.files += clean->sum[i].files;
        all.bytes += clean->sum[i].bytes;
        if (clean->sum[i].files)
            gk_text_add(&names, "%s%s", names.length ? "," : "", gk_clean_kinds[i].name);
    }
    printf("%lld files of %d run%s, %lld bytes, %s\n", (long long)all.files, clean->runs,
           clean->runs == 1 ? "" : "s", (long long)all.bytes,
           clean->remove ? "removed" : "could go; nothing was removed");
    if (!clean->remove && names.length)
        printf("to remove all of it, or some: --what %s --yes\n", names.data);
    if (clean->unfinished)
        gk_warn("%d of them %s not finished: what %s from stays", clean->unfinished,
                clean->unfinished == 1 ? "is" : "are",
                clean->unfinished == 1 ? "it goes on" : "they go on");
    gk_text_free(&names);
}

/* One run that another process has, or that cannot be written, stops no other. */
static gk_status clean_all(gk_clean *clean, const gk_clean_runs *runs)
{
    gk_status worst = GK_OK;

    for (int i = 0; i < runs->n; i++) {
        gk_status status = gk_clean_run(clean, runs->dir[i]);
        if (status == GK_OK) continue;
        gk_warn("%s", gk_message());
        if (clean->remove || status != GK_EBUSY) worst = status;
    }
    print_sum(clean);
    print_end(clean);
    return worst == GK_OK ? GK_OK : gk_fail(worst, "not everything could be done, see above");
}

gk_status gk_cli_clean(const gk_cli *cli)
{
    gk_clean clean;
    gk_clean_runs runs = {0};

    if (!cli->n_arguments)
        return gk_fail(GK_EUSAGE, "which runs? grokc clean runs/paper shows what could go");
    if (cli->yes && !cli->what)
        return gk_fail(GK_EUSAGE, "--yes removes what --what names: --what checkpoints,states; "
                                  "without --yes grokc clean shows what there is");
    gk_status status = gk_clean_open(&clean, cli->what, cli->keep, cli->yes);
    for (int i = 0; i < cli->n_arguments && status == GK_OK; i++)
        status = gk_clean_find(&runs, cli->arguments[i]);
    if (status == GK_OK) status = clean_all(&clean, &runs);
    gk_clean_runs_free(&runs);
    return status;
}
