/* Conditions over the rows of a run, and summary.json. */
#include "gk/events.h"
#include "gk/condition.h"

#include <math.h>
#include <string.h>

/* Those of summary.json, which is called by what they say. */
static const gk_condition conditions[] = {
    {"train_loss", "<", 1e-2, 1}, {"train_acc", ">=", 0.99, 1},     {"test_acc", ">=", 0.5, 1},
    {"test_acc", ">=", 0.9, 1},   {"test_acc", ">=", 0.99, 1},      {"test_loss", "<", 1, 1},
    {"test_loss", "<", 0.1, 1},   {"test_loss", "<", 0.01, 1},      {"test_loss", "<", 1e-3, 1},
    {"test_loss", "<", 1e-5, 1},  {"restricted_all", "<", 0.01, 1},
};

enum {
    MEMORISED = 1,
    GROKKED = 6,
    GENERALISED = 10,
    CONDITIONS = sizeof conditions / sizeof *conditions
};

static bool holds(const gk_condition *c, const gk_row *row)
{
    double value;

    return gk_row_column(row, c->column, &value) && gk_satisfies(value, c->op, c->value);
}

void gk_events_free(gk_events *events) { gk_text_free(&events->moments); }

void gk_events_start(gk_events *events)
{
    gk_events_free(events);
    memset(events, 0, sizeof *events);
    events->peak_epoch = -1;
    for (int i = 0; i < GK_EVENTS_MAX; i++) events->crossed[i] = events->stays[i] = -1;
}

const gk_moment *gk_events_moments(const gk_events *events)
{
    return (const gk_moment *)(const void *)events->moments.data;
}

void gk_events_add(gk_events *events, const gk_row *row)
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
    events->keyed |= !isnan(row->restricted_all);
    gk_moment moment = {row->epoch, row->test_loss, row->squared_l2_norm};
    gk_text_append(&events->moments, &moment, sizeof moment);
    events->last = *row;
    events->last.extra = (gk_text){0};
    events->rows++;
}

int64_t gk_grok_epoch(const gk_events *events) { return events->stays[GROKKED]; }

/* A turning point is told where the curve is seen on both sides of it: at least one point before
 * and one behind, AROUND in all. */
enum { AROUND = 20 };

static int64_t seen_around(int64_t epoch, const gk_moment *point, int64_t n)
{
    bool inside = n > AROUND && epoch > point[0].epoch && epoch < point[n - 1].epoch;

    return inside ? epoch : -1;
}

/* The first row from which the sum of squares stays within 5 percent of its last value, if that is
 * a tenth of the rows ago (at least ten) and the run has grokked. Some row is always near the last
 * one: without the two conditions a curve that falls, too, would seem to have settled. */
static int64_t settled_from(const gk_events *events)
{
    const gk_moment *moment = gk_events_moments(events);
    int64_t tenth = events->rows / 10 > 10 ? events->rows / 10 : 10, from = events->rows;
    double last = events->last.squared_l2_norm;

    while (from > 0 && fabs(moment[from - 1].squared_l2_norm - last) <= 0.05 * last) from--;
    if (gk_grok_epoch(events) < 0 || from > events->rows - 1 - tenth) return -1;
    return seen_around(moment[from].epoch, moment, events->rows);
}

void gk_phases_find(gk_phases *phases, const gk_events *events, const int64_t *small)
{
    const gk_moment *moment = gk_events_moments(events);
    int64_t formed = small ? *small : events->crossed[GENERALISED];

    *phases = (gk_phases){-1, -1, -1};
    phases->memorisation = seen_around(events->peak_epoch, moment, events->rows);
    if (phases->memorisation < 0) return;
    if (!small && !events->keyed) formed = gk_grok_epoch(events);
    formed = seen_around(formed, moment, events->rows);
    if (formed <= phases->memorisation) return;
    phases->circuit_formation = formed;
    int64_t settled = settled_from(events);
    phases->cleanup = settled > formed ? settled : -1;
}

const char *gk_events_phase(const gk_events *events)
{
    gk_phases phases;

    gk_phases_find(&phases, events, NULL);
    if (phases.memorisation < 0) return "memorisation";
    if (phases.circuit_formation < 0) return "circuit formation";
    return phases.cleanup < 0 ? "cleanup" : "stable";
}

static void find_restricted(gk_turning *t, const gk_events *events, const double *restricted)
{
    const gk_moment *moment = gk_events_moments(events);

    for (int64_t i = 0; i < events->rows; i++) {
        const gk_moment *m = &moment[i];
        if (t->restricted_below_test < 0 && restricted[i] < m->test_loss)
            t->restricted_below_test = m->epoch;
        if (t->restricted_below_1 < 0 && restricted[i] < 1) t->restricted_below_1 = m->epoch;
        if (t->restricted_small < 0 && restricted[i] < 0.01) t->restricted_small = m->epoch;
    }
    t->restricted_below_test = seen_around(t->restricted_below_test, moment, events->rows);
    t->restricted_below_1 = seen_around(t->restricted_below_1, moment, events->rows);
    t->restricted_small = seen_around(t->restricted_small, moment, events->rows);
}

static void find_excluded(gk_turning *t, const gk_events *events, const gk_moment *excluded,
                          int64_t n)
{
    double top = -1, least = INFINITY;

    for (int64_t i = 0; i < n; i++)
        if (excluded[i].test_loss > top && excluded[i].epoch >= events->peak_epoch) {
            top = excluded[i].test_loss;
            t->excluded_max = excluded[i].epoch;
        }
    for (int64_t i = 0; i < n && excluded[i].epoch <= t->excluded_max; i++)
        if (excluded[i].test_loss < least) {
            least = excluded[i].test_loss;
            t->excluded_min = excluded[i].epoch;
        }
    t->excluded_max = seen_around(t->excluded_max, excluded, n);
    t->excluded_min = seen_around(t->excluded_min, excluded, n);
}

void gk_turning_find(gk_turning *t, const gk_events *events, const double *restricted,
                     const gk_moment *excluded, int64_t checkpoints)
{
    const gk_moment *moment = gk_events_moments(events);
    double most = -1;

    t->restricted_below_test = t->restricted_below_1 = t->restricted_small = -1;
    t->excluded_min = t->excluded_max = t->squares_max = -1;
    for (int64_t i = 0; i < events->rows; i++)
        if (moment[i].squared_l2_norm > most) {
            most = moment[i].squared_l2_norm;
            t->squares_max = moment[i].epoch;
        }
    t->squares_max = seen_around(t->squares_max, moment, events->rows);
    t->settled = settled_from(events);
    if (restricted) find_restricted(t, events, restricted);
    if (excluded) find_excluded(t, events, excluded, checkpoints);
    gk_phases_find(&t->phases, events, restricted ? &t->restricted_small : NULL);
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

static void add_turning(gk_text *json, const gk_turning *t)
{
    const struct {
        const char *name;
        int64_t epoch;
    } list[] = {
        {"restricted < test", t->restricted_below_test},
        {"restricted < 1", t->restricted_below_1},
        {"restricted < 0.01", t->restricted_small},
        {"excluded minimum", t->excluded_min},
        {"excluded maximum", t->excluded_max},
        {"squared L2 norm maximum", t->squares_max},
        {"squared L2 norm settled", t->settled},
    };

    gk_text_add(json, ",\n  \"key_freqs\": ");
    gk_list_print(json, t->key_freqs);
    gk_text_add(json, ",\n  \"turning_points\": {");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        gk_text_add(json, "%s\n    ", i ? "," : "");
        add_epoch(json, list[i].name, list[i].epoch);
    }
    gk_text_add(json, "\n  },\n  \"phases\": {");
    add_epoch(json, "memorisation_until", t->phases.memorisation);
    gk_text_add(json, ", ");
    add_epoch(json, "circuit_formation_until", t->phases.circuit_formation);
    gk_text_add(json, ", ");
    add_epoch(json, "cleanup_until", t->phases.cleanup);
    gk_text_add(json, "}");
}

void gk_events_print(gk_text *json, const gk_events *events, const gk_turning *turning,
                     const char *final, const gk_config *config, const char *state,
                     const char *ended_by)
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
        gk_text_add(json, "%s\n    \"", i ? "," : "");
        gk_condition_print(json, &conditions[i]);
        gk_text_add(json, "\": {");
        add_epoch(json, "crossed", events->crossed[i]);
        gk_text_add(json, ", ");
        add_epoch(json, "stays", events->stays[i]);
        gk_text_add(json, "}");
    }
    gk_text_add(json, "\n  }");
    add_turning(json, turning);
    gk_text_add(json, ",\n  \"last\": ");
    gk_text row = {0};
    gk_row_print(&row, &events->last, true);
    gk_text_append(json, row.data, row.length - 1); /* without its newline */
    gk_text_free(&row);
    gk_text_add(json, ",\n  \"final\": %s\n}\n", final && *final ? final : "null");
}
