/* Training the points of a sweep: which of them can stand side by side, in how many slots, and what
 * became of them. */
#ifndef GK_SWEEP_TRAIN_H
#define GK_SWEEP_TRAIN_H

#include "gk/sweep.h"
#include "gk/train.h"

typedef struct gk_sweep_options {
    const char *dir;
    int shard, shards; /* point i belongs to shard i mod shards */
    int slots;         /* runs side by side at most; 0: as suits the device */
    gk_progress_style progress;
} gk_sweep_options;

typedef struct gk_sweep_counts {
    int runs, done, diverged;
    int elsewhere;              /* another process has the directory */
    int broken;                 /* their files are wrong */
    int hooks;                  /* whose hook did not answer every row with numbers */
    int grokked, trained;       /* trained: ended by this process */
    double run_epochs, seconds; /* of this process */
} gk_sweep_counts;

/* sweep_prepare.c: there is one backend for all runs, and their config.yaml must not say otherwise.
 * GK_EUSAGE. */
gk_status gk_sweep_check_device(const gk_sweep *sweep);
/* DIR, DIR/sweep.yaml and DIR/points.csv, begun or grown. GK_EUSAGE where DIR holds another sweep:
 * gk_sweep_continue. */
gk_status gk_sweep_prepare(gk_sweep *sweep, const char *dir, const char *const *sets, int n);

/* What would be trained: the points, their queues, slots and memory. */
gk_status gk_sweep_describe(gk_text *text, const gk_sweep *sweep, const gk_sweep_options *options);

/* All runs of the shard to their ends; finished ones are skipped. GK_STOPPED after a signal: the
 * same call goes on. */
gk_status gk_sweep_train(gk_sweep_counts *counts, const gk_sweep *sweep,
                         const gk_sweep_options *options, gk_backend *be);

/* queues.c: points whose runs share shapes, in the order of their first ones. */
typedef struct gk_sweep_group {
    char *key; /* the config without what may differ between runs side by side */
    int *point, n;
    gk_batch_size size; /* of one run */
    size_t per_run;     /* device bytes of each further one */
} gk_sweep_group;
gk_status gk_sweep_groups(gk_sweep_group **groups, int *n, const gk_sweep *sweep, int shard,
                          int shards);
void gk_sweep_groups_free(gk_sweep_group *groups, int n);
/* Slots for a group on a backend (NULL: unknown device). */
int gk_sweep_slots(const gk_sweep_group *group, int wanted, gk_backend *be);

#endif
