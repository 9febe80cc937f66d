/* The rows of a run that may still be going: whole lines of metrics.jsonl, one after the other. A
 * last line without its end is being written: it does not count. */
#ifndef GK_ROW_FILE_H
#define GK_ROW_FILE_H

#include "gk/base.h"

#include <stdio.h>

typedef struct gk_row_file {
    char path[GK_PATH_MAX];
    FILE *file;
    char *line; /* the current one, with its newline; grows */
    size_t room, length;
    int64_t epoch, before; /* of the current line, of the one before; -1: none */
} gk_row_file;

/* `dir`: of the run. Close in any case. */
gk_status gk_row_file_open(gk_row_file *rows, const char *dir);
/* *more: there was another one. GK_EDATA where a line is no row, or not after the one before. */
gk_status gk_row_file_next(gk_row_file *rows, bool *more);
void gk_row_file_close(gk_row_file *rows);

/* The last whole line, without reading what is before; "" where there is none. */
gk_status gk_row_file_last(gk_text *line, const char *dir);

#endif
