/* bench measure: what each part of a measured row costs, beside 100 training steps. The weights are
 * those that the config starts from: --set model.init=file:PATH measures grokked ones, with the key
 * set that they show. */
#include "gk/timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, STEPS = 100, STEPS_A_ROUND = 20 };

static const gk_family *const families[] = {
#define FAMILY(name, when) &gk_family_##name,
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
};
static const struct {
    const char *name;
    bool in_rows; /* not only in final rows */
} parts[] = {
    {"observe", true},
    {"snapshot", true},
#define FAMILY(name, when) {#name, GK_##when <= GK_KEYED},
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
};
enum { PARTS = sizeof parts / sizeof *parts, OWN = PARTS - sizeof families / sizeof *families };

typedef struct subject {
    gk_lane *lane;
    gk_batch batch;
    int keys;
    double part[PARTS][GK_ROUNDS_MAX], row[GK_ROUNDS_MAX], steps[GK_ROUNDS_MAX]; /* seconds */
} subject;

/* Seconds since *start, which becomes now. */
static double lap(double *start, gk_backend *be)
{
    double before = *start;

    be->sync(be);
    *start = gk_seconds();
    return *start - before;
}

/* What gk_batch_row does, with a clock between its parts. */
static void measure_row(subject *s, int round)
{
    gk_batch *b = &s->batch;
    gk_snapshot *shot = &b->snapshot;
    double now = gk_seconds();
    gk_row row;

    gk_row_start(&row, 0);
    gk_batch_observe(b);
    s->part[0][round] = lap(&now, b->be);
    gk_snapshot_take(shot, 1, &b->plan, 0, &b->slot[0]);
    gk_measure_keys(&row, shot);
    gk_snapshot_set_keys(shot, shot->raw, *row.key_freqs ? shot->raws : 0);
    gk_findings_forget(&b->found);
    s->part[1][round] = lap(&now, b->be);
    for (int i = OWN; i < PARTS; i++) {
        families[i - OWN]->measure(&row, &b->found, shot, 1);
        s->part[i][round] = lap(&now, b->be);
    }
    s->keys = shot->keys;
    s->row[round] = 0;
    for (int i = 0; i < PARTS; i++)
        if (parts[i].in_rows) s->row[round] += s->part[i][round];
    gk_row_free(&row);
}

static void time_steps(subject *s, int round)
{
    int64_t done;
    double start = gk_seconds();

    gk_batch_advance(&s->batch, STEPS_A_ROUND, &done);
    s->steps[round] = lap(&start, s->batch.be) * STEPS / STEPS_A_ROUND;
}

/* All rows first: steps would change what is measured. */
static void time_rounds(subject *s, int n, int rounds)
{
    void (*const what[])(subject * s, int round) = {measure_row, time_steps};

    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < n; i++) what[k](&s[i], 0); /* warm-up */
        for (int round = 0; round < rounds; round++)
            for (int turn = 0; turn < n; turn++) what[k](&s[gk_bench_turn(n, round, turn)], round);
    }
}

static void report_part(gk_bench *b, const char *name, const gk_lane *lane, double *seconds,
                        int rounds, double row)
{
    gk_spread spread = gk_spread_of(seconds, rounds);
    char full[64];

    snprintf(full, sizeof full, "measure %s", name);
    json_t *line = gk_timing_line(b, full, lane->threads, 1, spread);
    printf("  %-18s %10.3f ms (%.3f to %.3f)", name, 1e3 * spread.median, 1e3 * spread.low,
           1e3 * spread.high);
    if (row > 0) {
        gk_timing_number(line, "of_row", spread.median / row);
        printf(" %5.1f %% of a row", 100 * spread.median / row);
    }
    printf("\n");
}

static void report_subject(gk_bench *b, subject *s, int rounds)
{
    double row = gk_spread_of(s->row, rounds).median;
    double steps = gk_spread_of(s->steps, rounds).median;

    printf("%d thread%s, %d key frequencies\n", s->lane->threads, s->lane->threads > 1 ? "s" : "",
           s->keys);
    for (int final = 0; final < 2; final++) {
        for (int i = 0; i < PARTS; i++)
            if (parts[i].in_rows != final)
                report_part(b, parts[i].name, s->lane, s->part[i], rounds, final ? 0 : row);
        if (!final) {
            report_part(b, "a row", s->lane, s->row, rounds, 0);
            printf("  only in final.jsonl:\n");
        }
    }
    report_part(b, "100 steps", s->lane, s->steps, rounds, 0);
    printf("measuring at every 100th epoch adds %.1f percent\n", 100 * row / steps);
}

static gk_status run(gk_bench *b, subject *s)
{
    int rounds = b->rounds ? b->rounds : ROUNDS, n = b->lanes;

    for (int i = 0; i < n; i++) {
        s[i].lane = &b->lane[i];
        GK_TRY(gk_lane_start(&s[i].batch, s[i].lane, &b->config, 1));
    }
    time_rounds(s, n, rounds);
    for (int i = 0; i < n; i++) GK_TRY(b->lane[i].be.sync(&b->lane[i].be));
    for (int i = 0; i < n; i++) report_subject(b, &s[i], rounds);
    json_object_set_new(b->report, "keys", json_integer(s[0].keys));
    return GK_OK;
}

gk_status gk_bench_measure(gk_bench *b)
{
    subject *s = gk_alloc(GK_LANES_MAX, sizeof *s);
    gk_status status = run(b, s);

    for (int i = 0; i < b->lanes; i++)
        if (s[i].lane) gk_batch_close(&s[i].batch);
    free(s);
    return status;
}
