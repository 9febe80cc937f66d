/* The threads of one block. Each is a fiber from the moment it has to wait; a thread that never
 * waits runs to its end on a fiber that then takes the next one. When none can go on and not all
 * have ended, a barrier or a mask is wrong. */
#include "asan.h"
#include "fiber.h"
#include "state.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace gk_shim
{

enum { WARP = 32, SHARED_GUARD = 128 };

enum thread_state { READY, AT_BARRIER, IN_SHUFFLE, IN_BALLOT, ENDED };

struct thread {
    thread_state state;
    fiber *on; /* nullptr: not begun, or ended */
    place at;  /* where it waits */
    unsigned mask;
    int source;
    uint64_t value; /* what it brings, then what it gets */
};

struct shared_array {
    const char *name;
    const void *site;
    unsigned char *memory; /* of the array, between guards */
    size_t bytes;
};

/* The block that runs. */
static const kernel_launch *kernel;
static const std::vector<uint3> *ids;
static thread threads[THREADS_MOST];
static uint64_t ready[THREADS_MOST / 64]; /* bits: those in state READY */
static int n_threads, n_ended, n_at_barrier, current;
static int waiting_in_warp[THREADS_MOST / WARP];
static std::vector<shared_array> arrays;
static fiber *running;

/* ---- faults */

static int thread_text(char *text, size_t size, int t)
{
    uint3 id = (*ids)[t];

    return snprintf(text, size, "thread (%u,%u,%u)", id.x, id.y, id.z);
}

/* "kernel K, block (x,y,z), thread (x,y,z): what" */
static void fault(int t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault(int t, const char *format, ...)
{
    char what[512], who[64];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    thread_text(who, sizeof who, t);
    problem(cudaErrorLaunchFailure, "kernel %s, block (%u,%u,%u), %s: %s", kernel->name, blockIdx.x,
            blockIdx.y, blockIdx.z, who, what);
}

/* "thread (x,y,z) has ended" or "... waits at FILE:LINE" */
static void where(char *text, size_t size, int t)
{
    int n = thread_text(text, size, t);

    if (threads[t].state == ENDED)
        snprintf(text + n, size - n, " has ended");
    else
        snprintf(text + n, size - n, " waits at %s:%d", threads[t].at.file, threads[t].at.line);
}

static bool same_call(const thread &a, const thread &b)
{
    return a.state == b.state && a.mask == b.mask && a.at.line == b.at.line &&
           (a.at.file == b.at.file || strcmp(a.at.file, b.at.file) == 0);
}

/* Is t why `waiting` cannot go on? */
static bool missing(int waiting, int t)
{
    const thread &w = threads[waiting];

    if (t == waiting) return false;
    if (w.state == AT_BARRIER) return !same_call(w, threads[t]);
    return t / WARP == waiting / WARP && (w.mask >> t % WARP & 1) && !same_call(w, threads[t]);
}

/* Nobody can go on: the first thread that waits, and the first that it waits for. */
static void deadlock()
{
    char other[256] = "a lane that the block does not have";
    int waiting = 0, t = 0;

    while (threads[waiting].state == ENDED) waiting++;
    while (t < n_threads && !missing(waiting, t)) t++;
    if (t < n_threads) where(other, sizeof other, t);
    fault(waiting, "waits at %s:%d, but %s", threads[waiting].at.file, threads[waiting].at.line,
          other);
}

/* ---- who runs */

static void set_ready(int t)
{
    threads[t].state = READY;
    ready[t / 64] |= (uint64_t)1 << t % 64;
}

static void clear_ready(int t) { ready[t / 64] &= ~((uint64_t)1 << t % 64); }

static int first_ready(int from)
{
    for (int i = from; i < n_threads; i = (i / 64 + 1) * 64) {
        uint64_t word = ready[i / 64] >> i % 64;

        if (word) return i + __builtin_ctzll(word);
    }
    return -1;
}

static int last_ready()
{
    for (int i = (n_threads - 1) / 64; i >= 0; i--)
        if (ready[i]) return i * 64 + 63 - __builtin_clzll(ready[i]);
    return -1;
}

/* The thread that goes on now; -1: none can. */
static int choose()
{
    if (order == GK_SHIM_FORWARD) return first_ready(0);
    if (order == GK_SHIM_REVERSE) return last_ready();
    int t = first_ready((int)random_below(n_threads));
    return t >= 0 ? t : first_ready(0);
}

static void make_current(int t)
{
    current = t;
    threadIdx = (*ids)[t];
    clear_ready(t);
}

static void run_threads();

/* Leaves the current thread as it is, for `next`. Returns when it is this thread's turn again. */
static void go_on_with(int next)
{
    if (next < 0 || failed()) return fiber_leave();
    make_current(next);
    if (!threads[next].on) threads[next].on = fiber_take(run_threads);
    if (threads[next].on == running) return;
    running = threads[next].on;
    fiber_pass(running);
}

static void wait() { go_on_with(choose()); }

/* What a fiber does: the current thread from its beginning, then others that have not begun, as
 * long as it is their turn. */
static void run_threads()
{
    for (;;) {
        int next = current;

        do {
            make_current(next);
            threads[next].on = running;
            kernel->thread();
            threads[current].state = ENDED;
            threads[current].on = nullptr;
            n_ended++;
            next = choose();
        } while (next >= 0 && !threads[next].on && !failed());
        fiber_give(running);
        go_on_with(next);
    }
}

/* Until all have ended, or none can go on. */
static void run_all()
{
    int first = choose();

    make_current(first);
    running = threads[first].on = fiber_take(run_threads);
    fiber_enter(running);
}

/* ---- shared memory */

static unsigned char *guard_after(const shared_array &a) { return a.memory + a.bytes; }

static shared_array new_array(const char *name, const void *site, size_t bytes)
{
    size_t whole = (2 * SHARED_GUARD + bytes + SHARED_GUARD - 1) / SHARED_GUARD * SHARED_GUARD;
    unsigned char *memory = static_cast<unsigned char *>(aligned_alloc(SHARED_GUARD, whole));
    shared_array a = {name, site, memory + SHARED_GUARD, bytes};

    if (!memory) abort();
    memset(a.memory, 0xff, bytes);
    guard_fill(memory, SHARED_GUARD);
    guard_fill(guard_after(a), SHARED_GUARD);
    __asan_poison_memory_region(memory, SHARED_GUARD);
    __asan_poison_memory_region(guard_after(a), SHARED_GUARD);
    return a;
}

static void release_array(const shared_array &a)
{
    unsigned char *memory = a.memory - SHARED_GUARD;

    __asan_unpoison_memory_region(memory, SHARED_GUARD);
    __asan_unpoison_memory_region(guard_after(a), SHARED_GUARD);
    if (!guard_whole(memory, SHARED_GUARD) || !guard_whole(guard_after(a), SHARED_GUARD))
        problem(cudaErrorLaunchFailure,
                "kernel %s, block (%u,%u,%u): wrote outside of the %zu bytes of shared array %s",
                kernel->name, blockIdx.x, blockIdx.y, blockIdx.z, a.bytes, a.name);
    free(memory);
}

void *shared(const char *name, const void *site, size_t bytes)
{
    size_t total = bytes;

    for (const shared_array &a : arrays) {
        if (a.site == site) return a.memory;
        total += a.bytes;
    }
    arrays.push_back(new_array(name, site, bytes));
    if (total > SHARED_MOST) {
        fault(current, "%zu bytes of shared memory, there are %d", total, (int)SHARED_MOST);
        fiber_leave();
    }
    return arrays.back().memory;
}

void *shared_dynamic()
{
    static char site;

    return shared("(dynamic)", &site, kernel->smem);
}

/* ---- waiting */

int lane() { return current % WARP; }

void barrier(place at)
{
    threads[current] = {AT_BARRIER, threads[current].on, at, 0, 0, 0};
    if (++n_at_barrier == n_threads) {
        for (int t = 0; t < n_threads; t++)
            if (!same_call(threads[0], threads[t])) deadlock();
        for (int t = 0; t < n_threads; t++) set_ready(t);
        n_at_barrier = 0;
    }
    wait();
}

static bool all_there(int first, const thread &own)
{
    for (int l = 0; l < WARP; l++) {
        if (!(own.mask >> l & 1)) continue;
        if (first + l >= n_threads || !same_call(own, threads[first + l])) return false;
    }
    return true;
}

/* Gives every lane of the mask its result; one that reads a lane that is not there gets bits of
 * 1, a NaN. */
static void finish(int first, unsigned mask, thread_state kind)
{
    uint64_t before[WARP], votes = 0;

    for (int l = 0; l < WARP; l++) {
        if (!(mask >> l & 1)) continue;
        before[l] = threads[first + l].value;
        votes |= (uint64_t)(before[l] != 0) << l;
    }
    for (int l = 0; l < WARP; l++) {
        thread &t = threads[first + l];

        if (!(mask >> l & 1)) continue;
        t.value = kind == IN_BALLOT ? votes : mask >> t.source & 1 ? before[t.source] : UINT64_MAX;
        set_ready(first + l);
        waiting_in_warp[first / WARP]--;
    }
}

static uint64_t warp_call(thread_state kind, unsigned mask, uint64_t value, int source, place at)
{
    int t = current, first = t / WARP * WARP;
    thread &own = threads[t];

    own = {kind, own.on, at, mask, source, value};
    if (!(mask >> (t - first) & 1))
        fault(t, "the mask %08x at %s:%d does not name the caller", mask, at.file, at.line);
    else if (++waiting_in_warp[first / WARP] >= __builtin_popcount(mask) && all_there(first, own))
        finish(first, mask, kind);
    wait();
    return own.value;
}

uint64_t shuffle(unsigned mask, uint64_t value, int source, place at)
{
    return warp_call(IN_SHUFFLE, mask, value, source, at);
}

unsigned ballot(unsigned mask, bool value, place at)
{
    return (unsigned)warp_call(IN_BALLOT, mask, value, 0, at);
}

/* ---- the block */

static void begin(const kernel_launch &l, const std::vector<uint3> &thread_ids)
{
    kernel = &l;
    ids = &thread_ids;
    n_threads = (int)thread_ids.size();
    n_ended = n_at_barrier = 0;
    memset(ready, 0, sizeof ready);
    memset(waiting_in_warp, 0, sizeof waiting_in_warp);
    for (int t = 0; t < n_threads; t++) {
        threads[t] = {};
        set_ready(t);
    }
}

void run_block(const kernel_launch &l, const std::vector<uint3> &thread_ids)
{
    begin(l, thread_ids);
    run_all();
    if (!failed() && n_ended < n_threads) deadlock();
    for (int t = 0; t < n_threads; t++)
        if (threads[t].on) fiber_kill(threads[t].on);
    for (const shared_array &a : arrays) release_array(a);
    arrays.clear();
}

} // namespace gk_shim
