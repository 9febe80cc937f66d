/* What ptxas gave a kernel on an architecture, and what its machine code shows of its loads. */
#ifndef METER_RESOURCES_H
#define METER_RESOURCES_H

#include <cstddef>
#include <map>
#include <string>

namespace meter
{

/* A GPU of the architecture, with round nominal numbers. */
struct gpu {
    const char *arch, *name;
    int processors;
    double ghz;
    double l2_gb_s;           /* what L2 gives all processors together */
    double doubles;           /* multiply-adds per clock and processor */
    int warps, blocks;        /* at most, per processor */
    size_t registers, shared; /* per processor: 32-bit registers, bytes */
};
extern const gpu gpus[];
extern const size_t gpus_n;

struct resources {
    int registers = 0, spilled = 0; /* bytes stored */
    size_t shared = 0;              /* static bytes */
    int loads = -1, serial = -1;    /* global loads in SASS, those that wait; -1: no SASS */
};

/* By kernel. From FOLDER/ARCH/x.ptxas (what nvcc -Xptxas -v says) and, where they are, x.sass (what
 * cuobjdump -sass says). */
std::map<std::string, resources> read_resources(const std::string &folder, const char *arch);

/* Blocks of `threads` threads that one processor holds at once. */
int blocks_at_once(const gpu &g, const resources &r, size_t threads, size_t shared);

} // namespace meter

#endif
