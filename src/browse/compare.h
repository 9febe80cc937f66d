/* What the text and the report of `grokc compare` share: tables of words, a column for each run. */
#ifndef GK_COMPARE_TABLES_H
#define GK_COMPARE_TABLES_H

#include "archive/card.h"
#include "gk/compare.h"

/* Where the rows of a run part from those of another. */
typedef struct gk_parting {
    int64_t common; /* epochs that both have rows of, up to and with `epoch` if there is one */
    int64_t same_to, epoch; /* the last with equal, the first with different numbers; -1: none */
    char column[80];        /* the first one that differs at `epoch`, and its values */
    char value[2][40];
    int columns;           /* that differ there */
    int only[2];           /* columns that only one of the two has */
    char only_name[2][80]; /* the first of them */
} gk_parting;

gk_status gk_parting_find(gk_parting *parting, const char *first, const char *second);

/* A table: a title; cells by row, the first of each is its name. */
typedef struct gk_grid {
    const char *title;
    int columns, cells;
    char **cell;
} gk_grid;

enum { GK_GRID_RUNS, GK_GRID_CONFIG, GK_GRID_ROWS, GK_GRID_EVENTS, GK_GRID_LAST, GK_GRIDS };

typedef struct gk_comparison {
    gk_cards cards;
    gk_grid grid[GK_GRIDS];
} gk_comparison;

gk_status gk_comparison_open(gk_comparison *comparison, char **dir, int n);
void gk_comparison_close(gk_comparison *comparison);
/* A, B, ..., Z, 27, 28 ... */
const char *gk_comparison_letter(char letter[16], int run);

#endif
