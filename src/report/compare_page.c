/* The report of `grokc compare`: its tables, and the curves of the runs overlaid. */
#include "gk/compare.h"
#include "gk/report.h"
#include "report/run/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CURVES = 8, ANSWERS = 8 }; /* runs that have a colour of their own; hooks' columns */

static const struct overlay {
    const char *column, *name, *title, *unit, *range, *caption; /* range: NULL: logarithmic */
} overlays[] = {
    {"test_loss", "test-loss", "Test loss", "loss (nats)", NULL,
     "Mean loss over the examples held out."},
    {"train_loss", "train-loss", "Train loss", "loss (nats)", NULL,
     "Mean loss over the training examples."},
    {"test_acc", "test-accuracy", "Test accuracy", "share of examples that are right", "[0:1.02]",
     "Share of the examples held out whose label has the largest logit."},
    {"sum_squares", "sum-squares", "Sum of squared weights", "sum of squares", NULL,
     "Of all weights."},
    {"gini_w_l", "gini", "Gini coefficient of W_L", "Gini coefficient", "[0:1]",
     "How few Fourier components hold W_L: 1 is a single one."},
    {"excluded_max", "excluded", "Largest excluded loss of one frequency", "loss (nats)", NULL,
     "Train loss without the one frequency that is missed most: low where examples are memorised, "
     "high where that frequency computes them."}};

enum { OVERLAYS = sizeof overlays / sizeof *overlays };

/* Numbers stand below the letter of their run. */
static void add_grid(gk_page *page, const gk_grid *grid)
{
    gk_page_html(page, "<div class=\"left\">");
    gk_page_table(page, "", grid->columns);
    for (int i = 0; i < grid->cells; i++) gk_page_cell(page, "%s", grid->cell[i]);
    gk_page_table_end(page);
    gk_page_html(page, "</div>\n");
}

/* The rows have no heading of their own. */
static void add_rows(gk_page *page, const gk_grid *grid)
{
    gk_page_table(page, "", grid->columns);
    gk_page_cell(page, "%s", "");
    gk_page_cell(page, "compared with A");
    gk_page_cell(page, "what differs");
    for (int i = 0; i < grid->cells; i++) gk_page_cell(page, "%s", grid->cell[i]);
    gk_page_table_end(page);
}

/* Only what a logarithmic axis can show. */
static void widen(double range[2], const double *value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(value[i] > 0) || !isfinite(value[i])) continue;
        range[0] = fmin(range[0], value[i]);
        range[1] = fmax(range[1], value[i]);
    }
}

static void set_range(gk_figure *f, const struct overlay *o, const double range[2])
{
    if (o->range) {
        gk_text_add(&f->script, "set yrange %s\n", o->range);
    } else if (range[0] <= range[1]) {
        gk_text_add(&f->script, "set format y '10^{%%T}'\n");
        gk_figure_log_axis(f, 'y', range[0] / 1.3, range[1] * 1.3);
    }
}

static gk_status add_figure(gk_page *page, const gk_comparison *c, const struct overlay *o,
                            const gk_row_table *rows, int n)
{
    double range[2] = {INFINITY, 0};
    gk_text plot = {0};
    gk_figure f;

    gk_figure_open(&f, o->name, o->title);
    for (int i = 0; i < n; i++) {
        const double *x = gk_row_table_column(&rows[i], "epoch");
        const double *y = gk_row_table_column(&rows[i], o->column);
        char letter[16];
        if (!x || !y) continue;
        widen(range, y, rows[i].n);
        int block = gk_figure_curve(&f, gk_comparison_letter(letter, i), "epoch", o->title, x, y,
                                    rows[i].n, GK_AXIS_LOG);
        gk_text_add(&plot, "%s data index %d using 1:2 with %s lt %d title '%s'",
                    plot.length ? ", \\\n" : "", block,
                    rows[i].n > 60 ? "lines" : "linespoints pt 7 ps 0.4", i + 1, letter);
    }
    if (!plot.length) gk_text_add(&f.missing, "no run has a row of it");
    set_range(&f, o, range);
    gk_text_add(&f.script,
                "set logscale x\nset xlabel 'epoch'\nset ylabel '%s'\nset key outside right top "
                "Left reverse samplen 1.5\nplot %s\n",
                o->unit, plot.data ? plot.data : "");
    gk_text_add(&f.caption, "%s", o->caption);
    if (n < c->cards.n)
        gk_text_add(&f.caption, " The first %d of %d runs are shown.", n, c->cards.n);
    gk_text_free(&plot);
    return gk_page_figure(page, &f);
}

/* The columns that hooks answered in any of the runs, each once; returns how many. */
static int list_answers(const char *list[ANSWERS], const gk_row_table *rows, int n)
{
    int count = 0;

    for (int i = 0; i < n; i++)
        for (int k = rows[i].own; k < rows[i].columns && count < ANSWERS; k++) {
            bool known = false;
            for (int j = 0; j < count; j++) known |= !strcmp(list[j], rows[i].name[k]);
            if (!known) list[count++] = rows[i].name[k];
        }
    return count;
}

static gk_status add_answers(gk_page *page, const gk_comparison *c, const gk_row_table *rows, int n)
{
    const char *list[ANSWERS];
    int count = list_answers(list, rows, n);

    for (int k = 0; k < count; k++) {
        char name[24], title[GK_ANSWER_TITLE];
        snprintf(name, sizeof name, "hook-%d", k + 1);
        gk_answer_title(title, list[k]);
        GK_TRY(add_figure(page, c,
                          &(struct overlay){list[k], name, title, "as the hook answered", "[*:*]",
                                            "What run.hook measured."},
                          rows, n));
    }
    return GK_OK;
}

static gk_status add_figures(gk_page *page, const gk_comparison *c)
{
    int n = c->cards.n < CURVES ? c->cards.n : CURVES;
    gk_row_table rows[CURVES] = {{0}};
    gk_status status = GK_OK;

    for (int i = 0; i < n; i++) {
        const char *dir = gk_card_text(&c->cards, i, GK_CARD_RUN);
        if (gk_row_table_read(&rows[i], dir, "metrics.jsonl") != GK_OK ||
            gk_row_table_join(&rows[i], dir) != GK_OK)
            gk_warn("its curves are left out: %s", gk_message());
    }
    gk_page_section(page, "curves", "Curves");
    for (int k = 0; k < OVERLAYS && status == GK_OK; k++)
        status = add_figure(page, c, &overlays[k], rows, n);
    if (status == GK_OK) status = add_answers(page, c, rows, n);
    for (int i = 0; i < n; i++) gk_row_table_free(&rows[i]);
    return status;
}

static gk_status add_all(gk_page *page, const gk_comparison *c)
{
    char title[64];

    snprintf(title, sizeof title, "%d runs compared", c->cards.n);
    gk_page_part(page, "", title);
    add_grid(page, &c->grid[GK_GRID_RUNS]);
    gk_page_section(page, "config", "Config");
    if (c->grid[GK_GRID_CONFIG].cells)
        add_grid(page, &c->grid[GK_GRID_CONFIG]);
    else
        gk_page_paragraph(page, "No key differs.");
    gk_page_section(page, "rows", "Where they part");
    add_rows(page, &c->grid[GK_GRID_ROWS]);
    GK_TRY(add_figures(page, c));
    gk_page_section(page, "events", c->grid[GK_GRID_EVENTS].title);
    if (c->grid[GK_GRID_EVENTS].cells) add_grid(page, &c->grid[GK_GRID_EVENTS]);
    gk_page_section(page, "last", c->grid[GK_GRID_LAST].title);
    if (c->grid[GK_GRID_LAST].cells) add_grid(page, &c->grid[GK_GRID_LAST]);
    return GK_OK;
}

gk_status gk_compare_report(char **dir, int n, const char *out, const char *figures,
                            char trouble[512])
{
    gk_comparison *c = gk_alloc(1, sizeof *c);
    gk_status status = gk_comparison_open(c, dir, n);
    gk_drawing drawing = {0};
    gk_page page;

    *trouble = 0;
    if (status == GK_OK) status = gk_drawing_open(&drawing, figures);
    if (status == GK_OK) {
        gk_page_open(&page, "grokc compare", &drawing);
        status = add_all(&page, c);
        if (status == GK_OK)
            status = gk_page_save(&page, out);
        else
            gk_page_discard(&page);
        memcpy(trouble, drawing.trouble, sizeof drawing.trouble);
        gk_drawing_close(&drawing);
    }
    gk_comparison_close(c);
    free(c);
    return status;
}
