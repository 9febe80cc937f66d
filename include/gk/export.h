/* Weights for other people's programs: a file in any layout becomes a file in the layout that
 * is asked for, with the numbers, their type and the metadata unchanged. */
#ifndef GK_EXPORT_H
#define GK_EXPORT_H

#include "gk/weights.h"

/* The i-th layout, NULL past the last; and all of them, "transformer_lens or paper" (`or`: what
 * stands before the last one). */
const char *gk_export_layout(int i);
void gk_export_layouts(gk_text *text, const char * or);

/* `layout`: one of them. Of a state the weights go out, not the moments.
 * `config`: of the run that the file belongs to, NULL where none is known. GK_EUSAGE for another
 * layout; GK_EDATA where the file is no such model, or where the layout cannot express it;
 * GK_EIO. */
gk_status gk_export(const char *out, const char *in, const char *layout, const gk_config *config);

#endif
