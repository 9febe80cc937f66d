/* The end of a run: what can only be measured once the final key set is known. */
#include "gk/train.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_epoch(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

gk_status gk_run_checkpoints(const char *dir, int64_t **epochs, int *n)
{
    char folder[GK_PATH_MAX];
    struct dirent *entry;
    gk_text list = {0};

    GK_TRY(gk_path(folder, "%s/checkpoints", dir));
    DIR *stream = opendir(folder);
    if (!stream) return gk_fail(GK_EIO, "cannot open directory %s", folder);
    while ((entry = readdir(stream))) {
        char *end;
        int64_t epoch = strtoll(entry->d_name, &end, 10);
        if (end > entry->d_name && !strcmp(end, ".safetensors"))
            gk_text_append(&list, &epoch, sizeof epoch);
    }
    closedir(stream);
    *n = (int)(list.length / sizeof(int64_t));
    *epochs = (int64_t *)(void *)list.data; /* malloc's alignment */
    if (*n) qsort(*epochs, (size_t)*n, sizeof **epochs, by_epoch);
    return GK_OK;
}

gk_status gk_measure_checkpoint(gk_batch *b, int r, const gk_config *config, const char *path,
                                int64_t epoch, const int *key, int keys, gk_row *row)
{
    size_t bytes = gk_parameters(&b->size.shape) * sizeof(gk_real);

    GK_TRY(gk_checkpoint_load(path, &b->size.shape, b->stage.params));
    memset(b->stage.m, 0, bytes);
    memset(b->stage.v, 0, bytes);
    gk_batch_put(b, r);
    gk_batch_set_slot(b, r, config, epoch, -1);
    gk_batch_upload_slots(b);
    gk_batch_observe(b);
    gk_batch_final_row(b, r, row, key, keys);
    return b->be->sync(b->be);
}

/* A line of final.jsonl for each checkpoint; the excluded losses on the way. */
static gk_status measure_checkpoints(gk_run *run, gk_batch *b, int r, const int64_t *epochs, int n,
                                     const int *key, int keys, gk_text *lines, gk_moment *excluded)
{
    char path[GK_PATH_MAX];
    gk_row row;

    for (int i = 0; i < n; i++) {
        GK_TRY(gk_path(path, "%s/checkpoints/%08lld.safetensors", run->dir, (long long)epochs[i]));
        GK_TRY(gk_measure_checkpoint(b, r, &run->config, path, epochs[i], key, keys, &row));
        size_t begin = lines->length;
        gk_row_print(lines, &row, false);
        excluded[i] = (gk_moment){epochs[i], row.excluded_train, 0};
        gk_row_free(&row);
        gk_text_free(&run->final);
        gk_text_append(&run->final, lines->data + begin, lines->length - begin - 1);
    }
    return GK_OK;
}

static gk_status write_final(gk_run *run, gk_batch *b, int r, const int *key, int keys)
{
    char path[GK_PATH_MAX];
    int64_t *epochs;
    int n;
    gk_text lines = {0};

    GK_TRY(gk_run_checkpoints(run->dir, &epochs, &n));
    gk_moment *excluded = gk_alloc((size_t)n, sizeof *excluded);
    double *restricted = gk_alloc((size_t)run->events.rows, sizeof *restricted);
    gk_status status = gk_path(path, "%s/final.jsonl", run->dir);
    if (status == GK_OK && keys)
        status = gk_run_restricted(run, &b->snapshot, key, keys, restricted, run->events.rows);
    if (status == GK_OK)
        status = measure_checkpoints(run, b, r, epochs, n, key, keys, &lines, excluded);
    if (status == GK_OK) {
        gk_turning_find(&run->turning, &run->events, keys ? restricted : NULL,
                        keys ? excluded : NULL, n);
        status = gk_run_fence(run);
    }
    if (status == GK_OK) status = gk_file_replace(path, lines.data, lines.length);
    gk_text_free(&lines);
    free(excluded);
    free(restricted);
    free(epochs);
    return status;
}

gk_status gk_final(gk_run *run, gk_batch *b, int r)
{
    const gk_snapshot *s = &b->snapshot; /* of this run's last row */

    gk_turning_find(&run->turning, &run->events, NULL, NULL, 0);
    if (b->analysis[r].undefined || gk_row_diverged(&run->events.last)) return GK_OK;
    int *key = gk_alloc((size_t)s->lens->K, sizeof *key),
        keys = s->raws <= s->lens->n / 8 ? s->raws : 0;
    memcpy(key, s->raw, (size_t)keys * sizeof *key);
    gk_keys_print(run->turning.key_freqs, key, keys);
    gk_status status = write_final(run, b, r, key, keys);
    free(key);
    return status;
}
