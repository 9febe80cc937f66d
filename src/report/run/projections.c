/* projections.bin: of each row, what cos and sin of each frequency say about each answer, and
 * the answers' means.
 *
 * With N = n^2 inputs of which every element f occurs n times, a record has (C_k)_c = sum over
 * inputs of cos(w_k f) L_c / sqrt(N/2), likewise (S_k)_c, and the means m_c. Then
 *     amplitude of cos w_k(f - c):  sum over c of (cos(w_k c) C_kc + sin(w_k c) S_kc) sqrt(2) / n^2
 *     restricted logits of element f:
 *         m_c + sum over key k of (cos(w_k f) C_kc + sin(w_k f) S_kc) / sqrt(N/2)
 * (k = n/2 has no sine and another norm; it is left out.) */
#include "report/run/data.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 600, N_MAX = 2048 };

typedef struct source {
    int fd;
    size_t n, K;
    float *record;
    double *cosine, *sine, *row; /* (n) tables of 2 pi i / n, work */
} source;

static double logit(const source *s, const gk_run_data *d, size_t f, size_t c)
{
    double sum = (double)s->record[2 * s->K * s->n + c], scale = sqrt(2.0) / (double)s->n;

    for (int i = 0; i < d->keys; i++) {
        size_t k = (size_t)d->key[i], at = k * f % s->n;
        if (2 * k >= s->n) continue;
        sum += scale * (s->cosine[at] * (double)s->record[2 * (k - 1) * s->n + c] +
                        s->sine[at] * (double)s->record[(2 * (k - 1) + 1) * s->n + c]);
    }
    return sum;
}

static double restricted(const source *s, const gk_run_data *d)
{
    double loss = 0;

    for (size_t f = 0; f < s->n; f++) {
        double most = -INFINITY, sum = 0;
        for (size_t c = 0; c < s->n; c++) {
            s->row[c] = logit(s, d, f, c);
            most = fmax(most, s->row[c]);
        }
        for (size_t c = 0; c < s->n; c++) sum += exp(s->row[c] - most);
        loss += log(sum) + most - s->row[f];
    }
    return loss / (double)s->n;
}

static double amplitude(const source *s, size_t k)
{
    double sum = 0;

    if (k < 1 || 2 * k >= s->n) return GK_NULL;
    for (size_t c = 0; c < s->n; c++)
        sum += s->cosine[k * c % s->n] * (double)s->record[2 * (k - 1) * s->n + c] +
               s->sine[k * c % s->n] * (double)s->record[(2 * (k - 1) + 1) * s->n + c];
    return sum * sqrt(2.0) / ((double)s->n * (double)s->n);
}

static size_t record_bytes(const source *s) { return (2 * s->K + 1) * s->n * sizeof(float); }

/* false: the file ends before that record. */
static bool read_record(source *s, size_t i)
{
    size_t size = record_bytes(s), have = 0;

    while (have < size) {
        ssize_t n = pread(s->fd, (char *)s->record + have, size - have, (off_t)(i * size + have));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        have += (size_t)n;
    }
    return true;
}

static void read_all(gk_projections *p, const gk_run_data *d, source *s)
{
    size_t rows = d->own_rows, shown = rows < ROWS ? rows : ROWS;
    const double *epoch = gk_row_table_column(&d->rows, "epoch") + (d->rows.n - rows);

    p->epoch = gk_alloc(shown, sizeof *p->epoch);
    p->restricted = gk_alloc(shown, sizeof *p->restricted);
    p->cosine = gk_alloc((size_t)d->keys * shown, sizeof *p->cosine);
    for (size_t j = 0; j < shown; j++) {
        size_t i = shown > 1 ? j * (rows - 1) / (shown - 1) : 0;
        if (!read_record(s, i)) break;
        p->epoch[p->n] = epoch[i];
        p->restricted[p->n] = restricted(s, d);
        for (int key = 0; key < d->keys; key++)
            p->cosine[(size_t)key * shown + p->n] = amplitude(s, (size_t)d->key[key]);
        p->n++;
    }
    p->stride = shown;
}

/* Elements of the group; 0: the formulas above do not hold. */
static size_t group_size(const gk_run_data *d)
{
    size_t n = gk_run_elements(d);

    return n > N_MAX || d->config.task.corrupt_fraction > 0 || !d->keys ? 0 : n;
}

gk_status gk_projections_read(gk_projections *p, const gk_run_data *d)
{
    char path[GK_PATH_MAX];
    source s = {.n = group_size(d)};

    *p = (gk_projections){0};
    s.K = s.n / 2;
    if (s.n < 2 || !d->own_rows) return GK_OK;
    GK_TRY(gk_path(path, "%s/projections.bin", d->dir));
    s.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s.fd < 0 && errno == ENOENT) return GK_OK;
    if (s.fd < 0) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    s.record = gk_alloc(record_bytes(&s), 1);
    s.cosine = gk_alloc(3 * s.n, sizeof *s.cosine);
    s.sine = s.cosine + s.n;
    s.row = s.sine + s.n;
    for (size_t i = 0; i < s.n; i++) {
        s.cosine[i] = cos(2 * M_PI * (double)i / (double)s.n);
        s.sine[i] = sin(2 * M_PI * (double)i / (double)s.n);
    }
    read_all(p, d, &s);
    close(s.fd);
    free(s.record);
    free(s.cosine);
    return GK_OK;
}

void gk_projections_free(gk_projections *p)
{
    free(p->epoch);
    free(p->restricted);
    free(p->cosine);
    *p = (gk_projections){0};
}
