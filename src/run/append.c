/* What a row writes, metrics.jsonl and projections.bin; and a record of it read back. */
#include "gk/run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* All bytes, and *length grows; or the file is cut back to it and nothing was written. */
static gk_status append(int fd, const void *bytes, size_t n, int64_t *length, const gk_run *run,
                        const char *name)
{
    for (size_t at = 0; at < n;) {
        ssize_t wrote = write(fd, (const char *)bytes + at, n - at);
        if (wrote > 0)
            at += (size_t)wrote;
        else if (wrote == 0 || errno != EINTR) {
            int why = errno;
            if (ftruncate(fd, *length) != 0) gk_warn("cannot cut %s/%s", run->dir, name);
            return gk_fail(GK_EIO, "cannot write %s/%s: %s", run->dir, name, strerror(why));
        }
    }
    *length += (int64_t)n;
    return GK_OK;
}

gk_status gk_run_append(gk_run *run, const gk_row *row, const float *record)
{
    size_t bytes = run->record * sizeof *record;
    gk_text line = {0};

    if (run->events.rows == 0) GK_TRY(gk_stop_check(&run->stop, row));
    gk_row_print(&line, row, true);
    gk_status status = gk_run_fence(run);
    if (status == GK_OK && bytes)
        status = append(run->projections, record, bytes, &run->projections_bytes, run,
                        "projections.bin");
    if (status == GK_OK)
        status =
            append(run->metrics, line.data, line.length, &run->metrics_bytes, run, "metrics.jsonl");
    if (status == GK_OK) {
        gk_events_add(&run->events, row);
        gk_stop_row(&run->stop, row);
    }
    gk_text_free(&line);
    return status;
}

gk_status gk_run_record(const gk_run *run, int64_t i, float *record)
{
    size_t bytes = run->record * sizeof *record;

    for (size_t have = 0; have < bytes;) {
        ssize_t n = pread(run->projections, (char *)record + have, bytes - have,
                          i * (int64_t)bytes + (int64_t)have);
        if (n > 0)
            have += (size_t)n;
        else if (n == 0)
            return gk_fail(GK_EDATA, "%s/projections.bin has no record of row %lld", run->dir,
                           (long long)i);
        else if (errno != EINTR)
            return gk_fail(GK_EIO, "cannot read %s/projections.bin: %s", run->dir, strerror(errno));
    }
    return GK_OK;
}
