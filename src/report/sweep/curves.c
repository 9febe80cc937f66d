/* Loss curves of many runs overlaid; which frequencies they came to use. */
#include "report/run/data.h"
#include "report/sweep/data.h"

#include <stdlib.h>
#include <string.h>

enum { CURVES = 80, KEYS_MAX = 4096 };

/* Cells have a colour each, as long as there are colours; else how the runs ended has. */
static bool by_cell(const gk_sweep_data *d) { return d->cells > 1 && d->cells <= GK_SWEEP_SERIES; }

static int type_of(const gk_sweep_data *d, const gk_sweep_run *run)
{
    if (by_cell(d)) return run->cell + 1;
    return !isnan(run->grok) ? 1 : run->state == GK_SWEEP_DIVERGED ? 4 : 2;
}

static void add_key(gk_text *script, const gk_sweep_data *d)
{
    static const char entry[] = ", \\\n keyentry with lines lt %d lw 2 title ";

    for (int c = 0; by_cell(d) && c < d->cells; c++) {
        gk_text_add(script, entry, c + 1);
        gk_figure_quote(script, d->cell[c].values);
    }
    if (by_cell(d)) return;
    gk_text_add(script, entry, 1);
    gk_text_add(script, "'grokked'");
    gk_text_add(script, entry, 2);
    gk_text_add(script, "'not (yet)'");
    if (!d->count[GK_SWEEP_DIVERGED]) return;
    gk_text_add(script, entry, 4);
    gk_text_add(script, "'diverged'");
}

/* The curve of a run, if it can be read. */
static void add_curve(gk_figure *f, gk_text *plot, const gk_sweep_data *d, int i,
                      const gk_row_table *rows, const char *column)
{
    const double *epoch = gk_row_table_column(rows, "epoch"),
                 *y = gk_row_table_column(rows, column);
    gk_text title = {0};

    if (!epoch || !y) return;
    gk_text_add(&title, "run %d", d->run[i].index);
    int block = gk_figure_curve(f, title.data, "epoch", column, epoch, y, rows->n, GK_FIGURE_LOG);
    gk_text_add(plot, "%s data index %d " GK_FIGURE_EPOCHS " with lines lt %d lw %g notitle",
                plot->length ? ", \\\n" : "", block, type_of(d, &d->run[i]),
                d->begun > 20 ? 0.5 : 1);
    gk_text_free(&title);
}

/* The least epoch above 0 that can have a row. */
static double second_row(const gk_sweep_data *d)
{
    int at = 0;
    bool elsewhere = gk_cards_column(&d->cards, "run.measure_at", &at) == GK_OK;
    double second = gk_sweep_last_epoch(d);

    for (int i = 0; i < d->runs; i++) {
        const gk_sweep_run *run = &d->run[i];
        if (run->card < 0) continue;
        second = fmin(second, gk_card_number(&d->cards, run->card, "run.measure_every"));
        if (run->until > 0) second = fmin(second, run->until);
        if (elsewhere && gk_card_text(&d->cards, run->card, at)) second = 1;
    }
    return second;
}

static void finish(gk_figure *f, gk_text *plot, const gk_sweep_data *d, int shown)
{
    if (!plot->length) gk_text_add(&f->missing, "no run has a row of it yet");
    gk_text_add(
        &f->script,
        "set logscale y\nset format y '10^{%%T}'\nset xlabel 'epoch'\nset ylabel 'loss (nats)'\n");
    gk_figure_log_epochs(f, 0, second_row(d), gk_sweep_last_epoch(d));
    if (by_cell(d))
        gk_sweep_plot(&f->script, d, NULL);
    else
        gk_text_add(&f->script, "set key outside right top Left reverse samplen 1.5\nplot ");
    gk_text_add(&f->script, "%s", plot->data ? plot->data : "");
    add_key(&f->script, d);
    gk_text_add(&f->script, "\n");
    if (shown < d->begun)
        gk_text_add(&f->caption, " %d of %d runs are shown, evenly picked.", shown, d->begun);
}

static int list_runs(int *list, const gk_sweep_data *d)
{
    int some[CURVES], *begun = gk_alloc((size_t)d->runs + 1, sizeof *begun), n = 0;

    for (int i = 0; i < d->runs; i++)
        if (!isnan(d->run[i].until)) begun[n++] = i;
    int shown = gk_sweep_some(some, CURVES, n);
    for (int j = 0; j < shown; j++) list[j] = begun[some[j]];
    free(begun);
    return shown;
}

static void read_curves(gk_figure f[2], gk_text plot[2], const gk_sweep_data *d, const int *list,
                        int n)
{
    for (int j = 0; j < n; j++) {
        const char *dir = gk_card_text(&d->cards, d->run[list[j]].card, GK_CARD_RUN);
        gk_row_table rows = {0};
        if (gk_row_table_read(&rows, dir, "metrics.jsonl") == GK_OK) {
            add_curve(&f[0], &plot[0], d, list[j], &rows, "test_loss");
            add_curve(&f[1], &plot[1], d, list[j], &rows, "train_loss");
        } else
            gk_warn("left out: %s", gk_message());
        gk_row_table_free(&rows);
    }
}

gk_status gk_sweep_curves(gk_page *page, const gk_sweep_data *d)
{
    int list[CURVES], n = list_runs(list, d);
    gk_text plot[2] = {{0}, {0}};
    gk_figure f[2];

    gk_page_section(page, "curves", "Loss curves");
    gk_figure_open(&f[0], "test-losses", "Test loss of the runs");
    gk_figure_open(&f[1], "train-losses", "Train loss of the runs");
    read_curves(f, plot, d, list, n);
    gk_text_add(&f[0].caption, "Mean loss over the examples held out, a line for each run.");
    gk_text_add(&f[1].caption, "Mean loss over the training examples.");
    gk_status status = GK_OK;
    for (int k = 0; k < 2; k++) {
        finish(&f[k], &plot[k], d, n);
        if (status == GK_OK)
            status = gk_page_figure(page, &f[k]);
        else
            gk_figure_close(&f[k]);
        gk_text_free(&plot[k]);
    }
    return status;
}

/* ---- key frequencies */

/* Counts the frequencies of "14,35,42"; returns how many there are. */
static int count_keys(double *count, const char *text)
{
    int n = 0;

    while (*text) {
        char *end;
        long k = strtol(text, &end, 10);
        if (end == text) return n;
        if (k > 0 && k < KEYS_MAX) count[k]++, n++;
        text = end + (*end == ',');
    }
    return n;
}

static bool one_modulus(const gk_sweep_data *d)
{
    int p;

    return gk_cards_column(&d->cards, "task.p", &p) != GK_OK ||
           gk_cards_same(&d->cards, NULL, 0, p);
}

/* count[1 .. last] as boxes. */
static void draw_boxes(gk_figure *f, const double *count, const char *axis, const char *label)
{
    double *x = gk_alloc(KEYS_MAX, sizeof *x);
    double most = 0;
    int last = 0;

    for (int i = 0; i < KEYS_MAX; i++) {
        x[i] = i;
        if (count[i] > most) most = count[i];
        if (count[i] > 0) last = i;
    }
    if (most <= 6) gk_text_add(&f->script, "set ytics 1\n"); /* runs come whole */
    if (last <= 16) gk_text_add(&f->script, "set xtics 1\n");
    int block = gk_figure_block(f, f->title, (const char *[]){axis, "runs"},
                                (const double *[]){x + 1, count + 1}, 2, (size_t)last);
    gk_text_add(
        &f->script,
        "set style fill solid 0.85 noborder\nset boxwidth 0.8\nset xrange [0.4:%g]\nset yrange "
        "[0:*]\nset xlabel '%s'\nset ylabel 'runs'\nplot data index %d using 1:2 with "
        "boxes lt 1 notitle\n",
        last + 0.6, label, block);
    free(x);
}

/* count[k]: runs with frequency k; size[n]: runs with n of them. Returns how many runs have any. */
static int count_runs(double *count, double *size, const gk_sweep_data *d)
{
    int column = 0, runs = 0;

    GK_CHECK(gk_cards_column(&d->cards, "key_freqs", &column) == GK_OK);
    for (int i = 0; i < d->runs; i++) {
        const gk_sweep_run *run = &d->run[i];
        const char *keys = run->card < 0 ? NULL : gk_card_text(&d->cards, run->card, column);
        if (!keys || isnan(run->grok)) continue;
        int n = count_keys(count, keys);
        size[n]++;
        runs += n > 0;
    }
    return runs;
}

gk_status gk_sweep_keys(gk_page *page, const gk_sweep_data *d)
{
    double *count = gk_alloc(2 * KEYS_MAX, sizeof *count), *size = count + KEYS_MAX;
    int runs = count_runs(count, size, d);
    gk_figure f;

    gk_figure_open(&f, "key-frequencies", "Key frequencies");
    if (!one_modulus(d))
        gk_text_add(&f.missing, "task.p differs between the runs, and so do their frequencies");
    else if (!runs)
        gk_text_add(&f.missing, "no run that grokked has a set of key frequencies");
    else
        draw_boxes(&f, count, "frequency", "frequency k");
    gk_text_add(&f.caption,
                "How many of the %d runs that grokked with a small key set have k in it.", runs);
    gk_status status = gk_page_figure(page, &f);
    if (status == GK_OK && runs) {
        gk_figure_open(&f, "key-count", "Number of key frequencies");
        draw_boxes(&f, size, "frequencies", "key frequencies of a run");
        gk_text_add(&f.caption, "The same runs, by how many key frequencies they have.");
        status = gk_page_figure(page, &f);
    }
    free(count);
    return status;
}
