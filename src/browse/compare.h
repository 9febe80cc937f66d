/* Where two runs part, row by row. */
#ifndef GK_COMPARE_ROWS_H
#define GK_COMPARE_ROWS_H

#include "gk/base.h"

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

#endif
