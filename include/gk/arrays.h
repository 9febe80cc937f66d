/* The arrays behind the scalars of a row, into an open writer: measures/EPOCH.safetensors. */
#ifndef GK_ARRAYS_H
#define GK_ARRAYS_H

#include "gk/lens.h"
#include "gk/safetensors.h"

void gk_arrays_write(gk_tensors_writer *writer, const gk_snapshot *snapshot);
/* maps.c: what heads and neurons do on every input of a torus, for the last row; a forward pass of
 * all runs of the batch. */
void gk_arrays_maps(gk_tensors_writer *writer, gk_snapshot *snapshot);

#endif
