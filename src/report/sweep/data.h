/* A sweep directory read for a report: its points, how far each run is, and cells, the runs that
 * differ in nothing but seeds. Runs that are still going count: as grokked, or as censored where
 * they stand. So does what diverged or failed, at its last row. */
#ifndef GK_SWEEP_DATA_H
#define GK_SWEEP_DATA_H

#include "gk/cards.h"
#include "gk/csv.h"
#include "gk/statistics.h"
#include "report/page/html.h"

enum { GK_SWEEP_SERIES = 8 }; /* colours that can be told apart */

typedef enum gk_sweep_state {
    GK_SWEEP_WAITING,
    GK_SWEEP_GOING,
    GK_SWEEP_FAILED, /* stopped by an error, or unreadable */
    GK_SWEEP_DIVERGED,
    GK_SWEEP_DONE
} gk_sweep_state;

typedef struct gk_sweep_run {
    int index, cell, card; /* card: -1: it has not begun */
    gk_sweep_state state;
    double grok, until, memorised; /* epochs, NaN: not; until: of its last row */
} gk_sweep_run;

/* A swept key that is neither a seed nor tied to another axis by zip. */
typedef struct gk_sweep_axis {
    const char *name, *label; /* "optim.weight_decay", "weight_decay" */
    int column;               /* of points.csv */
    bool numeric, log;        /* log: to be drawn so */
    int n;                    /* different values, ascending where numeric, else as they come */
    const char **value;
} gk_sweep_axis;

typedef struct gk_sweep_cell {
    char *label;                     /* "weight_decay 0.3, train_fraction 0.5"; "all runs" */
    char *values;                    /* "0.3, 0.5" */
    int n, count[GK_SWEEP_DONE + 1]; /* by state */
    int begun, grokked;
    int first;     /* one of its runs */
    int *position; /* (axes) its value on each */
    gk_estimate share, grok;
    double delay; /* median */
} gk_sweep_cell;

typedef struct gk_sweep_data {
    const char *dir;
    gk_csv points;
    gk_cards cards;
    gk_sweep_run *run;
    gk_sweep_axis *axis;
    gk_sweep_cell *cell;
    int runs, axes, cells;
    int count[GK_SWEEP_DONE + 1], begun, grokked;
} gk_sweep_data;

gk_status gk_sweep_data_read(gk_sweep_data *data, const char *dir);
void gk_sweep_data_close(gk_sweep_data *data);

double gk_sweep_value(const gk_sweep_axis *axis, int i); /* of a numeric one */
/* Lifetimes of the runs of a cell that have begun; the caller frees. Returns how many. */
int gk_sweep_lifetimes(gk_lifetime **life, const gk_sweep_data *data, int cell);
/* A key beside the plot, and the beginning of the command `plot`: over the values that its entries
 * will be called by stand the names of their axes, but of `without`. */
void gk_sweep_plot(gk_text *script, const gk_sweep_data *data, const gk_sweep_axis *without);
/* The value of an axis, for a reader. */
void gk_sweep_add_value(gk_text *text, const gk_sweep_axis *axis, int i);
/* The least and the largest, of grokking or ending; for logarithmic axes: at least 1. */
double gk_sweep_first_epoch(const gk_sweep_data *data);
double gk_sweep_last_epoch(const gk_sweep_data *data);
/* At most `most` numbers out of 0 .. n - 1, evenly spread; returns how many. */
int gk_sweep_some(int *chosen, int most, int n);

/* The figures, in the order of the page. */
void gk_sweep_top(gk_page *page, const gk_sweep_data *data);
gk_status gk_sweep_grok(gk_page *page, const gk_sweep_data *data);
gk_status gk_sweep_phases(gk_page *page, const gk_sweep_data *data);
gk_status gk_sweep_survival(gk_page *page, const gk_sweep_data *data);
gk_status gk_sweep_curves(gk_page *page, const gk_sweep_data *data);
gk_status gk_sweep_keys(gk_page *page, const gk_sweep_data *data);
void gk_sweep_tables(gk_page *page, const gk_sweep_data *data);
void gk_sweep_reproduce(gk_page *page, const gk_sweep_data *data);

#endif
