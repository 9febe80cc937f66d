/* gk_gather: goes over the runs twice. First to learn which are finished, which columns there are
 * and what cells need; then to write, one run after the other, so that no more than one run is in
 * memory. Should a run change in between, for instance because somebody trains it further, all is
 * done again.
 *
 * What is written depends on points.csv and on the runs that are finished and can be read, on
 * nothing else: no clock, no name of a machine, not how far the other runs are. */
#include "gather/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX, DIRECTORY, STATE, SWEPT, TRIES = 3 };

/* Also where all runs have the same value. */
static const char *const main_keys[] = {
    "task.op",     "task.p",   "task.train_fraction", "task.split", "model.init", "model.d_model",
    "model.d_mlp", "optim.lr", "optim.weight_decay",  "run.epochs"};

/* Columns of ours that a column of points.csv could be mistaken for. */
static const char taken[] =
    ",index,run_index,directory,state,observed_until,epoch," GK_CELL_COLUMNS ",";

/* ---- points.csv */

static gk_status check_names(const gk_csv *points, const char *path)
{
    if (strcmp(gk_csv_at(points, -1, 0), "index") != 0)
        return gk_fail(GK_EDATA, "%s: the first column should be \"index\", not \"%.60s\"", path,
                       gk_csv_at(points, -1, 0));
    if (points->columns > GK_SWEEP_KEYS + 1)
        return gk_fail(GK_EDATA, "%s: more than %d columns", path, GK_SWEEP_KEYS + 1);
    gk_text names = {0};
    gk_status status = GK_OK;

    gk_text_add(&names, "%s", taken);
    for (int c = 1; c < points->columns && status == GK_OK; c++) {
        const char *name = gk_csv_at(points, -1, c);
        gk_text between = {0};
        gk_text_add(&between, ",");
        gk_csv_name(&between, name);
        gk_text_add(&between, ",");
        bool bad = !*name || strstr(names.data, between.data);
        gk_text_add(&names, "%s", between.data + 1);
        gk_text_free(&between);
        if (bad)
            status = gk_fail(GK_EDATA, "%s: column %d is called \"%.60s\": not a key, or twice",
                             path, c + 1, name);
    }
    gk_text_free(&names);
    return status;
}

static gk_status open_points(gk_gathering *g)
{
    char path[GK_PATH_MAX];
    int64_t index, before = -1;

    GK_TRY(gk_path(path, "%s/points.csv", g->dir));
    if (!gk_exists(path))
        return gk_fail(GK_EIO, "%s is not a sweep: there is no points.csv", g->dir);
    GK_TRY(gk_sweep_read_points(&g->points, path));
    GK_TRY(check_names(&g->points, path));
    g->point = gk_alloc((size_t)g->points.rows, sizeof *g->point);
    for (int i = 0; i < g->points.rows; i++, before = index) {
        const char *text = gk_csv_at(&g->points, i, INDEX);
        if (!gk_parse_int(text, &index) || index <= before || index >= GK_SWEEP_POINTS_MAX)
            return gk_fail(GK_EDATA, "%s: \"%.60s\" is not the index of a point after %lld", path,
                           text, (long long)before);
        g->point[i].index = (int)index;
    }
    return GK_OK;
}

/* ---- columns */

static void fix_columns(gk_gathering *g)
{
    gk_columns_fix(&g->curves, "run_index"); /* "index" is a word of SQL, and pandas's own */
    gk_columns_fix(&g->sweep, "run_index");
    gk_columns_fix(&g->sweep, "directory");
    gk_columns_fix(&g->sweep, "state");
    for (int c = 1; c < g->points.columns; c++)
        gk_columns_fix(&g->sweep, gk_csv_at(&g->points, -1, c));
    g->first_config = g->sweep.n;
    for (int i = 0; i < GK_CONFIG_KEYS; i++) gk_columns_fix(&g->sweep, gk_config_keys[i].name);
    g->until = g->sweep.n;
    gk_columns_fix(&g->sweep, "observed_until");
}

static bool is_swept(const gk_gathering *g, const char *name)
{
    for (int c = 1; c < g->points.columns; c++)
        if (!strcmp(gk_csv_at(&g->points, -1, c), name)) return true;
    return false;
}

static void hide_columns(gk_gathering *g)
{
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const char *name = gk_config_keys[i].name;
        bool show = g->differs[i];
        for (size_t j = 0; j < sizeof main_keys / sizeof *main_keys; j++)
            show |= !strcmp(main_keys[j], name);
        g->sweep.hidden[g->first_config + i] = !show || is_swept(g, name);
    }
}

/* ---- the two ways */

static void survey(gk_gathering *g, gk_gathered *counts)
{
    *counts = (gk_gathered){.runs = g->points.rows};
    g->any = g->sweep.frozen = g->curves.frozen = false;
    memset(g->differs, 0, sizeof g->differs);
    gk_columns_cut(&g->sweep, g->sweep.fixed);
    gk_columns_cut(&g->curves, g->curves.fixed);
    for (int i = 0; i < g->points.rows; i++) {
        gk_point *p = &g->point[i];
        gk_columns_clear(&g->sweep);
        if (gk_gather_run(g, i, NULL) != GK_OK) gk_warn("left out: %s", gk_message());
        counts->done += p->state == GK_DONE;
        counts->diverged += p->state == GK_FELL;
        counts->going += p->state == GK_GOING;
        counts->waiting += p->state == GK_WAITING;
        counts->grokked += gk_point_finished(p) && !isnan(p->grok_epoch);
    }
    g->sweep.frozen = g->curves.frozen = true;
    hide_columns(g);
}

static gk_status name_point(gk_gathering *g, int i)
{
    const gk_point *p = &g->point[i];
    gk_text *value = g->sweep.value;
    char dir[GK_PATH_MAX];

    GK_TRY(gk_sweep_run_dir(dir, ".", p->index)); /* as it is seen from the sweep's directory */
    gk_text_add(&value[INDEX], "%d", p->index);
    gk_text_add(&value[DIRECTORY], "%s", strncmp(dir, "./", 2) ? dir : dir + 2);
    gk_text_add(&value[STATE], p->state == GK_DONE   ? "done"
                               : p->state == GK_FELL ? "diverged"
                                                     : "unfinished");
    for (int c = 1; c < g->points.columns; c++)
        gk_gather_value(&value[SWEPT + c - 1], gk_csv_at(&g->points, -1, c),
                        gk_csv_at(&g->points, i, c));
    return GK_OK;
}

static gk_status write_runs(gk_gathering *g, gk_out *sweep, gk_out *curves, bool *changed)
{
    gk_columns_write_names(sweep, &g->sweep);
    gk_columns_write_names(curves, &g->curves);
    for (int i = 0; i < g->points.rows; i++) {
        gk_columns_clear(&g->sweep);
        if (gk_point_finished(&g->point[i]) && gk_gather_run(g, i, curves) != GK_OK) {
            *changed = true;
            return GK_OK;
        }
        GK_TRY(name_point(g, i));
        gk_columns_write_values(sweep, &g->sweep);
    }
    return GK_OK;
}

static gk_status write_files(gk_gathering *g, bool *changed)
{
    static const char *const name[] = {"sweep.csv", "curves.csv.gz", "cells.csv"};
    gk_out out[] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
    gk_status status = GK_OK;

    *changed = false;
    for (int i = 0; i < 3 && status == GK_OK; i++)
        status = gk_out_open(&out[i], g->dir, name[i], i == 1);
    if (status == GK_OK) status = write_runs(g, &out[0], &out[1], changed);
    if (status == GK_OK) gk_gather_cells(&out[2], g);
    for (int i = 0; i < 3 && status == GK_OK && !*changed; i++) status = gk_out_finish(&out[i]);
    for (int i = 0; i < 3 && status == GK_OK && !*changed; i++) status = gk_out_rename(&out[i]);
    for (int i = 0; i < 3; i++) gk_out_drop(&out[i]);
    return status;
}

static gk_status gather(gk_gathering *g, gk_gathered *counts)
{
    bool changed = true;

    fix_columns(g);
    for (int i = 0; i < TRIES && changed; i++) {
        survey(g, counts);
        if (counts->done + counts->diverged == 0)
            return gk_fail(GK_EDATA, "%s: none of %d runs is finished; nothing is written", g->dir,
                           counts->runs);
        GK_TRY(write_files(g, &changed));
    }
    if (!changed) return GK_OK;
    return gk_fail(GK_EIO, "%s: finished runs change while they are read; gather again", g->dir);
}

gk_status gk_gather(gk_gathered *counts, const char *sweep_dir)
{
    gk_gathering *g = gk_alloc(1, sizeof *g);

    *counts = (gk_gathered){0};
    g->dir = sweep_dir;
    gk_status status = open_points(g);
    if (status == GK_OK) status = gather(g, counts);
    gk_columns_free(&g->sweep);
    gk_columns_free(&g->curves);
    gk_csv_free(&g->points);
    free(g->point);
    free(g);
    return status;
}
