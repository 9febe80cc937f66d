/* A file of points: comma-separated values (RFC 4180), a header of key names, a row per run. The
 * columns become axes that walk together. Quotes carry commas; they do not make a text of a number,
 * as they do in YAML, because many programs quote everything. */
#include "sweep/axis.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 1 << 26, ROOM = 1024 };

typedef struct table {
    gk_sweep_file *f;
    const char *at; /* the next byte; the text ends with NUL */
    int line;
    bool ended; /* behind the last cell of a line */
    gk_text cell;
    gk_axis *column[GK_SWEEP_KEYS];
    int columns, rows, room;
} table;

static gk_status fail(const table *t, const char *what)
{
    return gk_reader_fail(&t->f->reader, t->line, "%s", what);
}

/* What stands between quotes, `at` behind the first; "" is one of them. */
static gk_status read_quoted(table *t)
{
    for (;; t->at++) {
        if (*t->at == '"' && *++t->at != '"') return GK_OK;
        if (!*t->at || *t->at == '\n') return fail(t, "a quote is not closed in its line");
        gk_text_append(&t->cell, t->at, 1);
    }
}

/* The next cell of the line, without the spaces around it. */
static gk_status read_cell(table *t)
{
    t->cell.length = 0;
    gk_text_append(&t->cell, "", 0);
    t->at += strspn(t->at, " \t");
    if (*t->at == '"') {
        t->at++;
        GK_TRY(read_quoted(t));
        t->at += strspn(t->at, " \t\r");
        if (*t->at && !strchr(",\n", *t->at)) return fail(t, "a text follows a closing quote");
    } else {
        size_t n = strcspn(t->at, ",\n");
        const char *next = t->at + n;
        while (n && strchr(" \t\r", t->at[n - 1])) n--;
        gk_text_append(&t->cell, t->at, n);
        t->at = next;
    }
    t->ended = *t->at != ',';
    if (*t->at) t->at++;
    return GK_OK;
}

/* Behind empty lines; false at the end of the file. */
static bool next_line(table *t)
{
    for (;;) {
        size_t n = strspn(t->at, " \t\r");
        t->line++;
        if (!t->at[n]) return false;
        if (t->at[n] != '\n') return true;
        t->at += n + 1;
    }
}

/* A key is given once: by the sweep file, by a column, or by the column `seed`. */
static gk_status check_column(table *t, const gk_config_key *key)
{
    const gk_reader *r = &t->f->reader;
    const char *name = gk_axis_name(key);

    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *given = &gk_config_keys[i];
        if (!gk_axis_covers(key, given)) continue;
        for (int c = 0; c < t->columns; c++)
            if (t->column[c]->key == key)
                return gk_reader_fail(r, t->line, "%s is given twice", name);
            else if (gk_axis_covers(t->column[c]->key, given))
                return gk_reader_fail(r, t->line,
                                      "seed stands for task.split and model.init; give either "
                                      "seed or %s",
                                      given->name);
        if (r->place[i] > 0)
            return gk_reader_fail(r, t->line, "%s is a column, but line %d of the sweep gives %s",
                                  name, r->place[i], given->name);
    }
    return GK_OK;
}

static gk_status read_header(table *t)
{
    if (!next_line(t)) return fail(t, "a header of key names is expected, such as optim.lr,seed");
    do {
        GK_TRY(read_cell(t));
        const char *name = t->cell.data;
        const gk_config_key *key = gk_config_find(name);
        if (!key && strcmp(name, "seed") != 0)
            return gk_reader_unknown_key(&t->f->reader, t->line, NULL, name);
        GK_TRY(check_column(t, key));
        t->column[t->columns] = gk_sweep_add_axis(t->f, key, t->f->points_at);
        t->column[t->columns++]->zip = 1;
    } while (!t->ended);
    return GK_OK;
}

static gk_status read_row(table *t)
{
    int n = 0;

    do {
        char *value;
        GK_TRY(read_cell(t));
        if (n < t->columns) {
            GK_TRY(
                gk_sweep_canonical(t->f, t->column[n]->key, t->line, t->cell.data, false, &value));
            gk_axis_add(t->column[n], value);
        }
        n++;
    } while (!t->ended);
    if (n != t->columns)
        return gk_reader_fail(&t->f->reader, t->line, "%d cells, but the header has %d", n,
                              t->columns);
    if (t->rows == GK_SWEEP_POINTS_MAX)
        return gk_reader_fail(&t->f->reader, t->line, "more than %d rows", GK_SWEEP_POINTS_MAX);
    if (t->rows == t->room) {
        t->room = 2 * t->room + ROOM;
        t->f->row_line = realloc(t->f->row_line, (size_t)t->room * sizeof(int));
        GK_CHECK(t->f->row_line);
    }
    t->f->row_line[t->rows++] = t->line;
    return GK_OK;
}

static gk_status read_table(table *t, size_t size)
{
    if (strlen(t->at) != size) return fail(t, "the file holds a NUL character");
    if (!strncmp(t->at, "\xEF\xBB\xBF", 3)) t->at += 3; /* a byte order mark */
    GK_TRY(read_header(t));
    while (next_line(t)) GK_TRY(read_row(t));
    return t->rows ? GK_OK : fail(t, "there are no rows below the header");
}

gk_status gk_sweep_read_csv(gk_sweep_file *f)
{
    const char *name = f->reader.name;
    char *bytes;
    size_t size;

    gk_status status = gk_file_read(f->points, BYTES_MAX, &bytes, &size);
    if (status == GK_EMEM) return status;
    if (status != GK_OK)
        return gk_reader_fail(&f->reader, f->points_at, "points: %s", gk_message());
    table t = {.f = f, .at = bytes};
    f->reader.name = f->points; /* for messages */
    status = read_table(&t, size);
    f->reader.name = name;
    gk_text_free(&t.cell);
    free(bytes);
    return status;
}
