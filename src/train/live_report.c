/* report.html in a run directory, while the run is trained and at its end. */
#include "gk/train.h"
#include "train/keep.h"

enum { RELOAD_SECONDS = 10 };

gk_status (*gk_live_page)(const char *const *dir, int n, const char *out, const char *figures,
                          int refresh, char trouble[512]);

void gk_live_report(gk_run *run)
{
    int64_t every = run->config.run.report_every;
    const char *dir = run->dir;
    char path[GK_PATH_MAX], trouble[512];
    double start = gk_seconds();

    if (!gk_live_page || !every || (!run->finished && run->events.rows % every != 0)) return;
    gk_status status = gk_path(path, "%s/report.html", dir);
    if (status == GK_OK) status = gk_run_fence(run);
    if (status == GK_OK)
        status = gk_live_page(&dir, 1, path, NULL, run->finished ? 0 : RELOAD_SECONDS, trouble);
    if (status != GK_OK)
        gk_run_log(run, "no report.html: %s", gk_message());
    else
        gk_run_log(run, "report.html took %.1f s%s%s", gk_seconds() - start, *trouble ? "; " : "",
                   trouble);
}
