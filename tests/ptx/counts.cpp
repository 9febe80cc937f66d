/* Sectors: of each warp instruction the different ones. Passes: shared memory gives each bank's
 * word once per pass; accesses of 8 and 16 bytes go in groups of 16 and 8 lanes. */
#include "counts.h"

#include "lanes.h"

#include <algorithm>

namespace gk_ptx
{

enum { SECTOR = 32, BANKS = 32, WORD = 4 };

void kernel_counts::launch_begins(size_t threads, size_t shared, const kernel &k)
{
    launches++;
    executed.resize(k.code.size());
    block_threads = std::max(block_threads, threads);
    most_shared = std::max(most_shared, k.shared_bytes + shared);
    longest_now = 0;
}

void kernel_counts::launch_ends()
{
    longest_block = std::max(longest_block, longest_now);
    longest_blocks += longest_now;
}

void kernel_counts::block_ended(uint64_t instructions_of_block)
{
    blocks++;
    longest_now = std::max(longest_now, instructions_of_block);
}

/* Puts x among the n different numbers of `list`, neighbours being likely; how many these are. */
static int insert(uint64_t *list, int n, uint64_t x)
{
    for (int i = n; i-- > 0;)
        if (list[i] == x) return n;
    list[n] = x;
    return n + 1;
}

static uint64_t sectors(uint32_t mask, const uint64_t *address, size_t bytes)
{
    uint64_t different[2 * LANES];
    int n = 0;

    for (; mask; mask &= mask - 1) {
        uint64_t from = address[__builtin_ctz(mask)];

        for (uint64_t s = from / SECTOR; s <= (from + bytes - 1) / SECTOR; s++)
            n = insert(different, n, s);
    }
    return (uint64_t)n;
}

/* The most different words that one bank has to give. */
static uint64_t passes(uint32_t mask, const uint64_t *address, size_t bytes)
{
    uint64_t words[BANKS][LANES], first = address[__builtin_ctz(mask)], other = 0;
    int in_bank[BANKS] = {}, most = 0;

    each_lane(mask, [&](int lane) { other |= address[lane] ^ first; });
    if (other == 0) return 1;
    for (; mask; mask &= mask - 1)
        for (uint64_t b = 0; b < bytes; b += WORD) {
            uint64_t word = (address[__builtin_ctz(mask)] + b) / WORD, bank = word % BANKS;

            in_bank[bank] = insert(words[bank], in_bank[bank], word);
            most = std::max(most, in_bank[bank]);
        }
    return (uint64_t)most;
}

void kernel_counts::touched(const instruction &i, uint32_t mask, const uint64_t *address,
                            size_t bytes)
{
    if (i.space == GLOBAL)
        (i.action == LOAD ? sectors_loaded : sectors_stored) += sectors(mask, address, bytes);
    if (i.space != SHARED) return;
    int lanes = bytes <= WORD ? LANES : LANES * WORD / (int)bytes;
    uint32_t group = lanes == LANES ? ALL_LANES : (1u << lanes) - 1;
    for (int first = 0; first < LANES; first += lanes)
        if (mask & group << first) shared_passes += passes(mask & group << first, address, bytes);
}

uint64_t kernel_counts::instructions(const kernel &k, enum kind_of_work work) const
{
    uint64_t n = 0;

    for (size_t i = 0; i < executed.size(); i++)
        if (k.code[i].work == work) n += executed[i];
    return n;
}

uint64_t kernel_counts::barriers(const kernel &k) const
{
    uint64_t n = 0;

    for (size_t i = 0; i < executed.size(); i++)
        if (k.code[i].action == BARRIER) n += executed[i];
    return n;
}

} // namespace gk_ptx
