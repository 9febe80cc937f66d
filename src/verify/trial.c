/* Arrays of made-up numbers around one call of an op, and what the op did to them. */
#include "verify/trial.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 256, BLANK = 0xff, BLOB_ALIGNMENT = 64 };

gk_trial_layout gk_trial_layout_flat(size_t n)
{
    GK_CHECK(n <= INT32_MAX);
    return (gk_trial_layout){.rows = 1, .width = (int)n, .ld = (int)n, .stride = n};
}

gk_trial_layout gk_trial_layout_padded(int rows, int width, int pad)
{
    size_t ld = (size_t)width + pad;

    return (gk_trial_layout){
        .rows = rows, .width = width, .ld = (int)ld, .stride = (size_t)rows * ld + pad};
}

static size_t blob_offset(const size_t *size, int tensor, int R)
{
    size_t offset = 0;

    for (int k = 0; k < tensor; k++)
        offset += (size[k] * R + BLOB_ALIGNMENT - 1) / BLOB_ALIGNMENT * BLOB_ALIGNMENT;
    return offset;
}

static size_t elements_of_run(const gk_trial_layout *l)
{
    size_t n = 0;

    if (!l->blob) return (size_t)l->rows * l->width;
    for (int k = 0; l->blob[k]; k++) n += l->blob[k];
    return n;
}

static size_t elements_of_memory(const gk_trial_layout *l, int R)
{
    int tensors = 0;

    if (!l->blob) return l->stride * (l->shared ? 1 : R);
    while (l->blob[tensors]) tensors++;
    return blob_offset(l->blob, tensors, R);
}

/* Where element i of the r-th of R runs lies. */
static size_t position(const gk_trial_layout *l, int R, int r, size_t i)
{
    int k = 0;

    if (!l->blob) {
        size_t run = (l->shared ? 0 : r) * l->stride;

        return run + (l->ld == l->width ? i : i / l->width * l->ld + i % l->width);
    }
    for (; i >= l->blob[k]; k++) i -= l->blob[k];
    return blob_offset(l->blob, k, R) + r * l->blob[k] + i;
}

/* Uniform in (-x, x). Of wide trials in run 1 times a power of two down to 2^-47, and in run 2 of
 * every fourth its sign times 2^40 x: such numbers cancel, and what is left tells in which order
 * smaller ones were added, in double too. */
static double uniform(const gk_trial *t, int run, size_t i, double u, double x)
{
    uint32_t hash = (uint32_t)i * 2654435761u >> 16;
    double y = (2 * u - 1) * x;

    if (t->wide && run == 1) return ldexp(y, -(int)(hash % 48));
    return t->wide && run == 2 && hash % 4 == 0 ? copysign(0x1p40 * x, y) : y;
}

void gk_fill_real(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    gk_real value = (gk_real)uniform(t, run, i, u, x);

    memcpy(element, &value, sizeof value);
}

void gk_fill_double(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    double value = uniform(t, run, i, u, x);

    memcpy(element, &value, sizeof value);
}

void gk_fill_int(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    int32_t value = (int32_t)(u * x);

    (void)t, (void)run, (void)i;
    memcpy(element, &value, sizeof value);
}

void gk_fill_byte(const gk_trial *t, void *element, int run, size_t i, double u, double x)
{
    uint8_t value = (uint8_t)(u * x);

    (void)t, (void)run, (void)i;
    memcpy(element, &value, sizeof value);
}

static void fill_run(const gk_trial *t, const gk_trial_array *a, int r, gk_fill *fill, double x)
{
    int run = a->layout.shared ? 0 : t->first + r;
    size_t n = elements_of_run(&a->layout);
    uint32_t word[4];

    for (size_t i = 0; i < n; i++) {
        char *to = a->before + GUARD + position(&a->layout, t->R, r, i) * a->element;

        if (i % 4 == 0) gk_random_words(word, t->seed, (uint32_t)t->n, (uint64_t)run << 40 | i / 4);
        fill(t, to, run, i, (word[i % 4] + 0.5) * 0x1p-32, x);
    }
}

void *gk_trial_add(gk_trial *t, gk_trial_array array, gk_fill *fill, double x)
{
    gk_trial_array *a = &t->array[t->n];

    GK_CHECK(t->n < GK_TRIAL_ARRAYS);
    *a = array;
    a->blank = !fill;
    a->bytes = 2 * GUARD + elements_of_memory(&a->layout, t->R) * a->element;
    a->before = gk_alloc(a->bytes, 1);
    a->after = gk_alloc(a->bytes, 1);
    memset(a->before, BLANK, a->bytes);
    for (int r = 0; fill && r < (a->layout.shared ? 1 : t->R); r++) fill_run(t, a, r, fill, x);
    t->n++;
    a->memory = t->be->alloc(t->be, a->bytes);
    if (!a->memory) {
        t->problem = "out of memory";
        return NULL;
    }
    t->be->upload(t->be, a->memory, a->before, a->bytes);
    return (char *)a->memory + GUARD;
}

const gk_real *gk_trial_in(gk_trial *t, gk_trial_layout layout, double spread)
{
    gk_trial_array array = {.element = sizeof(gk_real), .layout = layout, .compare = GK_INPUT};

    return gk_trial_add(t, array, gk_fill_real, spread);
}

gk_real *gk_trial_inout(gk_trial *t, gk_trial_layout layout, double spread, double limit)
{
    gk_trial_array array = {
        .element = sizeof(gk_real), .layout = layout, .compare = GK_COMPARE_NORM, .limit = limit};

    return gk_trial_add(t, array, spread > 0 ? gk_fill_real : NULL, spread);
}

gk_real *gk_trial_out(gk_trial *t, gk_trial_layout layout, gk_real beta, double limit)
{
    return gk_trial_inout(t, layout, beta != 0 ? 1 : 0, limit);
}

/* Ends one call and begins the next. sync: the clock must not stop before the device does. */
bool gk_trial_again(gk_trial *t)
{
    double now;

    if (t->problem) return false;
    if (t->be->sync(t->be) != GK_OK) {
        t->problem = "the backend failed";
        return false;
    }
    now = gk_seconds();
    if (t->begun > 0 && now - t->start < t->seconds) t->seconds = now - t->start;
    t->start = now;
    return t->begun++ < t->calls;
}

static void run_case(gk_trial *t)
{
    gk_backend *be = t->be;

    t->size = t->op_case->size;
    t->seconds = HUGE_VAL;
    t->seed = (uint64_t)(t->op_case - gk_op_cases);
    t->op_case->run(t);
    if (t->problem) return;
    for (int i = 0; i < t->n; i++)
        be->download(be, t->array[i].after, t->array[i].memory, t->array[i].bytes);
    if (be->sync(be) != GK_OK) t->problem = "the backend failed";
}

void gk_trial_run(gk_trial *t, const gk_op_case *op_case, gk_backend *be, int first, int R,
                  int calls)
{
    *t = (gk_trial){.be = be, .op_case = op_case, .R = R, .first = first, .calls = calls};
    run_case(t);
}

void gk_trial_run_wide(gk_trial *t, const gk_op_case *op_case, gk_backend *be, int first, int R)
{
    *t = (gk_trial){.be = be, .op_case = op_case, .R = R, .first = first, .calls = 1, .wide = true};
    run_case(t);
}

void gk_trial_close(gk_trial *t)
{
    for (int i = 0; i < t->n; i++) {
        if (t->array[i].memory) t->be->release(t->be, t->array[i].memory);
        free(t->array[i].before);
        free(t->array[i].after);
    }
    t->n = 0;
}

static bool is_blank(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)bytes[i] != BLANK) return false;
    }
    return true;
}

/* Every element of the array written? Its place is then blanked in `rest`. */
static bool take_elements(const gk_trial *t, const gk_trial_array *a, char *rest)
{
    size_t n = elements_of_run(&a->layout);
    bool written = true;

    for (int r = 0; r < (a->layout.shared ? 1 : t->R); r++) {
        for (size_t i = 0; i < n; i++) {
            size_t at = GUARD + position(&a->layout, t->R, r, i) * a->element;

            if (a->blank && is_blank(a->after + at, a->element)) written = false;
            memset(rest + at, BLANK, a->element);
        }
    }
    return written;
}

const char *gk_trial_check(const gk_trial *t)
{
    if (t->problem) return t->problem;
    for (int k = 0; k < t->n; k++) {
        const gk_trial_array *a = &t->array[k];
        bool written, clean;
        char *rest;

        if (a->compare == GK_INPUT) {
            if (memcmp(a->before, a->after, a->bytes) != 0) return "writes to an input";
            continue;
        }
        rest = gk_alloc(a->bytes, 1);
        memcpy(rest, a->after, a->bytes);
        written = take_elements(t, a, rest);
        clean = is_blank(rest, a->bytes);
        free(rest);
        if (!clean) return "writes outside of an output";
        if (!written) return "leaves an output unwritten";
    }
    return NULL;
}

static const char *element(const gk_trial *t, int k, int r, size_t i)
{
    const gk_trial_array *a = &t->array[k];

    return a->after + GUARD + position(&a->layout, t->R, r, i) * a->element;
}

static double number(const gk_trial_array *a, const char *element)
{
    float single;
    double value;

    if (a->element == sizeof single) {
        memcpy(&single, element, sizeof single);
        return single;
    }
    GK_CHECK(a->element == sizeof value);
    memcpy(&value, element, sizeof value);
    return value;
}

/* The bits of a NaN mean nothing. */
static bool is_same(const gk_trial_array *a, const char *x, const char *y)
{
    if (!memcmp(x, y, a->element)) return true;
    return (a->compare == GK_EACH || a->compare == GK_COMPARE_NORM) && isnan(number(a, x)) &&
           isnan(number(a, y));
}

bool gk_trial_same(const gk_trial *a, int r, const gk_trial *b, int q)
{
    GK_CHECK(a->n == b->n && a->first + r == b->first + q);
    for (int k = 0; k < a->n; k++) {
        size_t n = elements_of_run(&a->array[k].layout);

        for (size_t i = 0; i < n && a->array[k].compare != GK_INPUT; i++) {
            if (!is_same(&a->array[k], element(a, k, r, i), element(b, k, q, i))) return false;
        }
    }
    return true;
}

static void say_where(char *where, size_t bytes, const gk_trial *t, const gk_trial *other, int k,
                      int r, size_t i)
{
    const gk_trial_array *a = &t->array[k];
    int n = snprintf(where, bytes, "array %d, run %d, element %zu", k, r, i);

    if (a->compare == GK_EACH || a->compare == GK_COMPARE_NORM)
        snprintf(where + n, bytes - (size_t)n, ": %a, not %a", number(a, element(t, k, r, i)),
                 number(a, element(other, k, r, i)));
}

int64_t gk_trial_differences(const gk_trial *t, const gk_trial *other, char *where, size_t bytes)
{
    int64_t differences = 0;

    GK_CHECK(t->R == other->R && t->first == other->first && t->n == other->n && bytes >= 64);
    for (int k = 0; k < t->n; k++) {
        size_t n = elements_of_run(&t->array[k].layout);

        for (size_t at = 0; at < t->R * n && t->array[k].compare != GK_INPUT; at++) {
            int r = (int)(at / n);
            size_t i = at % n;

            if (is_same(&t->array[k], element(t, k, r, i), element(other, k, r, i))) continue;
            if (differences++ == 0) say_where(where, bytes, t, other, k, r, i);
        }
    }
    return differences;
}

static double distance(double x, double ref, double floor)
{
    if (isnan(x) && isnan(ref)) return 0;
    if (x == ref) return 0; /* infinities too */
    return fabs(x - ref) / fmax(fabs(ref), floor);
}

static double slot_distance(const char *bytes, const char *ref_bytes)
{
    gk_slot x, ref;
    double worst = 0;

    memcpy(&x, bytes, sizeof x);
    memcpy(&ref, ref_bytes, sizeof ref);
    double *computed[] = {&x.lr_now, &x.correction1, &x.correction2, &x.loss, &x.loss_max};
    double *expected[] = {&ref.lr_now, &ref.correction1, &ref.correction2, &ref.loss,
                          &ref.loss_max};

    for (int i = 0; i < 5; i++) {
        double d = distance(*computed[i], *expected[i], DBL_MIN);

        if (!(d <= worst)) worst = d;
        if (isnan(worst)) return worst;
        *computed[i] = *expected[i] = 0;
    }
    return memcmp(&x, &ref, sizeof x) == 0 ? worst : HUGE_VAL;
}

static double element_error(const gk_trial_array *a, const char *x, const char *ref, double floor)
{
    if (a->compare == GK_SAME) return memcmp(x, ref, a->element) == 0 ? 0 : HUGE_VAL;
    if (a->compare == GK_SLOTS) return slot_distance(x, ref);
    return distance(number(a, x), number(a, ref), floor);
}

double gk_trial_error(const gk_trial *t, const gk_trial *ref, int k)
{
    const gk_trial_array *a = &t->array[k];
    size_t n = elements_of_run(&a->layout);
    double worst = 0, floor = a->floor;

    GK_CHECK(t->R == ref->R && t->first == ref->first && t->n == ref->n);
    if (a->compare == GK_INPUT) return 0;
    for (int r = 0; r < t->R && a->compare == GK_COMPARE_NORM; r++) {
        for (size_t i = 0; i < n; i++)
            floor = fmax(floor, fabs(number(a, element(ref, k, r, i)))); /* fmax passes over NaN */
    }
    for (int r = 0; r < t->R; r++) {
        for (size_t i = 0; i < n; i++) {
            double error =
                element_error(a, element(t, k, r, i), element(ref, k, r, i), fmax(floor, DBL_MIN));

            if (isnan(error)) return error;
            worst = fmax(worst, error);
        }
    }
    return worst;
}
