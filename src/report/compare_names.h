/* What the runs of a comparison are called in its report: by what differs between them. */
#ifndef GK_COMPARE_NAMES_H
#define GK_COMPARE_NAMES_H

#include "gk/compare.h"

/* A name for each run, none twice: "d_mlp 64, seed 0"; the folder's where nothing that matters
 * differs, or more than a legend has room for. gk_compare_names_free frees them. */
char **gk_compare_names(const gk_comparison *comparison);
void gk_compare_names_free(char **names, const gk_comparison *comparison);

#endif
