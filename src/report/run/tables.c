/* Tables of a run: ablations, key frequencies, every number of the last row; how to do it again. */
#include "report/run/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *help;
} measures[] = {
#define FAMILY(name, when)
#define COLUMN(name, when, help) {#name, help},
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
};

enum { MEASURES = sizeof measures / sizeof *measures, CONFIG_LIMIT = 1 << 16 };

/* What a column means; not where it would be null, as here it has a value. */
static void meaning_cell(gk_page *page, const char *name)
{
    const char *help = "";

    for (int i = 0; i < MEASURES; i++)
        if (!strcmp(measures[i].name, name)) help = measures[i].help;
    const char *end = strstr(help, "; null:");
    gk_page_cell(page, "%.*s", (int)(end ? end - help : (ptrdiff_t)strlen(help)), help);
}

static void number_cell(gk_page *page, double value)
{
    gk_text text = {0};

    gk_html_number(&text, value);
    gk_page_cell(page, "%s", text.data);
    gk_text_free(&text);
}

/* ---- ablations */

static const struct {
    const char *group, *names[8];
} ablations[] = {
    {"the whole network", {"train_loss_p", "test_loss_p", "all_loss_p"}},
    {"only this is kept",
     {"restricted_all", "restricted_tl", "cosine_loss", "const8_all", "projected_all",
      "poly_neurons_all"}},
    {"this is taken away",
     {"excluded_train", "excluded_fitted", "excluded_cosines", "excluded_max", "ablate8_min",
      "ablate8_max", "null_all"}},
    {"controls: taken away, should not matter", {"control_operation", "control_random"}},
    {"parts of the network taken out",
     {"skip_zero_all", "skip_mean_all", "head_zero_max", "head_mean_max", "equals_zero_all",
      "equals_mean_all"}},
};

static void ablation_table(gk_page *page, const gk_run_data *d)
{
    gk_page_table(page, "", 4);
    gk_page_cell(page, "What");
    gk_page_cell(page, "Column");
    gk_page_cell(page, "Loss (nats)");
    gk_page_cell(page, "Meaning");
    for (size_t g = 0; g < sizeof ablations / sizeof *ablations; g++)
        for (int i = 0; i < 8 && ablations[g].names[i]; i++) {
            const char *name = ablations[g].names[i];
            double value = gk_run_number(d, name);
            if (!isfinite(value)) continue;
            gk_page_cell(page, "%s", ablations[g].group);
            gk_page_cell(page, "%s", name);
            number_cell(page, value);
            meaning_cell(page, name);
        }
    gk_page_table_end(page);
}

/* One line for each key frequency. */
static void key_table(gk_page *page, const gk_run_data *d)
{
    static const struct {
        const char *array, *heading;
        bool by_key; /* one value per key frequency; else per frequency */
    } columns[] = {{"cosine_similarity", "similarity of its cosine and the logits", false},
                   {"excluded_by_frequency", "train loss without it", false},
                   {"ablate8_loss", "loss without its 8 products", true}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    double *value[COLUMNS], *neurons;
    size_t n[COLUMNS] = {0}, F = 0;

    for (int c = 0; c < COLUMNS; c++)
        value[c] = gk_entry_reals(&d->arrays, columns[c].array, 1, &n[c]);
    neurons = gk_entry_reals(&d->arrays, "neuron_frequency", 1, &F);
    gk_page_table(page, "Key frequencies", COLUMNS + 2);
    gk_page_cell(page, "k");
    for (int c = 0; c < COLUMNS; c++) gk_page_cell(page, "%s", columns[c].heading);
    gk_page_cell(page, "neurons");
    for (int i = 0; i < d->keys; i++) {
        int mine = 0;
        gk_page_cell(page, "%d", d->key[i]);
        for (int c = 0; c < COLUMNS; c++) {
            size_t at = columns[c].by_key ? (size_t)i : (size_t)d->key[i] - 1;
            number_cell(page, value[c] && at < n[c] ? value[c][at] : GK_NULL);
        }
        for (size_t f = 0; f < F; f++) mine += (int)neurons[f] == d->key[i];
        number_cell(page, neurons ? mine : GK_NULL);
    }
    gk_page_table_end(page);
    for (int c = 0; c < COLUMNS; c++) free(value[c]);
    free(neurons);
}

static void last_row(gk_page *page, const gk_run_data *d)
{
    const char *name;
    json_t *value;

    gk_page_html(page, "<details><summary>Every number of the last row</summary>\n");
    gk_page_table(page, "", 3);
    gk_page_cell(page, "Column");
    gk_page_cell(page, "Value");
    gk_page_cell(page, "Meaning");
    json_object_foreach(d->best, name, value)
    {
        if (!json_is_number(value) && !json_is_string(value)) continue;
        gk_page_cell(page, "%s", name);
        if (json_is_number(value))
            gk_page_cell(page, "%.8g", json_number_value(value));
        else
            gk_page_cell(page, "%s", json_string_value(value));
        meaning_cell(page, name);
    }
    gk_page_table_end(page);
    gk_page_html(page, "</details>\n");
}

void gk_run_tables(gk_page *page, gk_run_data *d)
{
    gk_page_section(page, "ablations", "Ablations");
    if (!d->rows.n) {
        gk_page_html(page, "<p class=\"note\">The run has no row yet.</p>\n");
        return;
    }
    if (!isfinite(gk_run_number(d, "restricted_all")))
        gk_page_html(page, "<p class=\"note\">What needs key frequencies is not there%s.</p>\n",
                     d->summary ? "" : " yet");
    ablation_table(page, d);
    if (d->keys) key_table(page, d);
    last_row(page, d);
}

/* ---- reproduce */

static void environment(gk_page *page, const gk_run_data *d)
{
    static const char *const names[] = {"from_epoch", "grokc",  "commit", "compiler", "flags",
                                        "backend",    "plan",   "cpu",    "device",   "threads",
                                        "simd",       "matmul", "time"};
    size_t segments = json_array_size(d->env);

    for (size_t i = 0; i < segments; i++) {
        const json_t *segment = json_array_get(d->env, i);
        gk_page_html(page, "<div class=\"left\">");
        gk_page_table(page, i ? "" : "Machine and build, for each start", 2);
        gk_page_cell(page, "What");
        gk_page_cell(page, "Value");
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            const json_t *value = json_object_get(segment, names[j]);
            if (!value || json_is_null(value)) continue;
            gk_page_cell(page, "%s", names[j]);
            if (json_is_string(value))
                gk_page_cell(page, "%s", json_string_value(value));
            else
                gk_page_cell(page, "%.15g", json_number_value(value));
        }
        gk_page_table_end(page);
        gk_page_html(page, "</div>\n");
    }
}

static void file_as_text(gk_page *page, const gk_run_data *d, const char *name)
{
    char path[GK_PATH_MAX], *text;
    gk_text html = {0};
    size_t size;

    if (gk_path(path, "%s/%s", d->dir, name) != GK_OK || !gk_exists(path) ||
        gk_file_read(path, CONFIG_LIMIT, &text, &size) != GK_OK)
        return;
    gk_html_escape(&html, text);
    gk_page_html(page, "<p>%s:</p>\n<pre>%s</pre>\n", name, html.data);
    gk_text_free(&html);
    free(text);
}

void gk_run_reproduce(gk_page *page, gk_run_data *d)
{
    const json_t *first = json_array_get(d->env, 0);
    const char *commit = json_string_value(json_object_get(first, "commit"));
    bool branch = gk_run_has(d->dir, "parent.json");
    gk_text html = {0};

    gk_page_section(page, "reproduce", "Reproduce");
    if (branch)
        gk_page_paragraph(page,
                          "The run is a branch: it began from a kept state of another run, which "
                          "parent.json names, with this configuration.");
    else
        gk_page_paragraph(page,
                          "With the configuration below as config.yaml, the same grokc on the same "
                          "kind of machine gives the same bytes again:");
    gk_html_escape(&html, commit ? commit : "unknown");
    gk_page_html(page, "<pre>%sgrokc commit: %s</pre>\n",
                 branch ? "" : "grokc train config.yaml --out again\n", html.data);
    gk_text_free(&html);
    if (branch) file_as_text(page, d, "parent.json");
    file_as_text(page, d, "config.yaml");
    environment(page, d);
}
