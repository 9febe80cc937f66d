/* R runs that share shapes, side by side on one backend: memory, model, examples, and the
 * instrument that measures them. No run directories: training, `grokc measure` and tests all stand
 * on it. */
#ifndef GK_BATCH_H
#define GK_BATCH_H

#include "gk/measure.h"
#include "gk/weights.h"

/* What a batch needs, found by laying it out without memory. */
typedef struct gk_batch_size {
    gk_shape shape;
    bool tables; /* by the table plan */
    gk_recipe recipe;
    int n_train, n_test, rows; /* rows: most that go through the network at once */
    int batch, scored;         /* as in gk_analysis; n_train of a stream is its batch */
    bool stream;
    size_t device_bytes, host_bytes;
} gk_batch_size;

typedef struct gk_batch {
    gk_backend *be;
    int R;
    gk_batch_size size;
    gk_arena device, host;
    gk_model model;
    gk_data data;
    gk_plan plan;
    gk_analysis *analysis; /* (R) */
    gk_feed *feed;         /* (R) */
    gk_lens lens;
    gk_snapshot snapshot; /* of one run at a time */
    gk_findings found;    /* of its last row */
    gk_slot *slot;        /* (R), the host's copy */
    gk_stage stage;
} gk_batch;

/* GK_EUSAGE where the task, the split, the shape or the plan is impossible; GK_EIO, GK_EDATA of a
 * split file. Touches no backend. */
gk_status gk_batch_size_of(gk_batch_size *size, const gk_config *config, int R);

/* Memory for the configs' runs (all of one shape, form and task family) and their examples; weights
 * and moments are zero, slots inactive. Close in any case. As gk_batch_size_of; GK_EUSAGE where the
 * runs cannot stand side by side, or as gk_init where decay pulls to the initial weights; GK_EMEM;
 * GK_EDEVICE. */
gk_status gk_batch_open(gk_batch *batch, const gk_config *const *config, int R, gk_backend *be);
/* Another run's examples into slot r; its weights and slot are the caller's to set. As
 * gk_batch_open. */
gk_status gk_batch_replace(gk_batch *batch, int r, const gk_config *config);
void gk_batch_close(gk_batch *batch);

/* The slot of a run that stands at `epoch`; upload when all are set. */
void gk_batch_set_slot(gk_batch *batch, int r, const gk_config *config, int64_t epoch,
                       double loss_max);
void gk_batch_upload_slots(gk_batch *batch);
gk_status gk_batch_download_slots(gk_batch *batch); /* GK_EDEVICE */

/* Between the stage and slot r on the device. */
void gk_batch_put(gk_batch *batch, int r);
void gk_batch_get(gk_batch *batch, int r);

/* k updates of all active slots from where the host's copy of them says; see gk_advance. */
void gk_batch_advance(gk_batch *batch, int64_t k, int64_t *done);

/* One forward over every input of every run; then gk_batch_row for each run that is due. */
void gk_batch_observe(gk_batch *batch);
/* The row of run r: GK_KEYED, with the online key set if `watch` allows it once this row's set is
 * added to it, or GK_FINAL with the given key set. Afterwards batch->snapshot and batch->found are
 * of that row. Close the row with gk_row_free. */
void gk_batch_row(gk_batch *batch, int r, gk_row *row, gk_key_watch *watch);
void gk_batch_final_row(gk_batch *batch, int r, gk_row *row, const int *key, int keys);

#endif
