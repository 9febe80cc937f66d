/* What a row writes: metrics.jsonl, projections.bin, measures/. */
#include "gk/run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
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

/* Norm over all inputs of a character, as it is divided by in a record. */
static double character_norm(const gk_snapshot *s, size_t column)
{
    size_t n = (size_t)s->lens->n, width = 2 * (size_t)s->lens->K;
    double square = 0;

    for (size_t e = 0; e < n; e++)
        square += s->count[e] * s->basis[e * width + column] * s->basis[e * width + column];
    return sqrt(square);
}

/* Unit characters times the logits, from the sums by element. */
static void project(float *record, const gk_snapshot *s)
{
    size_t n = (size_t)s->lens->n, K = (size_t)s->lens->K;

    for (size_t j = 0; j < 2 * K; j++) {
        double norm = character_norm(s, j);
        for (size_t c = 0; c < n; c++) {
            double sum = 0;
            for (size_t e = 0; e < n; e++) sum += s->basis[e * 2 * K + j] * s->label_sum[e * n + c];
            record[j * n + c] = norm > 0 ? (float)(sum / norm) : 0;
        }
    }
    for (size_t c = 0; c < n; c++)
        record[2 * K * n + c] = (float)(s->label_sum[n * n + c] / s->lens->inputs);
}

gk_status gk_run_append(gk_run *run, const gk_row *row, const gk_snapshot *s)
{
    gk_text line = {0};
    size_t n = run->projections >= 0 ? gk_record_values(s->lens->n, s->lens->K) : 0;
    float *record = gk_alloc(n, sizeof *record);

    gk_row_print(&line, row, true);
    if (n) project(record, s);
    gk_status status = gk_run_fence(run);
    if (status == GK_OK && n)
        status = append(run->projections, record, n * sizeof *record, &run->projections_bytes, run,
                        "projections.bin");
    if (status == GK_OK)
        status =
            append(run->metrics, line.data, line.length, &run->metrics_bytes, run, "metrics.jsonl");
    if (status == GK_OK) gk_events_add(&run->events, row, &run->config);
    gk_text_free(&line);
    free(record);
    return status;
}

/* N = fit on the key characters + column means of (L - N), as in measures/restricted.c, from one
 * record. */
static double restricted(const float *record, const gk_snapshot *s, const int *key, int keys,
                         const double *pairs)
{
    size_t n = (size_t)s->lens->n, width = 2 * (size_t)s->lens->K;
    int *column = gk_alloc(2 * (size_t)keys, sizeof *column);
    size_t m = (size_t)gk_character_columns(column, key, keys, (int)n);
    double *table = gk_alloc(n * n, sizeof *table), *coef = gk_alloc(m * n, sizeof *coef);

    for (size_t i = 0; i < m; i++) {
        double norm = character_norm(s, (size_t)column[i]);
        for (size_t c = 0; c < n; c++)
            coef[i * n + c] = norm * (double)record[(size_t)column[i] * n + c];
    }
    gk_fit_solve(coef, s->basis, (int)width, column, (int)m, s->count, (int)n, (int)n);
    for (size_t e = 0; e < n; e++)
        for (size_t i = 0; i < m; i++)
            for (size_t c = 0; c < n; c++)
                table[e * n + c] += s->basis[e * width + (size_t)column[i]] * coef[i * n + c];
    for (size_t c = 0; c < n; c++) {
        double shift = (double)record[width * n + c];
        for (size_t e = 0; e < n; e++) shift -= s->count[e] * table[e * n + c] / s->lens->inputs;
        for (size_t e = 0; e < n; e++) table[e * n + c] += shift;
    }
    double loss = gk_table_loss(table, pairs, (int)n);
    free(column);
    free(coef);
    free(table);
    return loss;
}

gk_status gk_run_restricted(const gk_run *run, const gk_snapshot *s, const int *key, int keys,
                            double *loss, int64_t rows)
{
    size_t n = (size_t)s->lens->n, values = gk_record_values(s->lens->n, s->lens->K), size;
    char path[GK_PATH_MAX], *bytes;

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
        loss[i] = restricted(record, s, key, keys, pairs);
    }
    free(pairs);
    free(record);
    free(bytes);
    return GK_OK;
}
