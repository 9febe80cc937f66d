/* Runs the blocks of one launch, warp by warp. Lanes of a warp that are at the same instruction go
 * together, those that are furthest behind first, so that they meet again after a branch; each
 * warp goes on until all of its lanes wait or have ended. What a GPU would not survive, or would
 * not do the same way every time, ends the launch as a fault. */
#ifndef GK_PTX_MACHINE_H
#define GK_PTX_MACHINE_H

#include "counts.h"
#include "program.h"
#include "shadow.h"

#include "state.h"

#include <functional>

namespace gk_ptx
{

/* Warp instructions of a block after which it is taken to have no end. */
extern uint64_t most_instructions;

struct fault_found {
    std::string what;
};

struct warp {
    /* Lanes at the same place. */
    struct path {
        int pc;
        uint32_t mask;
        enum { RUNS, WAITS /* for members */, AT_BARRIER } state;
    };
    int number = 0;
    uint32_t *r = nullptr;
    uint32_t live = 0;     /* lanes that have not ended */
    uint32_t interval = 0; /* bar.warp.sync that it has passed */
    std::vector<path> paths;
};

/* A span of memory that an instruction may touch. */
struct span {
    uintptr_t from = 1, to = 0;
    bool holds(uintptr_t at, size_t bytes) const { return at >= from && at + bytes <= to; }
};

class machine
{
  public:
    machine(const kernel &k, const gk_shim::kernel_launch &l, global_shadow *races,
            kernel_counts *counts);
    /* Throws fault_found. */
    void run_block(uint3 block, uint32_t number);

  private:
    const kernel &k;
    const gk_shim::kernel_launch &l;
    kernel_counts *counts; /* NULL: nobody asks */
    int threads;
    uint3 at = {0, 0, 0};
    uint32_t block_number = 0, interval = 0; /* barriers that the block has passed */
    uint64_t budget = 0;
    std::vector<uint32_t> registers;
    std::vector<unsigned char> shared, local, parameters;
    std::vector<warp> warps;
    global_shadow *races; /* NULL: not looked for */
    block_shadow shared_races;
    span last; /* of global memory */
    const instruction *now = nullptr;

    void set_constants();
    void set_block();
    void pass_barrier();
    void run_warp(warp &w);
    void run_path(warp &w, warp::path p, int limit);
    bool meets(warp &w, const warp::path &p, const instruction &i);
    void exchange(warp &w, const instruction &i, uint32_t mask);
    void shuffle(warp &w, const instruction &i, uint32_t mask);

    /* memory.cpp */
    void access(warp &w, const instruction &i, uint32_t mask);
    void addresses(const warp &w, const instruction &i, uint32_t mask, uint64_t *to) const;
    unsigned char *place(const warp &w, const instruction &i, int lane, uint64_t address);
    void places(const warp &w, const instruction &i, uint32_t mask, const uint64_t *address,
                unsigned char **memory);
    bool find_global(uintptr_t address, size_t bytes, bool store);
    void look_for_races(const warp &w, const instruction &i, uint32_t mask, const uint64_t *at);

    [[noreturn]] void fault(const warp &w, int lane, const std::string &what) const;
};

} // namespace gk_ptx

#endif
