/* Microseconds of a launch, from counts: a model, not a measurement. */
#ifndef METER_MODEL_H
#define METER_MODEL_H

#include "resources.h"

#include "counts.h"

namespace meter
{

/* us = launch + max(issue, doubles, memory, chain), of the average launch of a kernel:
 *
 *     launch    1.2 us from one node of a graph to the next
 *     issue     warp instructions / (4 schedulers x processors in use x clock)
 *     doubles   double instructions x 32 / (doubles a clock x processors in use x clock)
 *     memory    32 x sectors / (bandwidth of L2)
 *     chain     waves of blocks x (2 x instructions of a warp of the longest block
 *                                  + 280 x serial loads that a warp comes to) / clock
 *
 * Processors in use: no more than blocks. Waves: blocks / those that fit at once, at least 1. A
 * warp comes to a serial load as often as to the average load. Without SASS nothing is taken to be
 * serial. */
struct microseconds {
    double issue = 0, doubles = 0, memory = 0, chain = 0;
    double launch() const;
};
microseconds model(const gpu &g, const resources &r, const gk_ptx::kernel &k,
                   const gk_ptx::kernel_counts &c);

} // namespace meter

#endif
