/* What the files of gather share. The contract is gk/sweep.h. */
#ifndef GK_GATHER_H
#define GK_GATHER_H

#include "gk/sweep.h"

#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

/* --------------------------------------------------------------------------------- gather_csv.c
 * CSV as in RFC 4180, but lines that we write end with \n alone. */

typedef struct gk_csv {
    char *data, **field; /* field (rows + 1, columns); the first row has the names */
    int rows, columns;
} gk_csv;

/* A header and rows of as many fields, UTF-8 or whatever it is; GK_EDATA with the line. Free it in
 * any case. */
gk_status gk_csv_read(gk_csv *csv, const char *path);
void gk_csv_free(gk_csv *csv);
const char *gk_csv_at(const gk_csv *csv, int row, int column); /* row -1: the name */
void gk_csv_add(gk_text *line, const char *field);             /* quoted where it must be */

/* ---------------------------------------------------------------------------- gather_columns.c */

/* The columns of a table, found out as data comes, and the values of the row that is being filled.
 * First the `fixed` ones, which are set by number, then those that are set by name. */
enum { GK_COLUMNS_MAX = 8192 };
typedef struct gk_columns {
    int n, fixed, guess; /* guess: names come in about the same order each time */
    bool frozen;         /* the header is written: no new ones */
    char **name;
    gk_text *value;
    bool *hidden; /* not written */
} gk_columns;

void gk_columns_fix(gk_columns *columns, const char *name);
/* The value under this name; NULL where it is new and may not be, or is a fixed one. */
gk_text *gk_columns_at(gk_columns *columns, const char *name);
/* Why it was NULL for `name` in the file `path`: GK_EDATA. */
gk_status gk_columns_refuse(const gk_columns *columns, const char *path, const char *name);
void gk_columns_clear(gk_columns *columns);      /* the values */
void gk_columns_cut(gk_columns *columns, int n); /* forgets all from the n-th on */
void gk_columns_free(gk_columns *columns);

/* -------------------------------------------------------------------------------- gather_out.c */

/* A file that appears whole or not at all: written aside, then renamed. Errors wait for finish. */
typedef struct gk_out {
    char path[GK_PATH_MAX], aside[GK_PATH_MAX];
    gzFile file;
    int fd;
    bool failed;
} gk_out;

gk_status gk_out_open(gk_out *out, const char *dir, const char *name, bool gzip);
void gk_out_add(gk_out *out, const gk_text *text);
void gk_out_names(gk_out *out, const gk_columns *columns);
void gk_out_values(gk_out *out, const gk_columns *columns);
gk_status gk_out_finish(gk_out *out); /* everything is on disk, still aside */
gk_status gk_out_rename(gk_out *out);
void gk_out_drop(gk_out *out); /* nothing is left aside; harmless after all of the above */

/* ------------------------------------------------------------------- gather.c, gather_run.c ... */

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

/* gather_run.c: finds out how run i stands (point->state) and, if it is finished, reads it. With
 * `curves` NULL: learns its columns and what cells need. Else: its rows go to `curves`, and what
 * sweep.csv has of it is set. GK_EDATA, GK_EIO: it cannot be read, or changed meanwhile. */
gk_status gk_gather_run(gk_gathering *gather, int i, gk_out *curves);

/* gather_rows.c: a regular file, opened without waiting for anything. */
gk_status gk_gather_open(FILE **file, const char *path);

/* metrics.jsonl at `path`. With `out` NULL every row is checked and its columns are
 * learnt; else the rows go to `out`, their numbers as they stand in the file. *last: the last one.
 */
gk_status gk_gather_rows(gk_columns *columns, const char *path, int index, gk_out *out,
                         gk_text *last);

/* gather_json.c: summary.json and a row as columns, those of key sets that were provisional left
 * out. {"events": {"test_loss < 0.1": {"crossed": 7}}}: column "events.test_loss < 0.1.crossed".
 * A value that a column has already stays. `path`: for messages. */
struct json_t;
gk_status gk_gather_summary(gk_columns *columns, const char *path, struct json_t *summary);
gk_status gk_gather_measures(gk_columns *columns, const char *path, struct json_t *row);
/* The value of a config key in its shortest form; nothing: null. */
void gk_gather_setting(gk_text *text, const gk_config *config, const gk_config_key *key);

/* gather_cells.c: cells.csv. Its columns behind the swept keys: */
#define GK_CELL_COLUMNS                                                                            \
    "n,done,diverged,grokked,grokked_share,grokked_low,grokked_high,grok_epoch_median,"            \
    "grok_epoch_low,grok_epoch_high,grok_delay_median,train_loss_median,test_loss_median"
void gk_gather_cells(gk_out *out, const gk_gathering *gather);

bool gk_gather_is_seed(const char *name); /* runs that differ in it only are of one cell */

/* The value of swept column `name` as it is written: "1e-3" and "0.001" are one. */
void gk_gather_value(gk_text *text, const char *name, const char *value);

#endif
