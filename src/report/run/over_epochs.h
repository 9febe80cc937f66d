/* A figure of curves over epochs, the phases of the run behind them. */
#ifndef GK_CURVES_H
#define GK_CURVES_H

#include "report/run/data.h"

typedef struct gk_curves {
    gk_figure f;
    const gk_run_data *data;
    const gk_row_table *rows;
    enum gk_figure_axis axis;
    int n;            /* curves so far */
    bool name_phases; /* the bands have their names in them: of the first figure of a page */
    gk_text plot;
    double first, last; /* epochs of the rows */
    double second;      /* the first epoch above 0; 0: none */
    size_t longest;     /* title, in bytes */
} gk_curves;

void gk_curves_start(gk_curves *curves, const gk_run_data *data, const gk_row_table *rows,
                     const char *name, const char *title, enum gk_figure_axis axis);
/* One more curve, if the rows have such a column. `style`: as in gnuplot's plot, without a
 * title. */
void gk_curves_add(gk_curves *curves, const char *column, const char *title, const char *style);
void gk_curves_add_points(gk_curves *curves, const char *title, const char *style,
                          const double *epoch, const double *y, size_t n);
enum { GK_CURVE_STYLE = 64 }; /* room for a style */
/* The style of linetype `type`: lines; with points, too, where there are few rows. */
const char *gk_curves_lines(const gk_curves *curves, char style[GK_CURVE_STYLE], int type);
/* Onto the page; without a curve the line `missing`. */
gk_status gk_curves_finish(gk_curves *curves, gk_page *page, const char *missing);

#endif
