/* One run, from its directory to a card. */
#include "archive/card.h"
#include "gk/events.h"
#include "rows/file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_LIMIT = 1 << 16, SUMMARY_LIMIT = 1 << 22 };

typedef struct source {
    const char *dir;
    gk_columns *columns;
    char path[GK_PATH_MAX];
    gk_config config;
    bool has_config, finished;
} source;

/* -------------------------------------------------------------------------------- the table */

void gk_cards_open(gk_cards *cards)
{
    static const char *const first[] = {"run", "state", "epoch", "seed"};
    const char *name, *help;

    *cards = (gk_cards){0};
    for (int c = 0; c < GK_CARD_CONFIG; c++) gk_columns_fix(&cards->columns, first[c]);
    for (int i = 0; i < GK_CONFIG_KEYS; i++)
        gk_columns_fix(&cards->columns, gk_config_keys[i].name);
    gk_columns_at(&cards->columns, "grok_epoch");
    for (int i = 0; (name = gk_measure_name(i, &help)); i++) gk_columns_at(&cards->columns, name);
    gk_columns_at(&cards->columns, "key_freqs");
}

void gk_cards_close(gk_cards *cards)
{
    for (int i = 0; i < cards->n; i++) {
        for (int c = 0; c < cards->width[i]; c++) free(cards->value[i][c]);
        free(cards->value[i]);
    }
    free(cards->value);
    free(cards->width);
    gk_columns_free(&cards->columns);
}

/* A block of n elements becomes one with room for 2 n, at least 1. */
static void *grown(void *block, int n, size_t size)
{
    void *more = gk_alloc(2 * (size_t)n + 1, size);

    if (n) memcpy(more, block, (size_t)n * size);
    free(block);
    return more;
}

/* The values of the columns become a card. Empty ones are null. */
static void keep(gk_cards *cards)
{
    gk_columns *columns = &cards->columns;

    if ((cards->n & (cards->n - 1)) == 0) {
        cards->value = grown(cards->value, cards->n, sizeof *cards->value);
        cards->width = grown(cards->width, cards->n, sizeof *cards->width);
    }
    char **value = gk_alloc((size_t)columns->n, sizeof *value);
    for (int c = 0; c < columns->n; c++)
        if (columns->value[c].length) {
            value[c] = columns->value[c].data;
            columns->value[c] = (gk_text){0};
        }
    cards->value[cards->n] = value;
    cards->width[cards->n++] = columns->n;
}

/* ------------------------------------------------------------------------------------ a run */

static gk_status read_state(source *s)
{
    gk_text *state = &s->columns->value[GK_CARD_STATE];
    char *text;
    size_t size;

    GK_TRY(gk_path(s->path, "%s/state", s->dir));
    if (!gk_exists(s->path)) return GK_OK;
    GK_TRY(gk_file_read(s->path, STATE_LIMIT, &text, &size));
    gk_text_append(state, text, strcspn(text, ":\n"));
    s->finished = !strcmp(state->data, "done") || !strcmp(state->data, "diverged");
    free(text);
    return GK_OK;
}

static gk_status read_config(source *s)
{
    uint64_t split, init;

    GK_TRY(gk_path(s->path, "%s/config.yaml", s->dir));
    GK_TRY(gk_config_load(&s->config, s->path, NULL, 0));
    s->has_config = true;
    for (int i = 0; i < GK_CONFIG_KEYS; i++)
        gk_gather_setting(&s->columns->value[GK_CARD_CONFIG + i], &s->config, &gk_config_keys[i]);
    if (gk_seed_text(s->config.task.split, "philox", &split) &&
        gk_seed_text(s->config.model.init, "philox", &init) && split == init)
        gk_text_add(&s->columns->value[GK_CARD_SEED], "%llu", (unsigned long long)init);
    return GK_OK;
}

static gk_status put_summary(source *s, const char *text, size_t size)
{
    json_error_t error;
    json_t *summary = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);

    if (!summary) return gk_fail(GK_EDATA, "%s:%d: %s", s->path, error.line, error.text);
    gk_status status = gk_gather_summary(s->columns, s->path, summary);
    json_t *final = json_object_get(summary, "final");
    if (status == GK_OK && json_is_object(final))
        status = gk_gather_measures(s->columns, s->path, final);
    json_decref(summary);
    return status;
}

static gk_status read_summary(source *s)
{
    char *text;
    size_t size;

    GK_TRY(gk_path(s->path, "%s/summary.json", s->dir));
    GK_TRY(gk_file_read(s->path, SUMMARY_LIMIT, &text, &size));
    gk_status status = put_summary(s, text, size);
    free(text);
    return status;
}

static gk_status replay(gk_events *events, const source *s)
{
    bool more = true;
    gk_row_file rows;
    gk_row row;

    gk_status status = gk_row_file_open(&rows, s->dir);
    while (status == GK_OK && more) {
        status = gk_row_file_next(&rows, &more);
        if (status != GK_OK || !more) break;
        status = gk_row_parse(&row, rows.line, rows.length);
        if (status == GK_OK) gk_events_add(events, &row, &s->config);
    }
    gk_row_file_close(&rows);
    return status;
}

/* What summary.json would say. */
static gk_status summarise(source *s)
{
    gk_events *events = gk_alloc(1, sizeof *events);
    gk_turning turning = {.key_freqs = ""};
    gk_text json = {0};

    gk_events_start(events);
    gk_status status = replay(events, s);
    if (status == GK_OK && events->rows) {
        gk_turning_find(&turning, events, NULL, NULL, 0);
        snprintf(turning.key_freqs, sizeof turning.key_freqs, "%s", events->last.key_freqs);
        gk_events_print(&json, events, &turning, NULL, &s->config, "running", "");
        status = put_summary(s, json.data, json.length);
    }
    gk_text_free(&json);
    gk_events_free(events);
    free(events);
    return status;
}

static gk_status read_last(source *s)
{
    gk_text line = {0};

    GK_TRY(gk_path(s->path, "%s/metrics.jsonl", s->dir));
    if (!gk_exists(s->path)) return GK_OK; /* it has only begun */
    gk_status status = gk_row_file_last(&line, s->dir);
    if (status == GK_OK && line.length) {
        json_t *row = json_loadb(line.data, line.length, JSON_REJECT_DUPLICATES, NULL);
        const json_t *epoch = json_object_get(row, "epoch");
        if (!json_is_integer(epoch))
            status = gk_fail(GK_EDATA, "%s: the last line is no row", s->path);
        else
            gk_text_add(&s->columns->value[GK_CARD_EPOCH], "%lld",
                        (long long)json_integer_value(epoch));
        if (status == GK_OK) status = gk_gather_measures(s->columns, s->path, row);
        json_decref(row);
    }
    gk_text_free(&line);
    if (status != GK_OK || !s->has_config) return status;
    return s->finished ? GK_OK : summarise(s);
}

static void warn(gk_status status)
{
    if (status != GK_OK) gk_warn("%s", gk_message());
}

void gk_cards_add(gk_cards *cards, const char *dir)
{
    source *s = gk_alloc(1, sizeof *s);

    s->dir = dir;
    s->columns = &cards->columns;
    gk_columns_clear(s->columns);
    gk_text_add(&s->columns->value[GK_CARD_RUN], "%s", dir);
    warn(read_state(s));
    warn(read_config(s));
    if (s->finished) warn(read_summary(s));
    warn(read_last(s));
    free(s);
    keep(cards);
}
