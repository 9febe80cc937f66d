/* grokc gather: the finished runs of a sweep as tables; on stdout how many there are, and the cells
 * in short, as cells.csv has them. */
#include "../gather.h"
#include "cli.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_ROWS = 40, SHOWN_COLUMNS = GK_SWEEP_KEYS + 16, FIELD = 32 };

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
static void shorten(char field[FIELD], const char *text)
{
    int64_t whole;
    double real;

    if (!gk_parse_int(text, &whole) && gk_parse_real(text, &real))
        snprintf(field, FIELD, "%.4g", real);
    else
        snprintf(field, FIELD, "%.*s", FIELD - 1, *text ? text : "-");
}

static void print_cells(const gk_csv *cells)
{
    int rows = cells->rows < SHOWN_ROWS ? cells->rows : SHOWN_ROWS, width[SHOWN_COLUMNS] = {0};
    char field[FIELD];

    for (int c = 0; c < cells->columns; c++)
        for (int r = -1; r < rows; r++) {
            shorten(field, gk_csv_at(cells, r, c));
            if ((int)strlen(field) > width[c]) width[c] = (int)strlen(field);
        }
    for (int r = -1; r < rows; r++)
        for (int c = 0; c < cells->columns; c++) {
            shorten(field, gk_csv_at(cells, r, c));
            printf("%*s%s", width[c], field, c + 1 < cells->columns ? "  " : "\n");
        }
    if (rows < cells->rows) printf("and %d more in cells.csv\n", cells->rows - rows);
}

gk_status gk_cli_gather(int argc, char **argv)
{
    char path[GK_PATH_MAX];
    gk_gathered counts;
    gk_csv cells;
    gk_cli cli;

    GK_TRY(gk_cli_parse(&cli, argc, argv, ""));
    if (!cli.argument) return gk_fail(GK_EUSAGE, "gather what? grokc gather SWEEP_DIR");
    gk_status status = gk_gather(&counts, cli.argument);
    if (counts.runs) print_counts(cli.argument, &counts);
    GK_TRY(status);
    GK_TRY(gk_path(path, "%s/cells.csv", cli.argument));
    status = gk_csv_read(&cells, path);
    if (status == GK_OK && cells.columns <= SHOWN_COLUMNS) print_cells(&cells);
    gk_csv_free(&cells);
    return status;
}
