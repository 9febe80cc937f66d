/* The report of `grokc compare`: its tables, and the curves of the runs overlaid. */
#include "gk/report.h"
#include "report/compare_names.h"
#include "report/run/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERIES = 8, /* colours; as many kinds of dashes: a line of its own for each run */
    KEYS = 12,  /* names that have room above each figure; more stand beside the first one only */
    ANSWERS = 8 /* columns of hooks */
};

static const struct overlay {
    const char *column, *name, *title, *unit, *range, *caption; /* range: NULL: logarithmic */
} overlays[] = {
    {"test_loss", "test-loss", "Test loss", "loss (nats)", NULL,
     "Mean loss over the examples held out."},
    {"train_loss", "train-loss", "Train loss", "loss (nats)", NULL,
     "Mean loss over the training examples."},
    {"test_acc", "test-accuracy", "Test accuracy", "accuracy", "[0:1.02]",
     "Fraction of the examples held out whose label has the largest logit."},
    {"squared_l2_norm", "squared-l2-norm", "Squared L2 norm of the weights", "squared L2 norm",
     NULL, "Of all weights."},
    {"gini_w_l", "gini", "Gini coefficient of W_L", "Gini coefficient", "[0:1]",
     "Of the norms of W_L by frequency: 0, all alike; 1, a single frequency."},
    {"excluded_max", "excluded", "Largest excluded loss of one frequency", "loss (nats)", NULL,
     "Train loss without the one frequency that is missed most: low where examples are memorised, "
     "high where that frequency computes them."}};

enum { OVERLAYS = sizeof overlays / sizeof *overlays };

/* Numbers stand below the name of their run. */
static void add_grid(gk_page *page, const gk_grid *grid, char **names)
{
    gk_page_html(page, "<div class=\"left\">");
    gk_page_table(page, "", grid->columns);
    page->row_heads = true;
    for (int i = 0; i < grid->cells; i++)
        gk_page_cell(page, "%s", i && i < grid->columns ? names[i - 1] : grid->cell[i]);
    gk_page_table_end(page);
    gk_page_html(page, "</div>\n");
}

/* The letters that the text of `grokc compare` and the table of rows use, and the names. */
static void add_runs(gk_page *page, const gk_grid *grid, char **names)
{
    gk_page_html(page, "<div class=\"left\">");
    gk_page_table(page, "", grid->columns + 1);
    page->row_heads = true;
    for (int i = 0; i < grid->cells; i++) {
        gk_page_cell(page, "%s", grid->cell[i]);
        if (i % grid->columns) continue;
        gk_page_cell(page, "%s", i ? names[i / grid->columns - 1] : "name");
    }
    gk_page_table_end(page);
    gk_page_html(page, "</div>\n");
}

/* The rows have no heading of their own. */
static void add_rows(gk_page *page, const gk_grid *grid, char **names)
{
    gk_page_table(page, "", grid->columns);
    page->row_heads = true;
    gk_page_cell(page, "%s", "");
    gk_page_cell(page, "compared with A, %s", names[0]);
    gk_page_cell(page, "what differs");
    for (int i = 0; i < grid->cells; i++)
        gk_page_cell(page, "%s", i % grid->columns ? grid->cell[i] : names[1 + i / grid->columns]);
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

/* Epochs of all runs: the first, the least above 0, the last. */
typedef struct span {
    double first, second, last;
} span;

static span epochs_of(const gk_row_table *rows, int n)
{
    span all = {INFINITY, INFINITY, 1};

    for (int i = 0; i < n; i++) {
        const double *epoch = rows[i].n ? gk_row_table_column(&rows[i], "epoch") : NULL;
        for (size_t j = 0; epoch && j < rows[i].n; j++) {
            all.first = fmin(all.first, epoch[j]);
            if (epoch[j] > 0) all.second = fmin(all.second, epoch[j]);
            all.last = fmax(all.last, epoch[j]);
        }
    }
    if (!isfinite(all.second)) all.second = 1;
    return all;
}

static void add_curve(gk_figure *f, gk_text *plot, const struct overlay *o,
                      const gk_row_table *rows, const char *name, int run)
{
    static const char *const dashes[SERIES] = {"1",      "(9,4)",         "(2,3)", "(9,3,2,3)",
                                               "(18,5)", "(9,3,2,3,2,3)", "(4,6)", "(18,4,6,4)"};
    const double *epoch = gk_row_table_column(rows, "epoch"),
                 *y = gk_row_table_column(rows, o->column);

    if (!epoch || !y) return;
    int block = gk_figure_curve(f, name, "epoch", o->title, epoch, y, rows->n, GK_FIGURE_LOG);
    gk_text_add(plot, "%s data index %d " GK_FIGURE_EPOCHS " with %s lt %d dt %s title ",
                plot->length ? ", \\\n" : "", block,
                rows->n > 60 ? "lines" : "linespoints pt 7 ps 0.4", run % SERIES + 1,
                dashes[run / SERIES % SERIES]);
    gk_figure_quote(plot, name);
}

/* Above the plot, in as many columns as there is room for. */
static void key_above(gk_figure *f, char **names, int n)
{
    size_t longest = 0;

    for (int i = 0; i < n; i++)
        if (strlen(names[i]) > longest) longest = strlen(names[i]);
    int across = (int)(420 / (40 + 6.2 * (double)longest));
    if (across < 1) across = 1;
    f->height += 16 * ((n + across - 1) / across);
    gk_text_add(&f->script, "set key tmargin center horizontal maxcols %d samplen 2 font small\n",
                across);
}

/* Of many runs beside the first plot only, which then takes the whole width. */
static void set_key(gk_figure *f, char **names, int n, bool first)
{
    if (n <= KEYS)
        key_above(f, names, n);
    else if (first) {
        f->wide = true;
        f->width = 940;
        f->height = 380;
        gk_text_add(&f->script, "set key outside right top Left reverse samplen 2 font small "
                                "spacing 0.9 maxrows 22\n");
    } else {
        gk_text_add(&f->script, "unset key\n");
        gk_text_add(&f->caption, " Lines as in the first figure.");
    }
}

static gk_status add_figure(gk_page *page, const struct overlay *o, const gk_row_table *rows,
                            char **names, int n)
{
    double range[2] = {INFINITY, 0};
    span all = epochs_of(rows, n);
    gk_text plot = {0};
    gk_figure f;

    gk_figure_open(&f, o->name, o->title);
    gk_text_add(&f.caption, "%s", o->caption);
    for (int i = 0; i < n; i++) {
        const double *y = gk_row_table_column(&rows[i], o->column);
        if (y) widen(range, y, rows[i].n);
        add_curve(&f, &plot, o, &rows[i], names[i], i);
    }
    if (!plot.length) gk_text_add(&f.missing, "no run has a row of it");
    set_range(&f, o, range);
    set_key(&f, names, n, o == overlays);
    gk_figure_log_epochs(&f, all.first, all.second, all.last);
    gk_text_add(&f.script, "set xlabel 'epoch' offset 0,0.5\nset ylabel '%s'\nplot %s\n", o->unit,
                plot.data ? plot.data : "");
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

static gk_status add_answers(gk_page *page, const gk_row_table *rows, char **names, int n)
{
    const char *list[ANSWERS];
    int count = list_answers(list, rows, n);

    for (int k = 0; k < count; k++) {
        char name[24], title[GK_ANSWER_TITLE];
        snprintf(name, sizeof name, "hook-%d", k + 1);
        gk_answer_title(title, list[k]);
        GK_TRY(add_figure(page,
                          &(struct overlay){list[k], name, title, "as the hook answered", "[*:*]",
                                            "What run.hook measured."},
                          rows, names, n));
    }
    return GK_OK;
}

static gk_status add_figures(gk_page *page, const gk_comparison *c, char **names)
{
    int n = c->cards.n;
    gk_row_table *rows = gk_alloc((size_t)n, sizeof *rows);
    gk_status status = GK_OK;

    for (int i = 0; i < n; i++) {
        const char *dir = gk_card_text(&c->cards, i, GK_CARD_RUN);
        if (gk_row_table_read(&rows[i], dir, "metrics.jsonl") != GK_OK ||
            gk_row_table_join(&rows[i], dir) != GK_OK)
            gk_warn("its curves are left out: %s", gk_message());
    }
    gk_page_section(page, "curves", "Curves");
    for (int k = 0; k < OVERLAYS && status == GK_OK; k++)
        status = add_figure(page, &overlays[k], rows, names, n);
    if (status == GK_OK) status = add_answers(page, rows, names, n);
    for (int i = 0; i < n; i++) gk_row_table_free(&rows[i]);
    free(rows);
    return status;
}

static gk_status add_all(gk_page *page, const gk_comparison *c, char **names)
{
    char title[64];

    snprintf(title, sizeof title, "%d runs compared", c->cards.n);
    gk_page_part(page, "", title);
    add_runs(page, &c->grid[GK_GRID_RUNS], names);
    gk_page_section(page, "config", "Config");
    if (c->grid[GK_GRID_CONFIG].cells)
        add_grid(page, &c->grid[GK_GRID_CONFIG], names);
    else
        gk_page_paragraph(page, "No key differs.");
    gk_page_section(page, "rows", "First row that differs");
    add_rows(page, &c->grid[GK_GRID_ROWS], names);
    GK_TRY(add_figures(page, c, names));
    gk_page_section(page, "events", c->grid[GK_GRID_EVENTS].title);
    if (c->grid[GK_GRID_EVENTS].cells) add_grid(page, &c->grid[GK_GRID_EVENTS], names);
    gk_page_section(page, "last", c->grid[GK_GRID_LAST].title);
    if (c->grid[GK_GRID_LAST].cells) add_grid(page, &c->grid[GK_GRID_LAST], names);
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
        char **names = gk_compare_names(c);
        status = add_all(&page, c, names);
        gk_compare_names_free(names, c);
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
