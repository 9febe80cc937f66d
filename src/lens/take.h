/* The parts of gk_snapshot_take that go by way of the device, and what each takes from the
 * scratch. */
#ifndef GK_LENS_TAKE_H
#define GK_LENS_TAKE_H

#include "gk/snapshot.h"

/* spectra.c: W_U to the device, where gk_block_unembed reads it; w_l, w_e and their transforms. */
void gk_spectra_take(gk_snapshot *s, int R);
void gk_spectra_layout(gk_lens *lens);

/* sums.c, after that: sums of the logits over all inputs and over the training examples, losses
 * over the group's outputs, attention. */
void gk_sums_take(gk_snapshot *s, int R);
void gk_sums_layout(gk_lens *lens);

#endif
