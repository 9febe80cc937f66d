/* CSV as in RFC 4180: read whole, written field by field. */
#include "gather/parts.h"

#include <stdlib.h>
#include <string.h>

enum { CSV_LIMIT = 1 << 30 };

typedef struct reader {
    const char *path;
    char *at; /* unread; fields are unquoted in place: they only become shorter */
    int line;
    gk_text fields; /* char * of each */
} reader;

/* Behind the opening quote, up to what ends the field. *to: where its text ends. */
static gk_status read_quoted(reader *r, char **to)
{
    for (;; r->at++) {
        if (!*r->at) return gk_fail(GK_EDATA, "%s:%d: a quote is not closed", r->path, r->line);
        if (*r->at == '"' && *++r->at != '"') break; /* two stand for one */
        r->line += *r->at == '\n';
        *(*to)++ = *r->at;
    }
    if (r->at[0] == '\r' && r->at[1] == '\n') r->at++;
    if (*r->at && *r->at != ',' && *r->at != '\n')
        return gk_fail(GK_EDATA, "%s:%d: text behind a closing quote", r->path, r->line);
    return GK_OK;
}

static gk_status read_plain(reader *r, char **to)
{
    size_t n = strcspn(r->at, ",\n");

    if (memchr(r->at, '"', n))
        return gk_fail(GK_EDATA, "%s:%d: a quote within a field that has none around it", r->path,
                       r->line);
    r->at += n;
    *to = r->at;
    if (*r->at == '\n' && n && r->at[-1] == '\r') --*to;
    return GK_OK;
}

/* *end: what ended it, ',' or '\n', or 0 at the end of the file. */
static gk_status read_field(reader *r, char *end)
{
    char *field = r->at, *to = field;

    gk_text_append(&r->fields, &field, sizeof field);
    if (*r->at == '"') {
        r->at++;
        GK_TRY(read_quoted(r, &to));
    } else
        GK_TRY(read_plain(r, &to));
    *end = *r->at;
    if (*end) r->at++;
    *to = 0;
    return GK_OK;
}

static gk_status read_row(reader *r, int *columns)
{
    int line = r->line, n = 0;
    char end;

    do GK_TRY(read_field(r, &end));
    while (++n && end == ',');
    r->line++;
    if (!*columns) *columns = n;
    if (n == *columns) return GK_OK;
    return gk_fail(GK_EDATA, "%s:%d: %d fields; the header has %d", r->path, line, n, *columns);
}

gk_status gk_csv_read(gk_csv *csv, const char *path)
{
    reader r = {.path = path, .line = 1};
    gk_status status = GK_OK;
    size_t size;

    *csv = (gk_csv){.rows = -1};
    GK_TRY(gk_file_read(path, CSV_LIMIT, &csv->data, &size));
    if (!size || strlen(csv->data) != size)
        return gk_fail(GK_EDATA, size ? "%s holds a NUL byte" : "%s is empty", path);
    for (r.at = csv->data; *r.at && status == GK_OK; csv->rows++)
        status = read_row(&r, &csv->columns);
    csv->field = (char **)(void *)r.fields.data; /* malloc's alignment */
    return status;
}

void gk_csv_free(gk_csv *csv)
{
    free(csv->data);
    free(csv->field);
    *csv = (gk_csv){0};
}

const char *gk_csv_at(const gk_csv *csv, int row, int column)
{
    GK_CHECK(row >= -1 && row < csv->rows && column >= 0 && column < csv->columns);
    return csv->field[(size_t)(row + 1) * (size_t)csv->columns + (size_t)column];
}

void gk_csv_add(gk_text *line, const char *field)
{
    if (!strpbrk(field, "\",\r\n")) {
        gk_text_append(line, field, strlen(field));
        return;
    }
    gk_text_append(line, "\"", 1);
    for (; *field; field++) {
        if (*field == '"') gk_text_append(line, "\"", 1);
        gk_text_append(line, field, 1);
    }
    gk_text_append(line, "\"", 1);
}
