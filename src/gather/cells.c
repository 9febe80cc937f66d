/* cells.csv: the runs that differ in nothing but seeds, taken together.
 *
 * A run that ended without grokking, at its last epoch, by a stop rule or because it diverged, says
 * only that its grok epoch is later than its end: it is censored there. So the medians of grok
 * epoch and delay are Kaplan-Meier's; that of the delay is over the runs that memorised, watched
 * from there on. Censoring is taken to say nothing else about a run, which for a run that diverged
 * is an assumption. Epochs are those of rows: the truth lies up to run.measure_every before. */
#include "gather/parts.h"
#include "gk/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct member {
    char *key; /* the values of its cell, to compare */
    int i;     /* of the point */
} member;

typedef struct group {
    const member *member; /* (n), by i */
    int n;
} group;

void gk_gather_value(gk_text *text, const char *name, const char *value)
{
    const gk_config_key *key = gk_config_find(name);
    bool number = key && (key->type == GK_KEY_INT || key->type == GK_KEY_REAL);
    int64_t whole;
    double real;

    if (key && gk_config_is_null(value)) return;
    if (number && gk_parse_int(value, &whole))
        gk_text_add(text, "%lld", (long long)whole);
    else if (number && gk_parse_real(value, &real))
        gk_text_add_real(text, real);
    else
        gk_text_append(text, value, strlen(value));
}

bool gk_gather_is_seed(const char *name)
{
    static const char *const seeds[] = {"seed", "task.split", "model.init", "task.label_seed"};

    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        if (!strcmp(seeds[i], name)) return true;
    return false;
}

/* Which cell point i is in, as fields of a line; with `names`: the keys. */
static void add_key(gk_text *line, const gk_gathering *g, int i, bool names)
{
    for (int c = 1; c < g->points.columns; c++) {
        const char *name = gk_csv_at(&g->points, -1, c);
        gk_text value = {0};
        if (gk_gather_is_seed(name)) continue;
        gk_text_append(&value, "", 0);
        if (!names) gk_gather_value(&value, name, gk_csv_at(&g->points, i, c));
        if (names)
            gk_csv_name(line, name); /* keys, of which no two become alike */
        else
            gk_csv_add(line, value.data);
        gk_text_append(line, ",", 1);
        gk_text_free(&value);
    }
}

static int by_key(const void *a, const void *b)
{
    const member *x = a, *y = b;
    int order = strcmp(x->key, y->key);

    return order ? order : (x->i > y->i) - (x->i < y->i);
}

static int by_first(const void *a, const void *b)
{
    int x = ((const group *)a)->member->i, y = ((const group *)b)->member->i;

    return (x > y) - (x < y);
}

static void add_number(gk_text *line, double value)
{
    if (!isnan(value)) gk_text_add_real(line, value);
    gk_text_append(line, ",", 1);
}

static void add_estimate(gk_text *line, gk_estimate estimate)
{
    add_number(line, estimate.value);
    add_number(line, estimate.low);
    add_number(line, estimate.high);
}

static double median_of(const gk_gathering *g, const group *cell, double *value, size_t offset)
{
    int n = 0;

    for (int j = 0; j < cell->n; j++) {
        const gk_point *p = &g->point[cell->member[j].i];
        if (gk_point_finished(p)) value[n++] = *(const double *)((const char *)p + offset);
    }
    return gk_median(value, n);
}

static void add_epochs(gk_text *line, const gk_gathering *g, const group *cell, gk_lifetime *life)
{
    int n = 0;

    for (int j = 0; j < cell->n; j++) {
        const gk_point *p = &g->point[cell->member[j].i];
        bool grokked = !isnan(p->grok_epoch);
        if (gk_point_finished(p))
            life[n++] = (gk_lifetime){grokked ? p->grok_epoch : p->observed_until, grokked};
    }
    add_estimate(line, gk_kaplan_meier(life, n));
    n = 0;
    for (int j = 0; j < cell->n; j++) {
        const gk_point *p = &g->point[cell->member[j].i];
        bool known = !isnan(p->delay);
        if (gk_point_finished(p) && !isnan(p->memorised))
            life[n++] = (gk_lifetime){known ? p->delay : p->observed_until - p->memorised, known};
    }
    add_number(line, gk_kaplan_meier(life, n).value);
}

static void write_cell(gk_out *out, const gk_gathering *g, const group *cell, gk_lifetime *life,
                       double *value)
{
    int done = 0, diverged = 0, grokked = 0;
    gk_text line = {0};

    for (int j = 0; j < cell->n; j++) {
        const gk_point *p = &g->point[cell->member[j].i];
        done += p->state == GK_DONE;
        diverged += p->state == GK_FELL;
        grokked += gk_point_finished(p) && !isnan(p->grok_epoch);
    }
    add_key(&line, g, cell->member->i, false);
    gk_text_add(&line, "%d,%d,%d,%d,", cell->n, done, diverged, grokked);
    add_estimate(&line, gk_wilson(grokked, done + diverged));
    add_epochs(&line, g, cell, life);
    add_number(&line, median_of(g, cell, value, offsetof(gk_point, train_loss)));
    add_number(&line, median_of(g, cell, value, offsetof(gk_point, test_loss)));
    line.data[line.length - 1] = '\n';
    gk_out_add(out, &line);
    gk_text_free(&line);
}

static void write_names(gk_out *out, const gk_gathering *g)
{
    gk_text line = {0};

    add_key(&line, g, 0, true);
    gk_text_add(&line, GK_CELL_COLUMNS "\n");
    gk_out_add(out, &line);
    gk_text_free(&line);
}

void gk_gather_cells(gk_out *out, const gk_gathering *g)
{
    size_t n = (size_t)g->points.rows;
    member *members = gk_alloc(n, sizeof *members);
    group *cells = gk_alloc(n, sizeof *cells);
    gk_lifetime *life = gk_alloc(n, sizeof *life);
    double *value = gk_alloc(n, sizeof *value);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        gk_text key = {0};
        gk_text_append(&key, "", 0);
        add_key(&key, g, (int)i, false);
        members[i] = (member){key.data, (int)i};
    }
    qsort(members, n, sizeof *members, by_key);
    for (size_t i = 0; i < n; i++) {
        if (!i || strcmp(members[i - 1].key, members[i].key) != 0)
            cells[count++] = (group){&members[i], 0};
        cells[count - 1].n++;
    }
    qsort(cells, count, sizeof *cells, by_first);
    write_names(out, g);
    for (size_t i = 0; i < count; i++) write_cell(out, g, &cells[i], life, value);
    for (size_t i = 0; i < n; i++) free(members[i].key);
    free(members);
    free(cells);
    free(life);
    free(value);
}
