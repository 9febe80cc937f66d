/* The rows of one run, from metrics.jsonl to the table of all rows.
 *
 * First every line goes through jansson: only what is an object of single values without duplicate
 * keys counts as a row. On the second way a line is only cut into names and values, so that numbers
 * keep their digits; that is all JSON needs once it is known to be valid and flat. */
#include "gather/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_LIMIT = 1 << 20 };

static gk_status check_row(gk_columns *columns, const char *path, const char *line, size_t length,
                           int64_t *last_epoch)
{
    json_t *row = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL), *value;
    const json_t *epoch = json_object_get(row, "epoch");
    gk_status status = GK_OK;
    const char *name;

    if (!json_is_integer(epoch) || json_integer_value(epoch) <= *last_epoch)
        status = gk_fail(GK_EDATA, "%s: this is not the row after epoch %lld: %.*s", path,
                         (long long)*last_epoch, (int)(length < 60 ? length - 1 : 60), line);
    else
        *last_epoch = json_integer_value(epoch);
    json_object_foreach(row, name, value)
    {
        if (status != GK_OK) break;
        if (json_is_object(value) || json_is_array(value))
            status = gk_fail(GK_EDATA, "%s: \"%.60s\" is not one value", path, name);
        else if (!gk_columns_at(columns, name))
            status = gk_columns_refuse(columns, path, name);
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

static const char *cut_value(gk_text *text, const char *at)
{
    if (*at == '"') return cut_string(text, at);
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

static gk_status write_row(gk_columns *columns, const char *path, const char *line, int index,
                           gk_out *out)
{
    gk_columns_clear(columns);
    gk_text_add(&columns->value[0], "%d", index);
    if (!cut_row(columns, line)) return gk_fail(GK_EDATA, "%s changed", path);
    gk_out_values(out, columns);
    return GK_OK;
}

/* fopen, but nothing to wait for: a pipe would never answer. */
gk_status gk_gather_open(FILE **file, const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (*file = fdopen(fd, "r"))) return GK_OK;
    close(fd);
    return gk_fail(GK_EIO, "%s is not a regular file", path);
}

gk_status gk_gather_rows(gk_columns *columns, const char *path, int index, gk_out *out,
                         gk_text *last)
{
    gk_status status = GK_OK;
    int64_t epoch = -1;
    FILE *file;

    GK_TRY(gk_gather_open(&file, path));
    char *line = gk_alloc(LINE_LIMIT, 1);
    while (status == GK_OK && fgets(line, LINE_LIMIT, file)) {
        size_t length = strlen(line);
        if (!length || line[length - 1] != '\n')
            status = gk_fail(GK_EDATA, "%s: a line without an end: %.40s", path, line);
        else if (out)
            status = write_row(columns, path, line, index, out);
        else
            status = check_row(columns, path, line, length, &epoch);
        last->length = 0;
        gk_text_append(last, line, length);
    }
    if (status == GK_OK && (ferror(file) || !last->length))
        status = gk_fail(GK_EDATA, "%s has no rows", path);
    fclose(file);
    free(line);
    return status;
}
