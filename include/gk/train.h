/* The loop over events: R runs that share shapes, trained side by side, each into its own
 * directory. */
#ifndef GK_TRAIN_H
#define GK_TRAIN_H

#include "gk/run.h"

/* Trains the opened, unfinished runs (all of the same shapes and loss form) to their ends.
 * GK_STOPPED after a signal, with a resume point for each. A diverged run is not an error: see
 * run->state. */
gk_status gk_train(gk_run *runs, int R, gk_backend *be);

/* final.c: measures of every kept checkpoint with the final weights' key set, into final.jsonl;
 * run->final: its last line. Slot r ends up with the run's final weights and zero moments. */
gk_status gk_final(gk_run *run, gk_batch *batch, int r);
/* Epochs of the checkpoints of a run directory, ascending; caller frees. */
gk_status gk_run_checkpoints(const char *dir, int64_t **epochs, int *n);
/* Every measure of a weights file in slot r, with a given key set. */
gk_status gk_measure_checkpoint(gk_batch *batch, int r, const gk_config *config, const char *path,
                                int64_t epoch, const int *key, int keys, gk_row *row);

/* The progress line on stderr: rewritten on a terminal, a plain line every ten seconds
 * elsewhere. */
typedef struct gk_progress {
    bool terminal, shown;
    double start, last; /* clocks */
    int64_t from;       /* epoch where this process began */
} gk_progress;

void gk_progress_start(gk_progress *progress, int64_t epoch);
void gk_progress_show(gk_progress *progress, const gk_run *run, int64_t epoch, bool last);

#endif
