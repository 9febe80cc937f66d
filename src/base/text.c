/* Strings that grow, numbers in and out independent of the locale, and the nearest word. */
#include "gk/base.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(gk_text *text, size_t more)
{
    GK_CHECK(more < SIZE_MAX / 4 && text->length < SIZE_MAX / 4);
    if (text->length + more + 1 <= text->capacity) return;
    size_t capacity = 2 * (text->length + more + 1) + 64;
    char *data = realloc(text->data, capacity);

    if (!data) {
        fprintf(stderr, "grokc: out of memory (%zu bytes of text)\n", capacity);
        exit(1);
    }
    text->data = data;
    text->capacity = capacity;
}

void gk_text_append(gk_text *text, const void *bytes, size_t n)
{
    reserve(text, n);
    if (n) memcpy(text->data + text->length, bytes, n);
    text->length += n;
    text->data[text->length] = 0;
}

void gk_text_add(gk_text *text, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    GK_CHECK(n >= 0);
    reserve(text, (size_t)n);
    vsnprintf(text->data + text->length, (size_t)n + 1, format, again);
    va_end(again);
    text->length += (size_t)n;
}

void gk_text_add_real(gk_text *text, double value)
{
    char digits[64];

    if (!isfinite(value)) {
        gk_text_add(text, "null");
        return;
    }
    int precision = 0;
    do snprintf(digits, sizeof digits, "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision <= 16);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent >= -5 && exponent < 16) /* 30, not 3e+01 */
        snprintf(digits, sizeof digits, "%.*f", precision > exponent ? precision - exponent : 0,
                 value);
    else if (precision == 0) /* 1.0e-08: YAML 1.1 wants the point */
        snprintf(digits, sizeof digits, "%.1e", value);
    gk_text_add(text, "%s%s", digits, strcmp(digits, "-0") ? "" : ".0"); /* in JSON, -0 is 0 */
}

void gk_text_add_json(gk_text *text, const char *string)
{
    gk_text_append(text, "\"", 1);
    for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
        if (*c == '"' || *c == '\\')
            gk_text_add(text, "\\%c", *c);
        else if (*c < 0x20)
            gk_text_add(text, "\\u%04x", *c);
        else
            gk_text_append(text, c, 1);
    }
    gk_text_append(text, "\"", 1);
}

void gk_text_free(gk_text *text)
{
    free(text->data);
    *text = (gk_text){0};
}

static bool only(const char *string, const char *allowed)
{
    return *string && strspn(string, allowed) == strlen(string);
}

bool gk_parse_int(const char *string, int64_t *value)
{
    char *end;

    if (!only(string, "+-0123456789")) return false;
    errno = 0;
    long long parsed = strtoll(string, &end, 10);
    if (errno || *end || end == string) return false;
    *value = parsed;
    return true;
}

bool gk_parse_real(const char *string, double *value)
{
    char *end;

    if (!only(string, "+-.eE0123456789")) return false;
    errno = 0;
    double parsed = strtod(string, &end);
    if (*end || end == string || !isfinite(parsed)) return false;
    *value = parsed;
    return true;
}

/* The digits at *c behind what *value has, and *c behind them; false if they do not fit. `*scale`
 * counts them. Zeros at the end are only counted, in `*zeros`: 1.000 is 1. */
static bool read_digits(const char **c, uint64_t *value, int *zeros, int *scale)
{
    for (; **c >= '0' && **c <= '9'; ++*c, ++*scale) {
        unsigned digit = (unsigned)(**c - '0');
        ++*zeros;
        if (!digit) continue;
        for (; *zeros; --*zeros)
            if (__builtin_mul_overflow(*value, 10, value)) return false;
        if (__builtin_add_overflow(*value, digit, value)) return false;
    }
    return true;
}

/* Sign and size of a whole number. */
static bool read_whole(const char *string, bool *negative, uint64_t *size)
{
    const char *exponent = strpbrk(string, "eE"), *c = string;
    int zeros = 0, digits = 0, behind = 0;
    int64_t power = 0;
    double real;

    if (!gk_parse_real(string, &real)) return false; /* is of the form that numbers have */
    if (exponent && !gk_parse_int(exponent + 1, &power)) return false;
    *negative = *c == '-';
    *size = 0;
    c += *c == '-' || *c == '+';
    if (!read_digits(&c, size, &zeros, &digits)) return false;
    if (*c == '.') c++;
    if (!read_digits(&c, size, &zeros, &behind)) return false;
    if (*size == 0) return true;
    if (power < -100000 || power > 100000 || power + zeros < behind) return false;
    for (power += zeros - behind; power > 0; power--)
        if (__builtin_mul_overflow(*size, 10, size)) return false;
    return true;
}

bool gk_parse_whole(const char *string, int64_t *value)
{
    bool negative;
    uint64_t size;

    if (!read_whole(string, &negative, &size) || size > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)-size : (int64_t)size;
    return true;
}

bool gk_parse_natural(const char *string, uint64_t *value)
{
    bool negative;
    uint64_t size;

    if (!read_whole(string, &negative, &size) || (negative && size)) return false;
    *value = size;
    return true;
}

bool gk_parse_run_at(const char *text, char run[GK_PATH_MAX], int64_t *epoch)
{
    const char *at = strrchr(text, '@');

    if (!at || at == text || at - text >= GK_PATH_MAX) return false;
    if (!gk_parse_int(at + 1, epoch) || *epoch < 0) return false;
    memcpy(run, text, (size_t)(at - text));
    run[at - text] = 0;
    return true;
}

/* Levenshtein distance with one row; words longer than the row are simply far apart. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 127 };
    size_t n = strlen(a), m = strlen(b);
    int row[LONGEST + 1];

    if (n > LONGEST || m > LONGEST) return LONGEST;
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int above = row[j];
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[m];
}

int gk_nearest(const char *word, const char *const *candidates, int n)
{
    enum { WORD = 60 };
    size_t length = strlen(word);
    int nearest = -1, least = length > WORD ? -1 : (int)length / 3 + 1;

    for (int i = 0; i < n; i++) {
        int d = distance(word, candidates[i]);
        if (d <= least && (nearest < 0 || d < least)) {
            nearest = i;
            least = d;
        }
    }
    return nearest;
}
