/* Figures of when runs grokked: every run as a mark, and the fraction that has not yet. */
#include "report/sweep/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CATEGORIES = 12 }; /* that have room for their names */

/* Where a run stands on the horizontal axis. Series are the cells that share an axis value: they
 * stand beside each other. */
typedef struct placing {
    const gk_sweep_axis *axis; /* NULL: cells side by side */
    double low, high, width;   /* of the axis, and of the room around a value; logarithms if log */
    int *series, n;            /* of each cell */
    int *first;                /* (n) a cell of each series */
} placing;

static double scaled(const placing *p, double value) { return p->axis->log ? log(value) : value; }

/* The numeric axis with the most values, if the others leave few enough series. */
static const gk_sweep_axis *choose_axis(const gk_sweep_data *d)
{
    const gk_sweep_axis *best = NULL;

    for (int a = 0; a < d->axes; a++) {
        const gk_sweep_axis *axis = &d->axis[a];
        if (axis->numeric && (!best || axis->n > best->n)) best = axis;
    }
    return best;
}

/* Cells of the same values on all axes but the chosen one are of one series. */
static bool same_series(const gk_sweep_data *d, const placing *p, int a, int b)
{
    for (int k = 0; k < d->axes; k++)
        if (&d->axis[k] != p->axis && d->cell[a].position[k] != d->cell[b].position[k])
            return false;
    return true;
}

static void find_series(placing *p, const gk_sweep_data *d)
{
    p->n = 0;
    for (int c = 0; c < d->cells; c++) {
        int s = 0;
        while (s < p->n && !(p->axis && same_series(d, p, c, p->first[s]))) s++;
        if (s == p->n && s < GK_SWEEP_SERIES) p->first[p->n++] = c;
        if (s == GK_SWEEP_SERIES) { /* too many: all cells side by side */
            p->axis = NULL;
            p->n = 1;
            memset(p->series, 0, (size_t)d->cells * sizeof *p->series);
            return;
        }
        p->series[c] = s;
    }
}

static void find_width(placing *p, const gk_sweep_data *d)
{
    p->low = 0;
    p->high = d->cells - 1;
    p->width = 1;
    if (!p->axis) return;
    p->low = scaled(p, gk_sweep_value(p->axis, 0));
    p->high = scaled(p, gk_sweep_value(p->axis, p->axis->n - 1));
    p->width = p->high - p->low;
    for (int i = 1; i < p->axis->n; i++) {
        double gap =
            scaled(p, gk_sweep_value(p->axis, i)) - scaled(p, gk_sweep_value(p->axis, i - 1));
        if (gap < p->width) p->width = gap;
    }
    p->width = fmax(p->width, (p->high - p->low) / 40);
}

static void place_cells(placing *p, const gk_sweep_data *d)
{
    p->series = gk_alloc((size_t)d->cells + 1, sizeof *p->series);
    p->first = gk_alloc(GK_SWEEP_SERIES, sizeof *p->first);
    p->axis = choose_axis(d);
    find_series(p, d);
    if (!p->axis)
        for (int c = 0; c < d->cells; c++) p->series[c] = 0;
    find_width(p, d);
}

/* `aside`: -1 to 1, within the room of the cell. */
static double place(const placing *p, const gk_sweep_data *d, int cell, double aside)
{
    if (!p->axis) return cell + 1 + 0.3 * aside;
    int k = (int)(p->axis - d->axis);
    double centre = scaled(p, gk_sweep_value(p->axis, d->cell[cell].position[k]));
    double room = 0.7 * p->width / p->n, series = p->series[cell] - (p->n - 1) / 2.0;
    double at = centre + room * (series + 0.35 * aside);
    return p->axis->log ? exp(at) : at;
}

typedef struct marks {
    double *x, *y;
    size_t n;
} marks;

enum { GROKKED, CENSORED, DIVERGED, KINDS };

static int kind_of(const gk_sweep_run *run)
{
    if (!isnan(run->grok)) return GROKKED;
    return run->state == GK_SWEEP_DIVERGED ? DIVERGED : CENSORED;
}

/* The runs of a series by kind, those of a cell spread by their place among them. */
static void collect(marks mark[KINDS], const gk_sweep_data *d, const placing *p, int series)
{
    int *seen = gk_alloc((size_t)d->cells, sizeof *seen);

    for (int k = 0; k < KINDS; k++) mark[k].n = 0;
    for (int i = 0; i < d->runs; i++) {
        const gk_sweep_run *run = &d->run[i];
        int in_cell = seen[run->cell]++, n = d->cell[run->cell].n;
        double epoch = isnan(run->grok) ? run->until : run->grok;
        if (p->series[run->cell] != series || isnan(epoch)) continue;
        marks *m = &mark[kind_of(run)];
        m->x[m->n] = place(p, d, run->cell, n > 1 ? 2.0 * in_cell / (n - 1) - 1 : 0);
        m->y[m->n++] = fmax(epoch, 1); /* the axis is logarithmic */
    }
    free(seen);
}

static void add_marks(gk_figure *f, gk_text *plot, const marks *m, int kind, int series,
                      const char *title)
{
    static const char *const what[] = {"grokked", "censored", "diverged"};
    static const char *const style[] = {"pt 7 ps 0.35", "pt 8 ps 0.55", "pt 2 ps 0.5"};
    gk_text name = {0};

    if (m->n) {
        gk_text_add(&name, "%s: %s", title, what[kind]);
        int block = gk_figure_block(f, name.data, (const char *[]){"place", "epoch"},
                                    (const double *[]){m->x, m->y}, 2, m->n);
        gk_text_add(plot, "%s data index %d using 1:2 with points lt %d %s notitle",
                    plot->length ? ", \\\n" : "", block, series + 1, style[kind]);
    }
    gk_text_free(&name);
}

/* Medians of a series in the order of the axis: (6,room) of place, median, low, high, whether the
 * median is reached, and whether its interval has no upper end (high is then none). A cell whose
 * median is not reached is a gap. */
static size_t list_medians(double *block, size_t room, const gk_sweep_data *d, const placing *p,
                           int series)
{
    double *x = block, *y = x + room, *low = y + room, *high = low + room, *reached = high + room,
           *open = reached + room;
    size_t n = 0;

    for (int i = 0; i < (p->axis ? p->axis->n : d->cells); i++)
        for (int c = p->axis ? 0 : i; c < (p->axis ? d->cells : i + 1); c++) {
            const gk_estimate *grok = &d->cell[c].grok;
            bool here = !p->axis || d->cell[c].position[p->axis - d->axis] == i;
            if (!here || p->series[c] != series || !d->cell[c].begun) continue;
            bool there = !isnan(grok->value);
            reached[n] = there;
            x[n] = place(p, d, c, 0);
            y[n] = there ? fmax(grok->value, 1) : GK_FIGURE_GAP;
            low[n] = !there ? GK_FIGURE_GAP : isnan(grok->low) ? y[n] : fmax(grok->low, 1);
            high[n] = there ? grok->high : GK_FIGURE_GAP;
            open[n] = there && isnan(grok->high);
            n++;
        }
    return n;
}

/* With their intervals, joined along the axis but for gaps. An interval without an upper end is an
 * arrow to the top of the axis; a median that is not reached, an open triangle there. */
static void add_medians(gk_figure *f, gk_text *plot, const gk_sweep_data *d, const placing *p,
                        int series, const char *title)
{
    size_t room = (size_t)d->cells + 1;
    double *block = gk_alloc(6 * room, sizeof *block);
    size_t n = list_medians(block, room, d, p, series);
    gk_text name = {0};
    char colour[24] = "lc rgb ink"; /* a single series would hide them among its runs */

    if (p->n > 1) snprintf(colour, sizeof colour, "lt %d", series + 1);
    gk_text_add(&name, "%s: median, 95 percent interval", title);
    int at = gk_figure_block(
        f, name.data, (const char *[]){"place", "median", "low", "high", "reached", "no upper end"},
        (const double *[]){block, block + room, block + 2 * room, block + 3 * room,
                           block + 4 * room, block + 5 * room},
        6, n);
    gk_text_add(plot,
                ", \\\n data index %d using 1:3:(0):($4-$3) with vectors nohead %s lw 1.2 "
                "notitle, \\\n data index %d using 1:3:(0):($6==1?top-$3:NaN) with vectors head "
                "filled size screen 0.012,20 %s lw 1.2 notitle, \\\n"
                " data index %d using 1:($5==0?top:NaN) with points %s pt 10 ps 0.9 notitle",
                at, colour, at, colour, at, colour);
    if (p->axis)
        gk_text_add(plot, ", \\\n data index %d using 1:2 with lines %s lw 0.8 notitle", at,
                    colour);
    gk_text_add(plot, ", \\\n data index %d using 1:2 with points %s pt 5 ps 0.6 ", at, colour);
    if (p->n > 1) {
        gk_text_add(plot, "title ");
        gk_figure_quote(plot, title);
    } else
        gk_text_add(plot, "notitle");
    gk_text_free(&name);
    free(block);
}

/* What the cells of a series have in common. */
static void name_series(gk_text *name, const gk_sweep_data *d, const placing *p, int series)
{
    for (int k = 0; k < d->axes; k++) {
        if (&d->axis[k] == p->axis) continue;
        if (name->length) gk_text_add(name, ", ");
        gk_sweep_add_value(name, &d->axis[k], d->cell[p->first[series]].position[k]);
    }
    if (!name->length) gk_text_add(name, "all runs");
}

/* The values themselves where they have room, else what gnuplot picks. */
static void set_tics(gk_figure *f, const placing *p)
{
    enum { CHARACTERS = 26 }; /* below an axis */
    gk_text tics = {0};
    size_t longest = 0;

    for (int i = 0; i < p->axis->n; i++) {
        size_t before = tics.length;
        gk_text_add(&tics, "%s'", i ? ", " : "");
        gk_sweep_add_value(&tics, p->axis, i);
        if (tics.length - before > longest) longest = tics.length - before;
        gk_text_add(&tics, "' %.9g", gk_sweep_value(p->axis, i));
    }
    if (CHARACTERS * p->width / (p->high - p->low) >= (double)longest - 2)
        gk_text_add(&f->script, "set xtics (%s)\n", tics.data);
    else if (p->axis->log)
        gk_text_add(&f->script, "set format x '10^{%%T}'\n");
    gk_text_free(&tics);
}

static void set_axis(gk_figure *f, const gk_sweep_data *d, const placing *p)
{
    double low = p->low - 0.6 * p->width, high = p->high + 0.6 * p->width;

    if (p->axis) {
        gk_text_add(&f->script, "set xlabel ");
        gk_figure_quote(&f->script, p->axis->label);
        gk_text_add(&f->script, " noenhanced\nset xrange [%g:%g]\n", p->axis->log ? exp(low) : low,
                    p->axis->log ? exp(high) : high);
        if (p->axis->log) gk_text_add(&f->script, "set logscale x\n");
        set_tics(f, p);
        return;
    }
    gk_text_add(&f->script, "set xrange [0.4:%g]\n", d->cells + 0.6);
    if (d->cells > CATEGORIES) {
        gk_text_add(&f->script, "set xlabel 'cell, as numbered in the table'\n");
        return;
    }
    for (int c = 0; c < d->cells; c++) {
        gk_text_add(&f->script, "%s", c ? ", " : "set xtics noenhanced rotate by -30 (");
        gk_figure_quote(&f->script, d->cell[c].label);
        gk_text_add(&f->script, " %d", c + 1);
    }
    gk_text_add(&f->script, ")\n");
}

static int count_unreached(const gk_sweep_data *d)
{
    int n = 0;

    for (int c = 0; c < d->cells; c++) n += d->cell[c].begun && isnan(d->cell[c].grok.value);
    return n;
}

static void finish(gk_figure *f, const gk_text *plot, const gk_sweep_data *d, const placing *p,
                   const bool *has)
{
    static const char *const entry[] = {"pt 7 ps 0.6 lc rgb ink title 'grokked'",
                                        "pt 8 ps 0.8 lc rgb ink title 'not (yet)'",
                                        "pt 2 ps 0.8 lc rgb ink title 'diverged'"};

    if (!plot->length) gk_text_add(&f->missing, "no run has a row yet");
    set_axis(f, d, p);
    double top = 1.5 * gk_sweep_last_epoch(d);
    gk_figure_log_axis(f, 'y', gk_sweep_first_epoch(d) / 1.5, top);
    gk_text_add(&f->script, "set ylabel 'epoch'\ntop = %g\n", top / 1.03);
    if (p->n > 1)
        gk_sweep_plot(&f->script, d, p->axis);
    else
        gk_text_add(&f->script, "set key outside right top Left reverse samplen 1.5\nplot ");
    gk_text_add(&f->script, "%s", plot->data ? plot->data : "");
    for (int k = 0; k < KINDS; k++)
        if (has[k]) gk_text_add(&f->script, ", \\\n keyentry with points %s", entry[k]);
    if (count_unreached(d))
        gk_text_add(&f->script, ", \\\n keyentry with points pt 10 ps 0.9 lc rgb ink title "
                                "'median not reached'");
    gk_text_add(&f->script, "\n");
}

/* The cells whose median is not reached, by name. */
static void name_unreached(gk_text *caption, const gk_sweep_data *d)
{
    enum { NAMED = 8 };
    int n = count_unreached(d), named = 0;

    for (int c = 0; c < d->cells && named < NAMED; c++) {
        if (!d->cell[c].begun || !isnan(d->cell[c].grok.value)) continue;
        gk_text_add(caption, "%s%s", named++ ? "; " : " Not reached: ", d->cell[c].label);
    }
    if (n > named) gk_text_add(caption, "; and %d more", n - named);
    if (n) gk_text_add(caption, ".");
}

gk_status gk_sweep_grok(gk_page *page, const gk_sweep_data *d)
{
    size_t n = (size_t)d->runs;
    double *room = gk_alloc(2 * KINDS * n, sizeof *room);
    marks mark[KINDS];
    bool has[KINDS] = {false};
    gk_text plot = {0};
    placing p = {0};
    gk_figure f;

    gk_figure_open(&f, "grok-epoch", "Grok epoch by cell");
    for (int k = 0; k < KINDS; k++)
        mark[k] = (marks){room + 2 * (size_t)k * n, room + (2 * (size_t)k + 1) * n, 0};
    place_cells(&p, d);
    for (int s = 0; s < p.n; s++) {
        gk_text title = {0};
        name_series(&title, d, &p, s);
        collect(mark, d, &p, s);
        for (int k = 0; k < KINDS; k++) {
            add_marks(&f, &plot, &mark[k], k, s, title.data);
            has[k] |= mark[k].n > 0;
        }
        if (plot.length) add_medians(&f, &plot, d, &p, s, title.data);
        gk_text_free(&title);
    }
    finish(&f, &plot, d, &p, has);
    gk_text_add(
        &f.caption,
        "A mark is a run: a small disc at the first row from which its test loss stays below 0.1; "
        "a triangle or a cross where a run ended or stands without that, so that its grok "
        "epoch, if it has one, lies higher. Squares are Kaplan-Meier medians: the first epoch at "
        "which the estimate of the fraction that has not grokked is 1/2 or less (not the middle of "
        "two "
        "runs), with 95 percent intervals. An arrow to the top is an interval without an upper "
        "end; "
        "where half of a cell has not grokked, the median is not reached.");
    name_unreached(&f.caption, d);
    gk_text_free(&plot);
    free(p.series);
    free(p.first);
    free(room);
    return gk_page_figure(page, &f);
}
