/* Conditions over the rows of a run, the stop rules, and summary.json. */
#include "gk/events.h"

#include <math.h>
#include <string.h>

/* NaN fulfils no condition. */
static const struct condition {
    const char *name;
    size_t column;
    bool below;
    double limit;
} conditions[] = {
    {"train_loss < 0.01", offsetof(gk_row, train_loss), true, 1e-2},
    {"train_acc >= 0.99", offsetof(gk_row, train_acc), false, 0.99},
    {"test_acc >= 0.5", offsetof(gk_row, test_acc), false, 0.5},
    {"test_acc >= 0.9", offsetof(gk_row, test_acc), false, 0.9},
    {"test_acc >= 0.99", offsetof(gk_row, test_acc), false, 0.99},
    {"test_loss < 1", offsetof(gk_row, test_loss), true, 1},
    {"test_loss < 0.1", offsetof(gk_row, test_loss), true, 0.1},
    {"test_loss < 0.01", offsetof(gk_row, test_loss), true, 0.01},
    {"test_loss < 0.001", offsetof(gk_row, test_loss), true, 1e-3},
    {"test_loss < 1e-05", offsetof(gk_row, test_loss), true, 1e-5},
};

enum { MEMORISED = 1, GROKKED = 6, CONDITIONS = sizeof conditions / sizeof *conditions };

static bool holds(const struct condition *c, const gk_row *row)
{
    double value = *(const double *)((const char *)row + c->column);

    return c->below ? value < c->limit : value >= c->limit;
}

void gk_events_start(gk_events *events)
{
    memset(events, 0, sizeof *events);
    events->peak_epoch = -1;
    for (int i = 0; i < GK_EVENTS_MAX; i++) events->crossed[i] = events->stays[i] = -1;
}

void gk_events_add(gk_events *events, const gk_row *row, const gk_config *config)
{
    for (int i = 0; i < CONDITIONS; i++) {
        bool now = holds(&conditions[i], row);
        if (now && events->crossed[i] < 0) events->crossed[i] = row->epoch;
        if (!now)
            events->stays[i] = -1;
        else if (events->stays[i] < 0)
            events->stays[i] = row->epoch;
    }
    if (isfinite(row->test_loss) && (events->peak_epoch < 0 || row->test_loss > events->peak)) {
        events->peak = row->test_loss;
        events->peak_epoch = row->epoch;
    }
    events->acc_rows = row->test_acc >= config->run.stop_test_acc ? events->acc_rows + 1 : 0;
    events->last = *row;
    events->rows++;
}

const char *gk_events_stop(const gk_events *events, const gk_config *config)
{
    if (!events->rows) return NULL;
    if (events->last.test_loss < config->run.stop_test_loss) return "run.stop_test_loss";
    if (!isnan(config->run.stop_test_acc) && events->acc_rows >= config->run.stop_rows)
        return "run.stop_test_acc";
    return NULL;
}

int64_t gk_grok_epoch(const gk_events *events) { return events->stays[GROKKED]; }

const char *gk_events_phase(const gk_events *events)
{
    if (events->stays[GROKKED] >= 0) return "grokked";
    return events->stays[MEMORISED] >= 0 ? "memorised" : "memorising";
}

static void add_epoch(gk_text *json, const char *key, int64_t epoch)
{
    if (epoch < 0)
        gk_text_add(json, "\"%s\": null", key);
    else
        gk_text_add(json, "\"%s\": %lld", key, (long long)epoch);
}

static void add_delay(gk_text *json, const gk_events *events)
{
    int64_t grok = gk_grok_epoch(events), memorised = events->crossed[MEMORISED];
    bool both = grok >= 0 && memorised >= 0;

    add_epoch(json, "grok_epoch", grok);
    gk_text_add(json, ",\n  \"grok_delay\": ");
    gk_text_add_real(json, both ? (double)(grok - memorised) : GK_NULL);
    gk_text_add(json, ",\n  \"grok_delay_ratio\": ");
    gk_text_add_real(json, both && memorised > 0 ? (double)grok / (double)memorised : GK_NULL);
}

void gk_events_print(gk_text *json, const gk_events *events, const gk_config *config,
                     const char *state, const char *ended_by)
{
    gk_text_add(json, "{\n  \"format\": 1,\n  \"state\": \"%s\",\n  \"ended_by\": ", state);
    gk_text_add_json(json, ended_by);
    gk_text_add(json, ",\n  \"epochs\": %lld,\n  \"measure_every\": %lld,\n",
                (long long)events->last.epoch, (long long)config->run.measure_every);
    gk_text_add(json, "  ");
    add_delay(json, events);
    gk_text_add(json, ",\n  \"test_loss_peak\": {");
    add_epoch(json, "epoch", events->peak_epoch);
    gk_text_add(json, ", \"value\": ");
    gk_text_add_real(json, events->peak_epoch < 0 ? GK_NULL : events->peak);
    gk_text_add(json, "},\n  \"events\": {");
    for (int i = 0; i < CONDITIONS; i++) {
        gk_text_add(json, "%s\n    \"%s\": {", i ? "," : "", conditions[i].name);
        add_epoch(json, "crossed", events->crossed[i]);
        gk_text_add(json, ", ");
        add_epoch(json, "stays", events->stays[i]);
        gk_text_add(json, "}");
    }
    gk_text_add(json, "\n  },\n  \"last\": ");
    gk_text row = {0};
    gk_row_print(&row, &events->last);
    gk_text_append(json, row.data, row.length - 1); /* without its newline */
    gk_text_free(&row);
    gk_text_add(json, "\n}\n");
}
