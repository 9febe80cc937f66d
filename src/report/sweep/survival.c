/* The fraction of each cell that has not grokked yet, against the epoch. */
#include "report/sweep/data.h"

#include <stdlib.h>
#include <string.h>

/* A curve of gk_survival as gnuplot's steps want it, from the left end of the axis on, and the
 * censored runs as marks on it. */
static void add_curve(gk_figure *f, gk_text *plot, const gk_sweep_data *d, int cell, int type)
{
    gk_lifetime *life;
    int n = gk_sweep_lifetimes(&life, d, cell), m = 0;
    size_t size = (size_t)n + 2;
    double *time = gk_alloc(4 * size, sizeof *time), *share = time + size, *x = share + size,
           *y = x + size;
    const char *label = d->cell[cell].label;

    int steps = gk_survival(time, share, life, n); /* sorts the lifetimes */
    for (int i = 0; i < n; i++) {
        if (life[i].happened) continue;
        int at = 0;
        while (at + 1 < steps && time[at + 1] <= life[i].time) at++;
        x[m] = fmax(life[i].time, 1);
        y[m++] = share[at];
    }
    time[0] = 1; /* on a logarithmic axis */
    time[steps] = fmax(n ? life[n - 1].time : 1, 1);
    share[steps] = share[steps - 1];
    int block = gk_figure_block(f, label, (const char *[]){"epoch", "fraction not yet grokked"},
                                (const double *[]){time, share}, 2, (size_t)steps + 1);
    gk_text_add(plot, "%s data index %d using 1:2 with steps lt %d lw 2 title ",
                plot->length ? ", \\\n" : "", block, type);
    gk_figure_quote(plot, d->cell[cell].values);
    block = gk_figure_block(f, "runs that ended before they grokked",
                            (const char *[]){"epoch", "fraction"}, (const double *[]){x, y}, 2,
                            (size_t)m);
    if (m)
        gk_text_add(plot, ", \\\n data index %d using 1:2 with points lt %d pt 1 ps 0.6 notitle",
                    block, type);
    free(time);
    free(life);
}

gk_status gk_sweep_survival(gk_page *page, const gk_sweep_data *d)
{
    int begun[GK_SWEEP_SERIES], *cells = gk_alloc((size_t)d->cells + 1, sizeof *cells), n = 0;
    gk_text plot = {0};
    gk_figure f;

    gk_figure_open(&f, "survival", "Fraction of runs that have not grokked yet");
    for (int c = 0; c < d->cells; c++)
        if (d->cell[c].begun) cells[n++] = c;
    int shown = gk_sweep_some(begun, GK_SWEEP_SERIES, n);
    for (int s = 0; s < shown; s++) add_curve(&f, &plot, d, cells[begun[s]], s + 1);
    if (!shown) gk_text_add(&f.missing, "no run has a row yet");
    gk_figure_log_axis(&f, 'x', gk_sweep_first_epoch(d) / 1.5, 1.1 * gk_sweep_last_epoch(d));
    gk_text_add(&f.script, "set xlabel 'epoch'\nset yrange [0:1.05]\nset ylabel "
                           "'fraction not yet grokked'\n");
    gk_sweep_plot(&f.script, d, NULL);
    gk_text_add(&f.script, "%s\n", plot.data ? plot.data : "");
    gk_text_add(&f.caption,
                "Kaplan and Meier's estimate: a step is a run that grokked, a small cross one that "
                "ended or stands without having grokked, which says nothing about what would "
                "have come later. The median is the first epoch at which the curve is at 1/2 or "
                "below. ");
    if (shown < n)
        gk_text_add(&f.caption,
                    "%d of %d cells are shown, evenly picked in the order of the table.", shown, n);
    gk_text_free(&plot);
    free(cells);
    return gk_page_figure(page, &f);
}
