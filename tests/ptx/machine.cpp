/* The order in which lanes, warps and barriers go on. */
#include "machine.h"

#include "lanes.h"

#include <algorithm>

namespace gk_ptx
{

uint64_t most_instructions = 100000000;

static unsigned part(dim3 of, int i) { return i == 0 ? of.x : i == 1 ? of.y : of.z; }

machine::machine(const kernel &k, const gk_shim::kernel_launch &l, global_shadow *races,
                 kernel_counts *counts)
    : k(k), l(l), counts(counts), threads((int)(l.block.x * l.block.y * l.block.z)), races(races)
{
    size_t n = ((size_t)threads + LANES - 1) / LANES;

    registers.assign(n * k.words, 0xffffffffu);
    shared.resize(k.shared_bytes + l.smem);
    local.resize(n * LANES * k.local_bytes);
    warps.resize(n);
    for (size_t w = 0; w < n; w++) {
        warps[w].number = (int)w;
        warps[w].r = &registers[w * k.words];
    }
    parameters.resize(k.parameter_bytes);
    for (size_t i = 0; i < k.parameters.size(); i++)
        memcpy(&parameters[k.parameters[i].at], l.arguments[i].data(), k.parameters[i].bytes);
    set_constants();
}

static void set_all(uint32_t *r, uint32_t at, int size, uint64_t value)
{
    for (int lane = 0; lane < LANES; lane++)
        if (size == 8)
            put<uint64_t>(r, at, lane, value);
        else if (size == 0)
            put<bool>(r, at, lane, value != 0);
        else
            put<uint32_t>(r, at, lane, (uint32_t)value);
}

/* Constants of the program, and what %tid, %ntid, %nctaid and %laneid hold. */
void machine::set_constants()
{
    for (const warp &w : warps) {
        for (const constant &c : k.constants) set_all(w.r, c.at, c.size, c.value);
        for (int i = 0; i < 3; i++) {
            set_all(w.r, special_register(NTID + i), 4, part(l.block, i));
            set_all(w.r, special_register(NCTAID + i), 4, part(l.grid, i));
        }
        for (int lane = 0; lane < LANES; lane++) {
            uint32_t t = (uint32_t)(w.number * LANES + lane);

            put<uint32_t>(w.r, special_register(TID), lane, t % l.block.x);
            put<uint32_t>(w.r, special_register(TID + 1), lane, t / l.block.x % l.block.y);
            put<uint32_t>(w.r, special_register(TID + 2), lane, t / l.block.x / l.block.y);
            put<uint32_t>(w.r, special_register(LANE), lane, (uint32_t)lane);
        }
    }
}

void machine::set_block()
{
    std::fill(shared.begin(), shared.end(), (unsigned char)0xff);
    interval = 0;
    budget = most_instructions;
    if (races) shared_races.begin(shared.size());
    for (warp &w : warps) {
        int lanes = std::min((int)LANES, threads - w.number * LANES);
        uint32_t c[] = {at.x, at.y, at.z};

        for (int i = 0; i < 3; i++) set_all(w.r, special_register(CTAID + i), 4, c[i]);
        w.live = lanes == LANES ? ALL_LANES : (1u << lanes) - 1;
        w.interval = 0;
        w.paths.assign(1, {0, w.live, warp::path::RUNS});
    }
}

void machine::run_block(uint3 block, uint32_t number)
{
    std::vector<warp *> order;

    at = block;
    block_number = number;
    set_block();
    for (warp &w : warps) order.push_back(&w);
    if (gk_shim::order == GK_SHIM_REVERSE) std::reverse(order.begin(), order.end());
    for (;;) {
        for (size_t i = order.size(); gk_shim::order == GK_SHIM_RANDOM && i > 1; i--)
            std::swap(order[i - 1], order[gk_shim::random_below(i)]);
        for (warp *w : order) run_warp(*w);
        bool live = false;
        for (const warp &w : warps) live = live || w.live;
        if (!live) break;
        pass_barrier();
    }
    if (counts) counts->block_ended(most_instructions - budget);
}

/* All threads of the block wait: at one barrier, or for lanes that will never come. */
void machine::pass_barrier()
{
    const instruction *barrier = nullptr;

    for (warp &w : warps)
        for (warp::path &p : w.paths) {
            now = &k.code[(size_t)p.pc];
            if (p.state == warp::path::WAITS)
                fault(w, lowest(p.mask), "waits for lanes that never come");
            if (barrier && barrier != now)
                fault(w, lowest(p.mask), "waits while others wait at " + place_of(k, *barrier));
            barrier = now;
        }
    for (warp &w : warps) {
        int lanes = std::min((int)LANES, threads - w.number * LANES);

        if (w.live != (lanes == LANES ? ALL_LANES : (1u << lanes) - 1))
            fault(w, lowest(~w.live), "has ended and does not come to the barrier");
        for (warp::path &p : w.paths) p = {p.pc + 1, p.mask, warp::path::RUNS};
    }
    interval++;
}

void machine::fault(const warp &w, int lane, const std::string &what) const
{
    uint32_t t = (uint32_t)(w.number * LANES + lane);
    char who[160];

    snprintf(who, sizeof who, "block (%u,%u,%u), thread (%u,%u,%u)", at.x, at.y, at.z,
             t % l.block.x, t / l.block.x % l.block.y, t / l.block.x / l.block.y);
    throw fault_found{k.name + ", " + who + " at " + place_of(k, *now) + ": " + what};
}

/* ---- warps */

/* Until no lane can go on. */
void machine::run_warp(warp &w)
{
    for (;;) {
        size_t best = w.paths.size();
        int limit = (int)k.code.size();

        for (size_t i = 0; i < w.paths.size(); i++)
            if (w.paths[i].state == warp::path::RUNS &&
                (best == w.paths.size() || w.paths[i].pc < w.paths[best].pc))
                best = i;
        if (best == w.paths.size()) return;
        warp::path p = w.paths[best];
        w.paths.erase(w.paths.begin() + (long)best);
        for (size_t i = 0; i < w.paths.size();) {
            const warp::path &other = w.paths[i];
            bool same = other.state != warp::path::AT_BARRIER && other.pc == p.pc;

            if (other.state != warp::path::AT_BARRIER && other.pc > p.pc)
                limit = std::min(limit, other.pc);
            if (same) p.mask |= other.mask;
            if (same)
                w.paths.erase(w.paths.begin() + (long)i);
            else
                i++;
        }
        run_path(w, p, limit);
    }
}

/* Until it splits, waits, ends, or comes to where others are. */
void machine::run_path(warp &w, warp::path p, int limit)
{
    do {
        const instruction &i = k.code[(size_t)p.pc];
        uint32_t mask = p.mask;

        now = &i;
        if (i.guard >= 0) mask &= i.guard_not ? ~w.r[i.guard] : w.r[i.guard];
        if (counts) counts->executed[(size_t)p.pc]++;
        if (--budget == 0) fault(w, lowest(p.mask), "the block has no end");
        switch (i.action) {
        case EACH_LANE:
            if (mask) i.each(w.r, i, mask);
            break;
        case LOAD:
        case STORE:
            if (mask) access(w, i, mask);
            break;
        case SHUFFLE:
        case BALLOT:
        case WARP_BARRIER:
            if (!mask) break;
            if (mask != p.mask) fault(w, lowest(mask), "only some lanes, by a predicate");
            if (!meets(w, p, i)) {
                w.paths.push_back({p.pc, p.mask, warp::path::WAITS});
                return;
            }
            exchange(w, i, mask);
            break;
        case BARRIER:
            if (mask != p.mask) fault(w, lowest(p.mask), "only some lanes, by a predicate");
            w.paths.push_back({p.pc, p.mask, warp::path::AT_BARRIER});
            return;
        case BRANCH:
            if (!mask) break;
            if (mask == p.mask && (w.paths.empty() || (i.target > p.pc && i.target < limit))) {
                p.pc = i.target - 1;
                break;
            }
            if (mask != p.mask) w.paths.push_back({p.pc + 1, p.mask & ~mask, warp::path::RUNS});
            w.paths.push_back({i.target, mask, warp::path::RUNS});
            return;
        case EXIT:
            w.live &= ~mask;
            p.mask &= ~mask;
            if (!p.mask) return;
            break;
        case TRAP:
            if (mask) fault(w, lowest(mask), "trap");
        }
        p.pc++;
    } while (p.pc < limit);
    w.paths.push_back(p);
}

/* Are all that the instruction names here? */
bool machine::meets(warp &w, const warp::path &p, const instruction &i)
{
    uint32_t members = i.from[i.action == SHUFFLE ? 3 : i.action == BALLOT ? 1 : 0];
    uint32_t named = get<uint32_t>(w.r, members, lowest(p.mask));

    for (uint32_t m = p.mask; m; m &= m - 1)
        if (get<uint32_t>(w.r, members, lowest(m)) != named)
            fault(w, lowest(m), "lanes of a warp name different members");
    if (p.mask & ~named) fault(w, lowest(p.mask & ~named), "not one of the members that it names");
    if (named & ~w.live) fault(w, lowest(p.mask), "names members that have ended");
    return p.mask == named;
}

void machine::exchange(warp &w, const instruction &i, uint32_t mask)
{
    if (i.action == WARP_BARRIER)
        w.interval++;
    else if (i.action == SHUFFLE)
        shuffle(w, i, mask);
    else
        for (uint32_t m = mask, all = w.r[i.from[0]] & mask; m; m &= m - 1)
            put<uint32_t>(w.r, i.to[0], lowest(m), all);
}

/* As the PTX ISA defines shfl.sync: `clamp` holds the segment's mask and its last lane. */
void machine::shuffle(warp &w, const instruction &i, uint32_t mask)
{
    uint32_t got[LANES] = {}, inside = 0;

    for (uint32_t m = mask; m; m &= m - 1) {
        int lane = lowest(m), by = (int)(get<uint32_t>(w.r, i.from[1], lane) & 31);
        int clamp = (int)get<uint32_t>(w.r, i.from[2], lane), segment = clamp >> 8 & 31;
        int last_lane = (lane & segment) | (clamp & 31 & ~segment), from = lane;

        if (i.direction == UP) from = lane - by;
        if (i.direction == DOWN) from = lane + by;
        if (i.direction == BUTTERFLY) from = lane ^ by;
        if (i.direction == INDEX) from = (lane & segment) | (by & ~segment);
        bool is_inside = i.direction == UP ? from >= last_lane : from <= last_lane;
        if (!is_inside) from = lane;
        if (!(mask >> from & 1)) fault(w, lane, "reads a lane that takes no part");
        got[lane] = get<uint32_t>(w.r, i.from[0], from);
        inside |= (uint32_t)is_inside << lane;
    }
    for (uint32_t m = mask; m; m &= m - 1) put<uint32_t>(w.r, i.to[0], lowest(m), got[lowest(m)]);
    if (i.predicate_to >= 0) w.r[i.predicate_to] = (w.r[i.predicate_to] & ~mask) | inside;
}

} // namespace gk_ptx
