/* Runs that are measured together get the numbers, to the last bit, that each has alone: in a batch
 * of its own, whose lens measures one run at a time. Key sets of unequal size, one of them empty;
 * inputs of two blocks; whatever stood in the scratch before. */
#include "lib/support.h"

enum { RUNS = 3, KEYS_MAX = 4, STEPS = 5 };

typedef struct kind {
    const char *name;
    const char *set[12];     /* "": none */
    const char *op[RUNS];    /* of one shape */
    int key[RUNS][KEYS_MAX]; /* 0: no more */
} kind;

static const kind kinds[] = {
    {"transformer, even n", {"task.p=66"}, {"add", "subtract", "add"}, {{2, 7, 33, 9}, {33}, {0}}},
    {"transformer, odd n", {"task.p=23"}, {"add", "subtract", "add"}, {{5}, {0}, {1, 2, 3}}},
    {"two layers, pre norm",
     {"task.p=23", "model.layers=2", "model.norm=pre"},
     {"add", "add", "add"},
     {{3, 4}, {11}, {1, 2, 5}}},
    {"no mlp", {"task.p=23", "model.d_mlp=0"}, {"add", "add", "subtract"}, {{3, 4}, {0}, {1}}},
    {"no torus", {"task.p=23"}, {"x2_y2", "x2_y2", "x2_y2"}, {{3}, {1, 9, 10, 11}, {0}}},
    {"multiplication", {"task.p=23"}, {"multiply", "multiply", "multiply"}, {{11}, {4, 2}, {0}}},
    {"mlp of one-hot inputs",
     {"task.p=23", "model.kind=mlp", "model.input=onehot", "model.biases=on"},
     {"add", "subtract", "add"},
     {{7}, {1, 4, 5}, {0}}},
    {"mlp of sums",
     {"task.p=22", "model.kind=mlp", "model.input=sum", "model.outputs=22"},
     {"add", "add", "subtract"},
     {{11, 2}, {0}, {8}}},
    {"no group",
     {"task.name=parity", "task.bits=12", "task.support=2", "task.examples=60",
      "task.test_examples=40", "model.kind=mlp", "model.input=signs", "model.d_mlp=20",
      "loss.name=hinge", "optim.batch=8"},
     {NULL},
     {{0}}},
};

typedef struct group { /* R runs that were taken together */
    gk_row row[RUNS];
    gk_findings found[RUNS];
    gk_snapshot s[RUNS];
} group;

static void configure(gk_config *config, const kind *of, int r)
{
    char op[64], seed[64];
    const char *set[20] = {seed, "model.d_model=12", "model.heads=2", "model.d_head=6"};
    int n = 4;

    snprintf(op, sizeof op, "task.op=%s", of->op[r] ? of->op[r] : "");
    snprintf(seed, sizeof seed, "seed=%d", r);
    if (of->op[r]) {
        set[n++] = op;
        set[n++] = "task.train_fraction=0.4";
    }
    if (strcmp(of->name, "no mlp")) set[n++] = "model.d_mlp=20";
    for (int i = 0; i < 12 && of->set[i]; i++) set[n++] = of->set[i];
    make_config(config, set, n);
}

static int count_keys(const int key[KEYS_MAX])
{
    int keys = 0;

    while (keys < KEYS_MAX && key[keys]) keys++;
    return keys;
}

/* A lens of the batch that measures `together` runs at a time, in memory of its own. */
static void open_lens(gk_lens *lens, gk_arena *device, gk_arena *host, lab *l, int together)
{
    gk_batch *b = &l->batch;

    for (int real = 0; real < 2; real++) {
        gk_lens_layout(lens, &b->size.shape, b->analysis, b->R, b->size.rows, together, device,
                       host);
        gk_measure_layout(lens, device);
        if (real) break;
        *device = (gk_arena){.base = l->be.alloc(&l->be, device->used), .size = device->used};
        *host = (gk_arena){.base = gk_alloc(host->used, 1), .size = host->used};
        assert_non_null(device->base);
    }
    for (int r = 0; r < b->R; r++) gk_lens_put(lens, r, &l->be);
}

/* Runs from .. from + R - 1 of a group at a time; NaN in all that the scratch has. */
static void measure(group *g, const gk_lens *lens, int from, int R)
{
    if (lens->scratch.base) memset(lens->scratch.base, 0xff, lens->scratch.size);
    for (int r = from; r < from + R; r++) {
        gk_row_free(&g->row[r]);
        gk_row_start(&g->row[r], STEPS);
        gk_measure_keys(&g->row[r], &g->s[r]);
    }
    gk_measure_all(g->row + from, g->found + from, g->s + from, R, GK_FINAL);
    assert_int_equal(lens->scratch.used, 0);
    assert_true(lens->scratch_most <= lens->scratch.size);
}

static void same_doubles(const char *what, const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a))
            fail_msg("%s[%zu]: %.17g together, %.17g alone", what, i, a[i], b[i]);
}

static void same_row(const gk_row *a, const gk_row *b)
{
    gk_text x = {0}, y = {0};

#define FAMILY(name, when)
#define COLUMN(name, when, help) same_doubles(#name, &a->name, &b->name, 1);
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
    gk_row_print(&x, a, false);
    gk_row_print(&y, b, false);
    assert_string_equal(x.data, y.data);
    gk_text_free(&x);
    gk_text_free(&y);
}

static void same_findings(const gk_findings *a, const gk_findings *b, const gk_snapshot *s)
{
    size_t F = (size_t)s->shape->F, keys = (size_t)s->keys;

    same_doubles("neurons", a->neurons.fve, b->neurons.fve, F);
    for (size_t f = 0; f < F; f++) assert_int_equal(a->neurons.k[f], b->neurons.k[f]);
    same_doubles("readout", a->readout.fve, b->readout.fve, 2 * keys);
    same_doubles("excluded", a->excluded.loss, b->excluded.loss, (size_t)s->lens->K);
    same_doubles("ablated", a->ablated.loss, b->ablated.loss, keys);
}

static void same_snapshot(const gk_snapshot *a, const gk_snapshot *b)
{
    size_t n = (size_t)a->lens->n, K2 = 2 * (size_t)a->lens->K, rows = (size_t)a->w_l_rows;

    same_doubles("sums", &a->sums[0][0], &b->sums[0][0], 2 * GK_ROW_GROUPS);
    same_doubles("sums_p", &a->sums_p[0][0], &b->sums_p[0][0], 2 * GK_ROW_GROUPS);
    same_doubles("label_sum", a->label_sum, b->label_sum, (n + 1) * n);
    same_doubles("label_hat", a->label_hat, b->label_hat, K2 * n);
    same_doubles("label_sum_train", a->label_sum_train, b->label_sum_train, n * n);
    same_doubles("label_sum_control", a->label_sum_control, b->label_sum_control, n * n);
    same_doubles("w_l", a->w_l, b->w_l, rows * n);
    same_doubles("w_l_hat", a->w_l_hat, b->w_l_hat, K2 * rows);
    same_doubles("w_e_norm", a->w_e_norm, b->w_e_norm, K2 / 2);
    same_doubles("attention_eq", a->attention_eq, b->attention_eq, (size_t)a->shape->H);
    assert_int_equal(a->raws, b->raws);
}

static void same_spectrum(const gk_snapshot *s, int R, const gk_snapshot *alone, int r)
{
    size_t cells = (size_t)s->lens->P * (size_t)s->lens->P;
    double *norms = gk_alloc(((size_t)R + 1) * cells, sizeof *norms), *one = norms + R * cells;

    gk_logit_spectrum(norms, s, R);
    gk_logit_spectrum(one, alone, 1);
    same_doubles("spectrum", norms + r * cells, one, cells);
    free(norms);
}

/* Run r alone, beside what it has in the group. */
static void compare_alone(group *g, const kind *of, const char *device, int r)
{
    gk_config config;
    gk_row row;
    lab l;

    configure(&config, of, r);
    lab_open(&l, &config, 1, device, 1);
    lab_advance(&l, STEPS);
    gk_batch_observe(&l.batch);
    gk_batch_final_row(&l.batch, 0, &row, of->key[r], count_keys(of->key[r]));
    same_row(&g->row[r], &row);
    same_findings(&g->found[r], &l.batch.found, &g->s[r]);
    same_snapshot(&g->s[r], &l.batch.snapshot);
    if (!l.batch.analysis->no_grid) same_spectrum(g->s, RUNS, &l.batch.snapshot, r);
    if (of->op[r]) assert_true(isfinite(row.all_loss_p) && isfinite(row.excluded_max));
    if (count_keys(of->key[r])) assert_true(isfinite(row.excluded_train));
    gk_row_free(&row);
    lab_close(&l);
}

static void check(const kind *of, const char *device)
{
    static gk_config config[RUNS];
    static group g;
    static const int part[][2] = {{0, RUNS}, {1, RUNS - 1}, {0, 1}}; /* from, R */
    gk_arena memory = {0}, host = {0};
    gk_lens lens;
    lab l;

    print_message("  %s: %s\n", device, of->name);
    g = (group){0};
    for (int r = 0; r < RUNS; r++) configure(&config[r], of, r);
    lab_open(&l, config, RUNS, device, 2);
    lab_advance(&l, STEPS);
    open_lens(&lens, &memory, &host, &l, RUNS);
    gk_lens_forward(&lens, &l.batch.plan);
    for (int r = 0; r < RUNS; r++) {
        gk_snapshot_open(&g.s[r], &lens);
        gk_findings_open(&g.found[r], &lens);
    }
    gk_snapshot_take(g.s, RUNS, &l.batch.plan, 0, l.batch.slot);
    for (int r = 0; r < RUNS; r++)
        gk_snapshot_set_keys(&g.s[r], of->key[r], count_keys(of->key[r]));
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        measure(&g, &lens, part[i][0], part[i][1]);
        for (int r = part[i][0]; r < part[i][0] + part[i][1]; r++) compare_alone(&g, of, device, r);
    }
    for (int r = 0; r < RUNS; r++) {
        gk_row_free(&g.row[r]);
        gk_findings_close(&g.found[r]);
        gk_snapshot_close(&g.s[r]);
    }
    l.be.release(&l.be, memory.base);
    free(host.base);
    lab_close(&l);
}

static void check_all(const char *device)
{
    gk_backend be;

    if (!opens(&be, device)) skip();
    gk_backend_close(&be);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) check(&kinds[i], device);
}

static void test_ref(void **state)
{
    (void)state;
    check_all("ref");
}

static void test_cpu(void **state)
{
    (void)state;
    if (sizeof(gk_real) == 8) skip(); /* ref only */
    check_all("cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ref), cmocka_unit_test(test_cpu)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
