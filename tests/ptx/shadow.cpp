/* Two accesses to a word, and what comes between them. */
#include "shadow.h"

namespace gk_ptx
{

enum { WARP = 32 };

static bool same_warp(const touch &a, const touch &b)
{
    return a.thread() / WARP == b.thread() / WARP;
}

/* In the same block, with no barrier of it between them. */
static bool same_interval(const touch &a, const touch &b)
{
    return a.where == b.where && a.interval() == b.interval();
}

static bool same_warp_interval(const touch &a, const touch &b)
{
    return a.where == b.where && a.warp_interval() == b.warp_interval() && same_warp(a, b);
}

/* Does nothing order the two? */
static bool unordered(const touch &before, const touch &now)
{
    if (before.launch() != now.launch()) return false;
    if (before.where != now.where) return true;
    if (before.interval() != now.interval() || before.thread() == now.thread()) return false;
    return !same_warp(before, now) || same_warp_interval(before, now);
}

/* Of all that have read a word the last is remembered, and who else there was. */
static bool unordered_readers(const touch &before, const touch &now)
{
    int others = before.others();

    if (before.launch() != now.launch()) return false;
    if (unordered(before, now) || others & BY_BLOCKS) return true;
    return (others & BY_WARPS && same_interval(before, now)) ||
           (others & BY_LANES && same_warp_interval(before, now));
}

static int other_readers(const touch &before, const touch &now)
{
    int others = before.others() & BY_BLOCKS;

    if (before.launch() != now.launch()) return 0;
    if (before.where != now.where) return BY_BLOCKS;
    if (!same_interval(before, now)) return others;
    others |= before.others() & BY_WARPS;
    if (!same_warp(before, now)) return others | BY_WARPS;
    if (!same_warp_interval(before, now)) return others;
    return others | (before.others() & BY_LANES) | (before.thread() != now.thread() ? BY_LANES : 0);
}

const char *conflict_in_launch(touched_word *word, const touch &now, bool store)
{
    if (unordered(word->write, now))
        return store ? "a race: written by two threads" : "a race: read while another writes it";
    if (store && unordered_readers(word->read, now))
        return "a race: written while another reads it";
    if (store)
        word->write = now;
    else {
        int others = other_readers(word->read, now);

        word->read = now;
        word->read.when |= (uint64_t)others;
    }
    return nullptr;
}

void block_shadow::begin(size_t bytes) { words.assign((bytes + 3) / 4, {}); }

touched_word *global_shadow::word(uintptr_t address, uintptr_t from, uintptr_t to)
{
    if (!last || last_from != from || last->to != to) {
        last = &allocations[from];
        last_from = from;
        if (last->to != to) {
            last->to = to; /* zeros: never touched */
            last->words.reset(
                static_cast<touched_word *>(calloc((to - from + 3) / 4, sizeof(touched_word))));
        }
    }
    return &last->words.get()[(address - from) / 4];
}

} // namespace gk_ptx
