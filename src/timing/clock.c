/* Times of calls. A block of calls is timed as a whole and the device is waited for at its end
 * only, so that the cost of launching shows as it does in a step. */
#include "gk/timing.h"
#include "gk/verify.h"

#include <math.h>
#include <stdlib.h>

static const double BLOCK_SECONDS = 2e-3;
enum { BLOCK_MAX = 2000 };

/* The value that a share `q` of the sorted values lies below, between its neighbours. */
static double quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1);
    int i = (int)at;

    return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

gk_spread gk_spread_of(double *seconds, int n)
{
    qsort(seconds, (size_t)n, sizeof *seconds, gk_ascending_reals);
    return (gk_spread){.median = quantile(seconds, n, 0.5),
                       .low = quantile(seconds, n, 0.25),
                       .high = quantile(seconds, n, 0.75),
                       .best = seconds[0]};
}

/* Calls in a block, if one takes so long. */
static int block_of(double seconds)
{
    return (int)fmax(1, fmin(BLOCK_MAX, ceil(BLOCK_SECONDS / fmax(seconds, 1e-9))));
}

static double time_block(gk_backend *be, void (*call)(void *context), void *context, int calls)
{
    double start = gk_seconds();

    for (int i = 0; i < calls; i++) call(context);
    be->sync(be);
    return (gk_seconds() - start) / calls;
}

gk_spread gk_time_calls(gk_backend *be, void (*call)(void *context), void *context, int rounds)
{
    double seconds[GK_ROUNDS_MAX];

    time_block(be, call, context, 1);
    int block = block_of(time_block(be, call, context, 1));
    for (int i = 0; i < rounds; i++) seconds[i] = time_block(be, call, context, block);
    return gk_spread_of(seconds, rounds);
}

/* A backend like another one, but that its sync is silent within a block and notes the time at its
 * end. gk_verify_time waits for the device before each of its calls and after the last. */
typedef struct stopwatch {
    gk_backend be; /* first: what sync gets */
    gk_backend *timed;
    int block, blocks, syncs;
    double start, *seconds; /* (blocks - 1): the first one warms up */
} stopwatch;

static gk_status note(gk_backend *be)
{
    stopwatch *w = (stopwatch *)be;
    int calls = w->syncs++, ended = calls / w->block - 1;
    bool timed = calls <= w->block * w->blocks;

    if (timed && calls % w->block != 0) return GK_OK;
    gk_status status = w->timed->sync(w->timed);
    double now = gk_seconds();
    if (timed && ended > 0) w->seconds[ended - 1] = (now - w->start) / w->block;
    w->start = now;
    return status;
}

gk_status gk_time_case(double *seconds, int i, gk_backend *be, int R, int rounds)
{
    double once = gk_verify_time(i, be, R, 2);

    if (once >= 0) {
        stopwatch w = {.be = *be,
                       .timed = be,
                       .block = block_of(once),
                       .blocks = rounds + 1,
                       .seconds = seconds};
        w.be.sync = note;
        once = gk_verify_time(i, &w.be, R, w.block * w.blocks);
    }
    if (once >= 0) return GK_OK;
    gk_verify_result name;
    gk_verify_name(&name, i);
    return gk_fail(GK_EDEVICE,
                   "%s %s with %d runs: the backend failed or memory is out; --runs gives fewer",
                   name.op, name.shape, R);
}
