/* The whole page: one part for each run or sweep. */
#include "gk/report.h"
#include "report/page/html.h"
#include "report/run/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool gk_report_is_sweep(const char *dir)
{
    char path[GK_PATH_MAX];

    return gk_path(path, "%s/points.csv", dir) == GK_OK && gk_exists(path);
}

static gk_status add_figures(gk_page *page, gk_run_data *data)
{
    GK_TRY(gk_run_curves(page, data));
    GK_TRY(gk_run_progress(page, data));
    GK_TRY(gk_run_answers(page, data));
    GK_TRY(gk_run_spectra(page, data));
    GK_TRY(gk_run_neurons(page, data));
    return gk_run_embedding(page, data);
}

gk_status gk_report_run(gk_page *page, const char *dir)
{
    gk_run_data *data = gk_alloc(1, sizeof *data);
    gk_status status = gk_run_data_read(data, dir);

    if (status == GK_OK) {
        gk_run_top(page, data);
        status = add_figures(page, data);
        gk_run_tables(page, data);
        gk_run_reproduce(page, data);
    }
    gk_run_data_close(data);
    free(data);
    return status;
}

/* The name of a run or sweep for titles: the last part of its path, which does not say whose disk
 * it lies on. */
static const char *name_of(char path[GK_PATH_MAX])
{
    for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--) path[end - 1] = 0;
    const char *name = strrchr(path, '/');
    return name && name[1] ? name + 1 : path;
}

static gk_status add_part(gk_page *page, const char *dir, int i, int n)
{
    char prefix[24] = "", path[GK_PATH_MAX];

    if (n > 1) snprintf(prefix, sizeof prefix, "%d-", i + 1);
    GK_TRY(gk_path(path, "%s", dir));
    gk_page_part(page, prefix, name_of(path));
    return gk_report_is_sweep(path) ? gk_report_sweep(page, path) : gk_report_run(page, path);
}

gk_status gk_report(const char *const *dir, int n, const char *out, const char *figures,
                    int refresh, char trouble[512])
{
    gk_drawing drawing;
    char title[256], path[GK_PATH_MAX];
    gk_page page;

    *trouble = 0;
    GK_TRY(gk_path(path, "%s", dir[0]));
    GK_TRY(gk_drawing_open(&drawing, figures));
    snprintf(title, sizeof title, n > 1 ? "%s and %d more: grokc report" : "%s: grokc report",
             name_of(path), n - 1);
    gk_page_open(&page, title, &drawing);
    page.refresh = refresh;
    gk_status status = GK_OK;
    for (int i = 0; i < n && status == GK_OK; i++) status = add_part(&page, dir[i], i, n);
    if (status == GK_OK)
        status = gk_page_save(&page, out);
    else
        gk_page_discard(&page);
    memcpy(trouble, drawing.trouble, sizeof drawing.trouble);
    gk_drawing_close(&drawing);
    return status;
}
