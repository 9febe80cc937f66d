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

/* From the left end of the axis on. */
static void phase_objects(gk_curves *c)
{
    char left[40] = "graph 0";

    for (int i = 0; i < PHASES; i++) {
        double to = c->data->phase[i];
        if (!isfinite(to) || !(to > c->first)) continue;
        gk_text_add(&c->f.script,
                    "set object %d rectangle from %s, graph 0 to first %g, graph 1 behind "
                    "fillcolor rgb '%s' fillstyle solid noborder\n",
                    10 + i, left, to, phases[i].colour);
        snprintf(left, sizeof left, "first %g", to);
    }
}

/* Written along a wide band, up a narrow one. */
static void phase_names(gk_figure *f, const gk_curves *c)
{
    double from = c->first, all = c->last - c->first;

    for (int i = 0; i < PHASES; i++) {
        double to = c->data->phase[i], width = (to - from) / all;
        if (!isfinite(to) || !(to > from)) continue;
        bool along = 340 * width > 7.0 * (double)strlen(phases[i].word);
        if (340 * width > 16)
            gk_text_add(
                &f->script,
                "set label '%s' at first %g, graph 0.68 center%s front font small tc rgb ink\n",
                phases[i].word, (from + to) / 2, along ? "" : " rotate by 90");
        from = to;
    }
    if (f->caption.length && isfinite(c->data->phase[0])) gk_text_add(&f->caption, " Bands:");
    for (int i = 0; i < PHASES && isfinite(c->data->phase[i]); i++) {
        gk_text_add(&f->caption, "%s %s until epoch ", i ? "," : "", phases[i].word);
        gk_html_epoch(&f->caption, c->data->phase[i]);
        if (i + 1 < PHASES && isfinite(c->data->phase[i + 1])) continue;
        if (i + 2 == PHASES && isfinite(c->data->grok))
            gk_text_add(&f->caption, ", cleanup not settled when the run ended");
        gk_text_add(&f->caption, "; they stand behind all figures over epochs.");
    }
}

static const double *epochs_of(const gk_curves *c) { return gk_row_table_column(c->rows, "epoch"); }

void gk_curves_start(gk_curves *c, const gk_run_data *d, const gk_row_table *rows, const char *name,
                     const char *title, enum gk_figure_axis axis)
{
    *c = (gk_curves){.data = d, .rows = rows, .axis = axis};
    gk_figure_open(&c->f, name, title);
    const double *epoch = rows->n ? epochs_of(c) : NULL;
    for (size_t i = rows->n; i-- > 0;) {
        if (epoch[i] > 0) c->second = epoch[i];
        c->first = epoch[i];
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

    for (size_t i = 0; i < n; i++) any |= isfinite(y[i]);
    if (!any) return;
    int block = gk_figure_curve(&c->f, title, "epoch", title, epoch, y, n, c->axis);

    if (strlen(title) > c->longest) c->longest = strlen(title);
    gk_text_add(&c->plot, "%s data index %d %s %s title ", c->n++ ? ", \\\n" : "", block,
                c->axis == GK_FIGURE_LOG ? GK_FIGURE_EPOCHS : "using 1:2", style);
    gk_figure_quote(&c->plot, title);
}

const char *gk_curves_lines(const gk_curves *c, char style[GK_CURVE_STYLE], int type)
{
    snprintf(style, 48, "with %s lt %d", c->rows->n > 60 ? "lines" : "linespoints pt 7 ps 0.4",
             type);
    return style;
}

/* gnuplot makes all entries of a key as wide as the widest. */
static int legend_rows(const gk_curves *c)
{
    size_t entries = (size_t)c->n, across = 400 / (50 + 7 * c->longest);

    return (int)((entries + across) / (across ? across : 1));
}

/* At most six numbers fit below a linear axis, however long they are. */
static double tic_step(double range)
{
    double power = pow(10, floor(log10(range / 6))), steps = range / 6 / power;

    return fmax(power * (steps <= 1 ? 1 : steps <= 2 ? 2 : steps <= 5 ? 5 : 10), 1);
}

static void epoch_axis(gk_curves *c)
{
    gk_text *script = &c->f.script;

    if (c->axis == GK_FIGURE_LINEAR) {
        gk_text_add(script, "set xtics %g\n", tic_step(fmax(c->last - c->first, 1)));
        if (c->last > c->first)
            gk_text_add(script, "set xrange [%.9g:%.9g]\n", c->first, c->last);
        else
            gk_text_add(script, "set xrange [%g:%g]\n", 0.9 * c->first, c->first + 1);
        return;
    }
    gk_figure_log_epochs(&c->f, c->first, c->second, c->last);
}

gk_status gk_curves_finish(gk_curves *c, gk_page *page, const char *missing)
{
    if (!c->n) gk_run_missing(&c->f.missing, c->data, missing);
    gk_text_add(&c->f.script,
                "set xlabel 'epoch' offset 0,0.5\nset key tmargin center horizontal\n");
    epoch_axis(c);
    c->f.height = 266 + 18 * legend_rows(c);
    phase_objects(c);
    if (c->name_phases) phase_names(&c->f, c);
    gk_text_add(&c->f.script, "plot %s\n", c->plot.data ? c->plot.data : "");
    gk_text_free(&c->plot);
    return gk_page_figure(page, &c->f);
}
