/* What the arrays of a row share with the families that print its columns; of one run. */
#ifndef GK_MEASURES_PARTS_H
#define GK_MEASURES_PARTS_H

#include "gk/measure.h"

/* Is more than 85 percent of a neuron's variance in the products of its frequency? */
static inline bool gk_is_clear(const gk_neurons *neurons, int f) { return neurons->fve[f] > 0.85; }

/* cosines.c: v_k = <D_k, L>; norm2: the square of the norm that D_k is divided by. */
double gk_cosine_coefficient(const gk_snapshot *s, int k, double *norm2);

/* subnetwork.c: norm (F) of the input weights of an mlp's neurons. */
void gk_neuron_norms(double *norm, const gk_snapshot *s);

/* arrays.c: as gk_writer_add, an array that arrays.def lists. */
void gk_array_add(gk_tensors_writer *w, const char *name, gk_dtype type, int dims,
                  const int64_t *size, const void *data);

#endif
