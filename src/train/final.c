/* The end of a run: what can only be measured once the final key set is known. */
#include "gk/train.h"
#include "gk/archive.h"
#include "gk/records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

gk_status gk_measure_checkpoint(gk_batch *b, int r, const gk_config *config, const char *path,
                                int64_t epoch, const int *key, int keys, gk_row *row)
{
    GK_TRY(gk_checkpoint_load(path, &b->size.shape, b->stage.params));
    gk_stage_clear_moments(&b->stage, &b->size.shape);
    gk_batch_put(b, r);
    gk_batch_set_slot(b, r, config, epoch, -1);
    gk_batch_upload_slots(b);
    gk_batch_observe(b);
    gk_batch_final_row(b, r, row, key, keys);
    return b->be->sync(b->be);
}

static void tell(gk_queue *queue, const gk_run *run, int done, int n)
{
    if (queue && queue->measuring) queue->measuring(queue, run, done, n);
}

/* A line of final.jsonl for each checkpoint from number `from` on. */
static gk_status measure_checkpoints(gk_run *run, gk_batch *b, int r, const int64_t *epochs,
                                     int from, int n, const int *key, int keys, gk_text *lines,
                                     gk_queue *queue)
{
    char path[GK_PATH_MAX];
    gk_row row;

    for (int i = from; i < n; i++) {
        tell(queue, run, i, n);
        if (gk_signal_seen()) return GK_STOPPED;
        GK_TRY(gk_epoch_path(path, run->dir, GK_EPOCH_WEIGHTS, epochs[i]));
        GK_TRY(gk_measure_checkpoint(b, r, &run->config, path, epochs[i], key, keys, &row));
        size_t begin = lines->length;
        gk_row_print(lines, &row, false);
        gk_row_free(&row);
        GK_TRY(gk_run_part_add(run, lines->data + begin, lines->length - begin));
    }
    tell(queue, run, n, n);
    return GK_OK;
}

/* The excluded loss of each checkpoint, and the last line, from the lines of final.jsonl. */
static gk_status read_lines(gk_run *run, const gk_text *lines, gk_moment *excluded)
{
    size_t length;
    gk_row row;

    for (size_t at = 0, i = 0; at < lines->length; at += length + 1, i++) {
        const char *line = lines->data + at;
        length = strcspn(line, "\n");
        GK_TRY(gk_row_parse(&row, line, length));
        excluded[i] = (gk_moment){row.epoch, row.excluded_train, 0};
        gk_row_free(&row);
        gk_text_free(&run->final);
        gk_text_append(&run->final, line, length);
    }
    return GK_OK;
}

/* With what the lines are measured: others, of a shorter run, are of no use. */
static void print_what(gk_text *what, const gk_run *run)
{
    gk_text_add(what, "{\"measured_with\": \"%s\", \"of_epoch\": %lld}", run->turning.key_freqs,
                (long long)run->position.epoch);
}

/* All lines of final.jsonl. The last checkpoint is always measured: the slot ends up with it. */
static gk_status make_lines(gk_run *run, gk_batch *b, int r, const int64_t *epochs, int n,
                            const int *key, int keys, gk_text *lines, gk_queue *queue)
{
    gk_text what = {0};
    int kept = 0;

    print_what(&what, run);
    gk_status status = gk_run_part_open(lines, &kept, run, what.data, epochs, n > 0 ? n - 1 : 0);
    if (status == GK_OK)
        status = measure_checkpoints(run, b, r, epochs, kept, n, key, keys, lines, queue);
    gk_text_free(&what);
    return status;
}

/* The restricted loss of every row so far with this key set, from the records that they left. */
static gk_status restrict_rows(double *loss, const gk_run *run, const gk_snapshot *s,
                               const int *key, int keys)
{
    size_t n = (size_t)s->lens->n;
    double *pairs = gk_alloc(n * n, sizeof *pairs);
    float *record = gk_alloc(run->record, sizeof *record);
    gk_elements elements = gk_snapshot_elements(s);
    gk_status status = GK_OK;

    for (size_t i = 0; i < GK_ROW_GROUPS * n * n; i++) pairs[i % (n * n)] += s->pairs[i];
    for (int64_t i = 0; status == GK_OK && i < run->events.rows; i++) {
        if (gk_signal_seen()) status = GK_STOPPED;
        if (status == GK_OK) status = gk_run_record(run, i, record);
        if (status == GK_OK) loss[i] = gk_record_restricted(record, &elements, key, keys, pairs);
    }
    free(pairs);
    free(record);
    return status;
}

static gk_status write_final(gk_run *run, gk_batch *b, int r, const int *key, int keys,
                             gk_queue *queue)
{
    int64_t *epochs;
    int n;
    gk_text lines = {0};

    GK_TRY(gk_run_epochs(&epochs, &n, run->dir, GK_EPOCH_WEIGHTS));
    gk_moment *excluded = gk_alloc((size_t)n, sizeof *excluded);
    double *restricted = gk_alloc((size_t)run->events.rows, sizeof *restricted);
    gk_status status = GK_OK;
    if (keys) status = restrict_rows(restricted, run, &b->snapshot, key, keys);
    if (status == GK_OK) status = make_lines(run, b, r, epochs, n, key, keys, &lines, queue);
    if (status == GK_OK) status = read_lines(run, &lines, excluded);
    if (status == GK_OK) {
        gk_turning_find(&run->turning, &run->events, keys ? restricted : NULL,
                        keys ? excluded : NULL, n);
        status = gk_run_part_finish(run, &lines);
    }
    gk_text_free(&lines);
    free(excluded);
    free(restricted);
    free(epochs);
    return status;
}

gk_status gk_final(gk_run *run, gk_batch *b, int r, gk_queue *queue)
{
    const gk_snapshot *s = &b->snapshot; /* of this run's last row */

    gk_turning_find(&run->turning, &run->events, NULL, NULL, 0);
    if (b->analysis[r].undefined || gk_row_diverged(&run->events.last)) {
        gk_run_part_remove(run);
        return GK_OK;
    }
    int *key = gk_alloc((size_t)s->lens->K, sizeof *key),
        keys = s->raws <= s->lens->n / 8 ? s->raws : 0;
    memcpy(key, s->raw, (size_t)keys * sizeof *key);
    gk_keys_print(run->turning.key_freqs, key, keys);
    gk_status status = write_final(run, b, r, key, keys, queue);
    free(key);
    return status;
}
