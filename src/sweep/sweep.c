/* A sweep that has been read: its points as configs, directories and lines. */
#include "gk/sweep.h"
#include "gk/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gk_sweep_close(gk_sweep *sweep)
{
    for (size_t i = 0; i < sweep->n_kept; i++) free(sweep->kept[i]);
    free(sweep->kept);
    free(sweep->value);
    free(sweep->text);
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
    return gk_config_check(config);
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
