/* A new run from a kept state of another one. */
#include "gk/run.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_LIMIT = 1 << 30 };

/* What parent.json says. */
static void print_parent(gk_text *json, const char *parent, int64_t epoch, const gk_config *config,
                         const gk_config *parent_config)
{
    gk_text difference = {0};

    gk_config_diff(&difference, parent_config, config);
    gk_text_add(json, "{\n  \"parent\": ");
    gk_text_add_json(json, parent);
    gk_text_add(json, ",\n  \"epoch\": %lld,\n  \"difference\": ", (long long)epoch);
    gk_text_add_json(json, difference.data ? difference.data : "");
    gk_text_add(json, "\n}\n");
    gk_text_free(&difference);
}

static bool is_made(const char *dir)
{
    char path[GK_PATH_MAX];

    return gk_path(path, "%s/config.yaml", dir) == GK_OK && gk_exists(path);
}

/* Is `dir` this very branch, whole or as a process left it that died while making it? */
static bool is_begun(const char *dir, const gk_text *json)
{
    char path[GK_PATH_MAX], *text;
    size_t size;

    if (gk_path(path, "%s/parent.json", dir) != GK_OK || !gk_exists(path)) return false;
    if (gk_file_read(path, 1 << 20, &text, &size) != GK_OK) return false;
    bool same = size == json->length && !memcmp(text, json->data, size);
    free(text);
    return same;
}

/* The rows before the branch, for what looks back over rows: three equal key sets,
 * run.stop_rows. */
static gk_status write_rows(const char *dir, const char *parent, int64_t metrics_bytes)
{
    char path[GK_PATH_MAX], *rows, *earlier = NULL;
    size_t size, earlier_size = 0;
    gk_text text = {0};

    GK_TRY(gk_path(path, "%s/metrics.jsonl", parent));
    GK_TRY(gk_file_read(path, ROWS_LIMIT, &rows, &size));
    gk_status status = GK_OK;
    if (size < (size_t)metrics_bytes)
        status = gk_fail(GK_EDATA, "%s has %zu bytes, but the state was kept at %lld", path, size,
                         (long long)metrics_bytes);
    if (status == GK_OK) status = gk_path(path, "%s/parent.jsonl", parent);
    if (status == GK_OK && gk_exists(path)) /* the parent is a branch, too */
        status = gk_file_read(path, ROWS_LIMIT, &earlier, &earlier_size);
    if (status == GK_OK) {
        gk_text_append(&text, earlier, earlier_size);
        gk_text_append(&text, rows, (size_t)metrics_bytes);
        status = gk_path(path, "%s/parent.jsonl", dir);
    }
    if (status == GK_OK) status = gk_file_replace(path, text.data, text.length);
    gk_text_free(&text);
    free(earlier);
    free(rows);
    return status;
}

/* config.yaml comes last: a directory without it is not a run. */
static gk_status write_branch(const gk_owner *owner, const char *dir, const char *parent,
                              const gk_text *json, const gk_config *config, const gk_shape *shape,
                              const gk_stage *stage, gk_position position)
{
    char path[GK_PATH_MAX];
    gk_text text = {0};

    GK_TRY(gk_path(path, "%s/parent.json", dir));
    GK_TRY(gk_file_replace(path, json->data, json->length));
    GK_TRY(write_rows(dir, parent, position.metrics_bytes));
    position.metrics_bytes = 0; /* of its own */
    GK_TRY(gk_owner_fence(owner, NULL, 0));
    GK_TRY(gk_path(path, "%s/resume.safetensors", dir));
    GK_TRY(gk_state_save(path, shape, stage->params, stage->m, stage->v, &position));
    GK_TRY(gk_path(path, "%s/config.yaml", dir));
    GK_TRY(gk_owner_fence(owner, NULL, 0));
    gk_config_print(&text, config);
    gk_status status = gk_file_replace(path, text.data, text.length);
    gk_text_free(&text);
    return status;
}

/* A new branch in `dir`, or one that was begun in the same way. */
static gk_status make_branch(const char *dir, const char *parent, int64_t epoch,
                             const gk_config *config, const gk_shape *shape, const gk_text *json)
{
    char state[GK_PATH_MAX];
    size_t n = gk_parameters(shape);
    gk_stage stage = {0};
    gk_position position;
    gk_owner *owner;

    GK_TRY(gk_path(state, "%s/checkpoints/%08lld.state.safetensors", parent, (long long)epoch));
    if (!gk_exists(state))
        return gk_fail(
            GK_EUSAGE,
            "%s has no kept state of epoch %lld; run.keep_state says which epochs are kept", parent,
            (long long)epoch);
    /* in this order: another process may be making the same branch */
    gk_status status = gk_run_check_directory(dir);
    if (status != GK_OK && !is_begun(dir, json)) return status;
    stage.params = gk_alloc(3 * n, sizeof(gk_real));
    stage.m = stage.params + n;
    stage.v = stage.m + n;
    status = gk_state_load(state, shape, stage.params, stage.m, stage.v, &position);
    if (status == GK_OK) status = gk_make_directories(dir);
    if (status == GK_OK && (status = gk_owner_take(&owner, dir)) == GK_OK) {
        if (!is_made(dir)) /* by then, it may be */
            status = write_branch(owner, dir, parent, json, config, shape, &stage, position);
        gk_owner_release(owner);
    }
    free(stage.params);
    return status;
}

gk_status gk_run_branch(const char *dir, const char *parent, int64_t epoch, const gk_config *config,
                        const gk_config *parent_config, const gk_shape *shape)
{
    gk_text json = {0};
    gk_status status = GK_OK;

    if (epoch > config->run.epochs)
        return gk_fail(GK_EUSAGE, "run.epochs = %lld is before the branch's epoch %lld",
                       (long long)config->run.epochs, (long long)epoch);
    print_parent(&json, parent, epoch, config, parent_config);
    if (!is_made(dir)) status = make_branch(dir, parent, epoch, config, shape, &json);
    if (status == GK_OK && !is_begun(dir, &json))
        status = gk_fail(
            GK_EUSAGE,
            "%s is a run already, and not this branch; `grokc train %s/config.yaml --out %s` goes "
            "on with it",
            dir, dir, dir);
    gk_text_free(&json);
    return status;
}
