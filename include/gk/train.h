/* The loop over events: R runs that share shapes, trained side by side, each into its own directory. */
#ifndef GK_TRAIN_H
#define GK_TRAIN_H

#include "gk/run.h"

/* What a batch needs, found by laying it out without memory. */
typedef struct gk_batch_size {
    gk_shape shape;
    int n_train, n_test, rows;      /* rows: most that go through the network at once */
    size_t device_bytes, host_bytes;
} gk_batch_size;

/* GK_EUSAGE where the task or the split is impossible. Reads split files; touches no backend. */
gk_status gk_batch_measure(gk_batch_size *size, const gk_config *config, int R);

/* Trains the opened, unfinished runs (all of the same shapes and loss form) to their ends. GK_STOPPED after a
 * signal, with a resume point for each. A diverged run is not an error: see run->state. */
gk_status gk_train(gk_run *runs, int R, gk_backend *be);

/* The progress line on stderr: rewritten on a terminal, a plain line every ten seconds elsewhere. */
typedef struct gk_progress {
    bool terminal, shown;
    double start, last;             /* clocks */
    int64_t from;                   /* epoch where this process began */
} gk_progress;

void gk_progress_start(gk_progress *progress, int64_t epoch);
void gk_progress_show(gk_progress *progress, const gk_run *run, int64_t epoch, bool last);

#endif
