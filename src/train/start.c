/* The beginning of a run in its slot: from its resume point, or from its seed. */
#include "gk/hook.h"
#include "gk/records.h"
#include "gk/weights.h"
#include "train/keep.h"

/* Weights and moments into the stage, from the run's resume point or from its seed. */
static gk_status restore(gk_run *run, gk_batch *b, const gk_analysis *analysis)
{
    const gk_shape *shape = &b->size.shape;
    size_t record = analysis->undefined ? 0 : gk_record_values(analysis->n, analysis->K);
    char resume[GK_PATH_MAX];
    gk_position position;

    GK_TRY(gk_run_resume_path(run, resume));
    if (*resume) {
        GK_TRY(gk_state_load(resume, shape, &b->stage, &position));
        return gk_run_restore(run, &position, record);
    }
    gk_stage_clear_moments(&b->stage, shape);
    GK_TRY(gk_run_restore(run, NULL, record));
    return gk_init(b->stage.params, shape, &run->config);
}

gk_status gk_start_run(gk_run *run, gk_batch *b, int r)
{
    GK_TRY(restore(run, b, &b->analysis[r]));
    GK_TRY(gk_run_keep_made_of(run));
    run->began = run->position.epoch;
    gk_batch_put(b, r);
    gk_batch_set_slot(b, r, &run->config, run->position.epoch, run->position.loss_max);

    gk_text backend = {0};
    gk_text_add(&backend, "\"backend\": \"%s\", ", b->be->name);
    b->be->describe(b->be, &backend);
    gk_status status = gk_run_environment(run, backend.data, b->size.tables ? "table" : "ops");
    gk_run_log(run, "%s at epoch %lld of %lld; %s", run->restored ? "goes on" : "starts",
               (long long)run->position.epoch, (long long)run->config.run.epochs, backend.data);
    gk_text_free(&backend);
    if (status == GK_OK) gk_hook_open(run);
    return status;
}
