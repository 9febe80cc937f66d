/* projections.bin: of each row, what cos and sin of each frequency say about each answer, and
 * the classes' means (gk/records.h).
 *
 * With N = n^2 inputs of which every element f occurs n times, a record has (C_k)_c = sum over
 * inputs of cos(w_k f) L_c / sqrt(N/2), likewise (S_k)_c, and the means m_c. Then the amplitude of
 * cos w_k(f - c) is the sum over c of (cos(w_k c) C_kc + sin(w_k c) S_kc) sqrt(2) / n^2. (k = n/2
 * has no sine and another norm; its amplitude is left out.) */
#include "report/run/data.h"
#include "gk/fit.h"
#include "gk/records.h"

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
    double *basis; /* (n,2K): gk_characters */
    double *count; /* (n): inputs of each element */
    double *pairs; /* (n,n): inputs by element and label, which are the same */
} source;

static double restricted(const source *s, const gk_run_data *d)
{
    gk_elements elements = {.n = (int)s->n,
                            .K = (int)s->K,
                            .inputs = (double)(s->n * s->n),
                            .basis = s->basis,
                            .count = s->count};

    return gk_record_restricted(s->record, &elements, d->key, d->keys, s->pairs);
}

static double amplitude(const source *s, size_t k)
{
    size_t n = s->n, at = 2 * (k - 1);
    double sum = 0;

    if (2 * k >= n) return GK_NULL;
    for (size_t c = 0; c < n; c++) {
        const double *character = s->basis + c * 2 * s->K + at;
        sum += character[0] * (double)s->record[at * n + c] +
               character[1] * (double)s->record[(at + 1) * n + c];
    }
    return sum * sqrt(2.0) / ((double)n * (double)n);
}

static size_t record_bytes(const source *s)
{
    return gk_record_values((int)s->n, (int)s->K) * sizeof(float);
}

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

/* Elements of the group; 0: there are no such inputs, or a key is no frequency of theirs. */
static size_t group_size(const gk_run_data *d)
{
    size_t n = gk_run_elements(d);

    for (int i = 0; i < d->keys; i++)
        if (d->key[i] < 1 || (size_t)d->key[i] > n / 2) return 0;
    return n > N_MAX || d->config.task.label_noise > 0 || !d->keys ? 0 : n;
}

static void open_elements(source *s)
{
    s->record = gk_alloc(record_bytes(s), 1);
    s->basis = gk_alloc(s->n * 2 * s->K, sizeof *s->basis);
    s->count = gk_alloc(s->n, sizeof *s->count);
    s->pairs = gk_alloc(s->n * s->n, sizeof *s->pairs);
    gk_characters(s->basis, (int)s->n);
    for (size_t e = 0; e < s->n; e++) s->count[e] = s->pairs[e * s->n + e] = (double)s->n;
}

static void close_elements(source *s)
{
    free(s->record);
    free(s->basis);
    free(s->count);
    free(s->pairs);
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
    open_elements(&s);
    read_all(p, d, &s);
    close(s.fd);
    close_elements(&s);
    return GK_OK;
}

void gk_projections_free(gk_projections *p)
{
    free(p->epoch);
    free(p->restricted);
    free(p->cosine);
    *p = (gk_projections){0};
}
