/* Numbers out of a model, without changing it. A measure is a pure function from a snapshot to
 * columns of a row. */
#ifndef GK_MEASURE_H
#define GK_MEASURE_H

#include "gk/lens.h"
#include "gk/row.h"

#define FAMILY(name, when) void gk_measure_##name(gk_row *row, gk_snapshot *s);
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN

/* row->key_freqs: the quarter rule's set, if it has at most n/8 frequencies. */
void gk_measure_keys(gk_row *row, const gk_snapshot *s);
/* Every family up to `when` (GK_KEYED: rows; GK_FINAL: everything) at a taken snapshot, with its
 * key set. */
void gk_measure_all(gk_row *row, gk_snapshot *s, enum gk_when when);

#endif
