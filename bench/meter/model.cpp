/* The formula of model.h. */
#include "model.h"

#include <algorithm>
#include <cmath>

namespace meter
{

static const double NODE_US = 1.2, WARP_CLOCKS = 2, LOAD_CLOCKS = 280, SCHEDULERS = 4;
static const double WARP = 32, SECTOR = 32;

double microseconds::launch() const
{
    return NODE_US + std::max(std::max(issue, doubles), std::max(memory, chain));
}

/* How often a warp comes to one of the kernel's global loads. */
static double trips(const gk_ptx::kernel &k, const gk_ptx::kernel_counts &c, double warps)
{
    double loads = 0, executed = 0;

    for (size_t i = 0; i < k.code.size(); i++) {
        if (k.code[i].action != gk_ptx::LOAD || k.code[i].space != gk_ptx::GLOBAL) continue;
        loads++;
        executed += (double)c.executed[i];
    }
    return loads ? executed / loads / warps : 0;
}

microseconds model(const gpu &g, const resources &r, const gk_ptx::kernel &k,
                   const gk_ptx::kernel_counts &c)
{
    double launches = (double)c.launches, blocks = (double)c.blocks / launches, all = 0;
    double warps_of_block = std::ceil((double)c.block_threads / WARP);
    double in_use = std::min((double)g.processors, blocks), us = g.ghz * 1e3; /* clocks */
    double at_once = std::max(1, blocks_at_once(g, r, c.block_threads, c.most_shared));
    double waves = std::max(1.0, blocks / (g.processors * at_once));
    double serial = std::max(r.serial, 0) * trips(k, c, (double)c.blocks * warps_of_block);
    microseconds t;

    for (uint64_t n : c.executed) all += (double)n;
    t.issue = all / launches / (SCHEDULERS * in_use) / us;
    t.doubles =
        (double)c.instructions(k, gk_ptx::DOUBLE) / launches * WARP / g.doubles / in_use / us;
    t.memory = SECTOR * (double)(c.sectors_loaded + c.sectors_stored) / launches / g.l2_gb_s / 1e3;
    t.chain = waves *
              (WARP_CLOCKS * (double)c.longest_blocks / launches / warps_of_block +
               LOAD_CLOCKS * serial) /
              us;
    return t;
}

} // namespace meter
