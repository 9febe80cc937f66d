/* bench step: whole training steps of the config, on every lane in turn, beside the floor that the
 * plan's own operations and the rate of a large product on the same lane give. */
#include "gk/timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7, CHECKED = 100 /* epochs: where losses are compared, and the warm-up */ };
static const double ROUND_SECONDS = 0.25;

typedef struct trainee {
    gk_lane *lane;
    gk_batch batch;
    double step[GK_ROUNDS_MAX], all[GK_ROUNDS_MAX]; /* seconds: an epoch; the loss of all inputs */
    double loss[2];                                 /* of run 0 at epochs 0 and CHECKED */
} trainee;

/* Seconds per epoch of the next k. */
static double advance(trainee *t, int64_t k)
{
    int64_t done;
    double start = gk_seconds();

    gk_batch_advance(&t->batch, k, &done);
    t->lane->be.sync(&t->lane->be);
    return (gk_seconds() - start) / (double)k;
}

static double mean_loss(trainee *t, gk_set *set)
{
    double *sum = gk_alloc((size_t)set->R * set->groups * 2, sizeof *sum), loss;

    gk_evaluate(&t->batch.plan, set, sum);
    loss = sum[0] / set->B;
    free(sum);
    return loss;
}

static double evaluate_all(trainee *t)
{
    double start = gk_seconds();

    mean_loss(t, &t->batch.data.grid);
    return gk_seconds() - start;
}

/* To epoch CHECKED. Every number of threads must give the same losses. */
static gk_status warm_up(trainee *t, int n)
{
    for (int i = 0; i < n; i++) {
        t[i].loss[0] = mean_loss(&t[i], &t[i].batch.data.train);
        advance(&t[i], CHECKED);
        t[i].loss[1] = mean_loss(&t[i], &t[i].batch.data.train);
        GK_TRY(t[i].lane->be.sync(&t[i].lane->be));
        if (!(t[i].loss[0] == t[0].loss[0] && t[i].loss[1] == t[0].loss[1]))
            return gk_fail(GK_EDEVICE,
                           "%d threads give losses %.17g, %.17g at epochs 0, %d, and %d threads "
                           "%.17g, %.17g: times mean nothing",
                           t[i].lane->threads, t[i].loss[0], t[i].loss[1], CHECKED,
                           t[0].lane->threads, t[0].loss[0], t[0].loss[1]);
    }
    return GK_OK;
}

static void time_rounds(trainee *t, int n, int rounds)
{
    int64_t epochs = (int64_t)fmax(1, fmin(1e5, ceil(ROUND_SECONDS / advance(&t[n - 1], 10))));

    for (int i = 0; i < n - 1; i++) advance(&t[i], 10);
    for (int i = 0; i < n; i++) evaluate_all(&t[i]);
    for (int round = 0; round < rounds; round++)
        for (int turn = 0; turn < n; turn++) {
            trainee *now = &t[gk_bench_turn(n, round, turn)];
            now->step[round] = advance(now, epochs);
            now->all[round] = evaluate_all(now);
        }
}

/* Floating point operations of one epoch of one run. */
static double flops_of(const gk_batch *batch)
{
    double B = batch->size.n_train;

    return 2 * (batch->plan.tables ? gk_cost_table_plan(&batch->plan.table, B)
                                   : gk_cost_ops_plan(&batch->size.shape, B));
}

static void report_trainee(gk_bench *b, trainee *t, int rounds)
{
    gk_spread step = gk_spread_of(t->step, rounds), all = gk_spread_of(t->all, rounds);
    const gk_lane *lane = t->lane;
    double flops = b->runs * flops_of(&t->batch), floor_s = flops / lane->product;
    json_t *line = gk_timing_line(b, "step", lane->threads, b->runs, step);

    gk_timing_number(line, "run_epochs_per_s", b->runs / step.median);
    gk_timing_number(line, "gflop", 1e-9 * flops);
    gk_timing_number(line, "gflop_s", 1e-9 * flops / step.median);
    gk_timing_number(line, "floor_us", 1e6 * floor_s);
    gk_timing_number(line, "of_floor", step.median / floor_s);
    gk_timing_line(b, "loss of all inputs", lane->threads, b->runs, all);
    printf("%3d thread%s %10.3f ms an epoch (%.3f to %.3f) %10.1f run-epochs/s %8.1f GFLOP/s, "
           "%.2f times the floor; loss of all inputs %.3f ms\n",
           lane->threads, lane->threads > 1 ? "s" : " ", 1e3 * step.median, 1e3 * step.low,
           1e3 * step.high, b->runs / step.median, 1e-9 * flops / step.median,
           step.median / floor_s, 1e3 * all.median);
}

static gk_status run(gk_bench *b, trainee *t)
{
    int rounds = b->rounds ? b->rounds : ROUNDS, n = b->lanes;

    for (int i = 0; i < n; i++) {
        t[i].lane = &b->lane[i];
        GK_TRY(gk_lane_start(&t[i].batch, t[i].lane, &b->config, b->runs));
    }
    GK_TRY(warm_up(t, n));
    time_rounds(t, n, rounds);
    for (int i = 0; i < n; i++) GK_TRY(b->lane[i].be.sync(&b->lane[i].be));
    const char *plan = t[0].batch.plan.tables ? "table" : "ops";
    printf("plan %s, %d run%s, %d examples: %.4f GFLOP an epoch of a run\n", plan, b->runs,
           b->runs > 1 ? "s" : "", t[0].batch.size.n_train, 1e-9 * flops_of(&t[0].batch));
    for (int i = 0; i < n; i++) report_trainee(b, &t[i], rounds);
    printf("train loss at epoch 0: %.12g, at epoch %d: %.12g\n", t[0].loss[0], CHECKED,
           t[0].loss[1]);
    json_object_set_new(b->report, "plan", json_string(plan));
    gk_timing_number(b->report, "loss_0", t[0].loss[0]);
    gk_timing_number(b->report, "loss_100", t[0].loss[1]);
    return GK_OK;
}

gk_status gk_bench_step(gk_bench *b)
{
    trainee *t = gk_alloc(GK_LANES_MAX, sizeof *t);
    gk_status status = run(b, t);

    for (int i = 0; i < b->lanes; i++)
        if (t[i].lane) gk_batch_close(&t[i].batch);
    free(t);
    return status;
}
