/* All families at a snapshot, in the order of measures.def. */
#include "gk/measure.h"

void gk_measure_keys(gk_row *row, const gk_snapshot *s)
{
    bool usable = !s->analysis->undefined && s->raws <= s->analysis->n / 8;

    gk_keys_print(row->key_freqs, s->raw, usable ? s->raws : 0);
}

enum { ROW = GK_ROW, KEYED = GK_KEYED, FINAL = GK_FINAL };

void gk_measure_all(gk_row *row, gk_snapshot *s, enum gk_when when)
{
#define FAMILY(name, needs)                                                                        \
    if (needs <= (int)when) gk_measure_##name(row, s);
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
}
