#include "report/sweep/data.h"
#include "gk/gather.h"
#include "gk/sweep.h"

#include <stdlib.h>
#include <string.h>

/* ---- axes */

static const char *field(const gk_sweep_data *d, int run, int column)
{
    return gk_csv_at(&d->points, run, column);
}

static int find_value(const gk_sweep_axis *axis, const char *value)
{
    for (int i = 0; i < axis->n; i++)
        if (!strcmp(axis->value[i], value)) return i;
    return -1;
}

double gk_sweep_value(const gk_sweep_axis *axis, int i)
{
    double value;

    return gk_parse_real(axis->value[i], &value) ? value : GK_FIGURE_GAP;
}

static int by_number(const void *a, const void *b)
{
    double x = GK_FIGURE_GAP, y = GK_FIGURE_GAP;

    gk_parse_real(*(const char *const *)a, &x);
    gk_parse_real(*(const char *const *)b, &y);
    return (x > y) - (x < y);
}

/* Three values or more, each as many times the one before it. */
static bool is_geometric(const gk_sweep_axis *axis)
{
    double ratio = gk_sweep_value(axis, 1) / gk_sweep_value(axis, 0);
    bool equal = axis->n > 2;

    for (int i = 2; i < axis->n && equal; i++) {
        double here = gk_sweep_value(axis, i) / gk_sweep_value(axis, i - 1);
        equal = fabs(here / ratio - 1) < 0.01; /* they may be rounded, as 0.3 and 3 are */
    }
    return equal;
}

static void read_axis(gk_sweep_axis *axis, const gk_sweep_data *d, int column)
{
    const char *name = gk_csv_at(&d->points, -1, column), *dot = strrchr(name, '.');

    *axis = (gk_sweep_axis){.name = name, .label = dot ? dot + 1 : name, .column = column};
    axis->value = gk_alloc((size_t)d->runs + 1, sizeof *axis->value);
    axis->numeric = true;
    for (int i = 0; i < d->runs; i++) {
        const char *value = field(d, i, column);
        double number;
        axis->numeric = axis->numeric && gk_parse_real(value, &number);
        if (find_value(axis, value) < 0) axis->value[axis->n++] = value;
    }
    if (!axis->numeric || axis->n < 2) return;
    qsort(axis->value, (size_t)axis->n, sizeof *axis->value, by_number);
    double low = gk_sweep_value(axis, 0), high = gk_sweep_value(axis, axis->n - 1);
    axis->log = low > 0 && (high / low >= 8 || is_geometric(axis));
}

/* Does the value on axis a settle the one on axis b? */
static bool settles(const gk_sweep_data *d, const gk_sweep_axis *a, const gk_sweep_axis *b)
{
    const char **with =
        gk_alloc((size_t)a->n, sizeof *with); /* what b has beside each value of a */
    bool all = true;

    for (int i = 0; i < d->runs && all; i++) {
        const char **beside = &with[find_value(a, field(d, i, a->column))];
        const char *value = field(d, i, b->column);
        if (!*beside) *beside = value;
        all = !strcmp(*beside, value);
    }
    free(with);
    return all;
}

/* A key that walks with another one (zip) has no axis of its own. Where each run has values of its
 * own, as random draws have, nothing is tied. */
static bool is_tied(const gk_sweep_data *d, const gk_sweep_axis *to, const gk_sweep_axis *axis)
{
    return (to->n < d->runs || axis->n < d->runs) && to->n > 1 && settles(d, to, axis);
}

static void find_axes(gk_sweep_data *d)
{
    gk_sweep_axis *all = gk_alloc((size_t)d->points.columns, sizeof *all);
    int n = 0;

    for (int c = 1; c < d->points.columns; c++) {
        if (gk_gather_is_seed(gk_csv_at(&d->points, -1, c))) continue;
        read_axis(&all[n], d, c);
        if (all[n].n > 1)
            n++;
        else
            free(all[n].value);
    }
    d->axis = gk_alloc((size_t)n + 1, sizeof *d->axis);
    for (int i = 0; i < n; i++) {
        bool tied = false; /* of two that settle each other the first one stays */
        for (int j = 0; j < n; j++)
            tied |=
                j != i && is_tied(d, &all[j], &all[i]) && (j < i || !is_tied(d, &all[i], &all[j]));
        if (tied)
            free(all[i].value);
        else
            d->axis[d->axes++] = all[i];
    }
    free(all);
}

/* ---- cells */

void gk_sweep_add_value(gk_text *text, const gk_sweep_axis *axis, int i)
{
    double value = gk_sweep_value(axis, i);

    if (axis->numeric)
        gk_text_add(text, value == floor(value) && fabs(value) < 1e6 ? "%.0f" : "%.3g", value);
    else
        gk_text_add(text, "%.24s", *axis->value[i] ? axis->value[i] : "none");
}

static void name_cell(gk_sweep_cell *cell, const gk_sweep_data *d)
{
    gk_text label = {0}, values = {0};

    for (int a = 0; a < d->axes; a++) {
        gk_text_add(&label, "%s%s ", a ? ", " : "", d->axis[a].label);
        gk_sweep_add_value(&label, &d->axis[a], cell->position[a]);
        gk_text_add(&values, "%s", a ? ", " : "");
        gk_sweep_add_value(&values, &d->axis[a], cell->position[a]);
    }
    if (!d->axes) {
        gk_text_add(&label, "all runs");
        gk_text_add(&values, "all runs");
    }
    cell->label = label.data;
    cell->values = values.data;
}

static int cell_of(gk_sweep_data *d, int run)
{
    int *position = gk_alloc((size_t)d->axes + 1, sizeof *position);

    for (int a = 0; a < d->axes; a++)
        position[a] = find_value(&d->axis[a], field(d, run, d->axis[a].column));
    for (int c = 0; c < d->cells; c++)
        if (!memcmp(position, d->cell[c].position, (size_t)d->axes * sizeof *position)) {
            free(position);
            return c;
        }
    d->cell[d->cells] = (gk_sweep_cell){.position = position, .first = run};
    name_cell(&d->cell[d->cells], d);
    return d->cells++;
}

int gk_sweep_lifetimes(gk_lifetime **life, const gk_sweep_data *d, int cell)
{
    int n = 0;

    *life = gk_alloc((size_t)d->runs + 1, sizeof **life);
    for (int i = 0; i < d->runs; i++) {
        const gk_sweep_run *run = &d->run[i];
        bool grokked = !isnan(run->grok);
        if (run->cell == cell && !isnan(run->until))
            (*life)[n++] = (gk_lifetime){grokked ? run->grok : run->until, grokked};
    }
    return n;
}

/* The delay is watched from the epoch where the run had memorised. */
static double median_delay(const gk_sweep_data *d, int cell)
{
    gk_lifetime *life = gk_alloc((size_t)d->runs + 1, sizeof *life);
    int n = 0;

    for (int i = 0; i < d->runs; i++) {
        const gk_sweep_run *run = &d->run[i];
        bool grokked = !isnan(run->grok);
        if (run->cell == cell && !isnan(run->memorised))
            life[n++] = (gk_lifetime){(grokked ? run->grok : run->until) - run->memorised, grokked};
    }
    double median = gk_kaplan_meier(life, n).value;
    free(life);
    return median;
}

static void finish_cells(gk_sweep_data *d)
{
    for (int i = 0; i < d->runs; i++) {
        const gk_sweep_run *run = &d->run[i];
        gk_sweep_cell *cell = &d->cell[run->cell];
        cell->n++;
        cell->count[run->state]++;
        cell->begun += !isnan(run->until);
        cell->grokked += !isnan(run->grok);
        d->count[run->state]++;
        d->begun += !isnan(run->until);
        d->grokked += !isnan(run->grok);
    }
    for (int c = 0; c < d->cells; c++) {
        gk_lifetime *life;
        int n = gk_sweep_lifetimes(&life, d, c);
        d->cell[c].grok = gk_kaplan_meier(life, n);
        d->cell[c].share = gk_wilson(d->cell[c].grokked, n);
        d->cell[c].delay = median_delay(d, c);
        free(life);
    }
}

/* ---- runs */

static gk_sweep_state state_of(const gk_sweep_data *d, int card)
{
    const char *word = gk_card_text(&d->cards, card, GK_CARD_STATE);

    if (!word) return GK_SWEEP_WAITING;
    if (!strcmp(word, "done")) return GK_SWEEP_DONE;
    if (!strcmp(word, "diverged")) return GK_SWEEP_DIVERGED;
    if (!strcmp(word, "running") || !strcmp(word, "interrupted") || !strcmp(word, "dead"))
        return GK_SWEEP_GOING;
    return GK_SWEEP_FAILED;
}

static gk_status read_run(gk_sweep_data *d, int i)
{
    static const char memorised[] = "events.train_acc >= 0.99.crossed";
    gk_sweep_run *run = &d->run[i];
    char dir[GK_PATH_MAX];
    int64_t index;

    if (!gk_parse_int(field(d, i, 0), &index) || index < 0 || index >= GK_SWEEP_POINTS_MAX)
        return gk_fail(GK_EDATA, "%s/points.csv: \"%.60s\" is not the index of a point", d->dir,
                       field(d, i, 0));
    *run = (gk_sweep_run){.index = (int)index, .card = -1};
    run->grok = run->until = run->memorised = GK_FIGURE_GAP;
    GK_TRY(gk_sweep_run_dir(dir, d->dir, run->index));
    if (!gk_is_run(dir)) return GK_OK;
    run->card = d->cards.n;
    gk_cards_add(&d->cards, dir);
    run->state = state_of(d, run->card);
    run->until = gk_card_real(&d->cards, run->card, GK_CARD_EPOCH);
    run->grok = gk_card_number(&d->cards, run->card, "grok_epoch");
    run->memorised = gk_card_number(&d->cards, run->card, memorised);
    return GK_OK;
}

gk_status gk_sweep_data_read(gk_sweep_data *d, const char *dir)
{
    char path[GK_PATH_MAX];

    *d = (gk_sweep_data){.dir = dir};
    gk_cards_open(&d->cards);
    GK_TRY(gk_path(path, "%s/points.csv", dir));
    GK_TRY(gk_sweep_read_points(&d->points, path));
    d->runs = d->points.rows;
    if (!d->runs) return gk_fail(GK_EDATA, "%s has no points", path);
    d->run = gk_alloc((size_t)d->runs, sizeof *d->run);
    for (int i = 0; i < d->runs; i++) GK_TRY(read_run(d, i));
    find_axes(d);
    d->cell = gk_alloc((size_t)d->runs, sizeof *d->cell);
    for (int i = 0; i < d->runs; i++) d->run[i].cell = cell_of(d, i);
    finish_cells(d);
    return GK_OK;
}

void gk_sweep_data_close(gk_sweep_data *d)
{
    for (int c = 0; c < d->cells; c++) {
        free(d->cell[c].label);
        free(d->cell[c].values);
        free(d->cell[c].position);
    }
    for (int a = 0; a < d->axes; a++) free(d->axis[a].value);
    free(d->cell);
    free(d->axis);
    free(d->run);
    gk_cards_close(&d->cards);
    gk_csv_free(&d->points);
}

/* ---- for figures */

void gk_sweep_plot(gk_text *script, const gk_sweep_data *d, const gk_sweep_axis *without)
{
    gk_text_add(script, "set key outside right top Left reverse samplen 1.5 font small\nplot ");
    for (int a = 0; a < d->axes; a++) {
        if (&d->axis[a] == without) continue;
        gk_text_add(script, "keyentry title ");
        gk_figure_quote(script, d->axis[a].label);
        gk_text_add(script, ", \\\n ");
    }
}

static double epoch_of(const gk_sweep_run *run)
{
    return isnan(run->grok) ? run->until : run->grok;
}

double gk_sweep_first_epoch(const gk_sweep_data *d)
{
    double first = INFINITY;

    for (int i = 0; i < d->runs; i++)
        if (epoch_of(&d->run[i]) > 0) first = fmin(first, epoch_of(&d->run[i]));
    return isfinite(first) ? first : 1;
}

double gk_sweep_last_epoch(const gk_sweep_data *d)
{
    double last = 1;

    for (int i = 0; i < d->runs; i++) last = fmax(last, d->run[i].until);
    return last;
}

int gk_sweep_some(int *chosen, int most, int n)
{
    int count = n < most ? n : most;

    for (int j = 0; j < count; j++) chosen[j] = count > 1 ? j * (n - 1) / (count - 1) : 0;
    return count;
}
