/* Lanes: which backends are timed, and the two ceilings of each: bytes of a large copy, operations
 * of a large product. */
#include "gk/timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CEILING_ROUNDS = 9 };

/* ---- ceilings */

/* Sizes that say something and end soon: arrays far beyond the last cache, products that fill the
 * machine. */
typedef struct ceiling {
    gk_backend *be;
    gk_real *x;
    size_t bytes; /* of one array of a copy */
    int n;        /* of n^3 products */
} ceiling;

static ceiling sizes_of(gk_backend *be)
{
    if (!strcmp(be->name, "ref")) return (ceiling){.be = be, .bytes = (size_t)8 << 20, .n = 256};
    if (!strcmp(be->name, "cpu")) return (ceiling){.be = be, .bytes = (size_t)256 << 20, .n = 1024};
    return (ceiling){.be = be, .bytes = (size_t)1 << 30, .n = 4096};
}

static void copy(void *context)
{
    const ceiling *c = context;
    int cols = 1024, rows = (int)(c->bytes / sizeof(gk_real) / cols);
    size_t n = (size_t)rows * cols;

    c->be->add_rows(c->be, c->x + n, c->x, 1, rows, cols, cols, cols, 0, 0, 0);
}

static void multiply(void *context)
{
    const ceiling *c = context;
    int n = c->n;
    size_t square = (size_t)n * n;

    c->be->matmul(c->be, c->x + 2 * square, c->x, c->x + square, 1, n, n, n, 0, 0, n, n, n, 0, 0, 0,
                  0);
}

/* Numbers that are neither zero nor alike: what is multiplied changes a GPU's power, and so its
 * clock. */
static void fill(const ceiling *c)
{
    size_t n = 2 * (size_t)c->n * c->n;
    gk_real *x = gk_alloc(n, sizeof *x);

    for (size_t i = 0; i < n; i++) x[i] = (gk_real)(i * 7919 % 1009) / 1009 - (gk_real)0.5;
    c->be->zero(c->be, c->x, 2 * c->bytes);
    c->be->upload(c->be, c->x, x, n * sizeof *x);
    free(x);
}

static gk_status find_ceilings(gk_lane *lane)
{
    ceiling c = sizes_of(&lane->be);

    GK_CHECK(3 * (size_t)c.n * c.n * sizeof(gk_real) <= 2 * c.bytes);
    c.x = lane->be.alloc(&lane->be, 2 * c.bytes);
    if (!c.x)
        return gk_fail(GK_EMEM, "no memory for the %zu MB that are copied to see how fast it goes",
                       2 * c.bytes >> 20);
    fill(&c);
    double products = gk_time_calls(&lane->be, multiply, &c, CEILING_ROUNDS).best;
    double copies = gk_time_calls(&lane->be, copy, &c, CEILING_ROUNDS).best;
    lane->copy = 2 * (double)c.bytes / copies;
    lane->product = 2 * pow(c.n, 3) / products;
    lane->be.release(&lane->be, c.x);
    return lane->be.sync(&lane->be);
}

/* ---- opening */

static int threads_of(gk_backend *be)
{
    gk_text text = {0};

    gk_text_add(&text, "{");
    be->describe(be, &text);
    gk_text_add(&text, "}");
    json_t *about = json_loads(text.data, 0, NULL);
    GK_CHECK(about);
    json_int_t threads = json_integer_value(json_object_get(about, "threads"));
    json_decref(about);
    gk_text_free(&text);
    return threads > 0 ? (int)threads : 1;
}

static gk_status open_lane(gk_lane *lane, const gk_config *config, int threads)
{
    gk_device_options options = {.threads = threads,
                                 .tf32 = config->device.matmul == GK_MATMUL_TF32};

    GK_TRY(gk_backend_open(&lane->be, config->device.backend, &options));
    lane->threads = threads_of(&lane->be);
    return GK_OK;
}

/* One more lane, if it has not been given already. */
static gk_status add_lane(gk_bench *b, int threads)
{
    gk_lane lane = {0};

    if (b->lanes == GK_LANES_MAX)
        return gk_fail(GK_EUSAGE, "--threads: at most %d numbers", GK_LANES_MAX);
    GK_TRY(open_lane(&lane, &b->config, threads));
    for (int i = 0; i < b->lanes; i++) {
        if (b->lane[i].threads != lane.threads) continue;
        gk_backend_close(&lane.be);
        return GK_OK;
    }
    b->lane[b->lanes++] = lane;
    return GK_OK;
}

static gk_status add_lanes(gk_bench *b, const char *list)
{
    for (const char *at = list; at;) {
        char word[16];
        int length = (int)strcspn(at, ",");
        int64_t threads = 0;

        if (length < (int)sizeof word) memcpy(word, at, (size_t)length);
        word[length < (int)sizeof word ? length : 0] = 0;
        if (strcmp(word, "all") != 0 &&
            (!gk_parse_int(word, &threads) || threads < 1 || threads > 1024))
            return gk_fail(GK_EUSAGE,
                           "--threads \"%s\": numbers from 1 to 1024 or all, separated by commas",
                           list);
        GK_TRY(add_lane(b, (int)threads));
        at = at[length] ? at + length + 1 : NULL;
    }
    return GK_OK;
}

static gk_status open_lanes(gk_bench *b)
{
    int asked = (int)b->config.device.threads;

    GK_TRY(add_lane(b, asked));
    bool cpu = !strcmp(b->lane[0].be.name, "cpu");
    if (b->threads && !cpu)
        return gk_fail(GK_EUSAGE, "--threads is for the cpu backend; this would run on %s",
                       b->lane[0].be.name);
    if (!cpu || (asked && !b->threads)) return GK_OK;
    gk_backend_close(&b->lane[--b->lanes].be);
    return add_lanes(b, b->threads ? b->threads : "1,all");
}

gk_status gk_bench_open(gk_bench *b, const char *what)
{
    GK_TRY(open_lanes(b));
    for (int i = 0; i < b->lanes; i++) GK_TRY(find_ceilings(&b->lane[i]));
    return gk_timing_begin(b, what);
}

void gk_bench_close(gk_bench *b)
{
    for (int i = 0; i < b->lanes; i++) gk_backend_close(&b->lane[i].be);
    json_decref(b->report);
    b->lanes = 0;
    b->report = NULL;
}

gk_status gk_lane_start(gk_batch *batch, gk_lane *lane, const gk_config *config, int R)
{
    const gk_config **configs = gk_alloc((size_t)R, sizeof *configs);

    for (int r = 0; r < R; r++) configs[r] = config;
    gk_status status = gk_batch_open(batch, configs, R, &lane->be);
    free(configs);
    GK_TRY(status);
    GK_TRY(gk_init(batch->stage.params, &batch->size.shape, config));
    for (int r = 0; r < R; r++) {
        gk_batch_put(batch, r);
        gk_batch_set_slot(batch, r, config, 0, -1);
    }
    gk_batch_upload_slots(batch);
    return lane->be.sync(&lane->be);
}

int gk_bench_turn(int lanes, int round, int turn) { return round % 2 ? lanes - 1 - turn : turn; }
