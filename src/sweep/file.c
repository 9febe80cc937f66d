/* A sweep file: how its parts fit together. */
#include "sweep/axis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- how the parts fit */

/* A branch is like its parent in all that nobody gives. */
static gk_status inherit(gk_sweep_file *f)
{
    gk_config *config = &f->sweep->base;
    char path[GK_PATH_MAX], run[GK_PATH_MAX];
    int64_t epoch;

    GK_CHECK(gk_parse_run_at(f->sweep->from, run, &epoch)); /* words.c has looked */
    gk_status status = gk_path(path, "%s/config.yaml", run);
    if (status == GK_OK) status = gk_config_load(&f->scratch, path, NULL, 0);
    if (status != GK_OK) return gk_reader_fail(&f->reader, f->from_at, "from: %s", gk_message());
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        static const size_t sizes[] = {[GK_KEY_INT] = sizeof(int64_t),
                                       [GK_KEY_REAL] = sizeof(double),
                                       [GK_KEY_TEXT] = GK_TEXT_MAX,
                                       [GK_KEY_PICK] = sizeof(int)};
        const gk_config_key *key = &gk_config_keys[i];
        if (f->reader.place[i]) continue;
        memcpy((char *)config + key->offset, (char *)&f->scratch + key->offset, sizes[key->type]);
    }
    return GK_OK;
}

/* Axes that walk together are equally long. */
static gk_status check_zip(gk_sweep_file *f)
{
    const gk_axis *first[GK_SWEEP_KEYS] = {NULL}; /* by number of the zip */
    int left[GK_CONFIG_KEYS + 1];

    memcpy(left, f->zip, sizeof left);
    for (gk_axis *axis = f->axis; axis < f->axis + f->axes; axis++) {
        int i = axis->key ? (int)(axis->key - gk_config_keys) : GK_CONFIG_SEED, zip = f->zip[i];
        if (!zip || !axis->n) continue;
        left[i] = 0;
        axis->zip = zip;
        if (!first[zip]) first[zip] = axis;
        if (first[zip]->n != axis->n)
            return gk_reader_fail(&f->reader, f->zip_line[i], "zip: %s has %d values, %s %d",
                                  gk_axis_name(first[zip]->key), first[zip]->n,
                                  gk_axis_name(axis->key), axis->n);
    }
    for (int i = 0; i <= GK_CONFIG_KEYS; i++)
        if (left[i])
            return gk_reader_fail(&f->reader, f->zip_line[i],
                                  "zip: %s has no list of values to walk along",
                                  gk_axis_name(i < GK_CONFIG_KEYS ? &gk_config_keys[i] : NULL));
    return GK_OK;
}

/* What --set gives does not vary. */
static void drop_set(gk_sweep_file *f)
{
    int n = 0;

    for (int a = 0; a < f->axes; a++) {
        bool varies = false;
        for (int i = 0; i < GK_CONFIG_KEYS; i++)
            varies |= gk_axis_covers(f->axis[a].key, &gk_config_keys[i]) && f->reader.place[i] >= 0;
        if (varies)
            f->axis[n++] = f->axis[a];
        else
            free(f->axis[a].value);
    }
    f->axes = n;
}

static gk_status check_points(const gk_sweep_file *f)
{
    const gk_reader *r = &f->reader;

    if (f->zip_at)
        return gk_reader_fail(r, f->zip_at, "points gives a row per run; there is nothing to zip");
    if (f->random_at)
        return gk_reader_fail(r, f->random_at, "points gives a row per run; nothing is drawn");
    if (!f->axes) return GK_OK;
    return gk_reader_fail(
        r, f->axis[0].line,
        "points gives a row per run; %s cannot have more than one value beside it",
        gk_axis_name(f->axis[0].key));
}

/* Forms that only draws can fill; draws that have nothing to draw from. */
static gk_status check_random(const gk_sweep_file *f)
{
    if (f->random_at && !f->axes)
        return gk_reader_fail(&f->reader, f->random_at,
                              "random has nothing to draw: no key has more than one value");
    for (int a = 0; a < f->axes && !f->random_at; a++)
        if (!f->axis[a].n)
            return gk_reader_fail(&f->reader, f->axis[a].line, "%s: %s needs random: {n: 200}%s",
                                  gk_axis_name(f->axis[a].key),
                                  f->axis[a].form == GK_AXIS_LOG ? "log without how many"
                                                                 : "uniform",
                                  f->axis[a].form == GK_AXIS_LOG ? " or a third number" : "");
    return GK_OK;
}

static gk_status read_sweep(gk_sweep_file *f, int n_sets)
{
    int *place = f->reader.place;

    gk_config_defaults(&f->sweep->base);
    GK_TRY(gk_reader_layers(&f->reader, n_sets));
    f->sweep->seeds_split = place[gk_config_find("task.split") - gk_config_keys] >= 0;
    f->sweep->seeds_init = place[gk_config_find("model.init") - gk_config_keys] >= 0;
    if (f->from_at) GK_TRY(inherit(f));
    GK_TRY(check_zip(f));
    drop_set(f);
    if (f->points_at) {
        GK_TRY(check_points(f));
        GK_TRY(gk_sweep_read_csv(f));
        drop_set(f);
    }
    GK_TRY(check_random(f));
    return gk_sweep_expand(f);
}

gk_status gk_sweep_parse(gk_sweep *sweep, const char *name, const char *yaml, size_t size,
                         const char *const *sets, int n_sets)
{
    gk_sweep_file *f = gk_alloc(1, sizeof *f);

    *sweep = (gk_sweep){.text = gk_alloc(size + 1, 1), .length = size};
    snprintf(sweep->name, sizeof sweep->name, "%s", name);
    memcpy(sweep->text, yaml, size);
    f->grammar =
        (gk_grammar){gk_sweep_words, GK_SWEEP_WORDS, gk_sweep_read_word, gk_sweep_read_form, f};
    f->reader = (gk_reader){.config = &sweep->base,
                            .name = name,
                            .yaml = sweep->text,
                            .size = size,
                            .sets = sets,
                            .grammar = &f->grammar};
    f->sweep = sweep;
    gk_status status = read_sweep(f, n_sets);
    for (int i = 0; i < GK_SOURCES; i++)
        sweep->beside[i] = f->reader.place[gk_config_find(gk_source_keys[i]) - gk_config_keys] >= 0;
    for (int a = 0; a < f->axes; a++) free(f->axis[a].value);
    free(f->row_line);
    free(f);
    return status;
}
