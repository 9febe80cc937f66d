/* optimisers.def as a table. */
#include "gk/optimiser.h"

const gk_optimiser_info gk_optimisers[GK_OPTIMISERS] = {
#define OPTIMISER(id, word, name, decay, momentum, moments, first, second)                         \
    [GK_##id] = {#word, name, decay, momentum, moments, {first, second}},
#include "gk/optimisers.def"
#undef OPTIMISER
};
