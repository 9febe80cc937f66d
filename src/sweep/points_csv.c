/* A file of points: comma-separated values (RFC 4180), a header of key names, a row per run. The
 * columns become axes that walk together. Quotes carry commas; they do not make a text of a number,
 * as they do in YAML, because many programs quote everything. */
#include "sweep/axis.h"
#include "gk/csv.h"

#include <string.h>

typedef struct table {
    gk_sweep_file *f;
    gk_csv csv;
    gk_axis *column[GK_SWEEP_KEYS];
    int columns;
} table;

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
                return gk_reader_fail(r, t->csv.line[0], "%s is given twice", name);
            else if (gk_axis_covers(t->column[c]->key, given))
                return gk_reader_fail(r, t->csv.line[0],
                                      "seed stands for task.split and model.init; give either "
                                      "seed or %s",
                                      given->name);
        if (r->place[i] > 0)
            return gk_reader_fail(r, t->csv.line[0],
                                  "%s is a column, but line %d of the sweep gives %s", name,
                                  r->place[i], given->name);
    }
    return GK_OK;
}

static gk_status read_header(table *t)
{
    const gk_reader *r = &t->f->reader;

    if (t->csv.rows < 0)
        return gk_reader_fail(r, t->csv.lines,
                              "a header of key names is expected, such as optim.lr,seed");
    for (int c = 0; c < t->csv.columns; c++) {
        const char *name = gk_csv_at(&t->csv, -1, c);
        const gk_config_key *key = gk_config_find(name);
        if (!key && strcmp(name, "seed") != 0)
            return gk_reader_unknown_key(r, t->csv.line[0], NULL, name);
        GK_TRY(check_column(t, key));
        t->column[t->columns] = gk_sweep_add_axis(t->f, key, t->f->points_at);
        t->column[t->columns++]->zip = 1;
    }
    return GK_OK;
}

static gk_status read_row(table *t, int row)
{
    int line = t->csv.line[row + 1];

    for (int c = 0; c < t->columns; c++) {
        const gk_config_key *key = t->column[c]->key;
        char *value;
        GK_TRY(gk_sweep_canonical(t->f, key, line, gk_csv_at(&t->csv, row, c), false, &value));
        gk_axis_add(t->column[c], value);
    }
    t->f->row_line[row] = line;
    return GK_OK;
}

static gk_status read_table(table *t)
{
    const gk_reader *r = &t->f->reader;
    int rows = t->csv.rows;

    GK_TRY(read_header(t));
    if (!rows) return gk_reader_fail(r, t->csv.lines, "there are no rows below the header");
    if (rows > GK_SWEEP_POINTS_MAX)
        return gk_reader_fail(r, t->csv.line[GK_SWEEP_POINTS_MAX + 1], "more than %d rows",
                              GK_SWEEP_POINTS_MAX);
    t->f->row_line = gk_alloc((size_t)rows, sizeof *t->f->row_line);
    for (int i = 0; i < rows; i++) GK_TRY(read_row(t, i));
    return GK_OK;
}

/* A file that cannot be read is blamed on the sweep that names it, a wrong one on itself. */
static gk_status open_table(table *t)
{
    gk_status status = gk_csv_read(&t->csv, t->f->points, GK_CSV_BY_HAND);

    if (status == GK_OK || status == GK_EMEM) return status;
    if (t->csv.data) return gk_fail(GK_EUSAGE, "%s", gk_message());
    return gk_reader_fail(&t->f->reader, t->f->points_at, "points: %s", gk_message());
}

gk_status gk_sweep_read_csv(gk_sweep_file *f)
{
    const char *name = f->reader.name;
    table t = {.f = f};

    gk_status status = open_table(&t);
    f->reader.name = f->points; /* for messages */
    if (status == GK_OK) status = read_table(&t);
    f->reader.name = name;
    gk_csv_free(&t.csv);
    return status;
}
