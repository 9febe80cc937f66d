/* Who touched which word of memory last: finds two threads that touch the same word, one of them
 * to write, with nothing that orders them. Within a block barriers order, within a warp also
 * bar.warp.sync; between the blocks of a launch nothing does. A word is four bytes. */
#ifndef GK_PTX_SHADOW_H
#define GK_PTX_SHADOW_H

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

namespace gk_ptx
{

/* An access. Two numbers, so that a lane's is written and compared at once. */
struct touch {
    uint64_t where = 0; /* launch, 0: never; block */
    uint64_t when = 0;  /* barriers of the block, of the warp; thread; of a read: BY_LANES ... */

    touch() {}
    touch(uint32_t launch, uint32_t block, uint32_t interval, uint32_t warp_interval, int thread)
        : where((uint64_t)launch << 32 | block),
          when((uint64_t)(uint16_t)interval << 48 | (uint64_t)(uint16_t)warp_interval << 32 |
               (uint64_t)thread << 16)
    {
    }
    uint32_t launch() const { return (uint32_t)(where >> 32); }
    uint64_t interval() const { return when >> 48; }
    uint64_t warp_interval() const { return when >> 32; } /* with the block's */
    int thread() const { return (int)(when >> 16 & 0xffff); }
    int others() const { return (int)(when & 0xffff); }
};
enum { BY_LANES = 1, BY_WARPS = 2, BY_BLOCKS = 4 }; /* who else has read the word */

struct touched_word {
    touch write, read;
};

/* NULL: no conflict; otherwise which. Keeps the access. */
const char *conflict_in_launch(touched_word *word, const touch &now, bool store);
inline const char *conflict(touched_word *word, const touch &now, bool store)
{
    if (word->write.launch() == now.launch() || word->read.launch() == now.launch())
        return conflict_in_launch(word, now, store);
    (store ? word->write : word->read) = now;
    return nullptr;
}

/* Of a block's shared memory. */
class block_shadow
{
  public:
    void begin(size_t bytes);
    touched_word *word(size_t address) { return &words[address / 4]; }

  private:
    std::vector<touched_word> words;
};

/* Of device memory, by allocation. */
class global_shadow
{
  public:
    uint32_t launch = 0;
    touched_word *word(uintptr_t address, uintptr_t from, uintptr_t to);

  private:
    struct words_of {
        uintptr_t to = 0;
        std::unique_ptr<touched_word, void (*)(void *)> words{nullptr, free};
    };
    std::map<uintptr_t, words_of> allocations;
    uintptr_t last_from = 0;
    words_of *last = nullptr;
};

} // namespace gk_ptx

#endif
