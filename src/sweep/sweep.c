/* A sweep that has been read: its points as configs, directories and lines. */
#include "gk/sweep.h"
#include "gk/renamed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gk_sweep_close(gk_sweep *sweep)
{
    for (size_t i = 0; i < sweep->n_kept; i++) free(sweep->kept[i]);
    free(sweep->kept);
    free(sweep->value);
    free(sweep->text);
    gk_made_of_free(&sweep->made);
    gk_text_free(&sweep->changes);
    *sweep = (gk_sweep){0};
}

static void assign(gk_config *config, const char *name, const char *value)
{
    const gk_config_key *key = gk_config_find(name);

    GK_CHECK(key && gk_config_assign(config, key, value, key->type == GK_KEY_TEXT));
}

gk_status gk_sweep_config(gk_config *config, const gk_sweep *sweep, int i)
{
    char seed[64];

    GK_CHECK(i >= 0 && i < sweep->n);
    *config = sweep->base;
    for (int k = 0; k < sweep->keys; k++) {
        const char *value = sweep->value[(size_t)i * (size_t)sweep->keys + (size_t)k];
        if (strcmp(sweep->key[k], "seed") != 0) {
            assign(config, sweep->key[k], value);
            continue;
        }
        snprintf(seed, sizeof seed, "philox:%s", value);
        if (sweep->seeds_split) assign(config, "task.split", seed);
        if (sweep->seeds_init) assign(config, "model.init", seed);
    }
    for (int source = 0; source < GK_SOURCES; source++)
        if (sweep->beside[source]) gk_made_of_beside(config, source, sweep->name);
    GK_TRY(gk_made_of_use(config, &sweep->made, sweep->dir, GK_MADE_SWEEP));
    return gk_config_check(config);
}

/* Does any point name a file? Most sweeps are told of in one look. */
static bool names_files(const gk_sweep *sweep)
{
    for (int i = 0; i < GK_SOURCES; i++) {
        if (gk_source_path(&sweep->base, i)) return true;
        for (int k = 0; k < sweep->keys; k++)
            if (!strcmp(sweep->key[k], gk_source_keys[i])) return true;
    }
    return false;
}

gk_status gk_sweep_use_made_of(gk_sweep *sweep, const char *dir)
{
    static gk_config config;
    gk_made_of made;

    if (!names_files(sweep)) return GK_OK;
    gk_status status = gk_made_of_read(&made, dir);
    for (int i = 0; status == GK_OK && made.n && i < sweep->n; i++) {
        status = gk_sweep_config(&config, sweep, i);
        if (status == GK_OK) status = gk_made_of_check(&made, &config, dir, GK_MADE_SWEEP);
    }
    if (status == GK_OK && made.n) status = gk_path(sweep->dir, "%s", dir);
    if (status != GK_OK || !made.n) {
        gk_made_of_free(&made);
        return status;
    }
    gk_made_of_free(&sweep->made);
    sweep->made = made;
    return GK_OK;
}

gk_status gk_sweep_keep_made_of(gk_sweep *sweep, const char *dir)
{
    static gk_config config;
    gk_made_of made;
    gk_status status;

    if (!names_files(sweep)) return GK_OK;
    status = gk_made_of_read(&made, dir);
    int kept = made.n;
    for (int i = 0; status == GK_OK && i < sweep->n; i++) {
        status = gk_sweep_config(&config, sweep, i);
        if (status == GK_OK) status = gk_made_of_add(&made, &config, dir);
    }
    if (status == GK_OK && made.n > kept) status = gk_made_of_write(&made, dir);
    gk_made_of_free(&made);
    return status == GK_OK ? gk_sweep_use_made_of(sweep, dir) : status;
}

gk_status gk_sweep_run_dir(char dir[GK_PATH_MAX], const char *sweep_dir, int i)
{
    return gk_path(dir, "%s/runs/%05d", sweep_dir, i);
}

void gk_sweep_points_csv(gk_text *csv, const gk_sweep *sweep)
{
    gk_text_add(csv, "index");
    for (int k = 0; k < sweep->keys; k++) gk_text_add(csv, ",%s", sweep->key[k]);
    gk_text_add(csv, "\n");
    for (int i = 0; i < sweep->n; i++) {
        gk_text_add(csv, "%d", i);
        for (int k = 0; k < sweep->keys; k++) {
            gk_text_add(csv, ",");
            gk_csv_add(csv, sweep->value[(size_t)i * (size_t)sweep->keys + (size_t)k]);
        }
        gk_text_add(csv, "\n");
    }
}

gk_status gk_sweep_read_points(gk_csv *points, const char *path)
{
    GK_TRY(gk_csv_read(points, path, GK_CSV_STRICT));
    for (int c = 0; c < points->columns; c++) points->field[c] = gk_renamed_key(points->field[c]);
    return GK_OK;
}
