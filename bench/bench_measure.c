/* Times one measured row of configs/paper.yaml on the cpu backend, on one thread and on all, part
 * by part, beside 100 training steps:
 *
 *     bench_measure [ROWS]       of each part the fastest of ROWS (default 5)
 *
 * Twice: from fresh weights, which have no key set, and, where the oracle's weights are there
 * ($GROKC_ORACLE, else ../shared/oracle), from grokked ones with their keys. Run it from the
 * repository's root, as `make bench` does. */
#include "gk/batch.h"
#include "gk/startup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 100, STEPS_AT_A_TIME = 20 };

static void (*const families[])(gk_row *row, gk_snapshot *s) = {
#define FAMILY(name, when) gk_measure_##name,
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
};
static const struct {
    const char *name;
    bool in_rows; /* not only in final rows */
} parts[] = {
    {"gk_batch_observe", true},
    {"gk_snapshot_take", true},
#define FAMILY(name, when) {#name, GK_##when <= GK_KEYED},
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
};
enum { PARTS = sizeof parts / sizeof *parts, OWN = PARTS - sizeof families / sizeof *families };

/* Milliseconds, the fastest so far. */
typedef struct times {
    double part[PARTS], row, steps;
} times;

static void must(gk_status status)
{
    if (status == GK_OK) return;
    gk_warn("%s", gk_message());
    exit(1);
}

/* Sets *fastest, returns now. */
static double lap(double *fastest, double start, gk_backend *be)
{
    must(be->sync(be));
    double now = gk_seconds();
    *fastest = fmin(*fastest, 1e3 * (now - start));
    return now;
}

/* What gk_batch_row does, with a clock between its parts. Sums that batch.c adds up stay 0. */
static void measure_row(times *t, gk_batch *b, const int *key, int keys)
{
    gk_snapshot *s = &b->snapshot;
    gk_row row;
    double now = gk_seconds();

    gk_row_start(&row, 0);
    gk_batch_observe(b);
    now = lap(&t->part[0], now, b->be);
    gk_snapshot_take(s, &b->plan, 0);
    now = lap(&t->part[1], now, b->be);
    for (int i = 0; i < keys; i++) s->key[i] = key[i];
    s->keys = keys;
    for (int i = OWN; i < PARTS; i++) {
        families[i - OWN](&row, s);
        now = lap(&t->part[i], now, b->be);
    }
    gk_row_free(&row);
}

static void measure(times *t, const gk_config *config, int threads, int rows, const int *key,
                    int keys)
{
    gk_backend be;
    gk_batch b;
    int64_t done;

    for (int i = 0; i < PARTS; i++) t->part[i] = INFINITY;
    t->steps = INFINITY;
    t->row = 0;
    must(gk_backend_open(&be, "cpu", &(gk_device_options){.threads = threads}));
    must(gk_batch_open(&b, &config, 1, &be));
    must(gk_init(b.stage.params, &b.size.shape, config));
    gk_batch_put(&b, 0);
    gk_batch_set_slot(&b, 0, config, 0, -1);
    gk_batch_upload_slots(&b);
    for (int i = 0; i < rows; i++) measure_row(t, &b, key, keys);
    for (int i = 0; i < PARTS; i++) t->row += parts[i].in_rows ? t->part[i] : 0;
    for (int i = 0; i < rows; i++) {
        double start = gk_seconds();
        gk_batch_advance(&b, STEPS_AT_A_TIME, &done);
        lap(&t->steps, start, &be);
    }
    t->steps *= (double)STEPS / STEPS_AT_A_TIME;
    gk_batch_close(&b);
    gk_backend_close(&be);
}

static void print(const char *name, const double ms[2], const double row[2])
{
    printf("  %-18s", name);
    for (int i = 0; i < 2; i++) {
        printf(" %8.2f ms", ms[i]);
        if (row)
            printf(" %5.1f %%", 100 * ms[i] / row[i]);
        else
            printf("        ");
    }
    printf("\n");
}

static void table(const char *title, const gk_config *config, int rows, const int *key, int keys)
{
    times t[2];

    for (int i = 0; i < 2; i++) measure(&t[i], config, i ? 0 : 1, rows, key, keys);
    const double row[2] = {t[0].row, t[1].row}, steps[2] = {t[0].steps, t[1].steps};
    printf("%s, %d key frequencies%13s%20s\n", title, keys, "one thread", "all threads");
    for (int final = 0; final < 2; final++) {
        for (int i = 0; i < PARTS; i++) {
            const double ms[2] = {t[0].part[i], t[1].part[i]};
            if (parts[i].in_rows != final) print(parts[i].name, ms, final ? NULL : row);
        }
        if (!final) print("a row", row, NULL), printf("  only in final.jsonl:\n");
    }
    print("100 steps", steps, NULL);
    printf("measuring at every 100th epoch adds %.1f percent, on all threads %.1f percent\n\n",
           100 * row[0] / steps[0], 100 * row[1] / steps[1]);
}

int main(int argc, char **argv)
{
    static const int grokked[] = {14, 35, 42, 52};
    const char *folder = getenv("GROKC_ORACLE");
    char path[GK_PATH_MAX], init[GK_PATH_MAX + 32];
    const char *set[] = {init};
    gk_config config;
    int64_t rows = 5;

    gk_mend_blas(argv);
    if (argc > 2 || (argc == 2 && (!gk_parse_int(argv[1], &rows) || rows < 1 || rows > 1000))) {
        fprintf(stderr, "usage: bench_measure [ROWS]\n");
        return 2;
    }
    must(gk_config_load(&config, "configs/paper.yaml", NULL, 0));
    table("fresh weights", &config, (int)rows, NULL, 0);
    snprintf(path, sizeof path, "%s/seed0/ckpt_20000.safetensors",
             folder ? folder : "../shared/oracle");
    if (!gk_exists(path)) return 0;
    snprintf(init, sizeof init, "model.init=file:%s", path);
    must(gk_config_load(&config, "configs/paper.yaml", set, 1));
    table("grokked weights", &config, (int)rows, grokked, sizeof grokked / sizeof *grokked);
    return 0;
}
