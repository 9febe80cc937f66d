/* Loads and stores: every address lies inside a live allocation, aligned to what is moved. */
#include "machine.h"

#include "lanes.h"

#include <algorithm>

namespace gk_ptx
{

void machine::addresses(const warp &w, const instruction &i, uint32_t mask, uint64_t *to) const
{
    const uint32_t *r = w.r;
    uint32_t from = i.from[0];
    uint64_t offset = (uint64_t)i.offset;

    if (i.address_size == 8)
        each_lane(mask, [=](int lane) { to[lane] = get<uint64_t>(r, from, lane) + offset; });
    else if (i.address_size == 4)
        each_lane(mask, [=](int lane) {
            to[lane] = (uint32_t)(get<uint32_t>(r, from, lane) + (uint32_t)offset);
        });
    else
        each_lane(mask, [=](int lane) { to[lane] = offset; });
}

/* The allocation of the device, or the constant of the module, that holds it: `last`. */
bool machine::find_global(uintptr_t address, size_t bytes, bool store)
{
    if (last.holds(address, bytes)) return true;
    const void *memory = reinterpret_cast<const void *>(address);
    size_t length;
    uintptr_t from = gk_shim::allocation_of(memory, &length);
    span found = {from, from + length};
    if (from && found.holds(address, bytes)) {
        last = found;
        return true;
    }
    for (const auto &c : k.of->constants) {
        from = reinterpret_cast<uintptr_t>(c.first.get());
        if (!store && span{from, from + c.second}.holds(address, bytes)) return true;
    }
    return false;
}

static std::string text_of(uint64_t address)
{
    char text[32];

    snprintf(text, sizeof text, "%#llx", (unsigned long long)address);
    return text;
}

/* Where the host has it. */
unsigned char *machine::place(const warp &w, const instruction &i, int lane, uint64_t address)
{
    size_t bytes = (size_t)(i.size * i.count), size = parameters.size();
    unsigned char *own = parameters.data();

    if (address & (bytes - 1)) fault(w, lane, "misaligned address " + text_of(address));
    if (i.space == GLOBAL) {
        if (!find_global((uintptr_t)address, bytes, i.action == STORE))
            fault(w, lane, text_of(address) + " is in no allocation");
        return reinterpret_cast<unsigned char *>((uintptr_t)address);
    }
    if (i.space == SHARED) {
        own = shared.data();
        size = shared.size();
    } else if (i.space == LOCAL) {
        own = local.data() + (size_t)(w.number * LANES + lane) * k.local_bytes;
        size = k.local_bytes;
    }
    if (address > size || bytes > size - address)
        fault(w, lane, text_of(address) + " is beyond " + std::to_string(size) + " bytes");
    return own + address;
}

/* ---- values */

/* Elements of type M in memory, values of type W in registers. */
template <class M, class W>
static void load(const warp &w, const instruction &i, uint32_t mask, unsigned char *const *from)
{
    for (int n = 0; n < i.count; n++) {
        uint32_t *r = w.r, to = i.to[n];

        each_lane(mask, [=](int lane) {
            M value;

            memcpy(&value, from[lane] + n * (int)sizeof value, sizeof value);
            put<W>(r, to, lane, (W)value);
        });
    }
}

template <class M, class W>
static void store(const warp &w, const instruction &i, uint32_t mask, unsigned char *const *to)
{
    for (int n = 0; n < i.count; n++) {
        const uint32_t *r = w.r, from = i.from[1 + n];

        each_lane(mask, [=](int lane) {
            M value = (M)get<W>(r, from, lane);

            memcpy(to[lane] + n * (int)sizeof value, &value, sizeof value);
        });
    }
}

template <class M>
static void move(const warp &w, const instruction &i, uint32_t mask, unsigned char *const *at)
{
    if (i.action == STORE)
        (i.wide[0] == 8 ? store<M, uint64_t> : store<M, uint32_t>)(w, i, mask, at);
    else if (i.wide[0] == 8)
        load<M, uint64_t>(w, i, mask, at);
    else
        (i.wide[0] == 4 ? load<M, uint32_t> : load<M, uint16_t>)(w, i, mask, at);
}

static void move_all(const warp &w, const instruction &i, uint32_t mask, unsigned char *const *at)
{
    switch (i.size) {
    case 1: return (i.is_signed ? move<int8_t> : move<uint8_t>)(w, i, mask, at);
    case 2: return (i.is_signed ? move<int16_t> : move<uint16_t>)(w, i, mask, at);
    case 4: return (i.is_signed ? move<int32_t> : move<uint32_t>)(w, i, mask, at);
    default: return move<uint64_t>(w, i, mask, at);
    }
}

void machine::look_for_races(const warp &w, const instruction &i, uint32_t mask,
                             const uint64_t *address)
{
    size_t bytes = (size_t)(i.size * i.count);
    bool store = i.action == STORE;

    if (i.size < 4) return; /* neighbours share a word of the shadow */
    for (uint32_t m = mask; m; m &= m - 1) {
        int lane = lowest(m);
        touch now(races->launch, block_number, interval, w.interval, w.number * LANES + lane);

        for (uint64_t a = address[lane] / 4 * 4; a < address[lane] + bytes; a += 4) {
            touched_word *word;

            if (i.space == SHARED)
                word = shared_races.word((size_t)a);
            else if (find_global((uintptr_t)address[lane], bytes, true))
                word = races->word((uintptr_t)a, last.from, last.to);
            else
                break; /* a constant */
            if (i.space == SHARED && !store && word->write.launch() != now.launch())
                fault(w, lane, "reads shared memory that nobody has written");
            if (const char *what = conflict(word, now, store)) fault(w, lane, what);
        }
    }
}

/* Where the host has each lane's: in one piece of memory, as a rule; otherwise lane by lane, which
 * also finds out who is wrong. */
void machine::places(const warp &w, const instruction &i, uint32_t mask, const uint64_t *address,
                     unsigned char **memory)
{
    size_t bytes = (size_t)(i.size * i.count);
    uint64_t low = UINT64_MAX, high = 0, bits = 0, base = 0;

    each_lane(mask, [&](int lane) {
        low = std::min(low, address[lane]);
        high = std::max(high, address[lane]);
        bits |= address[lane];
    });
    bool together = (bits & (bytes - 1)) == 0;
    if (i.space == SHARED) {
        together = together && high + bytes <= shared.size();
        base = reinterpret_cast<uintptr_t>(shared.data());
    } else
        together = together && i.space == GLOBAL &&
                   last.holds((uintptr_t)low, (size_t)(high - low) + bytes);
    if (together)
        each_lane(mask, [=](int lane) {
            memory[lane] = reinterpret_cast<unsigned char *>(base + address[lane]);
        });
    else
        each_lane(mask, [&](int lane) { memory[lane] = place(w, i, lane, address[lane]); });
}

void machine::access(warp &w, const instruction &i, uint32_t mask)
{
    uint64_t address[LANES];
    unsigned char *memory[LANES];

    addresses(w, i, mask, address);
    places(w, i, mask, address, memory);
    move_all(w, i, mask, memory);
    if (counts) counts->touched(i, mask, address, (size_t)(i.size * i.count));
    if (races && (i.space == GLOBAL || i.space == SHARED)) look_for_races(w, i, mask, address);
}

} // namespace gk_ptx
