/* Weights for other people's programs: a file in either layout becomes a file in the layout that
 * is asked for, with the numbers, their type and the metadata unchanged. */
#ifndef GK_EXPORT_H
#define GK_EXPORT_H

#include "gk/weights.h"

/* `layout`: "transformer_lens" or "paper". Of a state the weights go out, not the moments.
 * `config`: of the run that the file belongs to, NULL where none is known. GK_EUSAGE for another
 * layout; GK_EDATA where the file is no such model, or where the layout cannot express it. */
gk_status gk_export(const char *out, const char *in, const char *layout, const gk_config *config);

#endif
