/* What a kernel did, exactly: how often each instruction was issued for a warp, and what its loads
 * and stores ask of the memory system. */
#ifndef GK_PTX_COUNTS_H
#define GK_PTX_COUNTS_H

#include "program.h"

namespace gk_ptx
{

struct kernel_counts {
    uint64_t launches = 0, blocks = 0;
    uint64_t longest_block = 0, longest_blocks = 0;  /* of all; of each launch, their sum */
    uint64_t sectors_loaded = 0, sectors_stored = 0; /* of 32 bytes */
    uint64_t shared_passes = 0;                /* a pass serves one word of each of 32 banks */
    size_t most_shared = 0, block_threads = 0; /* of its largest launch */
    std::vector<uint64_t> executed;            /* by instruction */

    void launch_begins(size_t threads, size_t shared, const kernel &k);
    void launch_ends();
    void block_ended(uint64_t instructions);
    /* The lanes of `mask` touch `bytes` at these addresses. */
    void touched(const instruction &i, uint32_t mask, const uint64_t *address, size_t bytes);
    uint64_t instructions(const kernel &k, enum kind_of_work work) const;
    uint64_t barriers(const kernel &k) const;

  private:
    uint64_t longest_now = 0;
};

} // namespace gk_ptx

#endif
