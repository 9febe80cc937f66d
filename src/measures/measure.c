/* All families at snapshots, and the scratch that they work in. */
#include "gk/blocks.h"
#include "gk/measure.h"

void gk_measure_keys(gk_row *row, const gk_snapshot *s)
{
    bool usable = !s->analysis->undefined && s->raws <= s->analysis->n / 8;

    gk_keys_print(row->key_freqs, s->raw, usable ? s->raws : 0);
}

/* Every user of the scratch; none takes while another has something. */
enum { ROW = GK_ROW, KEYED = GK_KEYED, FINAL = GK_FINAL };

static void (*const users[])(gk_lens *lens) = {gk_snapshot_layout, gk_logit_spectrum_layout,
                                               gk_arrays_maps_layout};
static const gk_family *const families[] = {
#define FAMILY(name, when) &gk_family_##name,
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
};

static void count(gk_lens *lens, void (*layout)(gk_lens *lens))
{
    if (layout) layout(lens);
    gk_scratch_release(lens, 0);
}

void gk_measure_layout(gk_lens *l, gk_arena *device)
{
    if (!l->inputs) return;
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) count(l, users[i]);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) count(l, families[i]->layout);
    l->scratch.size = l->scratch_most;
    l->scratch.base = gk_arena_take(device, l->scratch_most, 1);
}

void gk_measure_all(gk_row *row, gk_findings *found, const gk_snapshot *s, int R, enum gk_when when)
{
    for (int r = 0; r < R; r++) gk_findings_forget(&found[r]);
#define FAMILY(name, needs)                                                                        \
    if (needs <= (int)when) gk_family_##name.measure(row, found, s, R);
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
}
