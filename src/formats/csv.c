/* CSV as in RFC 4180: read whole, written field by field. */
#include "gk/csv.h"

#include <stdlib.h>
#include <string.h>

enum { CSV_LIMIT = 1 << 30 };

static const char blanks[] = " \t\r", mark[] = "\xEF\xBB\xBF";

typedef struct reader {
    gk_csv *csv;
    const char *path;
    char *at; /* unread; fields are unquoted in place: they only become shorter */
    int line;
    bool by_hand;
    size_t fields;
} reader;

static gk_status fail(const reader *r, const char *what)
{
    return gk_fail(GK_EDATA, "%s:%d: %s", r->path, r->line, what);
}

/* Behind the opening quote, up to what ends the field. *to: where its text ends. */
static gk_status read_quoted(reader *r, char **to)
{
    for (;; r->at++) {
        if (r->by_hand && (!*r->at || *r->at == '\n'))
            return fail(r, "a quote is not closed in its line");
        if (!*r->at) return fail(r, "a quote is not closed");
        if (*r->at == '"' && *++r->at != '"') break; /* two stand for one */
        r->line += *r->at == '\n';
        *(*to)++ = *r->at;
    }
    if (r->by_hand)
        r->at += strspn(r->at, blanks);
    else if (r->at[0] == '\r' && r->at[1] == '\n')
        r->at++;
    if (*r->at && *r->at != ',' && *r->at != '\n') return fail(r, "a text follows a closing quote");
    return GK_OK;
}

static gk_status read_plain(reader *r, char **to)
{
    size_t n = strcspn(r->at, ",\n");

    if (memchr(r->at, '"', n)) return fail(r, "a quote within a field that has none around it");
    *to = r->at + n;
    if (r->by_hand)
        while (*to > r->at && strchr(blanks, (*to)[-1])) --*to;
    else if (r->at[n] == '\n' && n && r->at[n - 1] == '\r')
        --*to;
    r->at += n;
    return GK_OK;
}

/* *end: what ended it, ',' or '\n', or 0 at the end of the file. */
static gk_status read_field(reader *r, char *end)
{
    gk_csv *csv = r->csv;

    if (r->by_hand) r->at += strspn(r->at, " \t");
    char *field = r->at, *to = field;
    csv->field = gk_grow(csv->field, r->fields, sizeof *csv->field);
    csv->field[r->fields++] = field;
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

static gk_status read_row(reader *r)
{
    gk_csv *csv = r->csv;
    int line = r->line, n = 0;
    char end;

    csv->line = gk_grow(csv->line, (size_t)(csv->rows + 1), sizeof *csv->line);
    csv->line[csv->rows + 1] = line;
    do GK_TRY(read_field(r, &end));
    while (++n && end == ',');
    r->line++;
    if (!csv->columns) csv->columns = n;
    if (n != csv->columns)
        return gk_fail(GK_EDATA, "%s:%d: %d cells, but the header has %d", r->path, line, n,
                       csv->columns);
    csv->rows++;
    return GK_OK;
}

/* Is there another row? What people leave empty is skipped. */
static bool next_row(reader *r)
{
    while (r->by_hand) {
        size_t n = strspn(r->at, blanks);
        if (!r->at[n]) return false;
        if (r->at[n] != '\n') break;
        r->at += n + 1;
        r->line++;
    }
    return *r->at;
}

gk_status gk_csv_read(gk_csv *csv, const char *path, gk_csv_style style)
{
    reader r = {.csv = csv, .path = path, .line = 1, .by_hand = style == GK_CSV_BY_HAND};
    gk_status status = GK_OK;
    size_t size;

    *csv = (gk_csv){.rows = -1};
    GK_TRY(gk_file_read(path, CSV_LIMIT, &csv->data, &size));
    if (strlen(csv->data) != size) return gk_fail(GK_EDATA, "%s holds a NUL byte", path);
    if (!size && !r.by_hand) return gk_fail(GK_EDATA, "%s is empty", path);
    r.at = csv->data;
    if (r.by_hand && !strncmp(r.at, mark, strlen(mark))) r.at += strlen(mark);
    while (status == GK_OK && next_row(&r)) status = read_row(&r);
    csv->lines = r.line;
    return status;
}

void gk_csv_free(gk_csv *csv)
{
    free(csv->data);
    free(csv->field);
    free(csv->line);
    *csv = (gk_csv){0};
}

const char *gk_csv_at(const gk_csv *csv, int row, int column)
{
    GK_CHECK(row >= -1 && row < csv->rows && column >= 0 && column < csv->columns);
    return csv->field[(size_t)(row + 1) * (size_t)csv->columns + (size_t)column];
}

void gk_csv_add(gk_text *line, const char *field)
{
    size_t n = strlen(field);

    if (!strpbrk(field, "\",\r\n") &&
        !(n && (strchr(" \t", field[0]) || strchr(" \t", field[n - 1])))) {
        gk_text_append(line, field, n);
        return;
    }
    gk_text_append(line, "\"", 1);
    for (; *field; field++) {
        if (*field == '"') gk_text_append(line, "\"", 1);
        gk_text_append(line, field, 1);
    }
    gk_text_append(line, "\"", 1);
}
