/* Comma-separated values as in RFC 4180: the one reader and the one writer of them. Lines that we
 * write end with \n alone. */
#ifndef GK_CSV_H
#define GK_CSV_H

#include "gk/base.h"

typedef enum gk_csv_style {
    /* to the letter, as programs write them */
    GK_CSV_STRICT,
    /* as people type them: spaces around a field and empty lines do not count, a byte order mark
     * may stand at the front, and a quote must be closed in its line */
    GK_CSV_BY_HAND
} gk_csv_style;

/* A header, and rows of as many fields; UTF-8 or whatever else the bytes are. */
typedef struct gk_csv {
    char *data;
    const char **field; /* (rows + 1,columns) in `data`: the first row has the names */
    int *line;          /* (rows + 1) where each row begins in the file, from 1 */
    int rows, columns;  /* rows -1: not even a header */
    int lines;          /* of the file: for messages about its end */
} gk_csv;

/* GK_EDATA with the line of what is wrong, GK_EIO. An empty file is GK_EDATA where it is strict, a
 * table of -1 rows where it is not. data NULL: the file could not be read at all. Free it in any
 * case. */
gk_status gk_csv_read(gk_csv *csv, const char *path, gk_csv_style style);
void gk_csv_free(gk_csv *csv);
const char *gk_csv_at(const gk_csv *csv, int row, int column); /* row -1: the name */

/* One field, in quotes where either style needs them. */
void gk_csv_add(gk_text *line, const char *field);

#endif
