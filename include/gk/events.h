/* What happened when, from the rows of a run: a pure function of metrics.jsonl, fed row by row.
 * `crossed`: the first row where a condition holds. `stays`: the first row from which it holds to the last. */
#ifndef GK_EVENTS_H
#define GK_EVENTS_H

#include "gk/measure.h"

enum { GK_EVENTS_MAX = 16 };

typedef struct gk_events {
    int64_t rows;
    int64_t crossed[GK_EVENTS_MAX], stays[GK_EVENTS_MAX];   /* -1: not (any more) */
    int64_t peak_epoch;             /* where the test loss was largest so far */
    double peak;
    int64_t acc_rows;               /* rows in a row with test accuracy >= run.stop_test_acc */
    gk_row last;
} gk_events;

void gk_events_start(gk_events *events);
void gk_events_add(gk_events *events, const gk_row *row, const gk_config *config);

/* Why the stop rules end the run at the last row, or NULL. */
const char *gk_events_stop(const gk_events *events, const gk_config *config);

/* Test loss < 0.1 from this epoch to the last row; -1: not. Provisional while the run goes on. */
int64_t gk_grok_epoch(const gk_events *events);
/* "memorising", "memorised", "grokked": for the progress line. */
const char *gk_events_phase(const gk_events *events);

/* summary.json */
void gk_events_print(gk_text *json, const gk_events *events, const gk_config *config, const char *state,
                     const char *ended_by);

#endif
