/* A sweep: a config file whose values may be lists or forms, the points that it stands for, and
 * what their runs came to. Works on a machine without a GPU: reads and writes files only.
 *
 *     DIR/sweep.yaml      the file as it was given, byte for byte, and --set lines; one that has
 *                         more values, seeds or epochs takes its place
 *     DIR/history.jsonl   these changes
 *     DIR/made_of.json, made_of/   files that its points name: gk/made_of.h
 *     DIR/points.csv      index and the swept keys' values: one line per run
 *     DIR/runs/00007/     run 7: an ordinary run directory
 *     DIR/sweep.csv, curves.csv.gz, cells.csv      written by gather
 *
 * The value of any key, and of `seed` at the top, may be
 *     [a, b, c]                  these
 *     {range: [from, to, step]}  from, from + step, ... before `to`; the step is 1 if not given
 *     {log: [from, to, n]}       n of equal ratio, both ends exact; whole for keys that are, equal
 *                                ones once
 * and the runs are the product of all of them in the order of the file, the last key fastest.
 * At the top, beside the groups:
 *     zip: [[optim.lr, seed]]    these walk together, at the place of the first of them
 *     points: file.csv           instead of the product: a header of key names, a row per run; the
 *                                path is relative to the sweep file; of one that comes through a
 *                                pipe, to the working directory
 *     random: {n: 200, seed: 0}  instead of the product: each run draws a value for every key, or
 *                                zip. A list and a range give each of theirs alike,
 *                                {uniform: [a, b]} a number between, {log: [a, b]} one whose
 *                                logarithm is uniform. A draw is a function of random.seed, the
 *                                run and the key: the first 200 of n: 300 are those of n: 200
 *     from: RUN@EPOCH            every run is a branch of RUN: what the file does not give is as in
 *                                RUN/config.yaml
 * --set wins over the file: what it gives is not swept. */
#ifndef GK_SWEEP_H
#define GK_SWEEP_H

#include "gk/csv.h"
#include "gk/made_of.h"

enum {
    GK_SWEEP_KEYS = GK_CONFIG_KEYS + 1,
    GK_SWEEP_POINTS_MAX = 1000000,
    GK_SWEEP_VALUES_MAX = 8000000 /* points x keys */
};

typedef struct gk_sweep {
    int n;                          /* points */
    int had;                        /* of them in the directory: gk_sweep_continue */
    int keys;                       /* swept keys in the order of the file; "seed" is one */
    const char *key[GK_SWEEP_KEYS]; /* "optim.lr", "seed" */
    const char **value;             /* (n,keys): numbers in their shortest exact form */
    gk_config base;                 /* everything that is not swept, --set included */
    bool seeds_split, seeds_init;   /* a swept seed stands for both but where --set gives one */
    char from[GK_TEXT_MAX];         /* RUN@EPOCH; "": new runs */
    char name[GK_PATH_MAX];         /* of the file */
    bool beside[GK_SOURCES];        /* given by the file: it is looked for beside that, too */
    gk_made_of made;                /* what its points are made of; none: files at their paths */
    char dir[GK_PATH_MAX];          /* which has kept it */
    gk_text changes;                /* since the directory's sweep.yaml, for history.jsonl */
    char *text;                     /* the file */
    size_t length;
    char **kept; /* what `value` points to */
    size_t n_kept;
} gk_sweep;

/* GK_EUSAGE with file, line and the nearest key, as for configs. Every point is checked as a
 * config, and no two are the same. Close in any case. */
gk_status gk_sweep_load(gk_sweep *sweep, const char *path, const char *const *sets, int n_sets);
void gk_sweep_close(gk_sweep *sweep);

/* The same from `size` bytes in memory; `name` stands for the file in messages, and paths are
 * relative to it. */
gk_status gk_sweep_parse(gk_sweep *sweep, const char *name, const char *yaml, size_t size,
                         const char *const *sets, int n_sets);

/* The config of point i. */
gk_status gk_sweep_config(gk_config *config, const gk_sweep *sweep, int i);

/* grow.c: the points that the sweep in `dir` has keep their numbers, others come behind them;
 * nothing where `dir` is no sweep. GK_EUSAGE where the file has one of them not, with the
 * difference; GK_EDATA, GK_EIO. */
gk_status gk_sweep_continue(gk_sweep *sweep, const char *dir);

/* What a sweep in `dir` has kept is what its points are made of, from here on. GK_EUSAGE: a file
 * that is still at its path is another one now; GK_EIO, GK_EDATA. */
gk_status gk_sweep_use_made_of(gk_sweep *sweep, const char *dir);
/* All that the points name is kept in `dir`. GK_EIO. */
gk_status gk_sweep_keep_made_of(gk_sweep *sweep, const char *dir);

/* DIR/runs/00007 */
gk_status gk_sweep_run_dir(char dir[GK_PATH_MAX], const char *sweep_dir, int i);

/* The content of points.csv: "index,optim.lr,seed", then a line for each point. */
void gk_sweep_points_csv(gk_text *csv, const gk_sweep *sweep);
/* A points.csv with today's names of its keys (gk/renamed.h); as gk_csv_read. */
gk_status gk_sweep_read_points(gk_csv *points, const char *path);

#endif
