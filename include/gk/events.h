/* What happened when, from the rows of a run: a pure function of metrics.jsonl, fed row by row.
 * `crossed`: the first row where a condition holds. `stays`: the first row from which it holds to
 * the last. */
#ifndef GK_EVENTS_H
#define GK_EVENTS_H

#include "gk/config.h"
#include "gk/row.h"

enum { GK_EVENTS_MAX = 16 };

/* What the end of a run needs to know of every row. */
typedef struct gk_moment {
    int64_t epoch;
    double test_loss, squared_l2_norm;
} gk_moment;

typedef struct gk_events {
    int64_t rows;
    int64_t crossed[GK_EVENTS_MAX], stays[GK_EVENTS_MAX]; /* -1: not (any more) */
    int64_t peak_epoch; /* where the test loss was largest so far */
    double peak;
    bool keyed;      /* some row has a restricted loss */
    gk_row last;     /* without its extra text */
    gk_text moments; /* gk_moment of each row; owned */
} gk_events;

void gk_events_start(gk_events *events);
void gk_events_free(gk_events *events);
void gk_events_add(gk_events *events, const gk_row *row);
const gk_moment *gk_events_moments(const gk_events *events); /* (rows) */

/* Test loss < 0.1 from this epoch to the last row; -1: not. Provisional while the run goes on. */
int64_t gk_grok_epoch(const gk_events *events);

/* Where the phases end, -1: not told, and then no later one is either. docs/manual.md, "Phases",
 * has the same as a table.
 *   memorisation       the row with the largest test loss
 *   circuit_formation  the first row with a restricted loss below 0.01; in a run without one (no
 *                      frequencies, no key set) the grok epoch
 *   cleanup            the first row from which the squared L2 norm of all weights stays within
 *                      5 percent of its last value, if that has held for the last tenth of the
 *                      rows (ten at least) and the run has grokked
 * Each is told only where rows are seen on both sides of it: one before, one behind, 20 in all. */
typedef struct gk_phases {
    int64_t memorisation, circuit_formation, cleanup;
} gk_phases;

/* *small: the first row where the restricted loss with the final key set is below 0.01, -1: none;
 * NULL: there is no such set (yet), and the restricted loss is that of each row's own. */
void gk_phases_find(gk_phases *phases, const gk_events *events, const int64_t *small);

/* Where the run turned, seen from its end; -1: not, or not seen on both sides (as above; excluded:
 * checkpoints instead of rows). */
typedef struct gk_turning {
    char key_freqs[GK_KEYS_TEXT];  /* the final set; "": none */
    int64_t restricted_below_test; /* first row where restricted loss (all) < test loss */
    int64_t restricted_below_1, restricted_small; /* first rows where it is < 1, < 0.01 */
    int64_t excluded_min; /* checkpoint with the least excluded loss before its largest */
    int64_t excluded_max; /* and with its largest */
    int64_t squares_max, settled;
    gk_phases phases;
} gk_turning;

/* From the moments, and from the restricted loss of each row and the excluded loss of each
 * checkpoint with the final key set (either may be NULL). */
void gk_turning_find(gk_turning *turning, const gk_events *events, const double *restricted,
                     const gk_moment *excluded, int64_t checkpoints);

/* For the progress line: "memorisation", "circuit formation", "cleanup" or "stable": the phase of
 * the last row, by the rule of gk_phases_find and the restricted loss of each row's own key set.
 * Provisional: rows to come may move where a phase ends. */
const char *gk_events_phase(const gk_events *events);

/* summary.json. `final`: the last line of final.jsonl, NULL: none */
void gk_events_print(gk_text *json, const gk_events *events, const gk_turning *turning,
                     const char *final, const gk_config *config, const char *state,
                     const char *ended_by);

#endif
