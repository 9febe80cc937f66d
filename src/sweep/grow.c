/* A sweep that is there already, and the file that is asked for now: points keep their numbers, as
 * points.csv has them; more may come behind them. */
#include "gk/csv.h"
#include "gk/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct growth {
    gk_sweep *sweep; /* as it is asked for */
    gk_sweep was;    /* as DIR/sweep.yaml says */
    gk_csv points;   /* DIR/points.csv */
    char *text;      /* DIR/sweep.yaml */
    char path[GK_PATH_MAX];
    char **sets; /* the --set lines at its end; they point into text */
    int n_sets;
} growth;

/* What tells a point from others: all that makes rows and weights of its run, and what is swept. */
typedef struct identity {
    char hash[GK_SHA256_HEX];
    int point;
} identity;

static int compare(const void *a, const void *b)
{
    const identity *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);

    return order ? order : x->point - y->point;
}

/* The file ends with "# --set KEY=VALUE" lines of the command that began the sweep. */
static void take_sets(growth *g, size_t length)
{
    static const char word[] = "# --set ";
    size_t end = length;

    while (end > 0) {
        size_t begin = end - 1;
        while (begin > 0 && g->text[begin - 1] != '\n') begin--;
        if (strncmp(g->text + begin, word, sizeof word - 1) != 0) break;
        g->text[end - 1] = 0;
        g->sets = gk_grow(g->sets, (size_t)g->n_sets, sizeof *g->sets);
        memmove(g->sets + 1, g->sets, (size_t)g->n_sets++ * sizeof *g->sets);
        g->sets[0] = g->text + begin + sizeof word - 1;
        end = begin;
    }
    g->text[end] = 0;
}

static gk_status read_there(growth *g, const char *dir)
{
    char points[GK_PATH_MAX];
    size_t size;

    GK_TRY(gk_path(g->path, "%s/sweep.yaml", dir));
    GK_TRY(gk_path(points, "%s/points.csv", dir));
    GK_TRY(gk_file_read(g->path, (size_t)1 << 24, &g->text, &size));
    take_sets(g, size);
    GK_TRY(gk_sweep_read_points(&g->points, points));
    gk_status status = gk_sweep_parse(&g->was, g->sweep->name, g->text, strlen(g->text),
                                      (const char *const *)g->sets, g->n_sets);
    if (status != GK_OK)
        return gk_fail(status, "%s, which this sweep began with: %s", g->path, gk_message());
    return status;
}

static bool is_swept(const gk_sweep *sweep, const char *name)
{
    for (int k = 0; k < sweep->keys; k++)
        if (!strcmp(sweep->key[k], name)) return true;
    return false;
}

static void copy_value(gk_config *to, const gk_config *from, const gk_config_key *key)
{
    static const size_t sizes[] = {[GK_KEY_INT] = sizeof(int64_t),
                                   [GK_KEY_REAL] = sizeof(double),
                                   [GK_KEY_TEXT] = GK_TEXT_MAX,
                                   [GK_KEY_PICK] = sizeof(int)};

    memcpy((char *)to + key->offset, (const char *)from + key->offset, sizes[key->type]);
}

/* What may change from one start to the next is no part of a point, unless it is swept. */
static gk_status identify(char hash[GK_SHA256_HEX], const growth *g, const gk_sweep *sweep, int i)
{
    static gk_config config, defaults;
    gk_text text = {0};

    gk_config_defaults(&defaults);
    GK_TRY(gk_sweep_config(&config, sweep, i));
    for (int k = 0; k < GK_CONFIG_KEYS; k++) {
        const gk_config_key *key = &gk_config_keys[k];
        if (gk_config_may_change(key) && !is_swept(&g->was, key->name) &&
            !is_swept(g->sweep, key->name))
            copy_value(&config, &defaults, key);
    }
    gk_config_print(&text, &config);
    gk_sha256(hash, text.data, text.length);
    gk_text_free(&text);
    return GK_OK;
}

/* All points of a sweep, for bsearch. */
static gk_status identify_all(identity **list, const growth *g, const gk_sweep *sweep)
{
    *list = gk_alloc((size_t)sweep->n, sizeof **list);
    for (int i = 0; i < sweep->n; i++) {
        (*list)[i].point = i;
        GK_TRY(identify((*list)[i].hash, g, sweep, i));
    }
    qsort(*list, (size_t)sweep->n, sizeof **list, compare);
    return GK_OK;
}

static int find(const identity *list, int n, const char *hash)
{
    int low = 0, high = n;

    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strcmp(list[middle].hash, hash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && !strcmp(list[low].hash, hash) ? list[low].point : -1;
}

/* Row r of points.csv, over what `was` does not sweep. A process that died while the sweep grew has
 * left columns that `was` does not know. */
static gk_status identify_row(char hash[GK_SHA256_HEX], const growth *g, int r)
{
    const char *row[GK_SWEEP_KEYS];
    gk_sweep one = g->was;

    one.n = 1;
    one.value = row;
    one.keys = g->points.columns - 1;
    if (one.keys > GK_SWEEP_KEYS) return gk_fail(GK_EDATA, "%s has too many columns", g->path);
    for (int k = 0; k < one.keys; k++) {
        const char *name = gk_csv_at(&g->points, -1, k + 1);
        bool seed = !strcmp(name, "seed");
        const gk_config_key *key = gk_config_find(name);
        row[k] = gk_csv_at(&g->points, r, k + 1);
        one.key[k] = name;
        if (seed && !is_swept(&g->was, name)) one.seeds_split = one.seeds_init = true;
        if (!seed && (!key || !gk_config_assign(&one.base, key, row[k], key->type == GK_KEY_TEXT)))
            return gk_fail(GK_EDATA, "points.csv: %s = %s is no setting", name, row[k]);
    }
    return identify(hash, g, &one, 0);
}

/* Why row r of points.csv is no point any more. */
static gk_status refuse(const growth *g, int r)
{
    gk_text text = {0};

    gk_config_diff(&text, &g->was.base, &g->sweep->base);
    gk_text_add(&text, "run %d", r);
    for (int c = 1; c < g->points.columns; c++)
        gk_text_add(&text, "%s%s = %s", c > 1 ? ", " : ": ", gk_csv_at(&g->points, -1, c),
                    gk_csv_at(&g->points, r, c));
    gk_text_add(&text, " is none of the %d that are asked for", g->sweep->n);
    gk_status status = gk_fail(
        GK_EUSAGE,
        "%s differs from the sweep that is asked for: what its runs are made of stays, and it may "
        "gain values, seeds and epochs:\n%s\ngive another directory with --out, or the old values",
        g->path, text.data);
    gk_text_free(&text);
    return status;
}

/* order[i]: the point of the file that has number i: those that have one, then the others. */
static gk_status find_order(int *order, bool *same, growth *g)
{
    char hash[GK_SHA256_HEX];
    int n = g->sweep->n, at = 0;
    bool *taken = gk_alloc((size_t)n, sizeof *taken);
    identity *list;

    gk_status status = identify_all(&list, g, g->sweep);
    for (int r = 0; status == GK_OK && r < g->points.rows; r++) {
        status = identify_row(hash, g, r);
        int point = status == GK_OK ? find(list, n, hash) : -1;
        if (status == GK_OK && (point < 0 || taken[point])) status = refuse(g, r);
        if (status != GK_OK) break;
        taken[point] = true;
        order[at++] = point;
    }
    for (int i = 0; status == GK_OK && i < n; i++)
        if (!taken[i]) order[at++] = i;
    *same = true;
    for (int i = 0; i < at; i++) *same &= order[i] == i;
    free(taken);
    free(list);
    return status;
}

static void reorder(gk_sweep *sweep, const int *order)
{
    size_t keys = (size_t)sweep->keys;
    const char **value = gk_alloc((size_t)sweep->n * keys + 1, sizeof *value);

    for (int i = 0; i < sweep->n && keys; i++)
        memcpy(value + (size_t)i * keys, sweep->value + (size_t)order[i] * keys,
               keys * sizeof *value);
    free(sweep->value);
    sweep->value = value;
}

/* For history.jsonl: runs that are new, and what may change and does. */
static void note_changes(const growth *g)
{
    gk_text *lines = &g->sweep->changes;

    lines->length = 0;
    if (g->sweep->n > g->points.rows)
        gk_text_add(lines, "{\"key\": \"runs\", \"from\": %d, \"to\": %d}\n", g->points.rows,
                    g->sweep->n);
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        gk_text from = {0}, to = {0};
        gk_config_json(&from, &g->was.base, key);
        gk_config_json(&to, &g->sweep->base, key);
        if (strcmp(from.data, to.data) != 0 && gk_config_may_change(key) &&
            strcmp(key->group, "device") != 0 && !is_swept(g->sweep, key->name))
            gk_text_add(lines, "{\"key\": \"%s\", \"from\": %s, \"to\": %s}\n", key->name,
                        from.data, to.data);
        gk_text_free(&from);
        gk_text_free(&to);
    }
}

gk_status gk_sweep_continue(gk_sweep *sweep, const char *dir)
{
    char path[GK_PATH_MAX];
    growth g = {.sweep = sweep};
    int *order;
    bool same;

    sweep->had = 0;
    GK_TRY(gk_path(path, "%s/points.csv", dir));
    if (!gk_exists(path)) return GK_OK;
    gk_status status = read_there(&g, dir);
    if (status == GK_OK) {
        order = gk_alloc((size_t)sweep->n, sizeof *order);
        status = find_order(order, &same, &g);
        if (status == GK_OK && !same) reorder(sweep, order);
        if (status == GK_OK) sweep->had = g.points.rows;
        if (status == GK_OK) note_changes(&g);
        free(order);
    }
    gk_sweep_close(&g.was);
    gk_csv_free(&g.points);
    free(g.sets);
    free(g.text);
    return status;
}
