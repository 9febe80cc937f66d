/* Between a run directory and the batch: what a run keeps of its model at an event, the stage
 * holding its weights and moments; and what it begins with. */
#ifndef GK_TRAIN_KEEP_H
#define GK_TRAIN_KEEP_H

#include "gk/batch.h"
#include "gk/run.h"

/* The row that the batch's snapshot was taken for, with its record of the logits. */
gk_status gk_keep_row(gk_run *run, const gk_row *row, const gk_batch *batch);
/* Weights, as run.keep_checkpoints says. `last`: the run ends here, and its weights stay. */
gk_status gk_keep_weights(const gk_run *run, const gk_batch *batch, bool last);
/* Weights, moments and position: for branches, and for going on. */
gk_status gk_keep_state(const gk_run *run, const gk_batch *batch);
gk_status gk_keep_resume_point(gk_run *run, const gk_batch *batch);
/* The arrays of the row that the batch's snapshot holds. `last`: of the run, with maps. */
gk_status gk_keep_arrays(const gk_run *run, gk_batch *batch, bool last);
/* The row's weights for the run's hook, which is asked about them. Fails no run. */
void gk_keep_question(gk_run *run, const gk_batch *batch);

/* start.c: the run's weights, moments and slot, its hook, and what runs here into env.json.
 * GK_EDATA where its own files are wrong. */
gk_status gk_start_run(gk_run *run, gk_batch *batch, int r);

/* live_report.c: report.html of the run as it stands, where run.report_every asks for one after
 * this row or the run has ended. Never fails: what goes wrong is a line in log.txt, as is the time
 * that it took. */
void gk_live_report(gk_run *run);

#endif
