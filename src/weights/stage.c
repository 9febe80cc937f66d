/* Weights and moments of one run in memory of their own. */
#include "gk/weights.h"

#include <stdlib.h>
#include <string.h>

void gk_stage_open(gk_stage *stage, const gk_shape *shape, const gk_optimiser_info *optimiser)
{
    size_t n = gk_parameters(shape);

    *stage = (gk_stage){.optimiser = optimiser, .params = gk_alloc(n, sizeof(gk_real))};
    for (int i = 0; i < optimiser->moments; i++) stage->moment[i] = gk_alloc(n, sizeof(gk_real));
}

void gk_stage_close(gk_stage *stage)
{
    free(stage->params);
    for (int i = 0; i < GK_MOMENTS_MAX; i++) free(stage->moment[i]);
    *stage = (gk_stage){0};
}

void gk_stage_clear_moments(gk_stage *stage, const gk_shape *shape)
{
    size_t bytes = gk_parameters(shape) * sizeof(gk_real);

    for (int i = 0; i < stage->optimiser->moments; i++) memset(stage->moment[i], 0, bytes);
}

void gk_stage_copy(gk_stage *to, const gk_stage *from, const gk_shape *shape)
{
    size_t bytes = gk_parameters(shape) * sizeof(gk_real);

    memcpy(to->params, from->params, bytes);
    for (int i = 0; i < to->optimiser->moments; i++) memcpy(to->moment[i], from->moment[i], bytes);
}
