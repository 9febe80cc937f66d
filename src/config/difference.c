/* How a file differs from the one that was kept, in words. */
#include "config/difference.h"
#include "gk/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of a split, as far as they are; whatever else there is ends them. */
static int64_t *numbers(const char *text, size_t size, size_t *n)
{
    int64_t *x = NULL;
    const char *end = text + size;
    char line[32];

    *n = 0;
    for (const char *at = text; at < end;) {
        size_t length = strcspn(at, "\n"), digits = strspn(at, "0123456789");

        if (digits && digits < sizeof line) {
            memcpy(line, at, digits);
            line[digits] = 0;
            x = gk_grow(x, *n, sizeof *x);
            if (!gk_parse_int(line, &x[*n])) x[*n] = -1;
            ++*n;
        }
        at += length + 1;
    }
    return x;
}

/* How many of the first `m` of `now` are not among the first m of `then`. */
static size_t others(const int64_t *then, const int64_t *now, size_t m)
{
    int64_t *sorted = gk_alloc(m ? m : 1, sizeof *sorted);
    size_t n = 0;

    memcpy(sorted, then, m * sizeof *sorted);
    qsort(sorted, m, sizeof *sorted, gk_ascending_epochs);
    for (size_t i = 0; i < m; i++)
        n += !bsearch(&now[i], sorted, m, sizeof *sorted, gk_ascending_epochs);
    free(sorted);
    return n;
}

void gk_split_difference(gk_text *text, const char *then, size_t then_size, const char *now,
                         size_t now_size, double train_fraction)
{
    size_t n, m, same = 0;
    int64_t *a = numbers(then, then_size, &n), *b = numbers(now, now_size, &m);

    while (same < n && same < m && a[same] == b[same]) same++;
    if (n != m) {
        gk_text_add(text, "it has %zu ids, and had %zu", m, n);
    } else if (same < n) {
        size_t train = (size_t)floor(train_fraction * (double)n);
        gk_text_add(text,
                    "%zu of its %zu training ids were test ids, and the first line that differs "
                    "has id %lld in place of %lld",
                    others(a, b, train), train, (long long)b[same], (long long)a[same]);
    }
    free(a);
    free(b);
}

static bool same_shape(const gk_entry *a, const gk_entry *b)
{
    return a->dims == b->dims && !memcmp(a->shape, b->shape, (size_t)a->dims * sizeof *a->shape);
}

static bool same_values(const gk_entry *a, const gk_entry *b)
{
    return a->dtype == b->dtype && a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

/* The tensors of `a` in `b`; false where one is another. */
static bool compare(gk_text *text, const gk_tensors_file *a, const gk_tensors_file *b)
{
    for (int i = 0; i < a->n; i++) {
        const gk_entry *x = &a->entry[i], *y = gk_tensors_find(b, x->name);

        if (!y)
            gk_text_add(text, "it has no tensor %s", x->name);
        else if (!same_shape(x, y))
            gk_text_add(text, "its tensor %s has another shape", x->name);
        else if (!same_values(x, y))
            gk_text_add(text, "its tensor %s has other values", x->name);
        if (text->length) return false;
    }
    return true;
}

void gk_weights_difference(gk_text *text, const char *then, const char *now)
{
    gk_tensors_file a, b;

    if (gk_tensors_load(&a, then) != GK_OK) {
        gk_text_add(text, "its bytes are others");
        return;
    }
    if (gk_tensors_load(&b, now) != GK_OK) {
        gk_text_add(text, "it is no weights file any more (%s)", gk_message());
    } else {
        if (compare(text, &a, &b) && a.n != b.n)
            gk_text_add(text, "it has %d tensors, and had %d", b.n, a.n);
        gk_tensors_close(&b);
    }
    gk_tensors_close(&a);
}
