/* One run, from its directory to a card. */
#include "gk/cards.h"
#include "gk/events.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
    const char *dir;
    gk_columns *columns;
    char path[GK_PATH_MAX];
    gk_config config;
    bool has_config, finished;
    int64_t epoch; /* of the last row, -1: none */
} source;

/* ---- the table */

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
    free(cards->place);
    gk_text_free(&cards->first_again);
    gk_columns_free(&cards->columns);
}

/* The values of the columns become a card. Empty ones are null. */
static void keep(gk_cards *cards, const char *dir)
{
    gk_columns *columns = &cards->columns;
    struct stat info = {0};

    cards->value = gk_grow(cards->value, (size_t)cards->n, sizeof *cards->value);
    cards->width = gk_grow(cards->width, (size_t)cards->n, sizeof *cards->width);
    char **value = gk_alloc((size_t)columns->n, sizeof *value);
    for (int c = 0; c < columns->n; c++)
        if (columns->value[c].length) {
            value[c] = columns->value[c].data;
            columns->value[c] = (gk_text){0};
        }
    stat(dir, &info);
    cards->place = gk_grow(cards->place, (size_t)cards->n, sizeof *cards->place);
    cards->place[cards->n] = (struct gk_card_place){info.st_dev, info.st_ino};
    cards->value[cards->n] = value;
    cards->width[cards->n++] = columns->n;
}

/* ---- a run */

static gk_status read_state(source *s)
{
    gk_run_state state;

    GK_TRY(gk_run_read_state(&state, s->dir));
    bool dead = !strcmp(state.word, "running") && !gk_run_is_held(s->dir);
    gk_text_add(&s->columns->value[GK_CARD_STATE], "%s", dead ? "dead" : state.word);
    s->finished = gk_run_is_finished(&state);
    return GK_OK;
}

static gk_status read_config(source *s)
{
    uint64_t split, init;

    GK_TRY(gk_run_read_config(&s->config, s->dir));
    s->has_config = true;
    for (int i = 0; i < GK_CONFIG_KEYS; i++)
        gk_setting_text(&s->columns->value[GK_CARD_CONFIG + i], &s->config, &gk_config_keys[i]);
    if (gk_seed_text(s->config.task.split, "philox", &split) &&
        gk_seed_text(s->config.model.init, "philox", &init) && split == init)
        gk_text_add(&s->columns->value[GK_CARD_SEED], "%llu", (unsigned long long)init);
    return GK_OK;
}

/* summary.json, in the file or as it would be. */
static gk_status put_summary(source *s, json_t *summary)
{
    gk_status status = gk_columns_put_summary(s->columns, s->path, summary);
    json_t *final = json_object_get(summary, "final");

    if (status == GK_OK && json_is_object(final))
        status = gk_columns_put_row(s->columns, s->path, final);
    return status;
}

static gk_status read_summary(source *s)
{
    json_t *summary;

    GK_TRY(gk_path(s->path, "%s/summary.json", s->dir));
    GK_TRY(gk_run_read_json(&summary, s->dir, "summary.json"));
    gk_status status = put_summary(s, summary);
    json_decref(summary);
    return status;
}

static gk_status replay(gk_events *events, const source *s)
{
    bool more = true;
    gk_row_file rows;
    gk_row row;

    gk_status status = gk_row_file_open(&rows, s->dir, "metrics.jsonl");
    while (status == GK_OK && more) {
        status = gk_row_file_next(&rows, &more);
        if (status != GK_OK || !more) break;
        status = gk_row_parse(&row, rows.line, rows.length);
        if (status != GK_OK) break;
        gk_events_add(events, &row);
        gk_row_free(&row);
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
        json_t *summary = json_loadb(json.data, json.length, JSON_REJECT_DUPLICATES, NULL);
        status = summary ? put_summary(s, summary)
                         : gk_fail(GK_EDATA, "%s: no summary comes of its rows", s->dir);
        json_decref(summary);
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
            s->epoch = json_integer_value(epoch);
        if (status == GK_OK) status = gk_columns_put_row(s->columns, s->path, row);
        json_decref(row);
    }
    gk_text_free(&line);
    if (status != GK_OK || !s->has_config) return status;
    return s->finished ? GK_OK : summarise(s);
}

/* What run.hook says of the last row, or of the last one before that it has answered. */
static gk_status read_answer(source *s)
{
    gk_answers answers;

    GK_TRY(gk_path(s->path, "%s/hook.jsonl", s->dir));
    gk_status status = gk_answers_read(&answers, s->dir);
    const char *line = gk_answers_up_to(&answers, s->epoch);
    if (status == GK_OK && line) status = gk_columns_put_answer(s->columns, s->path, line);
    gk_answers_free(&answers);
    return status;
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
    s->epoch = -1;
    gk_columns_clear(s->columns);
    gk_text_add(&s->columns->value[GK_CARD_RUN], "%s", dir);
    warn(read_state(s));
    warn(read_config(s));
    if (s->finished) warn(read_summary(s));
    warn(read_last(s));
    if (s->epoch >= 0) gk_text_add(&s->columns->value[GK_CARD_EPOCH], "%lld", (long long)s->epoch);
    warn(read_answer(s));
    free(s);
    keep(cards, dir);
}
