/* The rows of one run, from metrics.jsonl to the table of all rows.
 *
 * First every line goes through jansson: only what is an object of single values without duplicate
 * keys counts as a row. On the second way a line is only cut into names and values, so that numbers
 * keep their digits; that is all JSON needs once it is known to be valid and flat. */
#include "gather/parts.h"
#include "gk/row.h"

#include <jansson.h>
#include <string.h>

typedef struct target {
    gk_columns *columns;
    const char *path;
} target;

/* While learning: the columns of an answer. */
static gk_status learn_answer(void *user, const char *column, const json_t *value)
{
    const target *to = user;

    (void)value;
    if (gk_columns_at(to->columns, column)) return GK_OK;
    return gk_columns_refuse(to->columns, to->path, column);
}

static gk_status check_row(gk_columns *columns, const gk_row_file *rows)
{
    json_t *row = json_loadb(rows->line, rows->length, JSON_REJECT_DUPLICATES, NULL), *value;
    gk_status status = GK_OK;
    const char *name;

    if (!json_is_integer(json_object_get(row, "epoch")))
        status = gk_fail(GK_EDATA, "%s: this is not the row after epoch %lld: %.*s", rows->path,
                         (long long)rows->before, (int)(rows->length < 60 ? rows->length - 1 : 60),
                         rows->line);
    json_object_foreach(row, name, value)
    {
        if (status != GK_OK) break;
        gk_text list = {0};
        bool one = !json_is_object(value) && !json_is_array(value);
        if (!one && !gk_list_text(&list, value))
            status = gk_fail(GK_EDATA, "%s: \"%.60s\" is not one value", rows->path, name);
        else if (!gk_columns_at(columns, name))
            status = gk_columns_refuse(columns, rows->path, name);
        gk_text_free(&list);
    }
    json_decref(row);
    return status;
}

/* The string that begins at `at`, quotes and escapes undone; returns what follows, NULL if it does
 * not end. */
static const char *cut_string(gk_text *text, const char *at)
{
    const char *begin = at++;
    bool plain = true;

    for (; *at != '"'; at++) {
        if (*at == '\\') plain = false, at++;
        if (!*at) return NULL;
    }
    if (plain) {
        gk_text_append(text, begin + 1, (size_t)(at - begin) - 1);
        return at + 1;
    }
    json_t *string = json_loadb(begin, (size_t)(at - begin) + 1, JSON_DECODE_ANY, NULL);
    if (string) gk_text_append(text, json_string_value(string), json_string_length(string));
    json_decref(string);
    return at + 1;
}

/* The list that begins at `at`, as it stands in tables; NULL if it does not end. */
static const char *cut_list(gk_text *text, const char *at)
{
    size_t n = 0;
    int depth = 0;

    do {
        if (!at[n]) return NULL;
        depth += (at[n] == '[') - (at[n] == ']');
    } while (n++, depth);
    json_t *list = json_loadb(at, n, 0, NULL);
    bool good = gk_list_text(text, list);
    json_decref(list);
    return good ? at + n : NULL;
}

static const char *cut_value(gk_text *text, const char *at)
{
    if (*at == '"') return cut_string(text, at);
    if (*at == '[') return cut_list(text, at);
    size_t n = strcspn(at, " \t\r\n,}");
    if (n != 4 || memcmp(at, "null", 4) != 0) gk_text_append(text, at, n);
    return at + n;
}

/* Sets the columns of a checked line. */
static bool cut_row(gk_columns *columns, const char *line)
{
    static const char between[] = " \t\r\n,{:";
    const char *at = line + strspn(line, between);
    gk_text name = {0};

    while (at && *at == '"') {
        name.length = 0;
        gk_text_append(&name, "", 0); /* terminated, though empty */
        at = cut_string(&name, at);
        gk_text *value = at ? gk_columns_at(columns, name.data) : NULL;
        at = value ? cut_value(value, at + strspn(at, between)) : NULL;
        if (at) at += strspn(at, between);
    }
    gk_text_free(&name);
    return at && *at == '}';
}

static gk_status write_row(gk_columns *columns, const gk_row_file *rows, int index,
                           const char *answer, gk_out *out)
{
    gk_columns_clear(columns);
    gk_text_add(&columns->value[0], "%d", index);
    if (!cut_row(columns, rows->line)) return gk_fail(GK_EDATA, "%s changed", rows->path);
    if (answer) GK_TRY(gk_columns_put_answer(columns, rows->path, answer));
    gk_columns_write_values(out, columns);
    return GK_OK;
}

static gk_status take_row(gk_columns *columns, const gk_row_file *rows, int index,
                          const char *answer, gk_out *out)
{
    if (out) return write_row(columns, rows, index, answer, out);
    GK_TRY(check_row(columns, rows));
    if (!answer) return GK_OK;
    return gk_answer_values(answer, learn_answer, &(target){columns, rows->path});
}

gk_status gk_gather_rows(gk_columns *columns, const char *dir, int index, const gk_answers *answers,
                         gk_out *out, gk_text *last)
{
    gk_row_file rows;
    bool more = true;

    gk_status status = gk_row_file_open(&rows, dir, "metrics.jsonl");
    while (status == GK_OK) {
        status = gk_row_file_next(&rows, &more);
        if (status != GK_OK || !more) break;
        status = take_row(columns, &rows, index, gk_answers_at(answers, rows.epoch), out);
        last->length = 0;
        gk_text_append(last, rows.line, rows.length);
    }
    if (status == GK_OK && rows.torn)
        status = gk_fail(GK_EDATA, "%s: a line without an end: %.40s", rows.path, rows.line);
    if (status == GK_OK && !last->length) status = gk_fail(GK_EDATA, "%s has no rows", rows.path);
    gk_row_file_close(&rows);
    return status;
}
