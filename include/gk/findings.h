/* What families of measures find beside their columns, where another family or the arrays of a row
 * need it: of one run, on the host. */
#ifndef GK_FINDINGS_H
#define GK_FINDINGS_H

#include "gk/snapshot.h"

/* Which frequency each neuron of the last MLP computes with; read by gk_find_neurons. Undefined
 * where the inputs are no torus or there is no MLP. */
typedef struct gk_neurons {
    bool known;  /* of the row that is being measured */
    int *k;      /* (F): the frequency whose 8 products explain most of its variance */
    double *fve; /* (F): that fraction of its variance; 0: a dead one */
} gk_neurons;

/* measures/neurons.c: for each key k the fraction of variance explained of N u_k by C_k, of N v_k
 * by S_k. */
typedef struct gk_readout {
    double *fve; /* (keys,2); NaN: not defined */
} gk_readout;

/* measures/excluded.c: train loss without the Fourier modes of one frequency. */
typedef struct gk_excluded {
    double *loss; /* (K); NaN: one of the weakest, not computed */
} gk_excluded;

/* measures/polynomials.c: loss without the 8 products of one key frequency. */
typedef struct gk_ablated {
    double *loss; /* (keys) */
} gk_ablated;

typedef struct gk_findings {
    gk_neurons neurons;
    gk_readout readout;
    gk_excluded excluded;
    gk_ablated ablated;
} gk_findings;

/* Host memory for one run at a time. */
void gk_findings_open(gk_findings *found, const gk_lens *lens);
void gk_findings_close(gk_findings *found);
/* Before a row: what is kept between families is of another one. */
void gk_findings_forget(gk_findings *found);

/* found[r].neurons of all R runs, where they are not known yet. */
void gk_find_neurons(gk_findings *found, const gk_snapshot *s, int R);
void gk_find_neurons_layout(gk_lens *lens); /* what it takes from the scratch */

#endif
