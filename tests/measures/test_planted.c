/* What the measures say of planted cosines: one spectral line for each, the key set, restricted =
 * whole, excluded = the loss of the rest, controls as if nothing had happened. */
#include "lib/plant.h"
#include "gk/records.h"

#include <unistd.h>

static void check_spectrum(lab *l, const plant *t)
{
    int P = l->batch.lens.P;
    double *norms = gk_alloc((size_t)P * (size_t)P, sizeof *norms), rest = 0, first = 0;

    gk_logit_spectrum(norms, &l->batch.snapshot, 1);
    for (int i = 0; i < t->keys; i++)
        for (int j = 0; j < 4; j++) {
            int at = (2 * t->k[i] - 1 + j / 2) * P + 2 * t->k[i] - 1 + j % 2;
            double expected = size[i] * P / 2 * sqrt(t->n / 2.0);
            if (2 * t->k[i] == P) expected = j ? 0 : size[i] * P * sqrt(t->n);
            if (expected == 0) continue;
            CLOSE(norms[at], expected, RELATIVE);
            first = fmax(first, norms[at]);
            norms[at] = 0;
        }
    for (int i = 0; i < P * P; i++) rest = fmax(rest, norms[i]);
    if (!(rest <= RELATIVE * first)) fail_msg("the spectrum has other lines: %g", rest);
    free(norms);
}

static void check_key_set(const gk_row *r, const gk_snapshot *s, const plant *t)
{
    char text[GK_KEYS_TEXT];

    assert_int_equal(s->raws, t->keys);
    for (int i = 0; i < t->keys; i++) assert_int_equal(s->raw[i], t->k[i]);
    gk_keys_print(text, t->k, t->keys <= t->n / 8 ? t->keys : 0);
    assert_string_equal(r->key_freqs, text);
    assert_true(r->key_count == t->keys);
    CLOSE(r->gini_w_l, 1 - (double)t->keys / s->lens->K, RELATIVE);
    if (!(r->w_l_residual < 1e-6)) fail_msg("W_L has a residual of %g", r->w_l_residual);
}

/* Where f is not balanced, characters of one frequency are not orthogonal to those of others: one
 * alone takes parts of the others along. */
static void check_losses(const gk_row *r, const plant *t, bool balanced)
{
    double whole = loss_of(t, -1), nothing = log(t->n);
    int most = 0; /* the frequency that matters most */
    const double all[] = {r->train_loss_p,     r->test_loss_p,     r->all_loss_p, r->restricted_all,
                          r->restricted_train, r->restricted_test, r->cosine_loss};
    const double gone[] = {r->excluded_train, r->excluded_fitted, r->excluded_cosines};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) CLOSE(all[i], whole, RELATIVE);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) CLOSE(gone[i], nothing, RELATIVE);
    CLOSE(r->logit_fve, 1, RELATIVE);
    for (int i = 1; i < t->keys; i++)
        if (loss_of(t, i) > loss_of(t, most)) most = i;
    if (!balanced && t->keys > 1) return;
    CLOSE(r->excluded_max, loss_of(t, most), RELATIVE);
    assert_true(r->excluded_max_k == t->k[most]);
}

/* The sign of u + v is that of u - v: it controls nothing. */
static void check_controls(const lab *l, const gk_row *r, const plant *t)
{
    bool balanced = l->batch.analysis->control != NULL;
    int distinct = 0;

    for (int i = 0; i < t->keys; i++) distinct += 2 * t->k[i] != t->n;
    if (t->n / 2 < 2 * t->keys)
        assert_true(isnan(r->control_random));
    else if (balanced)
        CLOSE(r->control_random, loss_of(t, -1), RELATIVE);
    if (balanced && distinct)
        CLOSE(r->control_operation, loss_of(t, -1), RELATIVE);
    else
        assert_true(isnan(r->control_operation));
}

/* Polynomials in cos and sin of u and v: only where f is u + v or u - v. */
static void check_products(lab *l, const gk_row *r, const plant *t)
{
    const double *ablated = l->batch.found.ablated.loss;

    if (!l->batch.analysis->control) return;
    check_spectrum(l, t);
    CLOSE(r->const8_all, loss_of(t, -1), RELATIVE);
    CLOSE(r->const8_test, loss_of(t, -1), RELATIVE);
    for (int i = 0; i < t->keys; i++) CLOSE(ablated[i], loss_of(t, i), RELATIVE);
}

static void check_neurons(const gk_row *r, const gk_neurons *neurons, const plant *t)
{
    double whole = loss_of(t, -1), half = loss_of_share(t, -1, 0.5);
    gk_text clusters = {0};

    for (int i = 0; i < t->keys; i++)
        gk_text_add(&clusters, "%s%d:%d", i ? "," : "", t->k[i], PER_KEY);
    assert_string_equal(r->clusters, clusters.data);
    gk_text_free(&clusters);
    assert_true(r->neurons_85 == PER_KEY * t->keys);
    for (int i = 0; i < PER_KEY * t->keys; i++) CLOSE(neurons->fve[i], 1, RELATIVE);
    CLOSE(r->readout_fve_min, 1, RELATIVE);
    CLOSE(r->projected_all, whole, RELATIVE);
    CLOSE(r->poly_neurons_all, whole, RELATIVE);
    CLOSE(r->restricted_tl, half, RELATIVE);
    CLOSE(r->null_all, half, RELATIVE);
    CLOSE(r->skip_zero_all, half, RELATIVE);
    CLOSE(r->skip_mean_all, half, RELATIVE);
}

/* The restricted loss of a record of projections.bin is that of the weights. */
static void check_record(const lab *l, const gk_row *r, const plant *t)
{
    gk_run *run = gk_alloc(1, sizeof *run);
    const gk_snapshot *s = &l->batch.snapshot;

    gk_events_start(&run->events);
    FILE *projections = tmpfile(), *metrics = tmpfile();
    assert_true(projections && metrics);
    run->projections = fileno(projections);
    run->metrics = fileno(metrics);
    run->record = gk_record_values(s->lens->n, s->lens->K);
    float *record = gk_alloc(run->record, sizeof *record);
    double *pairs = gk_alloc((size_t)s->lens->n * (size_t)s->lens->n, sizeof *pairs);
    gk_elements elements = gk_snapshot_elements(s);
    gk_record_make(record, &elements, s->label_sum, s->label_sum + s->lens->n * s->lens->n);
    OK(gk_run_append(run, r, record));
    memset(record, 0, run->record * sizeof *record);
    OK(gk_run_record(run, 0, record));
    assert_int_equal(gk_run_record(run, 1, record), GK_EDATA);
    for (int i = 0; i < GK_ROW_GROUPS * s->lens->n * s->lens->n; i++)
        pairs[i % (s->lens->n * s->lens->n)] += s->pairs[i];
    CLOSE(gk_record_restricted(record, &elements, t->k, t->keys, pairs), r->restricted_all, 1e-5);
    fclose(projections);
    fclose(metrics);
    gk_events_free(&run->events);
    free(record);
    free(pairs);
    free(run);
}

static void check(const plant *t)
{
    int D = t->mlp ? PER_KEY * t->keys : 2 * t->keys + 1;
    lab l;
    gk_row row;

    print_message("  %s mod %d, %d frequencies%s\n", t->op, t->p, t->keys, t->mlp ? ", MLP" : "");
    open_plant(&l, t, D, t->p + 1);
    if (t->mlp)
        sow_neurons(&l, t);
    else
        sow(&l, t);
    gk_batch_final_row(&l.batch, 0, &row, t->k, t->keys);
    check_key_set(&row, &l.batch.snapshot, t);
    check_losses(&row, t, l.batch.analysis->control != NULL);
    check_controls(&l, &row, t);
    check_products(&l, &row, t);
    if (t->mlp) check_neurons(&row, &l.batch.found.neurons, t);
    check_record(&l, &row, t);
    gk_row_free(&row);
    lab_close(&l);
}

static void test_planted(void **state)
{
    static const plant list[] = {
        {"add", 31, 31, {5}, 1, false},
        {"add", 31, 31, {2, 7, 15}, 3, false},
        {"add", 24, 24, {3, 5, 10}, 3, false},
        {"add", 24, 24, {4, 8, 12}, 3, false}, /* divisors of n, and the sign */
        {"add", 24, 24, {12}, 1, false},
        {"subtract", 29, 29, {1, 9, 14}, 3, false},
        {"multiply", 31, 30, {4, 11}, 2, false},
        {"divide", 29, 28, {3, 14}, 2, false},
        {"x2_y2", 31, 31, {4, 9}, 2, false}, /* not balanced, from here on */
        {"x2_xy_y2", 29, 29, {2, 11}, 2, false},
        {"x3_xy", 23, 23, {6}, 1, false},
        {"divide_or_subtract", 23, 23, {3, 4}, 2, false},
        {"divide_or_subtract", 22, 22, {3, 4}, 2, false},
        {"random", 23, 23, {1, 11}, 2, false},
        {"add", 3, 3, {1}, 1, false},
        {"add", 4, 4, {1}, 1, false},
        {"multiply", 5, 4, {1, 2}, 2, false},
        {"add", 31, 31, {5}, 1, true},
        {"add", 24, 24, {4, 5, 9}, 3, true},
        {"subtract", 29, 29, {2, 3, 14}, 3, true},
        {"multiply", 31, 30, {3, 10}, 2, true},
        {"divide", 29, 28, {1, 13}, 2, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) check(&list[i]);
}

/* Online: the set is used from the third row in a row on. */
static void test_online(void **state)
{
    static const plant t = {"add", 31, 31, {2, 7, 15}, 3, false};
    gk_key_watch watch = {0};
    gk_row row;
    lab l;

    (void)state;
    open_plant(&l, &t, 7, 0);
    sow(&l, &t);
    for (int times = 1; times <= 4; times++) {
        gk_batch_row(&l.batch, 0, &row, &watch);
        assert_string_equal(row.key_freqs, "2,7,15");
        CLOSE(row.excluded_max, loss_of(&t, 0), RELATIVE);
        if (times < 3)
            assert_true(isnan(row.restricted_all) && isnan(row.excluded_train));
        else
            CLOSE(row.restricted_all, loss_of(&t, -1), RELATIVE);
        assert_true(isnan(row.projected_all) && isnan(row.skip_zero_all));
        gk_row_free(&row);
    }
    lab_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_planted),
                                       cmocka_unit_test(test_online)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
