/* A report as one HTML file: no network, no scripts, its figures inside as SVG. Sections follow
 * in the order in which they are added; the table of contents is made of them. */
#ifndef GK_HTML_H
#define GK_HTML_H

#include "report/page/figure.h"
#include "report/page/words.h"

typedef struct gk_page {
    gk_text contents, body; /* HTML */
    char title[256];
    char prefix[32];    /* before ids and file names of figures; "" for a report of one thing */
    int refresh;        /* seconds; 0: the page does not reload itself */
    bool in_figures;    /* a grid of figures is open */
    int columns, cells; /* of the table that is open */
    bool row_heads;     /* the first cell of each of its rows is a heading, too */
    int reasons;        /* why figures of this section are left out, and which */
    gk_text reason[16], left_out[16];
    gk_drawing *drawing;
} gk_page;

void gk_page_open(gk_page *page, const char *title, gk_drawing *drawing);
/* Writes it by rename. Closes it, success or not. */
gk_status gk_page_save(gk_page *page, const char *path);
void gk_page_discard(gk_page *page);

/* Everything up to the next one belongs to this run or sweep (<h1>); ids and names begin with
 * `prefix`. */
void gk_page_part(gk_page *page, const char *prefix, const char *title);
void gk_page_section(gk_page *page, const char *id, const char *title); /* <h2> */
void gk_page_paragraph(gk_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* plain text, escaped */
void gk_page_html(gk_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* as it is: escape what comes from files */
/* The figure; or, at the end of the section, a line that says why it is left out. Closes it. A
 * figure that gnuplot refuses is left out, too. */
gk_status gk_page_figure(gk_page *page, gk_figure *figure);

/* A table: start, cells row by row (plain text; "" is an empty cell), end. Numbers are aligned
 * right. The first row is the heading. */
void gk_page_table(gk_page *page, const char *caption, int columns);
void gk_page_cell(gk_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gk_page_table_end(gk_page *page);

#endif
