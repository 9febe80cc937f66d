/* The tables of `grokc compare`, and their text. */
#include "gk/compare.h"
#include "browse/compare.h"
#include "gk/made_of.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *gk_comparison_letter(char letter[16], int run)
{
    if (run < 26)
        snprintf(letter, 16, "%c", 'A' + run);
    else
        snprintf(letter, 16, "%d", run + 1);
    return letter;
}

/* ---- grids */

static void add(gk_grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(gk_grid *grid, const char *format, ...)
{
    va_list args;

    grid->cell = gk_grow(grid->cell, (size_t)grid->cells, sizeof *grid->cell);
    va_start(args, format);
    GK_CHECK(vasprintf(&grid->cell[grid->cells++], format, args) >= 0);
    va_end(args);
}

/* Numbers to six digits, which is more than a reader wants and less than the rows have. */
static void add_value(gk_grid *grid, const char *value)
{
    int64_t whole;
    double real;

    if (!value)
        add(grid, "-");
    else if (gk_parse_int(value, &whole) || !gk_parse_real(value, &real))
        add(grid, "%s", value);
    else
        add(grid, "%.6g", real);
}

static void add_heading(gk_grid *grid, int runs)
{
    char letter[16];

    add(grid, "%s", "");
    for (int i = 0; i < runs; i++) add(grid, "%s", gk_comparison_letter(letter, i));
}

/* A row for a column in which at least one run has a value. */
static void add_column(gk_grid *grid, const gk_cards *cards, int column, const char *name)
{
    bool any = false;

    for (int i = 0; i < cards->n; i++) any |= gk_card_text(cards, i, column) != NULL;
    if (!any) return;
    if (!grid->cells) add_heading(grid, cards->n);
    add(grid, "%s", name);
    for (int i = 0; i < cards->n; i++) add_value(grid, gk_card_text(cards, i, column));
}

/* ---- the five */

static void fill_runs(gk_comparison *c)
{
    gk_grid *grid = &c->grid[GK_GRID_RUNS];
    char letter[16];

    *grid = (gk_grid){.title = "Runs", .columns = 4};
    add(grid, "%s", "");
    add(grid, "directory");
    add(grid, "state");
    add(grid, "last row");
    for (int i = 0; i < c->cards.n; i++) {
        add(grid, "%s", gk_comparison_letter(letter, i));
        for (int k = GK_CARD_RUN; k <= GK_CARD_EPOCH; k++)
            add_value(grid, gk_card_text(&c->cards, i, k));
    }
}

/* Files of one name that are not the same: runs whose configs say the same, and are not. */
static void add_files(gk_grid *grid, const gk_cards *cards, enum gk_source source)
{
    char(*sum)[GK_SHA256_HEX] = gk_alloc((size_t)cards->n, sizeof *sum);
    bool differ = false;

    for (int i = 0; i < cards->n; i++) {
        gk_made_of made;
        if (gk_made_of_read(&made, gk_card_text(cards, i, GK_CARD_RUN)) == GK_OK)
            for (int j = 0; j < made.n; j++)
                if (!strcmp(made.file[j].key, gk_source_keys[source]))
                    memcpy(sum[i], made.file[j].sha256, sizeof *sum);
        gk_made_of_free(&made);
        differ |= strcmp(sum[i], sum[0]) != 0;
    }
    if (differ) {
        if (!grid->cells) add_heading(grid, cards->n);
        add(grid, "%s, SHA-256", gk_source_keys[source]);
        for (int i = 0; i < cards->n; i++) add(grid, "%.12s", sum[i]);
    }
    free(sum);
}

static void fill_config(gk_comparison *c)
{
    gk_grid *grid = &c->grid[GK_GRID_CONFIG];

    *grid = (gk_grid){.title = "Config", .columns = c->cards.n + 1};
    for (int k = GK_CARD_CONFIG; k < GK_CARD_CONFIG + GK_CONFIG_KEYS; k++)
        if (!gk_cards_same(&c->cards, NULL, 0, k))
            add_column(grid, &c->cards, k, c->cards.columns.name[k]);
    for (int i = 0; i < GK_SOURCES; i++) add_files(grid, &c->cards, i);
}

static void add_parting(gk_grid *grid, const gk_parting *p)
{
    static const char *const side[] = {"in A", "here"};

    if (!p->common)
        add(grid, "no epoch has a row in both");
    else if (p->epoch < 0)
        add(grid, "the same numbers in all %lld common epochs, up to %lld", (long long)p->common,
            (long long)p->same_to);
    else if (p->same_to < 0)
        add(grid, "different from epoch %lld on", (long long)p->epoch);
    else
        add(grid, "the same numbers up to epoch %lld, different at %lld", (long long)p->same_to,
            (long long)p->epoch);
    gk_text how = {0};
    gk_text_append(&how, "", 0);
    if (p->epoch >= 0) {
        gk_text_add(&how, "%s: %s in A, %s here", p->column, p->value[0], p->value[1]);
        if (p->columns > 1)
            gk_text_add(&how, "; %d more column%s", p->columns - 1, p->columns > 2 ? "s" : "");
    }
    for (int i = 0; i < 2; i++)
        if (p->only[i])
            gk_text_add(&how, "%s%d column%s only %s (%s%s)", how.length ? "; " : "", p->only[i],
                        p->only[i] > 1 ? "s" : "", side[i], p->only_name[i],
                        p->only[i] > 1 ? ", ..." : "");
    add(grid, "%s", how.data);
    gk_text_free(&how);
}

static void fill_rows(gk_comparison *c)
{
    gk_grid *grid = &c->grid[GK_GRID_ROWS];
    gk_parting parting;
    char letter[16];

    *grid = (gk_grid){.title = "Rows, compared with those of A", .columns = 3};
    for (int i = 1; i < c->cards.n; i++) {
        const char *first = gk_card_text(&c->cards, 0, GK_CARD_RUN);
        const char *second = gk_card_text(&c->cards, i, GK_CARD_RUN);
        add(grid, "%s", gk_comparison_letter(letter, i));
        if (gk_parting_find(&parting, first, second) == GK_OK) {
            add_parting(grid, &parting);
            continue;
        }
        add(grid, "cannot be compared");
        add(grid, "%s", gk_message());
    }
}

/* "test_loss < 0.1" for "events.test_loss < 0.1.crossed"; NULL: no event's first time. */
static char *event_name(const char *name, const char *end)
{
    static const char events[] = "events.";
    size_t n = strlen(name), m = strlen(end), skip = strlen(events);

    if (strncmp(name, events, skip) || n < skip + m || strcmp(name + n - m, end) != 0) return NULL;
    return strndup(name + skip, n - skip - m);
}

static bool is_summary(const char *name)
{
    static const char *const whole[] = {"ended_by", "key_freqs", "clusters"};

    if (!strncmp(name, "grok_", strlen("grok_"))) return true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strcmp(whole[i], name)) return true;
    return false;
}

static bool begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with));
}

static bool is_moment(const char *name)
{
    return is_summary(name) || begins(name, "events.") || begins(name, "turning_points.") ||
           begins(name, "phases.") || begins(name, "test_loss_peak.");
}

/* What a condition's last time says only matters where it is not the first. */
static void add_event(gk_grid *grid, const gk_cards *cards, int column, const char *event)
{
    gk_text name = {0};
    bool differs = false;
    int stays = -1;

    add_column(grid, cards, column, event);
    gk_text_add(&name, "events.%s.stays", event);
    if (gk_cards_column(cards, name.data, &stays) == GK_OK)
        for (int i = 0; i < cards->n; i++) {
            const char *first = gk_card_text(cards, i, column);
            const char *last = gk_card_text(cards, i, stays);
            differs |= first && (!last || strcmp(first, last) != 0);
        }
    name.length = 0;
    gk_text_add(&name, "%s for good", event);
    if (differs) add_column(grid, cards, stays, name.data);
    gk_text_free(&name);
}

static void fill_events(gk_comparison *c)
{
    gk_grid *grid = &c->grid[GK_GRID_EVENTS];

    *grid = (gk_grid){.title = "Epochs of events, and key frequencies", .columns = c->cards.n + 1};
    for (int k = GK_CARD_CONFIG + GK_CONFIG_KEYS; k < c->cards.columns.n; k++) {
        const char *name = c->cards.columns.name[k];
        char *event = event_name(name, ".crossed");
        if (event)
            add_event(grid, &c->cards, k, event);
        else if (is_moment(name) && !begins(name, "events."))
            add_column(grid, &c->cards, k, name);
        free(event);
    }
}

static void fill_last(gk_comparison *c)
{
    gk_grid *grid = &c->grid[GK_GRID_LAST];

    *grid = (gk_grid){.title = "Last numbers", .columns = c->cards.n + 1};
    for (int k = GK_CARD_CONFIG + GK_CONFIG_KEYS; k < c->cards.columns.n; k++)
        if (!is_moment(c->cards.columns.name[k]))
            add_column(grid, &c->cards, k, c->cards.columns.name[k]);
}

/* ---- whole */

gk_status gk_comparison_open(gk_comparison *c, char **dir, int n)
{
    memset(c, 0, sizeof *c);
    gk_cards_open(&c->cards);
    if (n < 2 || n > GK_COMPARE_MAX)
        return gk_fail(GK_EUSAGE, "compare takes 2 to %d runs, not %d", GK_COMPARE_MAX, n);
    for (int i = 0; i < n; i++) {
        if (!gk_is_run(dir[i]))
            return gk_fail(GK_EUSAGE, "%s is not a run: no config.yaml with a state or rows there",
                           dir[i]);
        gk_cards_add(&c->cards, dir[i]);
    }
    fill_runs(c);
    fill_config(c);
    fill_rows(c);
    fill_events(c);
    fill_last(c);
    return GK_OK;
}

void gk_comparison_close(gk_comparison *c)
{
    for (int g = 0; g < GK_GRIDS; g++) {
        for (int i = 0; i < c->grid[g].cells; i++) free(c->grid[g].cell[i]);
        free(c->grid[g].cell);
    }
    gk_cards_close(&c->cards);
}

static void print_grid(gk_text *text, const gk_grid *grid)
{
    int *width = gk_alloc((size_t)grid->columns, sizeof *width);

    for (int i = 0; i < grid->cells; i++) {
        int length = (int)strlen(grid->cell[i]);
        if (length > width[i % grid->columns]) width[i % grid->columns] = length;
    }
    gk_text_add(text, "%s%s\n", grid->title, grid->cells ? "" : ": no difference");
    for (int i = 0; i < grid->cells; i++) {
        int c = i % grid->columns;
        bool last = c + 1 == grid->columns;
        gk_text_add(text, "  %-*s%s", last ? 0 : width[c], grid->cell[i], last ? "\n" : "");
    }
    free(width);
}

gk_status gk_compare(gk_text *text, char **dir, int n)
{
    gk_comparison *c = gk_alloc(1, sizeof *c);
    gk_status status = gk_comparison_open(c, dir, n);

    for (int g = 0; g < GK_GRIDS && status == GK_OK; g++) {
        if (g) gk_text_add(text, "\n");
        print_grid(text, &c->grid[g]);
    }
    gk_comparison_close(c);
    free(c);
    return status;
}
