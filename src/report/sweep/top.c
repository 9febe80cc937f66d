/* The words and tables of a sweep's report. */
#include "gk/report.h"
#include "report/sweep/data.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_SHOWN = 200, RUNS_SHOWN = 50, FILE_LIMIT = 1 << 20 };

static void fact(gk_page *page, const char *name, const gk_text *text)
{
    gk_text html = {0};

    gk_html_escape(&html, text->data);
    gk_page_html(page, "<dt>%s<dd>%s\n", name, html.data);
    gk_text_free(&html);
}

static const char *plural(int n) { return n == 1 ? "" : "s"; }

/* ---- top */

/* ", addition": the value of a key that is the same in all runs. */
static void add_common(gk_text *text, const gk_sweep_data *d, const char *key, const char *before)
{
    int column;

    if (gk_cards_column(&d->cards, key, &column) != GK_OK || !d->cards.n) return;
    const char *value = gk_card_text(&d->cards, 0, column);
    if (value && gk_cards_same(&d->cards, NULL, 0, column))
        gk_text_add(text, "%s%s", before, value);
}

static void add_axis(gk_text *text, const gk_sweep_axis *axis)
{
    if (axis->numeric)
        gk_text_add(text, "%s (%d values from %.4g to %.4g)", axis->label, axis->n,
                    gk_sweep_value(axis, 0), gk_sweep_value(axis, axis->n - 1));
    else
        gk_text_add(text, "%s (%d values)", axis->label, axis->n);
}

static void say_what(gk_page *page, const gk_sweep_data *d)
{
    gk_text text = {0};

    gk_text_add(&text, "%d run%s", d->runs, plural(d->runs));
    add_common(&text, d, "task.name", " of the task ");
    add_common(&text, d, "task.op", ": ");
    add_common(&text, d, "task.p", ", mod ");
    gk_text_add(&text, "; ");
    for (int a = 0; a < d->axes; a++) {
        if (a) gk_text_add(&text, a + 1 < d->axes ? ", " : " and ");
        add_axis(&text, &d->axis[a]);
    }
    int least = d->runs, most = 0;
    for (int c = 0; c < d->cells; c++) {
        least = d->cell[c].n < least ? d->cell[c].n : least;
        most = d->cell[c].n > most ? d->cell[c].n : most;
    }
    if (!d->axes)
        gk_text_add(&text, "they differ in their seeds.");
    else if (least == most)
        gk_text_add(&text, ", %d run%s in each of %d cells.", most, plural(most), d->cells);
    else
        gk_text_add(&text, ", %d to %d runs in each of %d cells.", least, most, d->cells);
    fact(page, "What was trained", &text);
    gk_text_free(&text);
}

static void add_count(gk_text *text, int n, const char *word)
{
    if (n) gk_text_add(text, "%s%d %s", text->length ? ", " : "", n, word);
}

static void say_state(gk_page *page, const gk_sweep_data *d)
{
    gk_text text = {0};

    add_count(&text, d->count[GK_SWEEP_DONE], "done");
    add_count(&text, d->count[GK_SWEEP_DIVERGED], "diverged");
    add_count(&text, d->count[GK_SWEEP_GOING], "going or interrupted");
    add_count(&text, d->count[GK_SWEEP_FAILED], "failed");
    add_count(&text, d->count[GK_SWEEP_WAITING], "waiting");
    gk_text_add(&text, "; %d grokked.", d->grokked);
    if (d->count[GK_SWEEP_GOING] + d->count[GK_SWEEP_WAITING])
        gk_text_add(&text, " The sweep is not finished: this is what there is, and runs that have "
                           "not grokked count as censored where they stand.");
    fact(page, "State of the runs", &text);
    gk_text_free(&text);
}

static void add_extreme(gk_text *text, const gk_sweep_data *d, const char *word, bool largest)
{
    int best = -1;

    for (int c = 0; c < d->cells; c++) {
        double value = d->cell[c].grok.value;
        if (isnan(value)) continue;
        if (best < 0 ||
            (largest ? value > d->cell[best].grok.value : value < d->cell[best].grok.value))
            best = c;
    }
    if (best < 0) return;
    gk_text_add(text, " %s: epoch ", word);
    gk_html_epoch(text, d->cell[best].grok.value);
    gk_text_add(text, " (%s).", d->cell[best].label);
}

static void say_result(gk_page *page, const gk_sweep_data *d)
{
    gk_text text = {0};
    int half = 0;

    for (int c = 0; c < d->cells; c++) half += !isnan(d->cell[c].grok.value);
    if (d->cells > 1 && !half)
        gk_text_add(&text, "In no cell did half of the runs grok.");
    else if (d->cells > 1) {
        gk_text_add(&text, "In %d of %d cells at least half of the runs grokked.", half, d->cells);
        add_extreme(&text, d, "Earliest median", false);
        if (half > 1) add_extreme(&text, d, "Latest median", true);
    } else if (half) {
        gk_text_add(&text, "The median grok epoch is ");
        gk_html_epoch(&text, d->cell->grok.value);
        gk_text_add(&text, " (95 percent interval ");
        gk_html_epoch(&text, d->cell->grok.low);
        gk_text_add(&text, " to ");
        gk_html_epoch(&text, d->cell->grok.high);
        gk_text_add(&text, ").");
    } else
        gk_text_add(&text, "Less than half of the runs grokked.");
    fact(page, "Result", &text);
    gk_text_free(&text);
}

void gk_sweep_top(gk_page *page, const gk_sweep_data *d)
{
    gk_text sure = {0};

    gk_page_html(page, "<dl class=\"facts\">\n");
    say_what(page, d);
    say_state(page, d);
    say_result(page, d);
    gk_text_add(&sure,
                "A run grokked at the first row from which its test loss stays below 0.1. "
                "Medians and fractions are over the seeds of a cell, with 95 percent intervals; "
                "runs that ended before they grokked are censored there. That a run which "
                "diverged or was stopped would have behaved like the others is an "
                "assumption.");
    fact(page, "How it is counted", &sure);
    gk_text_free(&sure);
    gk_page_html(page, "</dl>\n");
}

/* ---- tables */

static void cell_number(gk_page *page, double value)
{
    gk_text text = {0};

    gk_html_number(&text, value);
    gk_page_cell(page, "%s", text.data);
    gk_text_free(&text);
}

static void cell_epochs(gk_page *page, const gk_estimate *e)
{
    gk_text text = {0};

    if (isnan(e->low) && isnan(e->high)) {
        gk_page_cell(page, "-");
        return;
    }
    gk_html_epoch(&text, e->low);
    gk_text_add(&text, " to ");
    if (isnan(e->high))
        gk_text_add(&text, "?");
    else
        gk_html_epoch(&text, e->high);
    gk_page_cell(page, "%s", text.data);
    gk_text_free(&text);
}

static void add_row(gk_page *page, const gk_sweep_data *d, int c)
{
    const gk_sweep_cell *cell = &d->cell[c];

    gk_page_cell(page, "%d", c + 1);
    for (int a = 0; a < d->axes; a++) {
        gk_text value = {0};
        gk_sweep_add_value(&value, &d->axis[a], cell->position[a]);
        gk_page_cell(page, "%s", value.data);
        gk_text_free(&value);
    }
    gk_page_cell(page, "%d", cell->n);
    gk_page_cell(page, "%d", cell->count[GK_SWEEP_DONE]);
    gk_page_cell(page, "%d", cell->count[GK_SWEEP_DIVERGED]);
    gk_page_cell(page, "%d", cell->grokked);
    if (isnan(cell->share.value)) {
        gk_page_cell(page, "-");
        gk_page_cell(page, "-");
    } else {
        gk_page_cell(page, "%.0f %%", 100 * cell->share.value);
        gk_page_cell(page, "%.0f to %.0f %%", 100 * cell->share.low, 100 * cell->share.high);
    }
    cell_number(page, cell->grok.value);
    cell_epochs(page, &cell->grok);
    cell_number(page, cell->delay);
}

static void cells_table(gk_page *page, const gk_sweep_data *d)
{
    static const char *const ours[] = {"runs", "done",       "diverged", "grokked", "fraction",
                                       "95 %", "grok epoch", "95 %",     "delay"};
    enum { OURS = sizeof ours / sizeof *ours };

    gk_page_table(page, "", 1 + d->axes + OURS);
    gk_page_cell(page, "cell");
    for (int a = 0; a < d->axes; a++) gk_page_cell(page, "%s", d->axis[a].label);
    for (int i = 0; i < OURS; i++) gk_page_cell(page, "%s", ours[i]);
    for (int c = 0; c < d->cells && c < CELLS_SHOWN; c++) add_row(page, d, c);
    gk_page_table_end(page);
    if (d->cells > CELLS_SHOWN)
        gk_page_paragraph(page, "and %d more; `grokc gather` writes all of them to cells.csv",
                          d->cells - CELLS_SHOWN);
    gk_page_paragraph(page, "Grok epoch and delay (from train accuracy 0.99 on) are Kaplan-Meier "
                            "medians, in epochs; \"-\" where fewer than half have grokked, \"?\" "
                            "where the interval has no upper end.");
}

static void unlucky_table(gk_page *page, const gk_sweep_data *d)
{
    int n = d->count[GK_SWEEP_DIVERGED] + d->count[GK_SWEEP_FAILED], shown = 0;

    gk_page_section(page, "diverged", "Runs that diverged or failed");
    if (!n) {
        gk_page_paragraph(page, "There are none.");
        return;
    }
    gk_page_table(page, "", 4);
    gk_page_cell(page, "run");
    gk_page_cell(page, "state");
    gk_page_cell(page, "last row (epoch)");
    gk_page_cell(page, "cell");
    for (int i = 0; i < d->runs && shown < RUNS_SHOWN; i++) {
        const gk_sweep_run *run = &d->run[i];
        if (run->state != GK_SWEEP_DIVERGED && run->state != GK_SWEEP_FAILED) continue;
        shown++;
        gk_page_cell(page, "%d", run->index);
        gk_page_cell(page, run->state == GK_SWEEP_DIVERGED ? "diverged" : "failed");
        cell_number(page, run->until);
        gk_page_cell(page, "%s", d->cell[run->cell].label);
    }
    gk_page_table_end(page);
    if (shown < n) gk_page_paragraph(page, "and %d more", n - shown);
}

void gk_sweep_tables(gk_page *page, const gk_sweep_data *d)
{
    gk_page_section(page, "cells", "Results by cell");
    cells_table(page, d);
    unlucky_table(page, d);
}

/* ---- reproduce */

static const char *first_commit(char commit[64], const gk_sweep_data *d)
{
    json_t *env = NULL;

    *commit = 0;
    if (!d->cards.n ||
        gk_run_read_json(&env, gk_card_text(&d->cards, 0, GK_CARD_RUN), "env.json") != GK_OK)
        return commit;
    const char *word = json_string_value(json_object_get(json_array_get(env, 0), "commit"));
    snprintf(commit, 64, "%s", word ? word : "");
    json_decref(env);
    return commit;
}

void gk_sweep_reproduce(gk_page *page, const gk_sweep_data *d)
{
    char path[GK_PATH_MAX], commit[64], *file = NULL;
    gk_text html = {0};
    size_t size;

    gk_page_section(page, "reproduce", "Reproduce");
    if (*first_commit(commit, d))
        gk_page_paragraph(page, "grokc at commit %s, with this file:", commit);
    if (gk_path(path, "%s/sweep.yaml", d->dir) == GK_OK &&
        gk_file_read(path, FILE_LIMIT, &file, &size) == GK_OK) {
        gk_html_escape(&html, file);
        gk_page_html(page, "<pre>%s</pre>\n<pre>grokc sweep sweep.yaml --out DIR</pre>\n",
                     html.data);
    } else
        gk_page_paragraph(page, "The sweep file is not there: %s", gk_message());
    gk_text_free(&html);
    free(file);
}

/* ---- whole */

static gk_status add_figures(gk_page *page, const gk_sweep_data *d)
{
    gk_page_section(page, "when", "When the runs grokked");
    GK_TRY(gk_sweep_grok(page, d));
    GK_TRY(gk_sweep_survival(page, d));
    GK_TRY(gk_sweep_phases(page, d));
    GK_TRY(gk_sweep_curves(page, d));
    gk_page_section(page, "keys", "Key frequencies");
    return gk_sweep_keys(page, d);
}

gk_status gk_report_sweep(gk_page *page, const char *dir)
{
    gk_sweep_data *d = gk_alloc(1, sizeof *d);
    gk_status status = gk_sweep_data_read(d, dir);

    if (status == GK_OK) {
        gk_sweep_top(page, d);
        status = add_figures(page, d);
        gk_sweep_tables(page, d);
        gk_sweep_reproduce(page, d);
    }
    gk_sweep_data_close(d);
    free(d);
    return status;
}
