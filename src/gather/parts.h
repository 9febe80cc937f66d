/* What the files of gather share. The contract is gk/gather.h. */
#ifndef GK_GATHER_PARTS_H
#define GK_GATHER_PARTS_H

#include "gk/cards.h"
#include "gk/csv.h"
#include "gk/gather.h"
#include "gk/sweep.h"

typedef enum gk_point_state {
    GK_WAITING,
    GK_GOING,
    GK_UNREADABLE,
    GK_DONE,
    GK_FELL
} gk_point_state;

/* A run of the sweep, and of a finished one what cells need. NaN: null. */
typedef struct gk_point {
    int index;
    gk_point_state state;
    struct stat stamp; /* of its state file */
    double grok_epoch, observed_until, memorised, delay, train_loss, test_loss;
} gk_point;

typedef struct gk_gathering {
    const char *dir;
    gk_csv points; /* as in points.csv; column 0 is the index */
    gk_point *point;
    gk_columns sweep, curves;
    int first_config, until; /* columns of sweep: of the first config key, of observed_until */
    bool differs[GK_CONFIG_KEYS], any; /* any: `config` is the one of the first finished run */
    gk_config config;
} gk_gathering;

static inline bool gk_point_finished(const gk_point *point) { return point->state >= GK_DONE; }

/* run.c: finds out how run i stands (point->state) and, if it is finished, reads it. With
 * `curves` NULL: learns its columns and what cells need. Else: its rows go to `curves`, and what
 * sweep.csv has of it is set. GK_EDATA, GK_EIO: it cannot be read, or changed meanwhile. */
gk_status gk_gather_run(gk_gathering *gather, int i, gk_out *curves);

/* rows.c: metrics.jsonl of the run in `dir`, answers beside its rows. With `out` NULL every row is
 * checked and its columns are learnt; else the rows go to `out`, their numbers as they stand in the
 * file. *last: the last one. */
gk_status gk_gather_rows(gk_columns *columns, const char *dir, int index, const gk_answers *answers,
                         gk_out *out, gk_text *last);

/* cells.c: cells.csv. */
void gk_gather_cells(gk_out *out, const gk_gathering *gather);

/* The value of swept column `name` as it is written: "1e-3" and "0.001" are one. */
void gk_gather_value(gk_text *text, const char *name, const char *value);

#endif
