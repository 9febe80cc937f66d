/* A figure of a report: data, a gnuplot script that draws it, a caption. grokc writes numbers
 * and scripts, the program gnuplot draws them; what it is not is a plotting library.
 *
 *     gk_figure f;
 *     gk_figure_open(&f, "loss", "Train and test loss");
 *     int train = gk_figure_curve(&f, "train", "epoch", "nats", epoch, loss, n, GK_FIGURE_LINEAR);
 *     gk_text_add(&f.script, "set logscale y\nset ylabel 'loss (nats)'\n");
 *     gk_text_add(&f.script, "plot data index %d using 1:2 with lines title 'train'\n", train);
 *     gk_text_add(&f.caption, "Mean cross-entropy over ...");
 *     GK_TRY(gk_page_figure(page, &f));                                   html.h; closes it
 *
 * In a script `data` is the name of the data file; `ink` is the colour of text and axes (use `lc
 * rgb ink`, `tc rgb ink`: it follows light and dark), `faint` that of grids, `small` the font of
 * what stands inside (`font small`); linetypes 1 to 8
 * are those of colours.h and follow, too. `signed`, `heat` and `cycle` are palettes for `set
 * palette defined @signed`: diverging (give it a cbrange symmetric about 0), sequential, and
 * cyclic of equal lightness. Text is enhanced: titles with "_" or "^" that come from data need
 * `noenhanced`, and gk_figure_quote. */
#ifndef GK_FIGURE_H
#define GK_FIGURE_H

#include "gk/base.h"

#include <math.h>

#define GK_FIGURE_GAP ((double)NAN) /* no value here */

typedef struct gk_figure {
    const char *name;  /* of its files and its id: letters, digits and "-" */
    const char *title; /* plain text */
    int width, height; /* of the drawing, in pixels of 13-pixel text */
    bool wide;         /* both columns of the page */
    bool exact;        /* at its own size, never scaled: its images' cells are whole pixels */
    gk_text caption;   /* plain text: what is shown and how to read it */
    gk_text seen;      /* plain text for those who do not see it: its main numbers */
    gk_text script;    /* gnuplot commands */
    gk_text missing;   /* not empty: why there is nothing to draw; nothing else is then used */
    gk_text data;      /* blocks of numbers for gnuplot: by the functions below */
    gk_text table;     /* the same as HTML, for readers without gnuplot */
    int blocks;
    int told; /* blocks in `seen` */
} gk_figure;

/* How a curve's points are spread over its horizontal axis, for thinning. */
enum gk_figure_axis { GK_FIGURE_LINEAR, GK_FIGURE_LOG };

void gk_figure_open(gk_figure *figure, const char *name,
                    const char *title); /* literals, or outlive it */
void gk_figure_close(gk_figure *figure);

/* `columns` columns of n values with their names. NaN and infinities are gaps. Returns the
 * block's number for gnuplot's `index`. Everything is written. `seen` gets the ends and extremes of
 * every column but the first, unless it was written by hand before. */
int gk_figure_block(gk_figure *figure, const char *title, const char *const *names,
                    const double *const *column, int columns, size_t n);
/* Two columns x (ascending) and y, thinned to what a screen can show: of every 200th of the axis
 * the first, last, smallest and largest value stay, and so does what has no place on a logarithmic
 * axis (epoch 0). */
int gk_figure_curve(gk_figure *figure, const char *title, const char *x_name, const char *y_name,
                    const double *x, const double *y, size_t n, enum gk_figure_axis axis);
/* rows x cols values, row-major: `plot data index I matrix using 1:2:3 with image` (1: column,
 * 2: row). */
int gk_figure_matrix(gk_figure *figure, const char *title, const double *value, size_t rows,
                     size_t cols);

/* Square plots side by side: `set multiplot` and the size of the drawing for n of them, then the
 * margins of the i-th and what its axes are, and at the end `unset multiplot`. */
typedef struct gk_panels {
    size_t n, across;
    int side;           /* of a plot, in pixels */
    const char *colour; /* what the colour bar below each shows; NULL: there are none */
} gk_panels;
void gk_figure_panels(gk_figure *figure, const gk_panels *panels);
void gk_figure_panel(gk_figure *figure, const gk_panels *panels, size_t i, const char *x,
                     const char *y);

/* The margins of a single plot of width x height pixels whose upper left corner is at left, top. */
void gk_figure_place(gk_figure *figure, double left, double top, double width, double height);

/* A logarithmic axis, 'x' or 'y', from low to high (both > 0): at least four numbers where powers
 * of ten alone would be one or two. */
void gk_figure_log_axis(gk_figure *figure, char axis, double low, double high);

/* A logarithmic axis x of epochs, from the first to the last of a log's rows. Epoch 0 has no place
 * on such an axis: it stands at its left end, before `second`, the least epoch above it. Curves are
 * plotted with GK_FIGURE_EPOCHS, which puts it there. */
#define GK_FIGURE_EPOCHS "using (at($1)):2"
void gk_figure_log_epochs(gk_figure *figure, double first, double second, double last);

/* 'text' as a gnuplot string in which nothing is expanded; for use with `noenhanced`. */
void gk_figure_quote(gk_text *script, const char *text);

/* Where figures are drawn: a folder that stays (--figures: NAME.svg, .pdf, .dat, .gp), or a
 * temporary one. */
typedef struct gk_drawing {
    char dir[GK_PATH_MAX];
    bool keep;
    char trouble
        [512]; /* not "": gnuplot is missing or failed, and what to do; nothing more is drawn */
} gk_drawing;

gk_status gk_drawing_open(gk_drawing *drawing, const char *dir); /* NULL: temporary */
/* The figure as SVG for the inside of a page; files and ids begin with `name`. Empty where
 * gnuplot is missing (drawing->trouble). A script that gnuplot refuses is GK_EDATA. */
gk_status gk_drawing_svg(gk_text *svg, gk_drawing *drawing, const gk_figure *figure,
                         const char *name);
void gk_drawing_close(gk_drawing *drawing);

#endif
