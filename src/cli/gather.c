/* grokc gather: the finished runs of a sweep as tables; on stdout how many there are, and the cells
 * in short, as cells.csv has them. */
#include "gk/gather.h"
#include "cli/cli.h"
#include "gk/csv.h"
#include "gk/sweep.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_ROWS = 40, SHOWN_COLUMNS = GK_SWEEP_KEYS + 8, FIELD = 64 };

static void print_counts(const char *dir, const gk_gathered *c)
{
    int unreadable = c->runs - c->done - c->diverged - c->going - c->waiting;

    printf("%s: %d runs: %d done, %d diverged, %d going, %d waiting", dir, c->runs, c->done,
           c->diverged, c->going, c->waiting);
    if (unreadable) printf(", %d unreadable", unreadable);
    printf("; %d grokked\n", c->grokked);
    if (c->done + c->diverged < c->runs)
        printf("%d of %d runs are missing from the tables; gather again when they are finished\n",
               c->runs - c->done - c->diverged, c->runs);
}

/* Whole numbers as they are, others to four digits. */
static int shorten(char *field, size_t room, const char *text)
{
    int64_t whole;
    double real;

    if (!*text) return snprintf(field, room, "-");
    if (!gk_parse_int(text, &whole) && gk_parse_real(text, &real))
        return snprintf(field, room, "%.4g", real);
    return snprintf(field, room, "%.18s", text);
}

/* What a column of the table shows: one of cells.csv, or an estimate with its interval. */
typedef struct shown {
    const char *heading;
    int column, width;
    bool interval;
} shown;

static void show(char field[FIELD], const gk_csv *cells, int row, const shown *s)
{
    int n = row < 0 ? snprintf(field, FIELD, "%s", s->heading)
                    : shorten(field, FIELD, gk_csv_at(cells, row, s->column));

    if (row < 0 || !s->interval) return;
    n += snprintf(field + n, (size_t)(FIELD - n), " [");
    n += shorten(field + n, (size_t)(FIELD - n), gk_csv_at(cells, row, s->column + 1));
    n += snprintf(field + n, (size_t)(FIELD - n), ", ");
    n += shorten(field + n, (size_t)(FIELD - n), gk_csv_at(cells, row, s->column + 2));
    snprintf(field + n, (size_t)(FIELD - n), "]");
}

static int choose(shown list[SHOWN_COLUMNS], const gk_csv *cells)
{
    static const struct {
        const char *name, *heading;
        bool interval;
    } ours[] = {{"n", "n", false},
                {"done", "done", false},
                {"diverged", "diverged", false},
                {"grokked", "grokked", false},
                {"grokked_fraction", "fraction [95%]", true},
                {"grok_epoch_median", "grok epoch [95%]", true},
                {"grok_delay_median", "delay", false}};
    int n = 0, keys = cells->columns;

    for (const char *comma = GK_CELL_COLUMNS; comma; comma = strchr(comma + 1, ',')) keys--;
    for (int c = 0; c < keys && n < GK_SWEEP_KEYS; c++)
        list[n++] = (shown){.heading = gk_csv_at(cells, -1, c), .column = c};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        for (int c = keys > 0 ? keys : 0; c < cells->columns; c++)
            if (c + 2 * ours[i].interval < cells->columns &&
                !strcmp(gk_csv_at(cells, -1, c), ours[i].name))
                list[n++] =
                    (shown){.heading = ours[i].heading, .column = c, .interval = ours[i].interval};
    return n;
}

static void print_cells(const gk_csv *cells)
{
    int rows = cells->rows < SHOWN_ROWS ? cells->rows : SHOWN_ROWS;
    shown list[SHOWN_COLUMNS];
    char field[FIELD];
    int n = choose(list, cells);

    for (int i = 0; i < n; i++)
        for (int r = -1; r < rows; r++) {
            show(field, cells, r, &list[i]);
            if ((int)strlen(field) > list[i].width) list[i].width = (int)strlen(field);
        }
    for (int r = -1; r < rows; r++)
        for (int i = 0; i < n; i++) {
            show(field, cells, r, &list[i]);
            printf("%*s%s", list[i].width, field, i + 1 < n ? "  " : "\n");
        }
    if (rows < cells->rows) printf("and %d more in cells.csv\n", cells->rows - rows);
}

gk_status gk_cli_gather(const gk_cli *cli)
{
    char path[GK_PATH_MAX];
    gk_gathered counts;
    gk_csv cells;

    if (!cli->argument) return gk_fail(GK_EUSAGE, "gather what? grokc gather SWEEP_DIR");
    gk_status status = gk_gather(&counts, cli->argument);
    if (counts.runs) print_counts(cli->argument, &counts);
    GK_TRY(status);
    GK_TRY(gk_path(path, "%s/cells.csv", cli->argument));
    status = gk_csv_read(&cells, path, GK_CSV_STRICT);
    if (status == GK_OK) print_cells(&cells);
    gk_csv_free(&cells);
    return status;
}
