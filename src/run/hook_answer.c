/* A line that a hook answers with, as the line of hook.jsonl that it becomes. */
#include "run/hook_answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a number at `at` that JSON has no word for; 0: none begins there. */
static size_t no_number(const char *at, const char *end)
{
    static const char *const words[] = {"NaN", "-NaN", "nan",      "-nan",
                                        "inf", "-inf", "Infinity", "-Infinity"};
    size_t longest = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (n > longest && (size_t)(end - at) >= n && !memcmp(at, words[i], n)) longest = n;
    }
    return longest;
}

/* The text with null in their place, outside of strings. */
static void put_nulls(gk_text *out, const char *line, size_t n, int64_t *nulls)
{
    const char *end = line + n;
    bool quoted = false;

    for (const char *at = line; at < end; at++) {
        size_t word = quoted ? 0 : no_number(at, end);
        if (word) {
            gk_text_append(out, "null", 4);
            at += word - 1;
            ++*nulls;
            continue;
        }
        quoted ^= *at == '"';
        gk_text_append(out, at, 1);
        if (quoted && *at == '\\' && at + 1 < end) gk_text_append(out, ++at, 1);
    }
}

bool gk_hook_answer(gk_text *row, const char *line, size_t n, int64_t epoch, int64_t *nulls,
                    char why[160])
{
    gk_text text = {0};
    json_error_t error;

    put_nulls(&text, line, n, nulls);
    json_t *answer = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &error);
    const json_t *own = answer ? json_object_get(answer, "epoch") : NULL;
    bool good = answer && (!own || (json_is_integer(own) && json_integer_value(own) == epoch));

    if (!good) snprintf(why, 160, "%s", answer ? "it names another epoch" : error.text);
    if (good && !own)
        gk_text_add(row, "{\"epoch\": %lld%s", (long long)epoch,
                    json_object_size(answer) ? ", " : "");
    size_t from = own ? 0 : 1;
    if (good) gk_text_append(row, text.data + from, text.length - from);
    for (size_t i = 0; i < row->length; i++) /* white space here, a line's end to others */
        if (row->data[i] == '\r') row->data[i] = ' ';
    if (good) gk_text_append(row, "\n", 1);
    json_decref(answer);
    gk_text_free(&text);
    return good;
}
