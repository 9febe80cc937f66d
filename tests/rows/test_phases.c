/* Where the phases of a run end, and the word of the progress line, on planted curves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/events.h"

#include <string.h>

static gk_events events;
static gk_turning turning;

static int start(void **state)
{
    (void)state;
    gk_events_start(&events);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    gk_events_free(&events);
    return 0;
}

/* Row i of a run whose curves are planted: test loss and restricted loss (NaN: none) fall at the
 * rows given, the sum of squares shrinks by `shrinks` a row until row `still`. */
static void plant(int rows, int peak, int formed, int grokked, double shrinks, int still)
{
    double squares = 1000;

    for (int i = 0; i < rows; i++) {
        gk_row row;
        gk_row_start(&row, 10 * i);
        row.train_loss = 0;
        row.train_acc = 1;
        row.test_loss = i >= grokked ? 0.05 : i <= peak ? 4 + i : 3;
        row.squared_l2_norm = squares;
        if (formed >= 0) row.restricted_all = i >= formed ? 0.009 : 4;
        if (i < still) squares *= 1 - shrinks;
        gk_events_add(&events, &row);
        assert_true(events.last.epoch == 10 * i);
    }
}

static void phases_are(int64_t memorisation, int64_t circuit_formation, int64_t cleanup)
{
    gk_phases phases;

    gk_phases_find(&phases, &events, NULL);
    assert_int_equal(phases.memorisation, memorisation);
    assert_int_equal(phases.circuit_formation, circuit_formation);
    assert_int_equal(phases.cleanup, cleanup);
}

/* The word of the progress line is that of the phase of the last row, by the rule of summary.json:
 * at every row of a run both say the same. */
static void test_phases(void **state)
{
    static const struct {
        int rows;
        const char *word;
    } steps[] = {{0, "memorisation"},
                 {19, "memorisation"},
                 {20, "circuit formation"}, /* the peak is at row 5: there are 20 others */
                 {28, "circuit formation"}, /* the restricted loss is small: in the last row only */
                 {29, "cleanup"},
                 {79, "cleanup"},
                 {80, "stable"}}; /* still for ten rows, from row 70 on */
    (void)state;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        gk_events_start(&events);
        plant(steps[i].rows + 1, 5, 28, 40, 0.05, 70);
        if (strcmp(gk_events_phase(&events), steps[i].word) != 0)
            fail_msg("row %d: %s, not %s", steps[i].rows, gk_events_phase(&events), steps[i].word);
    }
    phases_are(50, 280, 700);
}

/* A curve that falls to the end has not settled, however near its last rows are to each other. */
static void test_not_settled(void **state)
{
    (void)state;
    plant(200, 5, 50, 60, 0.013, 200); /* as the mainline run's does at epoch 11,000 */
    phases_are(50, 500, -1);
    assert_string_equal(gk_events_phase(&events), "cleanup");
    gk_turning_find(&turning, &events, NULL, NULL, 0);
    assert_int_equal(turning.settled, -1);
}

/* A run that never grokked has no cleanup, be its weights as still as they may. */
static void test_still_without_grokking(void **state)
{
    (void)state;
    plant(200, 5, -1, 1000, 0.05, 20);
    phases_are(50, -1, -1);
    gk_turning_find(&turning, &events, NULL, NULL, 0);
    assert_int_equal(turning.settled, -1);
    assert_string_equal(gk_events_phase(&events), "circuit formation");
}

/* Without a restricted loss circuit formation ends where the run grokked. */
static void test_phases_without_keys(void **state)
{
    (void)state;
    plant(200, 5, -1, 60, 0.05, 100);
    phases_are(50, 600, 1000);
    assert_string_equal(gk_events_phase(&events), "stable");
}

/* The final key set is what counts, where there is one; a run that goes on has none. */
static void test_phases_of_the_final_keys(void **state)
{
    (void)state;
    gk_phases phases;
    const int64_t small = 700, never = -1;

    plant(200, 5, 50, 60, 0.05, 100);
    gk_phases_find(&phases, &events, &small);
    assert_int_equal(phases.circuit_formation, 700);
    assert_int_equal(phases.cleanup, 1000);
    gk_phases_find(&phases, &events, &never);
    assert_int_equal(phases.circuit_formation, -1);
    assert_int_equal(phases.cleanup, -1);
    gk_turning_find(&turning, &events, NULL, NULL, 0);
    assert_int_equal(turning.phases.circuit_formation, 500);
}

/* A test loss that only falls, or only rises, has no peak that ends anything. */
static void test_no_memorisation(void **state)
{
    (void)state;
    plant(100, 0, 30, 40, 0.05, 50);
    phases_are(-1, -1, -1);
    gk_events_start(&events);
    plant(100, 99, 30, 1000, 0.05, 50);
    phases_are(-1, -1, -1);
    assert_string_equal(gk_events_phase(&events), "memorisation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_phases, start, stop),
        cmocka_unit_test_setup_teardown(test_not_settled, start, stop),
        cmocka_unit_test_setup_teardown(test_still_without_grokking, start, stop),
        cmocka_unit_test_setup_teardown(test_phases_without_keys, start, stop),
        cmocka_unit_test_setup_teardown(test_phases_of_the_final_keys, start, stop),
        cmocka_unit_test_setup_teardown(test_no_memorisation, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
