/* What a row writes: metrics.jsonl, projections.bin. */
#include "gk/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All bytes, or the file is cut back to `length` and nothing was written. */
static gk_status append(int fd, const void *bytes, size_t n, int64_t length, const gk_run *run,
                        const char *name)
{
    for (size_t at = 0; at < n;) {
        ssize_t wrote = write(fd, (const char *)bytes + at, n - at);
        if (wrote > 0)
            at += (size_t)wrote;
        else if (wrote == 0 || errno != EINTR) {
            int why = errno;
            if (ftruncate(fd, length) != 0) gk_warn("cannot cut %s/%s", run->dir, name);
            return gk_fail(GK_EIO, "cannot write %s/%s: %s", run->dir, name, strerror(why));
        }
    }
    return GK_OK;
}

gk_status gk_run_append(gk_run *run, const gk_row *row, const gk_snapshot *s)
{
    gk_text line = {0};
    gk_status status = GK_OK;

    gk_row_print(&line, row, true);
    if (run->projections >= 0) {
        size_t n = gk_record_values(s->lens->n, s->lens->K);
        float *record = gk_alloc(n, sizeof *record);
        gk_elements elements = gk_snapshot_elements(s);
        gk_record_make(record, &elements, s->label_sum, s->label_sum + s->lens->n * s->lens->n);
        status = append(run->projections, record, n * sizeof *record,
                        run->events.rows * (int64_t)(n * sizeof *record), run, "projections.bin");
        free(record);
    }
    if (status == GK_OK)
        status =
            append(run->metrics, line.data, line.length, run->metrics_bytes, run, "metrics.jsonl");
    if (status == GK_OK) {
        run->metrics_bytes += (int64_t)line.length;
        gk_events_add(&run->events, row, &run->config);
    }
    gk_text_free(&line);
    return status;
}

gk_status gk_run_restricted(const gk_run *run, const gk_snapshot *s, const int *key, int keys,
                            double *loss, int64_t rows)
{
    size_t n = (size_t)s->lens->n, values = gk_record_values(s->lens->n, s->lens->K), size;
    char path[GK_PATH_MAX], *bytes;
    gk_elements elements = gk_snapshot_elements(s);

    GK_TRY(gk_path(path, "%s/projections.bin", run->dir));
    GK_TRY(gk_file_read(path, SIZE_MAX / 2, &bytes, &size));
    if (size != (size_t)rows * values * sizeof(float)) {
        free(bytes);
        return gk_fail(GK_EDATA, "%s does not have %lld records", path, (long long)rows);
    }
    double *pairs = gk_alloc(n * n, sizeof *pairs);
    float *record = gk_alloc(values, sizeof *record);
    for (size_t i = 0; i < GK_ROW_GROUPS * n * n; i++) pairs[i % (n * n)] += s->pairs[i];
    for (int64_t i = 0; i < rows; i++) {
        memcpy(record, bytes + (size_t)i * values * sizeof *record, values * sizeof *record);
        loss[i] = gk_record_restricted(record, &elements, key, keys, pairs);
    }
    free(pairs);
    free(record);
    free(bytes);
    return GK_OK;
}
