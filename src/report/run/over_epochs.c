/* Curves over epochs with a run's phases behind them. */
#include "report/run/over_epochs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word, *colour;
} phases[] = {
    {"memorisation", "#e0d55e00"}, {"circuit formation", "#d056b4e9"}, {"cleanup", "#d8009e73"}};

enum { PHASES = sizeof phases / sizeof *phases };

static void phase_objects(gk_figure *f, const gk_run_data *d, double from)
{
    for (int i = 0; i < PHASES; i++) {
        double to = d->phase[i];
        if (!isfinite(to)) continue;
        if (to > from)
            gk_text_add(
                &f->script,
                "set object %d rectangle from first %g, graph 0 to first %g, graph 1 behind "
                "fillcolor rgb '%s' fillstyle solid noborder\n",
                10 + i, from, to, phases[i].colour);
        if (to > from) from = to;
    }
}

static void phase_key(gk_figure *f, const gk_run_data *d)
{
    for (int i = 0; i < PHASES; i++)
        if (isfinite(d->phase[i]))
            gk_text_add(&f->script,
                        ", \\\n keyentry with boxes fs solid noborder fc rgb '%s' title '%s'",
                        phases[i].colour, phases[i].word);
    gk_text_add(&f->script, "\n");
}

static const double *epochs_of(const gk_curves *c) { return gk_row_table_column(c->rows, "epoch"); }

void gk_curves_start(gk_curves *c, const gk_run_data *d, const gk_row_table *rows, const char *name,
                     const char *title, enum gk_axis axis)
{
    *c = (gk_curves){.data = d, .rows = rows, .axis = axis};
    gk_figure_open(&c->f, name, title);
    const double *epoch = rows->n ? epochs_of(c) : NULL;
    for (size_t i = rows->n; i-- > 0;) {
        if (axis == GK_AXIS_LINEAR || epoch[i] > 0) c->first = epoch[i];
        if (i == rows->n - 1) c->last = epoch[i];
    }
}

void gk_curves_add(gk_curves *c, const char *column, const char *title, const char *style)
{
    const double *y = gk_row_table_column(c->rows, column);

    if (y) gk_curves_add_points(c, title, style, epochs_of(c), y, c->rows->n);
}

void gk_curves_add_points(gk_curves *c, const char *title, const char *style, const double *epoch,
                          const double *y, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++)
        any |= isfinite(y[i]) && (c->axis == GK_AXIS_LINEAR || epoch[i] > 0);
    if (!any) return;
    int block = gk_figure_curve(&c->f, title, "epoch", title, epoch, y, n, c->axis);

    if (strlen(title) > c->longest) c->longest = strlen(title);
    gk_text_add(&c->plot, "%s data index %d using 1:2 %s title ", c->n++ ? ", \\\n" : "", block,
                style);
    gk_figure_quote(&c->plot, title);
}

const char *gk_curves_lines(const gk_curves *c, char style[48], int type)
{
    snprintf(style, 48, "with %s lt %d", c->rows->n > 60 ? "lines" : "linespoints pt 7 ps 0.4",
             type);
    return style;
}

/* gnuplot makes all entries of a key as wide as the widest. */
static int legend_rows(const gk_curves *c)
{
    size_t longest = c->longest, entries = (size_t)c->n;

    for (int i = 0; i < PHASES && !c->plain_key; i++)
        if (isfinite(c->data->phase[i])) {
            entries++;
            if (strlen(phases[i].word) > longest) longest = strlen(phases[i].word);
        }
    size_t across = 400 / (50 + 7 * longest);
    return (int)((entries + across) / (across ? across : 1));
}

/* At most six numbers fit below a linear axis, however long they are. */
static double tic_step(double range)
{
    double power = pow(10, floor(log10(range / 6))), steps = range / 6 / power;

    return fmax(power * (steps <= 1 ? 1 : steps <= 2 ? 2 : steps <= 5 ? 5 : 10), 1);
}

gk_status gk_curves_finish(gk_curves *c, gk_page *page, const char *missing)
{
    if (!c->n) gk_run_missing(&c->f.missing, c->data, missing);
    if (c->axis == GK_AXIS_LOG)
        gk_text_add(&c->f.script, "set logscale x\nset format x '10^{%%T}'\n");
    else
        gk_text_add(&c->f.script, "set xtics %g\n", tic_step(fmax(c->last - c->first, 1)));
    gk_text_add(&c->f.script,
                "set xlabel 'epoch' offset 0,0.5\nset key bmargin center horizontal\n");
    if (c->last > c->first)
        gk_text_add(&c->f.script, "set xrange [%.9g:%.9g]\n", c->first, c->last);
    else
        gk_text_add(&c->f.script, "set xrange [%g:%g]\n", 0.9 * c->first, c->first + 1);
    c->f.height = 266 + 18 * legend_rows(c);
    phase_objects(&c->f, c->data, c->first);
    gk_text_add(&c->f.script, "plot %s", c->plot.data ? c->plot.data : "");
    if (!c->plain_key) phase_key(&c->f, c->data);
    gk_text_free(&c->plot);
    return gk_page_figure(page, &c->f);
}
