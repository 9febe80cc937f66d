/* A new run from a kept state of another one. */
#include "gk/branch.h"
#include "gk/archive.h"
#include "gk/owner.h"
#include "gk/run.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_LIMIT = 1 << 30 };

/* What parent.json says. */
static void print_parent(gk_text *json, const char *parent, int64_t epoch, const gk_config *config,
                         const gk_config *parent_config)
{
    gk_text difference = {0};

    gk_config_diff_all(&difference, parent_config, config);
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

/* A branch being made: what the parent's state holds, and for whom. */
typedef struct source {
    const char *parent;
    int64_t epoch;
    const gk_config *config, *parent_config;
    const gk_shape *shape;
    gk_stage stage; /* of the parent's optimiser */
    gk_position position;
} source;

/* The resume point: the parent's weights, and those of its moments that the branch's optimiser has,
 * by name; its other moments are zero. */
static gk_status write_resume_point(const char *dir, const source *from)
{
    char path[GK_PATH_MAX];
    const gk_optimiser_info *was = from->stage.optimiser,
                            *is = &gk_optimisers[from->config->optim.name];
    gk_stage zero, stage = {.optimiser = is, .params = from->stage.params};
    gk_position position = from->position;

    position.metrics_bytes = 0; /* the branch has a metrics.jsonl of its own */
    gk_stage_open(&zero, from->shape, is);
    for (int i = 0; i < is->moments; i++) {
        stage.moment[i] = zero.moment[i];
        for (int j = 0; j < was->moments; j++)
            if (!strcmp(is->moment[i], was->moment[j])) stage.moment[i] = from->stage.moment[j];
    }
    gk_status status = gk_path(path, "%s/resume.safetensors", dir);
    if (status == GK_OK) status = gk_state_save(path, from->shape, &stage, &position);
    gk_stage_close(&zero);
    return status;
}

/* config.yaml comes last: a directory without it is not a run. */
static gk_status write_branch(const gk_owner *owner, const char *dir, const source *from,
                              const gk_text *json)
{
    char path[GK_PATH_MAX];
    gk_text text = {0};

    GK_TRY(gk_path(path, "%s/parent.json", dir));
    GK_TRY(gk_file_replace(path, json->data, json->length));
    GK_TRY(write_rows(dir, from->parent, from->position.metrics_bytes));
    GK_TRY(gk_owner_fence(owner, NULL, 0));
    GK_TRY(write_resume_point(dir, from));
    GK_TRY(gk_path(path, "%s/config.yaml", dir));
    GK_TRY(gk_owner_fence(owner, NULL, 0));
    gk_config_print(&text, from->config);
    gk_status status = gk_file_replace(path, text.data, text.length);
    gk_text_free(&text);
    return status;
}

gk_status gk_branch_resume_epoch(int64_t *epoch, const char *parent)
{
    char path[GK_PATH_MAX];
    gk_tensors_file file;
    gk_position position;

    GK_TRY(gk_path(path, "%s/resume.safetensors", parent));
    if (!gk_exists(path))
        return gk_fail(GK_EUSAGE,
                       "%s has no resume point; grokc branch %s@EPOCH starts from a kept "
                       "state (run.keep_state)",
                       parent, parent);
    GK_TRY(gk_tensors_load(&file, path));
    gk_status status = gk_position_read(&position, &file, path);
    gk_tensors_close(&file);
    *epoch = position.epoch;
    return status;
}

/* Where the state lies: kept, or as the resume point. */
static gk_status find_state(char path[GK_PATH_MAX], const source *from)
{
    int64_t resume = -1;

    GK_TRY(gk_epoch_path(path, from->parent, GK_EPOCH_STATE, from->epoch));
    if (gk_exists(path)) return GK_OK;
    if (gk_branch_resume_epoch(&resume, from->parent) == GK_OK && resume == from->epoch)
        return gk_path(path, "%s/resume.safetensors", from->parent);
    return gk_fail(GK_EUSAGE,
                   "%s has no kept state of epoch %lld; run.keep_state says which epochs are kept",
                   from->parent, (long long)from->epoch);
}

/* A new branch in `dir`, or one that was begun in the same way. */
static gk_status make_branch(const char *dir, source *from, const gk_text *json)
{
    char state[GK_PATH_MAX];
    gk_owner *owner;

    GK_TRY(find_state(state, from));
    /* in this order: another process may be making the same branch */
    gk_status status = gk_run_check_directory(dir);
    if (status != GK_OK && !is_begun(dir, json)) return status;
    gk_stage_open(&from->stage, from->shape, &gk_optimisers[from->parent_config->optim.name]);
    status = gk_state_load(state, from->shape, &from->stage, &from->position);
    if (status == GK_OK) status = gk_make_directories(dir);
    if (status == GK_OK && (status = gk_owner_take(&owner, dir)) == GK_OK) {
        if (!is_made(dir)) /* by then, it may be */
            status = write_branch(owner, dir, from, json);
        gk_owner_release(owner);
    }
    gk_stage_close(&from->stage);
    return status;
}

gk_status gk_branch(const char *dir, const char *parent, int64_t epoch, const gk_config *config,
                    const gk_config *parent_config, const gk_shape *shape)
{
    source from = {parent, epoch, config, parent_config, shape, {0}, {0}};
    gk_text json = {0};
    gk_status status = GK_OK;

    if (epoch > config->run.epochs)
        return gk_fail(GK_EUSAGE, "run.epochs = %lld is before the branch's epoch %lld",
                       (long long)config->run.epochs, (long long)epoch);
    if (epoch == config->run.epochs)
        return gk_fail(GK_EUSAGE,
                       "a branch from epoch %lld would end there: run.epochs is %lld; give more, "
                       "--epochs %lld for instance",
                       (long long)epoch, (long long)epoch, 2 * (long long)epoch);
    print_parent(&json, parent, epoch, config, parent_config);
    if (!is_made(dir)) status = make_branch(dir, &from, &json);
    if (status == GK_OK && !is_begun(dir, &json))
        status = gk_fail(
            GK_EUSAGE,
            "%s is a run already, and not this branch; `grokc train %s/config.yaml --out %s` goes "
            "on with it",
            dir, dir, dir);
    gk_text_free(&json);
    return status;
}
