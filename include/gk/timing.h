/* `grokc bench`: lanes (a backend, or the CPU's with so many threads) that take turns, lines of
 * times with their spread, and the report of them. Times are wall time; results go to stdout. */
#ifndef GK_TIMING_H
#define GK_TIMING_H

#include "gk/batch.h"

#include <jansson.h>

enum { GK_LANES_MAX = 16, GK_ROUNDS_MAX = 999 };

/* A backend that is timed, and what it can do at best, measured in the same run. */
typedef struct gk_lane {
    gk_backend be;
    int threads;          /* of the cpu backend; 1 elsewhere */
    double copy, product; /* bytes and floating point operations per second */
} gk_lane;

/* Of the times of all rounds, in seconds: the middle one, the two quartiles, the least. */
typedef struct gk_spread {
    double median, low, high, best;
} gk_spread;

typedef struct gk_bench {
    gk_config config;
    const char *threads; /* "1,2,all"; NULL: 1 and all */
    const char *filter;  /* the only op; NULL: each */
    int runs, rounds;    /* rounds 0: as many as the mode thinks right */
    gk_lane lane[GK_LANES_MAX];
    int lanes;
    json_t *report; /* what --json writes */
} gk_bench;

/* Opens the lanes that config.device and `threads` ask for, measures what they can do at best,
 * begins the report. Close in any case. */
gk_status gk_bench_open(gk_bench *bench, const char *what);
void gk_bench_close(gk_bench *bench);

gk_status gk_bench_ops(gk_bench *bench);  /* every op at the experiment's shapes, verified first */
gk_status gk_bench_step(gk_bench *bench); /* the config's whole training step */
gk_status gk_bench_measure(gk_bench *bench); /* the parts of a measured row beside 100 steps */

bool gk_bench_has_op(const char *op); /* in the verify table */

/* lanes.c. R runs of the one config on a lane, at epoch 0; their weights are alike, which no kernel
 * can notice. */
gk_status gk_lane_start(gk_batch *batch, gk_lane *lane, const gk_config *config, int R);
/* The lane that has turn `turn` of a round: A B in even rounds, B A in odd ones. */
int gk_bench_turn(int lanes, int round, int turn);

/* clock.c. Sorts `seconds`. */
gk_spread gk_spread_of(double *seconds, int n);
/* Seconds per call, of `rounds` blocks of calls that are long enough for the clock, after a
 * warm-up. Between two calls of a block nothing waits for the device. */
gk_spread gk_time_calls(gk_backend *be, void (*call)(void *context), void *context, int rounds);
/* The same for case i of the verify table with R runs: adds `rounds` times to seconds[]. */
gk_status gk_time_case(double *seconds, int i, gk_backend *be, int R, int rounds);

/* cost.c: what one run needs at least, from the sizes in the order of the case's names. `bytes`:
 * every input read once, every output written once. */
typedef struct gk_cost {
    double flops, bytes;
} gk_cost;
gk_cost gk_cost_of(const char *op, const int *size);
/* Multiply-adds of one update: of the ops plan (each product once forward and twice backward), of
 * the table plan. */
double gk_cost_ops_plan(const gk_shape *shape, double B);
double gk_cost_table_plan(const gk_table *t, double B);

/* report.c */
gk_status gk_timing_begin(gk_bench *bench, const char *what);
/* A line of the report, to which the caller may add numbers. */
json_t *gk_timing_line(gk_bench *bench, const char *name, int threads, int runs, gk_spread seconds);
void gk_timing_number(json_t *object, const char *key, double value); /* null where not finite */
gk_status gk_timing_write(const gk_bench *bench, const char *path);
gk_status gk_timing_read(json_t **report, const char *path);
/* Prints the ratio of every line to that of the same name in an earlier report, of `path`; says
 * where the two quartile ranges do not meet. */
void gk_timing_compare(const json_t *now, const json_t *then, const char *path);

#endif
