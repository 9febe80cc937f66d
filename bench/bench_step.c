/* Times whole training steps of a config on one thread and on all, beside the floor that its own
 * operation count and the rate of a large matrix product, measured in the same run, give:
 *
 *     bench_step [--config FILE] [--epochs N] [--rounds N] [--json FILE]
 *
 * The two thread counts take turns, A B B A; medians over rounds. The losses at epochs 0 and 100
 * are printed for comparison with peers. */
#include "gk/batch.h"
#include "gk/startup.h"
#include "gk_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef GK_BLAS_NONE
#include <cblas.h>
#endif

enum { BIG = 1024, ROUNDS_MAX = 99 };

typedef struct lane {
    int threads;
    gk_backend be;
    gk_batch batch;
    double ms[ROUNDS_MAX]; /* per epoch, of each round */
} lane;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Multiply-adds of one epoch of the ops plan: each product once forward and twice backward. */
static double multiply_adds(const gk_shape *s, double B)
{
    double D = s->D, HK = (double)s->H * s->K, F = s->F, T = s->T, sum = B * D * s->C;

    for (int l = 0; l < s->L; l++) {
        double Q = l == s->L - 1 ? 1 : T;
        sum += 2 * B * T * D * HK + 2 * B * Q * D * HK + 2 * B * Q * D * F + 2 * B * Q * T * HK;
    }
    return 3 * sum;
}

/* GFLOP/s of a 1024^3 product on one core: the better of BLAS and our own. */
static double product_rate(lane *one, bool *blas)
{
    size_t n = (size_t)BIG * BIG;
    gk_backend *be = &one->be;
    gk_real *x = be->alloc(be, 3 * n * sizeof *x), *y = x + n, *z = y + n;
    double best[2] = {0, 0};

    for (size_t i = 0; i < 2 * n; i++) x[i] = (gk_real)(i % 17) / 16 - (gk_real)0.5;
    for (int i = 0; i < 24; i++) {
        double start = gk_seconds();
        if (i % 2) be->matmul(be, z, x, y, 1, BIG, BIG, BIG, 0, 0, BIG, BIG, BIG, 0, 0, 0, 0);
#ifndef GK_BLAS_NONE
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, BIG, BIG, BIG, 1, x, BIG, y, BIG,
                        0, z, BIG);
#endif
        double rate = 2e-9 * BIG * BIG * BIG / (gk_seconds() - start);
        if (i >= 4 && rate < 1e6 && rate > best[i % 2]) best[i % 2] = rate;
    }
    be->release(be, x);
    *blas = best[0] > best[1];
    return *blas ? best[0] : best[1];
}

static gk_status open_lane(lane *l, const gk_config *config, int threads)
{
    const gk_config *configs[] = {config};

    GK_TRY(gk_backend_open(&l->be, "cpu", &(gk_device_options){.threads = threads}));
    GK_TRY(gk_batch_open(&l->batch, configs, 1, &l->be));
    GK_TRY(gk_init(l->batch.stage.params, &l->batch.size.shape, config));
    gk_batch_put(&l->batch, 0);
    gk_batch_set_slot(&l->batch, 0, config, 0, -1);
    gk_batch_upload_slots(&l->batch);
    l->threads = threads;
    return GK_OK;
}

/* ms per epoch of the next k epochs */
static double advance(lane *l, int64_t k)
{
    int64_t done;
    double start = gk_seconds();

    gk_batch_advance(&l->batch, k, &done);
    l->be.sync(&l->be);
    return 1e3 * (gk_seconds() - start) / (double)k;
}

static double loss_of(lane *l)
{
    double sum[2];

    gk_evaluate(&l->batch.plan, &l->batch.data.train, sum);
    return sum[0] / l->batch.data.train.B;
}

static void report(FILE *to, lane lanes[2], int n, double gflop, double rate, bool blas,
                   const double loss[2], bool json)
{
    gk_text about = {0};

    lanes[0].be.describe(&lanes[0].be, &about);
    if (json) {
        fprintf(to,
                "{\"what\": \"step\", \"commit\": \"" GK_COMMIT
                "\", %s, \"gflop_per_epoch\": %.3f, "
                "\"product_gflops\": %.1f, \"loss_0\": %.12g, \"loss_100\": %.12g, \"lanes\": [",
                about.data, gflop, rate, loss[0], loss[1]);
        for (int i = 0; i < n; i++)
            fprintf(to, "%s{\"threads\": %d, \"ms_per_epoch\": %.4f}", i ? ", " : "",
                    lanes[i].threads, lanes[i].ms[0]);
        fprintf(to, "]}\n");
    } else {
        fprintf(to,
                "%s\n%.2f GFLOP an epoch; a 1024^3 product runs at %.0f GFLOP/s on one core (%s): "
                "floor %.1f ms\n",
                about.data, gflop, rate, blas ? "BLAS" : "our own", 1e3 * gflop / rate);
        for (int i = 0; i < n; i++)
            fprintf(to,
                    "%d thread%s  %8.2f ms an epoch  %6.0f GFLOP/s  %.2f times the floor of %d "
                    "core%s\n",
                    lanes[i].threads, lanes[i].threads > 1 ? "s" : " ", lanes[i].ms[0],
                    1e3 * gflop / lanes[i].ms[0],
                    lanes[i].ms[0] * rate * lanes[i].threads / (1e3 * gflop), lanes[i].threads,
                    lanes[i].threads > 1 ? "s" : "");
        fprintf(to, "train loss at epoch 0: %.12g, at epoch 100: %.12g\n", loss[0], loss[1]);
    }
    gk_text_free(&about);
}

static gk_status bench(const gk_config *config, int epochs, int rounds, const char *json)
{
    static lane lanes[2];
    double loss[2], rate;
    bool blas;
    int n = 1;

    GK_TRY(open_lane(&lanes[0], config, 1));
    gk_backend all;
    GK_TRY(gk_backend_open(&all, "cpu", NULL));
    gk_text about = {0};
    all.describe(&all, &about);
    const char *threads = strstr(about.data, "\"threads\": ");
    int cores = threads ? atoi(threads + 11) : 1;
    gk_text_free(&about);
    gk_backend_close(&all);
    if (cores > 1) GK_TRY(open_lane(&lanes[n++], config, cores));

    rate = product_rate(&lanes[0], &blas);
    loss[0] = loss_of(&lanes[0]);
    for (int i = 0; i < n; i++) advance(&lanes[i], 100); /* warm-up */
    loss[1] = loss_of(&lanes[0]);
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < n; i++) {
            lane *l = &lanes[round % 2 ? n - 1 - i : i];
            l->ms[round] = advance(l, epochs);
        }
    double gflop = 2e-9 * multiply_adds(&lanes[0].batch.size.shape, lanes[0].batch.size.n_train);
    for (int i = 0; i < n; i++) lanes[i].ms[0] = median(lanes[i].ms, rounds);
    report(stdout, lanes, n, gflop, rate, blas, loss, false);
    FILE *file = json ? fopen(json, "w") : NULL;
    if (json && !file) return gk_fail(GK_EIO, "cannot write %s", json);
    if (file) {
        report(file, lanes, n, gflop, rate, blas, loss, true);
        fclose(file);
    }
    for (int i = 0; i < n; i++) {
        gk_batch_close(&lanes[i].batch);
        gk_backend_close(&lanes[i].be);
    }
    return GK_OK;
}

int main(int argc, char **argv)
{
    static gk_config config;
    const char *path = "configs/paper.yaml", *json = NULL;
    int64_t epochs = 40, rounds = 7;
    bool usage = false;

    gk_mend_blas(argv);
    for (int i = 1; i < argc && !usage; i += 2) {
        if (i + 1 == argc)
            usage = true;
        else if (!strcmp(argv[i], "--config"))
            path = argv[i + 1];
        else if (!strcmp(argv[i], "--json"))
            json = argv[i + 1];
        else if (!strcmp(argv[i], "--epochs"))
            usage = !gk_parse_int(argv[i + 1], &epochs);
        else if (!strcmp(argv[i], "--rounds"))
            usage = !gk_parse_int(argv[i + 1], &rounds);
        else
            usage = true;
    }
    if (usage || epochs < 1 || rounds < 1 || rounds > ROUNDS_MAX) {
        gk_warn("bench_step [--config FILE] [--epochs N] [--rounds N] [--json FILE]");
        return 2;
    }
    gk_status status = gk_config_load(&config, path, NULL, 0);
    if (status == GK_OK) status = bench(&config, (int)epochs, (int)rounds, json);
    if (status != GK_OK) gk_warn("%s", gk_message());
    return gk_exit_code(status);
}
