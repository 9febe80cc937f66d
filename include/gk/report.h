/* Reports: run and sweep directories as one HTML file that opens offline. Reads files only: no
 * backend, no model. */
#ifndef GK_REPORT_H
#define GK_REPORT_H

#include "gk/base.h"

struct gk_page; /* report/page/html.h */

/* Everything about the runs and sweeps in `dir` (n of them) into the file `out`. figures: a
 * folder for SVG, PDF, data and scripts of every figure; NULL: none. refresh: the page reloads
 * itself after so many seconds; 0: not. trouble: "" or why there are no drawings. */
gk_status gk_report(const char *const *dir, int n, const char *out, const char *figures,
                    int refresh, char trouble[512]);

/* The tables of `grokc compare` of runs in `dir` (n of them), and their curves overlaid. GK_EUSAGE
 * as gk_compare; *trouble as above. */
gk_status gk_compare_report(char **dir, int n, const char *out, const char *figures,
                            char trouble[512]);

/* One of them, added to a page. */
gk_status gk_report_run(struct gk_page *page, const char *dir);
gk_status gk_report_sweep(struct gk_page *page, const char *dir);
bool gk_report_is_sweep(const char *dir); /* it has what `grokc sweep` writes */

#endif
