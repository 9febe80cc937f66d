/* The same calls that `grokc bench step` and `grokc bench measure` time. Runs begin at their first
 * epoch: what is counted does not depend on the weights but for branches on a sign. */
#include "work.h"

#include "control.h"
#include "ptx.h"

#include "gk/measure.h"
#include "gk/train.h"
#include "gk/weights.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_RUNS = 16, KEYS = 5 };

typedef struct subject {
    gk_backend be;
    gk_batch batch;
    gk_config config[MOST_RUNS];
} subject;

static void need(gk_status status)
{
    if (status == GK_OK) return;
    fprintf(stderr, "grokc-meter: %s\n", gk_message());
    exit(1);
}

static void need_no_fault(void)
{
    if (!gk_shim_problem()) return;
    fprintf(stderr, "grokc-meter: %s\n", gk_shim_problem());
    exit(1);
}

static void open_runs(subject *s, const char *config, const char *plan, int R)
{
    const gk_config *configs[MOST_RUNS];

    need(gk_backend_open(&s->be, "cuda", NULL));
    for (int r = 0; r < R; r++) {
        char plan_text[64], seed[32];
        const char *const sets[] = {plan_text, seed};

        snprintf(plan_text, sizeof plan_text, "device.plan=%s", plan);
        snprintf(seed, sizeof seed, "seed=%d", r);
        need(gk_config_load(&s->config[r], config, sets, 2));
        configs[r] = &s->config[r];
    }
    need(gk_batch_open(&s->batch, configs, R, &s->be));
    for (int r = 0; r < R; r++) {
        need(gk_init(s->batch.stage.params, &s->batch.size.shape, configs[r]));
        gk_batch_put(&s->batch, r);
        gk_batch_set_slot(&s->batch, r, configs[r], 0, -1);
    }
    gk_batch_upload_slots(&s->batch);
    need(s->be.sync(&s->be));
}

static void close_runs(subject *s)
{
    need_no_fault();
    gk_batch_close(&s->batch);
    gk_backend_close(&s->be);
}

void meter_step(const char *config, const char *plan, int R)
{
    static subject s;
    int64_t done;

    open_runs(&s, config, plan, R);
    gk_ptx_count(1);
    gk_batch_advance(&s.batch, 1, &done);
    need(s.be.sync(&s.be));
    gk_ptx_count(0);
    close_runs(&s);
}

void meter_row(const char *config)
{
    static const int keys[KEYS] = {14, 35, 41, 42, 52}; /* those of the paper's run */
    static subject s;
    gk_snapshot *shot = &s.batch.snapshot;
    gk_row row;

    open_runs(&s, config, "auto", 1);
    gk_row_start(&row, 0);
    gk_ptx_count(1);
    gk_batch_observe(&s.batch);
    gk_snapshot_take(shot, 1, &s.batch.plan, 0, &s.batch.slot[0]);
    gk_snapshot_set_keys(shot, keys, KEYS);
    gk_findings_forget(&s.batch.found);
    gk_measure_all(&row, &s.batch.found, shot, 1, GK_KEYED);
    need(s.be.sync(&s.be));
    gk_ptx_count(0);
    gk_row_free(&row);
    close_runs(&s);
}
