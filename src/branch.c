/* A new run from a kept state of another one. */
#include "gk/run.h"

#include <stdlib.h>
#include <string.h>

static gk_status write_parent(const char *dir, const char *parent, int64_t epoch, const gk_text *difference)
{
    char path[GK_PATH_MAX];
    gk_text json = {0};

    GK_TRY(gk_path(path, "%s/parent.json", dir));
    gk_text_add(&json, "{\n  \"parent\": ");
    gk_text_add_json(&json, parent);
    gk_text_add(&json, ",\n  \"epoch\": %lld,\n  \"difference\": ", (long long)epoch);
    gk_text_add_json(&json, difference->data ? difference->data : "");
    gk_text_add(&json, "\n}\n");
    gk_status status = gk_file_replace(path, json.data, json.length);
    gk_text_free(&json);
    return status;
}

/* config.yaml comes last: a directory without it is not a run. */
static gk_status write_branch(const char *dir, const char *parent, const gk_config *config,
                              const gk_config *parent_config, const gk_shape *shape, const gk_stage *stage,
                              const gk_position *position)
{
    char path[GK_PATH_MAX];
    gk_text text = {0};

    gk_config_diff(&text, parent_config, config);
    gk_status status = write_parent(dir, parent, position->epoch, &text);
    gk_text_free(&text);
    GK_TRY(status);
    GK_TRY(gk_path(path, "%s/resume.safetensors", dir));
    GK_TRY(gk_state_save(path, shape, stage->params, stage->m, stage->v, position));
    GK_TRY(gk_path(path, "%s/config.yaml", dir));
    gk_config_print(&text, config);
    status = gk_file_replace(path, text.data, text.length);
    gk_text_free(&text);
    return status;
}

gk_status gk_run_branch(const char *dir, const char *parent, int64_t epoch, const gk_config *config,
                        const gk_config *parent_config, const gk_shape *shape)
{
    char state[GK_PATH_MAX], there[GK_PATH_MAX];
    size_t n = gk_parameters(shape);
    gk_stage stage = {0};
    gk_position position;

    if (epoch > config->run.epochs)
        return gk_fail(GK_EUSAGE, "run.epochs = %lld is before the branch's epoch %lld", (long long)config->run.epochs,
                       (long long)epoch);
    GK_TRY(gk_path(state, "%s/checkpoints/%08lld.state.safetensors", parent, (long long)epoch));
    if (!gk_exists(state))
        return gk_fail(GK_EUSAGE, "%s has no kept state of epoch %lld; run.keep_state says which epochs are kept", parent,
                       (long long)epoch);
    GK_TRY(gk_path(there, "%s/config.yaml", dir));
    if (gk_exists(there))
        return gk_fail(GK_EUSAGE, "%s is a run already; `grokc train %s/config.yaml --out %s` goes on with it", dir, dir, dir);
    GK_TRY(gk_run_check_directory(dir));
    stage.params = gk_alloc(3 * n, sizeof(gk_real));
    stage.m = stage.params + n;
    stage.v = stage.m + n;
    gk_status status = gk_state_load(state, shape, stage.params, stage.m, stage.v, &position);
    position.metrics_bytes = 0;     /* the rows before it are the parent's */
    if (status == GK_OK) status = gk_make_directories(dir);
    if (status == GK_OK && (status = gk_owner_take(dir)) == GK_OK) {
        status = write_branch(dir, parent, config, parent_config, shape, &stage, &position);
        gk_owner_release(dir);
    }
    free(stage.params);
    return status;
}
