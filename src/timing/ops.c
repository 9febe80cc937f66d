/* bench ops: the largest cases of each op in the verify table, first held to ref, then timed on
 * every lane. */
#include "gk/timing.h"
#include "gk/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 15, SIZES_MAX = 16 };

/* A case worth timing is not much smaller than the largest of its op: the experiment's own shapes.
 */
static const double WORTH = 0.25;

typedef struct op_case {
    int i;
    gk_verify_result name;
    gk_cost cost;
} op_case;

/* The numbers of "m 3 n 113 k 128" */
static op_case case_of(int i)
{
    op_case c = {.i = i};
    int size[SIZES_MAX] = {0}, n = 0;

    gk_verify_name(&c.name, i);
    for (const char *at = c.name.shape; *at && n < SIZES_MAX;) {
        at += strcspn(at, " ");
        size[n++] = atoi(at);
        at += strspn(at, " ");
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    c.cost = gk_cost_of(c.name.op, size);
    return c;
}

static double work(const op_case *c) { return c->cost.flops + c->cost.bytes; }

static bool is_worth_timing(const op_case *c)
{
    double most = 0;

    for (int i = 0; i < gk_verify_cases(); i++) {
        op_case other = case_of(i);
        if (!strcmp(other.name.op, c->name.op)) most = fmax(most, work(&other));
    }
    return work(c) >= WORTH * most;
}

/* Right with 3 runs and with each of them alone. */
static bool is_right(const op_case *c, gk_lane *lane, gk_backend *ref)
{
    gk_verify_result result;

    gk_verify(&result, c->i, &lane->be, ref);
    if (!result.problem && result.error <= result.limit) return true;
    printf("%-14s %s: WRONG on %d threads: %s, error %.1e, limit %.1e: not timed\n", c->name.op,
           c->name.shape, lane->threads, result.problem ? result.problem : "too far off",
           result.error, result.limit);
    return false;
}

/* Every lane in turn, A B B A: half of the rounds each time. */
static gk_status time_lanes(gk_spread *spread, const op_case *c, gk_lane **lane, int n, int R,
                            int rounds)
{
    double seconds[GK_LANES_MAX][GK_ROUNDS_MAX];
    int first = (rounds + 1) / 2;

    for (int pass = 0; pass < 2; pass++) {
        int from = pass ? first : 0, count = pass ? rounds - first : first;
        for (int turn = 0; turn < n && count; turn++) {
            int l = gk_bench_turn(n, pass, turn);
            GK_TRY(gk_time_case(seconds[l] + from, c->i, &lane[l]->be, R, count));
        }
    }
    for (int l = 0; l < n; l++) spread[l] = gk_spread_of(seconds[l], rounds);
    return GK_OK;
}

static void print_line(const op_case *c, const gk_lane *lane, gk_spread s, gk_cost cost)
{
    printf("%-14s %-60s %3d %10.2f %5.1f%% %8.1f %5.1f%% %8.1f %5.1f%%", c->name.op, c->name.shape,
           lane->threads, 1e6 * s.median, 100 * (s.high - s.low) / s.median,
           1e-9 * cost.bytes / s.median, 100 * cost.bytes / s.median / lane->copy,
           1e-9 * cost.flops / s.median, 100 * cost.flops / s.median / lane->product);
}

static void add_line(gk_bench *b, const op_case *c, const gk_lane *lane, gk_spread s)
{
    char name[128];
    gk_cost cost = {b->runs * c->cost.flops, b->runs * c->cost.bytes};

    snprintf(name, sizeof name, "%s %s", c->name.op, c->name.shape);
    json_t *line = gk_timing_line(b, name, lane->threads, b->runs, s);
    gk_timing_number(line, "gb_s", 1e-9 * cost.bytes / s.median);
    gk_timing_number(line, "gflop_s", 1e-9 * cost.flops / s.median);
    gk_timing_number(line, "of_copy", cost.bytes / s.median / lane->copy);
    gk_timing_number(line, "of_product", cost.flops / s.median / lane->product);
    print_line(c, lane, s, cost);
}

/* *wrong counts the cases that are not. */
static gk_status bench_case(gk_bench *b, const op_case *c, gk_backend *ref, int *wrong)
{
    gk_lane *lane[GK_LANES_MAX];
    gk_spread spread[GK_LANES_MAX];
    int n = b->lanes;

    for (int i = 0; i < n; i++) lane[i] = &b->lane[i];
    if (!is_right(c, lane[n - 1], ref)) {
        ++*wrong;
        return GK_OK;
    }
    GK_TRY(time_lanes(spread, c, lane, n, b->runs, b->rounds ? b->rounds : ROUNDS));
    for (int i = 0; i < n; i++) {
        add_line(b, c, lane[i], spread[i]);
        printf("\n");
    }
    fflush(stdout);
    return GK_OK;
}

static gk_status bench_cases(gk_bench *b, gk_backend *ref, int *timed, int *wrong)
{
    printf("%-14s %-60s %3s %10s %6s %8s %6s %8s %6s\n", "op", "sizes", "thr", "us", "spread",
           "GB/s", "copy", "GFLOP/s", "prod");
    for (int i = 0; i < gk_verify_cases(); i++) {
        op_case c = case_of(i);
        if ((b->filter && strcmp(b->filter, c.name.op) != 0) || !is_worth_timing(&c)) continue;
        GK_TRY(bench_case(b, &c, ref, wrong));
        ++*timed;
    }
    return GK_OK;
}

bool gk_bench_has_op(const char *op)
{
    gk_verify_result name = {0};

    for (int i = 0; i < gk_verify_cases() && strcmp(name.op, op); i++) gk_verify_name(&name, i);
    return !strcmp(name.op, op);
}

gk_status gk_bench_ops(gk_bench *b)
{
    gk_backend ref;
    int timed = 0, wrong = 0;

    GK_TRY(gk_backend_open(&ref, "ref", NULL));
    gk_status status = bench_cases(b, &ref, &timed, &wrong);
    gk_backend_close(&ref);
    GK_TRY(status);
    printf("%d run%s; us: the median; spread: between the quartiles, of the median; copy, prod: "
           "of the large copy and product (arrays that stay in a cache may be above it)\n",
           b->runs, b->runs > 1 ? "s side by side" : "");
    if (wrong) return gk_fail(GK_EDEVICE, "%d of %d cases are wrong; see above", wrong, timed);
    return GK_OK;
}
