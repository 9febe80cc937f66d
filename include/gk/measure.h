/* Numbers out of models, without changing them. A family of measures turns snapshots of R runs, and
 * what it asks of the lens about them, into columns of their rows. */
#ifndef GK_MEASURE_H
#define GK_MEASURE_H

#include "gk/findings.h"
#include "gk/row.h"
#include "gk/safetensors.h"

/* A family, defined in src/measures/NAME.c as gk_family_NAME. Shapes as in gk/snapshot.h. What it
 * needs of another family it asks for by a function (gk_find_neurons): the order of measures.def is
 * that of the columns alone. */
typedef struct gk_family {
    /* Its columns of row (R) from s (R); of found (R) it fills in what its file answers for. */
    void (*measure)(gk_row *row, gk_findings *found, const gk_snapshot *s, int R);
    /* Takes from the scratch what `measure` will take, with the lens's sizes; NULL: nothing. */
    void (*layout)(gk_lens *lens);
} gk_family;

#define FAMILY(name, when) extern const gk_family gk_family_##name;
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN

/* The scratch of a lens, after gk_lens_layout: counting or real, as much as the most demanding of
 * its users takes at a time. */
void gk_measure_layout(gk_lens *lens, gk_arena *device);

/* row->key_freqs: the quarter rule's set, if it has at most n/8 frequencies. */
void gk_measure_keys(gk_row *row, const gk_snapshot *s);
/* Every family up to `when` (GK_KEYED: rows; GK_FINAL: everything) at taken snapshots s (R), with
 * the key sets that are in force; row, found (R). */
void gk_measure_all(gk_row *row, gk_findings *found, const gk_snapshot *s, int R,
                    enum gk_when when);

/* Array i of arrays.def; NULL past the last. */
const char *gk_array_name(int i, const char **shape, const char **help);

/* arrays.c: what measures/EPOCH.safetensors holds of the row that was just measured, into an open
 * writer. */
void gk_arrays_write(gk_tensors_writer *writer, const gk_snapshot *s, gk_findings *found);
/* maps.c: what heads and neurons do on every input of a torus, for the last row; a forward pass of
 * all runs of the batch. */
void gk_arrays_maps(gk_tensors_writer *writer, const gk_snapshot *s, gk_findings *found);
void gk_arrays_maps_layout(gk_lens *lens); /* what it takes from the scratch */

#endif
