/* The numbers of a figure, as blocks that gnuplot reads and as tables for readers who have none. */
#include "report/page/figure.h"
#include "report/page/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 200,    /* of a curve's axis: twice as wide as what a screen can tell apart */
    TABLE_ROWS = 40,  /* a table in the page shows so many rows of a block, evenly picked */
    TABLE_CELLS = 20, /* and so many of the largest values of a matrix */
    TOLD = 12,        /* blocks that are put into words */
};

void gk_figure_open(gk_figure *f, const char *name, const char *title)
{
    *f = (gk_figure){.name = name, .title = title, .width = 460, .height = 320};
}

void gk_figure_close(gk_figure *f)
{
    gk_text_free(&f->caption);
    gk_text_free(&f->seen);
    gk_text_free(&f->script);
    gk_text_free(&f->missing);
    gk_text_free(&f->data);
    gk_text_free(&f->table);
    *f = (gk_figure){0};
}

static void add_number(gk_text *text, double value)
{
    if (isfinite(value))
        gk_text_add(text, "%.7g", value);
    else
        gk_text_add(text, "NaN");
}

/* A title in a comment of the data file: it ends with its line. */
static int start_block(gk_figure *f, const char *title)
{
    if (f->blocks) gk_text_add(&f->data, "\n\n");
    gk_text_add(&f->data, "# index %d: %.*s\n", f->blocks, (int)strcspn(title, "\r\n"), title);
    gk_text_add(&f->table, "<table><caption>");
    gk_html_escape(&f->table, title);
    gk_text_add(&f->table, "</caption>\n");
    return f->blocks++;
}

static void table_rows(gk_text *table, const double *const *column, int columns, size_t n)
{
    size_t shown = n < TABLE_ROWS ? n : TABLE_ROWS;

    for (size_t j = 0; j < shown; j++) {
        size_t i = shown > 1 ? j * (n - 1) / (shown - 1) : 0;
        gk_text_add(table, "<tr>");
        for (int c = 0; c < columns; c++) {
            gk_text_add(table, "<td>");
            gk_html_number(table, column[c][i]);
        }
        gk_text_add(table, "\n");
    }
    if (shown < n) gk_text_add(table, "<tr><td colspan=%d>%zu of %zu rows\n", columns, shown, n);
}

/* "at epoch 1,400" */
static void tell_point(gk_text *seen, const char *before, double y, const char *x_name, double x)
{
    gk_text_add(seen, "%s", before);
    gk_html_number(seen, y);
    gk_text_add(seen, " at %s ", x_name);
    gk_html_number(seen, x);
}

/* Where a column begins, ends, is least and largest. */
static void tell_column(gk_text *seen, const char *x_name, const double *x, const double *y,
                        size_t n)
{
    size_t first = n, last = n, low = n, high = n;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i])) continue;
        if (first == n) first = low = high = i;
        if (y[i] < y[low]) low = i;
        if (y[i] > y[high]) high = i;
        last = i;
    }
    if (first == n) {
        gk_text_add(seen, "no value");
        return;
    }
    tell_point(seen, "", y[first], x_name, x[first]);
    if (last != first) tell_point(seen, ", ", y[last], x_name, x[last]);
    if (low != first && low != last) tell_point(seen, "; least ", y[low], x_name, x[low]);
    if (high != first && high != last) tell_point(seen, "; largest ", y[high], x_name, x[high]);
}

/* Written by hand before the first block, or about each of the first ones. */
static bool by_hand(gk_figure *f)
{
    if (f->seen.length && !f->told) return true;
    return f->told++ >= TOLD;
}

static void tell_block(gk_figure *f, const char *title, const char *const *names,
                       const double *const *column, int columns, size_t n)
{
    if (by_hand(f)) return;
    for (int c = 1; c < columns; c++) {
        gk_text_add(&f->seen, "%s%s", f->seen.length ? " " : "", title);
        if (columns > 2) gk_text_add(&f->seen, ", %s", names[c]);
        gk_text_add(&f->seen, ": ");
        tell_column(&f->seen, names[0], column[0], column[c], n);
        gk_text_add(&f->seen, ".");
    }
}

static void tell_matrix(gk_figure *f, const char *title, const double *value, size_t rows,
                        size_t cols)
{
    size_t n = rows * cols, low = n, high = n;

    if (by_hand(f)) return;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(value[i])) continue;
        if (low == n || value[i] < value[low]) low = i;
        if (high == n || value[i] > value[high]) high = i;
    }
    gk_text_add(&f->seen, "%s%s: %zu by %zu values", f->seen.length ? " " : "", title, rows, cols);
    if (low < n) {
        gk_text_add(&f->seen, " from ");
        gk_html_number(&f->seen, value[low]);
        gk_text_add(&f->seen, " to ");
        gk_html_number(&f->seen, value[high]);
        gk_text_add(&f->seen, ", largest in row %zu, column %zu", high / cols, high % cols);
    }
    gk_text_add(&f->seen, ".");
}

int gk_figure_block(gk_figure *f, const char *title, const char *const *names,
                    const double *const *column, int columns, size_t n)
{
    int block = start_block(f, title);

    tell_block(f, title, names, column, columns, n);
    gk_text_add(&f->data, "#");
    gk_text_add(&f->table, "<tr>");
    for (int c = 0; c < columns; c++) {
        gk_text_add(&f->data, " %s%s", c ? "| " : "", names[c]);
        gk_text_add(&f->table, "<th scope=\"col\">");
        gk_html_escape(&f->table, names[c]);
    }
    gk_text_add(&f->data, "\n");
    gk_text_add(&f->table, "\n");
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < columns; c++) {
            add_number(&f->data, column[c][i]);
            gk_text_add(&f->data, c + 1 < columns ? " " : "\n");
        }
    if (!n) /* an empty block would not be counted */
        for (int c = 0; c < columns; c++) gk_text_add(&f->data, c + 1 < columns ? "NaN " : "NaN\n");
    table_rows(&f->table, column, columns, n);
    gk_text_add(&f->table, "</table>\n");
    return block;
}

/* ---- curves */

/* The place of x on the axis; NaN: it has none. */
static double place(double x, enum gk_figure_axis axis)
{
    if (axis == GK_FIGURE_LINEAR) return x;
    return x > 0 ? log(x) : GK_FIGURE_GAP;
}

/* keep[i] for the first, last, smallest and largest of the points from..to - 1 and the first
 * gap. */
static void keep_extremes(bool *keep, const double *y, size_t from, size_t to)
{
    size_t low = to, high = to, last = to;

    for (size_t i = from; i < to; i++) {
        if (!isfinite(y[i])) {
            keep[i] = keep[i] || i == from || isfinite(y[i - 1]);
            continue;
        }
        if (last == to) keep[i] = true;
        if (low == to || y[i] < y[low]) low = i;
        if (high == to || y[i] > y[high]) high = i;
        last = i;
    }
    if (last == to) return;
    keep[low] = keep[high] = keep[last] = true;
}

static void choose(bool *keep, const double *x, const double *y, size_t n, enum gk_figure_axis axis)
{
    double first = GK_FIGURE_GAP, width;
    size_t from = 0;

    while (from < n && !isfinite(first = place(x[from], axis))) keep[from++] = true;
    if (from == n) return;
    width = (place(x[n - 1], axis) - first) / BUCKETS;
    while (from < n) {
        double end = first + width * (floor((place(x[from], axis) - first) / width) + 1);
        size_t to = from + 1;
        while (to < n && place(x[to], axis) < end) to++;
        keep_extremes(keep, y, from, to);
        from = to;
    }
}

int gk_figure_curve(gk_figure *f, const char *title, const char *x_name, const char *y_name,
                    const double *x, const double *y, size_t n, enum gk_figure_axis axis)
{
    double *kept = gk_alloc(2 * n + 1, sizeof *kept), *values = kept + n;
    bool *keep = gk_alloc(n + 1, sizeof *keep);
    size_t m = 0;

    choose(keep, x, y, n, axis);
    for (size_t i = 0; i < n; i++)
        if (keep[i]) {
            kept[m] = x[i];
            values[m++] = y[i];
        }
    int block = gk_figure_block(f, title, (const char *[]){x_name, y_name},
                                (const double *[]){kept, values}, 2, m);
    free(kept);
    free(keep);
    return block;
}

/* ---- matrices */

static void table_largest(gk_text *table, const double *value, size_t rows, size_t cols)
{
    size_t n = rows * cols, shown = n < TABLE_CELLS ? n : TABLE_CELLS;
    bool *taken = gk_alloc(n + 1, sizeof *taken);

    gk_text_add(table,
                "<tr><th scope=\"col\">row<th scope=\"col\">column<th scope=\"col\">value\n");
    for (size_t j = 0; j < shown; j++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (!taken[i] && isfinite(value[i]) &&
                (best == n || fabs(value[i]) > fabs(value[best])))
                best = i;
        if (best == n) break;
        taken[best] = true;
        gk_text_add(table, "<tr><td>%zu<td>%zu<td>", best / cols, best % cols);
        gk_html_number(table, value[best]);
        gk_text_add(table, "\n");
    }
    if (shown < n)
        gk_text_add(table, "<tr><td colspan=3>the largest of %zu x %zu values\n", rows, cols);
    free(taken);
}

int gk_figure_matrix(gk_figure *f, const char *title, const double *value, size_t rows, size_t cols)
{
    int block = start_block(f, title);

    tell_matrix(f, title, value, rows, cols);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            if (isfinite(value[r * cols + c]))
                gk_text_add(&f->data, "%.4g", value[r * cols + c]);
            else
                gk_text_add(&f->data, "NaN");
            gk_text_add(&f->data, c + 1 < cols ? " " : "\n");
        }
    table_largest(&f->table, value, rows, cols);
    gk_text_add(&f->table, "</table>\n");
    return block;
}

/* ---- panels */

enum { LEFT = 50, RIGHT = 8, TOP = 26, BOTTOM = 58, BAR = 8, BELOW_BAR = 54 };

static int cell_width(const gk_panels *p) { return LEFT + p->side + RIGHT; }

static int cell_height(const gk_panels *p)
{
    return TOP + p->side + BOTTOM + (p->colour ? BAR + BELOW_BAR : 0);
}

void gk_figure_panels(gk_figure *f, const gk_panels *p)
{
    f->width = cell_width(p) * (int)p->across;
    f->height = cell_height(p) * (int)((p->n + p->across - 1) / p->across);
    gk_text_add(&f->script, "set multiplot\nset border 15\nset tics font small\n");
}

void gk_figure_place(gk_figure *f, double left, double top, double width, double height)
{
    gk_text_add(&f->script,
                "set lmargin at screen %.8f\nset rmargin at screen %.8f\n"
                "set tmargin at screen %.8f\nset bmargin at screen %.8f\n",
                left / f->width, (left + width) / f->width, 1 - top / f->height,
                1 - (top + height) / f->height);
}

/* The y axis has a label of its own: gnuplot moves `ylabel` with the numbers, over them or out of
 * the drawing. */
void gk_figure_panel(gk_figure *f, const gk_panels *p, size_t i, const char *x, const char *y)
{
    double left = LEFT + cell_width(p) * (double)(i % p->across),
           top = TOP + cell_height(p) * (double)(i / p->across);

    gk_figure_place(f, left, top, p->side, p->side);
    gk_text_add(&f->script,
                "set xlabel '%s' offset 0,0.5\n"
                "set label 1 '%s' at graph %.4f,0.5 center rotate font small textcolor rgb ink\n",
                x, y, -43.0 / p->side);
    if (!p->colour) return;
    gk_text_add(&f->script,
                "set colorbox horizontal user origin screen %.6f,%.6f size screen %.6f,%.6f\n"
                "set label 2 '%s' at graph 0.5,graph %.4f center font small textcolor rgb ink\n",
                left / f->width, 1 - (top + p->side + BOTTOM + BAR) / f->height,
                (double)p->side / f->width, (double)BAR / f->height, p->colour,
                -(double)(BOTTOM + BAR + 38) / p->side);
}

void gk_figure_quote(gk_text *script, const char *text)
{
    gk_text_add(script, "'");
    for (; *text; text++)
        if (*text == '\'')
            gk_text_add(script, "''");
        else if ((unsigned char)*text >= ' ')
            gk_text_append(script, text, 1);
    gk_text_add(script, "'");
}
