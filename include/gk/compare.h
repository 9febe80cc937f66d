/* `grokc compare`: runs side by side. What differs between their configs, the first epoch at which
 * their rows differ, what happened when, their last numbers; curves overlaid in a report. Runs may
 * be finished, going or failed; the first one is what the others are compared with. */
#ifndef GK_COMPARE_H
#define GK_COMPARE_H

#include "gk/cards.h"

enum { GK_COMPARE_MAX = 64 };

/* GK_EUSAGE where one of `dir` (n of them) is no run. */
gk_status gk_compare(gk_text *text, char **dir, int n);

/* What the text and the report share: a table of words, a column for each run. Cells stand row by
 * row, the first of each row is its name. */
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

/* As gk_compare. Close in any case. */
gk_status gk_comparison_open(gk_comparison *comparison, char **dir, int n);
void gk_comparison_close(gk_comparison *comparison);
/* A, B, ..., Z, 27, 28 ... */
const char *gk_comparison_letter(char letter[16], int run);

#endif
