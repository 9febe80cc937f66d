/* A sweep: a config file whose values may be lists or forms, the points that it stands for, and what their runs came to.
 * Works on a machine without a GPU: reads and writes files only.
 *
 *     DIR/sweep.yaml      the file as it was given, byte for byte, and --set lines: a changed one is refused
 *     DIR/points.csv      index and the swept keys' values: one line per run
 *     DIR/runs/00007/     run 7: an ordinary run directory
 *     DIR/sweep.csv, curves.csv.gz, cells.csv      written by gather */
#ifndef GK_SWEEP_H
#define GK_SWEEP_H

#include "gk/config.h"

enum { GK_SWEEP_KEYS = 64, GK_SWEEP_POINTS_MAX = 1000000 };

typedef struct gk_sweep {
    int n;                      /* points */
    int keys;                   /* swept keys, in the order of the file; "seed" is one */
    char *key[GK_SWEEP_KEYS];   /* "optim.lr", "seed" */
    char **value;               /* (n,keys): as text */
    char *base;                 /* YAML of everything that is not swept */
    const char *const *sets;    /* --set of the command line: they win over the file, swept or not */
    int n_sets;
    char from[GK_TEXT_MAX];     /* `from: RUN@EPOCH`: every run is a branch of this one; "" */
    char *text;                 /* the file */
    size_t length;
} gk_sweep;

/* GK_EUSAGE with file, line and the nearest key, as for configs. Every point is checked as a config. Close in any case. */
gk_status gk_sweep_load(gk_sweep *sweep, const char *path, const char *const *sets, int n_sets);
void gk_sweep_close(gk_sweep *sweep);

/* The config of point i. */
gk_status gk_sweep_config(gk_config *config, const gk_sweep *sweep, int i);

/* DIR/runs/00007 */
gk_status gk_sweep_run_dir(char dir[], const char *sweep_dir, int i);

/* gather.c: merges the finished runs of a sweep directory into sweep.csv, curves.csv.gz and cells.csv, by rename; reads
 * nothing that is not finished, and says how many those are. */
typedef struct gk_gathered {
    int runs, done, diverged, going, waiting, grokked;
} gk_gathered;
gk_status gk_gather(gk_gathered *counts, const char *sweep_dir);

#endif
