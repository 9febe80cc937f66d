/* Memory of what families find. */
#include "gk/findings.h"

#include <stdlib.h>

void gk_findings_open(gk_findings *found, const gk_lens *l)
{
    size_t K = (size_t)l->K, F = (size_t)l->shape.F;

    *found = (gk_findings){0};
    found->neurons.k = gk_alloc(F, sizeof *found->neurons.k);
    found->neurons.fve = gk_alloc(F, sizeof *found->neurons.fve);
    found->readout.fve = gk_alloc(2 * K, sizeof *found->readout.fve);
    found->excluded.loss = gk_alloc(K, sizeof *found->excluded.loss);
    found->ablated.loss = gk_alloc(K, sizeof *found->ablated.loss);
}

void gk_findings_close(gk_findings *found)
{
    free(found->neurons.k);
    free(found->neurons.fve);
    free(found->readout.fve);
    free(found->excluded.loss);
    free(found->ablated.loss);
    *found = (gk_findings){0};
}

void gk_findings_forget(gk_findings *found) { found->neurons.known = false; }
