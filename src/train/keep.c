/* Rows, weights, states and arrays of a run into its directory. */
#include "gk/archive.h"
#include "gk/hook.h"
#include "gk/records.h"
#include "gk/weights.h"
#include "train/keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

gk_status gk_keep_row(gk_run *run, const gk_row *row, const gk_batch *b)
{
    const gk_snapshot *snapshot = &b->snapshot;
    size_t n = (size_t)snapshot->lens->n;
    float *record = gk_alloc(run->record, sizeof *record);

    if (run->record) {
        gk_elements elements = gk_snapshot_elements(snapshot);
        gk_record_make(record, &elements, snapshot->label_sum, snapshot->label_sum + n * n);
    }
    gk_status status = gk_run_append(run, row, record);
    free(record);
    return status;
}

gk_status gk_keep_weights(const gk_run *run, const gk_batch *b, bool last)
{
    char path[GK_PATH_MAX];

    if (run->config.run.keep_checkpoints == GK_KEEP_NONE && !last) return GK_OK;
    GK_TRY(gk_epoch_path(path, run->dir, GK_EPOCH_WEIGHTS, run->position.epoch));
    GK_TRY(gk_run_fence(run));
    GK_TRY(gk_checkpoint_save(path, &b->size.shape, b->stage.params, run->position.epoch));
    gk_run_forget_weights(run);
    return GK_OK;
}

static gk_status save_state(const gk_run *run, const gk_batch *b, const char *path)
{
    GK_TRY(gk_run_sync(run));
    return gk_state_save(path, &b->size.shape, &b->stage, &run->position);
}

gk_status gk_keep_state(const gk_run *run, const gk_batch *b)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_epoch_path(path, run->dir, GK_EPOCH_STATE, run->position.epoch));
    return save_state(run, b, path);
}

/* Written aside and looked at once more before it replaces the old one: writing takes long enough
 * to be suspended in, and a resume point beyond the rows that another process left would be
 * none. */
gk_status gk_keep_resume_point(gk_run *run, const gk_batch *b)
{
    char path[GK_PATH_MAX], aside[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/resume.safetensors", run->dir));
    GK_TRY(gk_path(aside, "%s.new" GK_TEMPORARY, path));
    GK_TRY(save_state(run, b, aside));
    GK_TRY(gk_run_fence(run));
    if (rename(aside, path) != 0)
        return gk_fail(GK_EIO, "cannot write %s: %s", path, strerror(errno));
    GK_TRY(gk_sync_directory(run->dir));
    run->last_resume = gk_seconds();
    return GK_OK;
}

gk_status gk_keep_arrays(const gk_run *run, gk_batch *b, bool last)
{
    char path[GK_PATH_MAX];
    gk_tensors_writer w;

    GK_TRY(gk_run_fence(run));
    GK_TRY(gk_path(path, "%s/measures", run->dir));
    GK_TRY(gk_make_directories(path));
    GK_TRY(gk_epoch_path(path, run->dir, GK_EPOCH_ARRAYS, run->position.epoch));
    gk_writer_open(&w);
    gk_arrays_write(&w, &b->snapshot, &b->found);
    if (last) gk_arrays_maps(&w, &b->snapshot, &b->found);
    return gk_writer_save(&w, path);
}

void gk_keep_question(gk_run *run, const gk_batch *b)
{
    char path[GK_PATH_MAX];
    gk_status status = gk_epoch_path(path, run->dir, GK_EPOCH_HOOK, run->position.epoch);

    if (status == GK_OK) status = gk_run_fence(run);
    if (status == GK_OK)
        status = gk_checkpoint_save(path, &b->size.shape, b->stage.params, run->position.epoch);
    gk_hook_ask(run, status);
}
