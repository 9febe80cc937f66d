/* Finds, filters, sorts, prints. */
#include "gk/ls.h"
#include "browse/where.h"
#include "gk/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 256, FIELD = 64 };

typedef struct table {
    gk_cards cards;
    gk_where where;
    int *run, runs; /* those that are shown, in their order */
    int column[COLUMNS_MAX], columns;
    int sort; /* column; -1: as found */
    bool down;
} table;

/* ---- columns */

static gk_status choose_columns(table *t, const char *names)
{
    char name[FIELD];

    for (const char *at = names;; at++) {
        size_t n = strcspn(at, ",");
        if (snprintf(name, sizeof name, "%.*s", (int)n, at) >= (int)sizeof name)
            return gk_fail(GK_EUSAGE, "--columns: there is no \"%.60s...\"", name);
        if (t->columns == COLUMNS_MAX)
            return gk_fail(GK_EUSAGE, "--columns: more than %d", COLUMNS_MAX);
        if (gk_cards_column(&t->cards, name, &t->column[t->columns++]) != GK_OK) {
            gk_text why = {0};
            gk_text_add(&why, "%s", gk_message());
            gk_fail(GK_EUSAGE, "--columns: %s", why.data);
            gk_text_free(&why);
            return GK_EUSAGE;
        }
        at += n;
        if (!*at) return GK_OK;
    }
}

static void default_columns(table *t)
{
    static const char *const results[] = {"train_loss", "test_loss", "grok_epoch", "key_freqs"};

    for (int c = 0; c < GK_CARD_SEED; c++) t->column[t->columns++] = c;
    t->columns += gk_cards_differing(&t->cards, t->run, t->runs, t->column + t->columns);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        GK_CHECK(gk_cards_column(&t->cards, results[i], &t->column[t->columns++]) == GK_OK);
}

/* ---- sorting */

static int compare(const table *t, int a, int b)
{
    const char *x = gk_card_text(&t->cards, a, t->sort), *y = gk_card_text(&t->cards, b, t->sort);
    int order;

    if (!x || !y) return (y != NULL) - (x != NULL); /* null last, either way */
    if (gk_cards_numeric(&t->cards, t->sort)) {
        double u = gk_card_real(&t->cards, a, t->sort), v = gk_card_real(&t->cards, b, t->sort);
        order = (u > v) - (u < v);
    } else
        order = strcmp(x, y);
    return t->down ? -order : order;
}

/* Merges [from, to) of `run`: runs that are alike stay as they were found. */
static void sort_runs(const table *t, int *run, int *other, int from, int to)
{
    int middle = from + (to - from) / 2, a = from, b = middle;

    if (to - from < 2) return;
    sort_runs(t, run, other, from, middle);
    sort_runs(t, run, other, middle, to);
    for (int i = from; i < to; i++)
        other[i] = b == to || (a < middle && compare(t, run[a], run[b]) <= 0) ? run[a++] : run[b++];
    memcpy(run + from, other + from, (size_t)(to - from) * sizeof *run);
}

/* ---- output */

static void print_csv(gk_text *text, const table *t)
{
    const char *full[COLUMNS_MAX];

    for (int c = 0; c < t->columns; c++) full[c] = t->cards.columns.name[t->column[c]];
    char **names = gk_csv_names(full, t->columns);
    for (int c = 0; c < t->columns; c++) gk_text_add(text, "%s%s", c ? "," : "", names[c]);
    gk_text_add(text, "\n");
    gk_csv_names_free(names);
    for (int i = 0; i < t->runs; i++) {
        for (int c = 0; c < t->columns; c++) {
            const char *value = gk_card_text(&t->cards, t->run[i], t->column[c]);
            if (c) gk_text_add(text, ",");
            gk_csv_add(text, value ? value : "");
        }
        gk_text_add(text, "\n");
    }
}

/* Whole numbers and words as they are, other numbers to four digits. */
static const char *shorten(char field[FIELD], const char *value)
{
    int64_t whole;
    double real;

    if (!value) return "-";
    if (gk_parse_int(value, &whole) || !gk_parse_real(value, &real)) return value;
    snprintf(field, FIELD, "%.4g", real);
    return field;
}

static const char *field_of(char field[FIELD], const table *t, int i, int c)
{
    return i < 0 ? gk_cards_short_name(&t->cards, t->column[c])
                 : shorten(field, gk_card_text(&t->cards, t->run[i], t->column[c]));
}

/* How many of the columns fit, at least the first: the run's directory. */
static int fitting(const table *t, const int *width, int most)
{
    int used = 0;

    for (int c = 0; c < t->columns; c++) {
        used += width[c] + (c ? 2 : 0);
        if (most && used > most) return c ? c : 1;
    }
    return t->columns;
}

/* The end of a field that is too long: where paths differ. */
static const char *tail_of(char *cut, const char *field, int most)
{
    size_t n = strlen(field);

    if (n <= (size_t)most || most < 4) return field;
    field += n - (size_t)(most - 3);
    while ((*field & 0xC0) == 0x80) field++; /* within a character */
    snprintf(cut, GK_PATH_MAX, "...%s", field);
    return cut;
}

static void print_note(gk_text *text, const table *t, int shown, int most)
{
    char note[80];
    int n = snprintf(note, sizeof note, "(+%d columns: --columns NAME,... or --csv shows them)",
                     t->columns - shown);

    gk_text_add(text, "%.*s\n", n > most ? most : n, note);
}

static void print_table(gk_text *text, const table *t, int most)
{
    int width[COLUMNS_MAX] = {0};
    char field[FIELD], cut[GK_PATH_MAX];

    for (int c = 0; c < t->columns; c++)
        for (int i = -1; i < t->runs; i++) {
            int n = (int)strlen(field_of(field, t, i, c));
            if (n > width[c]) width[c] = n;
        }
    if (most && width[0] > most) width[0] = most;
    int shown = fitting(t, width, most);
    for (int i = -1; i < t->runs; i++) {
        for (int c = 0; c < shown; c++) {
            bool left = !gk_cards_numeric(&t->cards, t->column[c]), last = c + 1 == shown;
            int pad = left ? (last ? 0 : -width[c]) : width[c];
            gk_text_add(text, "%*s%s", pad, tail_of(cut, field_of(field, t, i, c), width[c]),
                        last ? "\n" : "  ");
        }
    }
    if (shown < t->columns) print_note(text, t, shown, most);
}

/* ---- whole */

static gk_status choose_sort(table *t, const char *name)
{
    t->sort = -1;
    if (!name) return GK_OK;
    t->down = *name == '-';
    return gk_cards_column(&t->cards, name + t->down, &t->sort);
}

static gk_status build(table *t, gk_text *text, const gk_ls_options *options)
{
    if (options->where) GK_TRY(gk_where_parse(&t->where, options->where, &t->cards));
    t->run = gk_alloc(2 * (size_t)t->cards.n + 1, sizeof *t->run);
    for (int i = 0; i < t->cards.n; i++)
        if (!options->where || gk_where_holds(&t->where, &t->cards, i)) t->run[t->runs++] = i;
    if (options->columns)
        GK_TRY(choose_columns(t, options->columns));
    else
        default_columns(t);
    GK_TRY(choose_sort(t, options->sort));
    if (t->sort >= 0) sort_runs(t, t->run, t->run + t->cards.n, 0, t->runs);
    if (options->csv)
        print_csv(text, t);
    else if (t->runs)
        print_table(text, t, options->columns ? 0 : options->width);
    return GK_OK;
}

gk_status gk_ls(gk_text *text, char **dir, int n, const gk_ls_options *options, int *found,
                int *shown)
{
    table *t = gk_alloc(1, sizeof *t);
    gk_status status = GK_OK;

    gk_cards_open(&t->cards);
    for (int i = 0; i < n && status == GK_OK; i++) status = gk_cards_find(&t->cards, dir[i]);
    if (status == GK_OK) status = build(t, text, options);
    if (t->cards.again)
        gk_warn("%d of the runs can be reached in two ways, and %s shown once: %s", t->cards.again,
                t->cards.again == 1 ? "is" : "are", t->cards.first_again.data);
    *found = t->cards.n;
    *shown = t->runs;
    gk_where_close(&t->where);
    gk_cards_close(&t->cards);
    free(t->run);
    free(t);
    return status;
}
