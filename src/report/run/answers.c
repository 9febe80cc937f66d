/* What run.hook answered, a figure for each of the first columns. */
#include "report/run/over_epochs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIGURES = 8 };

void gk_answer_title(char title[GK_ANSWER_TITLE], const char *column)
{
    size_t n = strlen(column) < GK_ANSWER_TITLE ? strlen(column) : GK_ANSWER_TITLE - 1;

    while (n < strlen(column) && n && (column[n] & 0xC0) == 0x80) n--; /* between characters */
    memcpy(title, column, n);
    title[n] = 0;
    for (char *c = title; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F) *c = ' ';
}

static bool any_number(const double *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i])) return true;
    return false;
}

static gk_status add_figure(gk_page *page, const gk_run_data *d, const char *column, int i)
{
    char name[24], title[GK_ANSWER_TITLE], style[GK_CURVE_STYLE];
    gk_curves c;

    snprintf(name, sizeof name, "hook-%d", i + 1);
    gk_answer_title(title, column);
    gk_curves_start(&c, d, &d->rows, name, title, GK_FIGURE_LINEAR);
    gk_curves_add(&c, column, title, gk_curves_lines(&c, style, 1));
    gk_text_add(&c.f.caption, "As run.hook answered; a gap is a row without an answer.");
    return gk_curves_finish(&c, page, "no row has a number of it");
}

gk_status gk_run_answers(gk_page *page, gk_run_data *d)
{
    const gk_row_table *rows = &d->rows;
    int shown = 0, more = 0;

    for (int c = rows->own; c < rows->columns; c++) {
        if (!any_number(rows->value[c], rows->n)) continue;
        if (!shown) gk_page_section(page, "answers", "Measures of run.hook");
        if (shown == FIGURES)
            more++;
        else
            GK_TRY(add_figure(page, d, rows->name[c], shown++));
    }
    if (more) gk_page_paragraph(page, "%d more columns are in hook.jsonl.", more);
    return GK_OK;
}
