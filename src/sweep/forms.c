/* The values that a key of a sweep file has: [a, b, c], {range: [0, 64]}, {log: [0.01, 10, 7]},
 * {uniform: [0, 1]}.
 *
 * What lies between the ends of a form is computed in long double from the decimal text, then
 * rounded once: {range: [0, 1, 0.1]} has 0.3, where 3 x 0.1 in double is 0.30000000000000004. */
#include "sweep/axis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is written inside of a form. */
typedef struct number {
    char text[64];
    bool is_whole;
    int64_t whole;
    long double real;
} number;

static const struct form {
    const char *name, *takes;
    int least, most;
} forms[] = {
    {"range", "[from, to] or [from, to, step]", 2, 3},
    {"log", "[from, to, how many], or [from, to] with random", 2, 3},
    {"uniform", "[from, to]", 2, 2},
};
enum { RANGE, LOG, UNIFORM, FORMS };

static gk_sweep_file *file_of(const gk_reader *r) { return r->grammar->user; }

__attribute__((format(printf, 3, 4))) static gk_status fail(const gk_reader *r, const gk_axis *axis,
                                                            const char *format, ...)
{
    char message[300];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return gk_reader_fail(r, gk_reader_line(r), "%s: %s", gk_axis_name(axis->key), message);
}

static gk_status add(gk_sweep_file *f, gk_axis *axis, int line, const char *text, bool quoted)
{
    char *value;

    GK_TRY(gk_sweep_canonical(f, axis->key, line, text, quoted, &value));
    gk_axis_add(axis, value);
    return GK_OK;
}

static void write_real(char out[64], double value)
{
    gk_text text = {0};

    gk_text_add_real(&text, value);
    snprintf(out, 64, "%s", text.data);
    gk_text_free(&text);
}

/* ---- [a, b, c] */

static gk_status read_list(gk_reader *r, gk_axis *axis)
{
    for (;;) {
        GK_TRY(gk_reader_next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) break;
        if (!gk_reader_is_scalar(r))
            return fail(r, axis, "%s stands where one value of the list should", gk_reader_kind(r));
        GK_TRY(
            add(file_of(r), axis, gk_reader_line(r), gk_reader_scalar(r), gk_reader_is_quoted(r)));
    }
    if (axis->n) return GK_OK;
    return gk_reader_fail(r, axis->line, "%s: the list is empty", gk_axis_name(axis->key));
}

/* ---- {range: [0, 64]} */

/* from + i step, exact for whole numbers of 64 bits; false if that is not before `to`. */
static bool range_value(char text[64], const number *from, const number *to, const number *step,
                        int i)
{
    __extension__ typedef __int128 int128;
    int sign = step->real > 0 ? 1 : -1;

    if (from->is_whole && to->is_whole && step->is_whole) {
        int128 value = (int128)from->whole + (int128)i * step->whole;
        if (sign > 0 ? value >= to->whole : value <= to->whole) return false;
        snprintf(text, 64, "%" PRId64, (int64_t)value);
        return true;
    }
    double value = (double)(from->real + i * step->real), end = (double)to->real;
    if (!(sign > 0 ? value < end : value > end)) return false;
    write_real(text, value);
    return true;
}

static gk_status read_range(gk_reader *r, gk_axis *axis, const number *numbers, int n)
{
    const number one = {.is_whole = true, .whole = 1, .real = 1};
    const number *step = n > 2 ? &numbers[2] : &one;
    char text[64];

    if (!(step->real < 0) && !(step->real > 0)) return fail(r, axis, "the step of a range is 0");
    for (int i = 0; range_value(text, &numbers[0], &numbers[1], step, i); i++) {
        if (i == GK_SWEEP_POINTS_MAX)
            return fail(r, axis, "the range has more than %d values", GK_SWEEP_POINTS_MAX);
        GK_TRY(add(file_of(r), axis, gk_reader_line(r), text, false));
    }
    if (axis->n) return GK_OK;
    return fail(r, axis, "the range from %s to %s has no values", numbers[0].text, numbers[1].text);
}

/* ---- {log: [0.01, 10, 7]}, {uniform: [0, 1]} */

static gk_status add_log_values(gk_reader *r, gk_axis *axis, const number *numbers)
{
    int64_t n = numbers[2].whole;
    int line = gk_reader_line(r);
    char text[64];

    if (!numbers[2].is_whole || n < 2 || n > GK_SWEEP_POINTS_MAX)
        return fail(r, axis, "log expects from 2 to %d values, not %s", GK_SWEEP_POINTS_MAX,
                    numbers[2].text);
    bool whole = !axis->key || axis->key->type == GK_KEY_INT;
    long double first = logl(numbers[0].real), last = logl(numbers[1].real);
    for (int64_t i = 0; i < n; i++) {
        long double x = expl(first + (last - first) * i / (n - 1));
        write_real(text, (double)(whole ? roundl(x) : x));
        const char *value = i == 0 ? axis->low : i == n - 1 ? axis->high : text;
        GK_TRY(add(file_of(r), axis, line, value, false));
        if (whole && i && !strcmp(axis->value[axis->n - 1], axis->value[axis->n - 2])) axis->n--;
    }
    return GK_OK;
}

static gk_status read_ends(gk_reader *r, gk_axis *axis, const number *numbers, int n)
{
    bool is_log = axis->form == GK_AXIS_LOG;
    char *ends[2];

    if (axis->key && axis->key->type != GK_KEY_INT && axis->key->type != GK_KEY_REAL)
        return fail(r, axis, "%s is for numbers", is_log ? "log" : "uniform");
    for (int i = 0; i < 2; i++) {
        if (is_log && !((double)numbers[i].real > 0))
            return fail(r, axis, "log expects ends above 0, not %s", numbers[i].text);
        GK_TRY(gk_sweep_canonical(file_of(r), axis->key, gk_reader_line(r), numbers[i].text, false,
                                  &ends[i]));
    }
    axis->low = ends[0];
    axis->high = ends[1];
    if (!(numbers[0].real < numbers[1].real) && !(is_log && numbers[0].real > numbers[1].real))
        return fail(r, axis, "the ends %s and %s leave nothing between them", axis->low,
                    axis->high);
    return n == 3 ? add_log_values(r, axis, numbers) : GK_OK;
}

/* ---- any form */

static gk_status read_number(gk_reader *r, const gk_axis *axis, number *out)
{
    const char *text = gk_reader_scalar(r);
    double value;

    if (gk_reader_is_quoted(r) || !gk_parse_real(text, &value) || strlen(text) >= sizeof out->text)
        return fail(r, axis, "a number is expected here, not %s\"%s\"",
                    gk_reader_is_quoted(r) ? "the quoted " : "", gk_show(text).text);
    *out = (number){.real = strtold(text, NULL)};
    memcpy(out->text, text, strlen(text) + 1);
    out->is_whole = gk_parse_int(text, &out->whole);
    return GK_OK;
}

/* The list of numbers behind the name of a form. */
static gk_status read_numbers(gk_reader *r, const gk_axis *axis, const struct form *form,
                              number numbers[3], int *n)
{
    GK_TRY(gk_reader_next(r));
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return fail(r, axis, "%s expects %s, not %s", form->name, form->takes, gk_reader_kind(r));
    for (*n = 0;; ++*n) {
        GK_TRY(gk_reader_next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) break;
        if (!gk_reader_is_scalar(r))
            return fail(r, axis, "a number is expected here, not %s", gk_reader_kind(r));
        if (*n < form->most) GK_TRY(read_number(r, axis, &numbers[*n]));
    }
    if (*n >= form->least && *n <= form->most) return GK_OK;
    return fail(r, axis, "%s expects %s, not %d number%s", form->name, form->takes, *n,
                *n == 1 ? "" : "s");
}

static gk_status read_mapping(gk_reader *r, gk_axis *axis)
{
    static const char *const names[FORMS] = {"range", "log", "uniform"};
    number numbers[3];
    int form = 0, n = 0;

    GK_TRY(gk_reader_next(r));
    if (r->event.type == YAML_MAPPING_END_EVENT || !gk_reader_is_scalar(r))
        return fail(r, axis, "a form is expected here: range, log or uniform");
    while (form < FORMS && strcmp(names[form], gk_reader_scalar(r)) != 0) form++;
    if (form == FORMS)
        return fail(r, axis, "unknown form \"%s\"%s", gk_show(gk_reader_scalar(r)).text,
                    gk_did_you_mean(gk_reader_scalar(r), names, FORMS).text);
    GK_TRY(read_numbers(r, axis, &forms[form], numbers, &n));
    if (form == RANGE) GK_TRY(read_range(r, axis, numbers, n));
    if (form == LOG) axis->form = GK_AXIS_LOG;
    if (form == UNIFORM) axis->form = GK_AXIS_UNIFORM;
    if (form != RANGE) GK_TRY(read_ends(r, axis, numbers, n));
    GK_TRY(gk_reader_next(r));
    if (r->event.type == YAML_MAPPING_END_EVENT) return GK_OK;
    return fail(r, axis, "a key has one form, and \"%s\" follows",
                gk_reader_is_scalar(r) ? gk_show(gk_reader_scalar(r)).text : gk_reader_kind(r));
}

gk_status gk_sweep_read_form(gk_reader *r, const gk_config_key *key)
{
    gk_axis *axis = gk_sweep_add_axis(file_of(r), key, gk_reader_line(r));

    return r->event.type == YAML_SEQUENCE_START_EVENT ? read_list(r, axis) : read_mapping(r, axis);
}
