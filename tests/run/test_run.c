/* A run directory without a model: rows and records written, cut back to a resume point and
 * replayed; what is kept and what goes; who may take it. */
#include "lib/folder.h"

#include "gk/owner.h"
#include "gk/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORD = 6 };

static char dir[GK_PATH_MAX];
static gk_config config;

static int start(void **state)
{
    if (make_folder(state) || gk_path(dir, "%s/run", folder) != GK_OK) return 1;
    gk_config_defaults(&config);
    return 0;
}

static gk_run *opened(gk_open_mode mode)
{
    gk_run *run = gk_alloc(1, sizeof *run);

    if (gk_run_open(run, dir, &config, mode) != GK_OK) fail_msg("%s", gk_message());
    return run;
}

static void closed(gk_run *run)
{
    gk_run_close(run);
    free(run);
}

/* The row of the run's position, and a record of which every value says whose it is. */
static gk_status append(gk_run *run, double test_acc)
{
    float record[RECORD];
    gk_row row;

    gk_row_start(&row, run->position.epoch);
    row.train_loss = 1;
    row.test_acc = test_acc;
    for (int i = 0; i < RECORD; i++) record[i] = (float)(10 * run->position.epoch + i);
    return gk_run_append(run, &row, record);
}

static void append_all(gk_run *run, int64_t from, int64_t to)
{
    for (int64_t e = from; e < to; e++) {
        run->position = (gk_position){e, run->metrics_bytes, -1};
        if (append(run, 0.5) != GK_OK) fail_msg("%s", gk_message());
    }
}

static int64_t size_of(const char *name)
{
    char path[GK_PATH_MAX];
    struct stat info;

    assert_int_equal(gk_path(path, "%s/%s", dir, name), GK_OK);
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

static void put(const char *name)
{
    char path[GK_PATH_MAX];

    assert_int_equal(gk_path(path, "%s/%s", dir, name), GK_OK);
    assert_int_equal(gk_file_replace(path, "x", 1), GK_OK);
}

static void expect_record(const gk_run *run, int64_t i)
{
    float record[RECORD] = {0};

    assert_int_equal(gk_run_record(run, i, record), GK_OK);
    for (int j = 0; j < RECORD; j++) assert_true(record[j] == (float)(10 * i + j));
}

/* What was written after the resume point goes, and what comes then is as if nothing had been. */
static void test_restore(void **state)
{
    char path[GK_PATH_MAX];
    float record[RECORD];

    (void)state;
    config.run.epochs = 100;
    strcpy(config.run.stop_when, "test_acc = 0.5 for 6");
    gk_run *run = opened(GK_GO_ON);
    assert_int_equal(gk_run_resume_path(run, path), GK_OK);
    assert_string_equal(path, "");
    assert_int_equal(gk_run_restore(run, NULL, RECORD), GK_OK);
    assert_false(run->restored);
    append_all(run, 0, 4);
    const gk_position position = {4, run->metrics_bytes, 0.25};
    append_all(run, 4, 7);
    assert_string_equal(gk_stop_reason(&run->stop), "run.stop_when");
    assert_int_equal(size_of("projections.bin"), 7 * RECORD * 4);
    put("checkpoints/00000003.safetensors");
    put("checkpoints/00000004.safetensors");
    put("checkpoints/00000006.state.safetensors");
    put("resume.safetensors");
    closed(run);

    run = opened(GK_GO_ON);
    assert_int_equal(gk_run_resume_path(run, path), GK_OK);
    assert_non_null(strstr(path, "/run/resume.safetensors"));
    assert_int_equal(gk_run_restore(run, &position, RECORD), GK_OK);
    assert_true(run->restored && run->position.loss_max == 0.25);
    assert_int_equal(run->events.rows, 4);
    assert_int_equal(run->events.last.epoch, 3);
    assert_int_equal(size_of("metrics.jsonl"), position.metrics_bytes);
    assert_int_equal(size_of("projections.bin"), 4 * RECORD * 4);
    assert_int_equal(size_of("checkpoints/00000003.safetensors"), 1);
    assert_int_equal(size_of("checkpoints/00000004.safetensors"), -1);
    assert_int_equal(size_of("checkpoints/00000006.state.safetensors"), -1);
    for (int i = 0; i < 4; i++) expect_record(run, i);
    assert_int_equal(gk_run_record(run, 4, record), GK_EDATA);
    append_all(run, 4, 5);
    assert_null(gk_stop_reason(&run->stop));
    append_all(run, 5, 6); /* four of the six rows are those that were replayed */
    assert_string_equal(gk_stop_reason(&run->stop), "run.stop_when");
    expect_record(run, 5);
    closed(run);
}

static void test_shorter_files(void **state)
{
    (void)state;
    gk_run *run = opened(GK_GO_ON);
    assert_int_equal(gk_run_restore(run, NULL, RECORD), GK_OK);
    append_all(run, 0, 3);
    gk_position position = {3, run->metrics_bytes, -1};
    closed(run);

    run = opened(GK_GO_ON);
    position.metrics_bytes++;
    assert_int_equal(gk_run_restore(run, &position, RECORD), GK_EDATA);
    closed(run);
    run = opened(GK_GO_ON);
    position.metrics_bytes--;
    assert_int_equal(gk_run_restore(run, &position, RECORD + 1), GK_EDATA); /* of larger records */
    closed(run);
    config.run.epochs = 2;
    assert_int_equal(gk_run_restore(&(gk_run){.config = config}, &(gk_position){.epoch = 3}, 0),
                     GK_EUSAGE);
}

static void test_without_records(void **state)
{
    (void)state;
    gk_run *run = opened(GK_GO_ON);
    assert_int_equal(gk_run_restore(run, NULL, 0), GK_OK);
    append_all(run, 0, 2);
    assert_int_equal(size_of("projections.bin"), -1);
    assert_int_equal(gk_run_sync(run), GK_OK);
    closed(run);
}

static void test_forget(void **state)
{
    (void)state;
    for (int keep = GK_KEEP_ALL; keep <= GK_KEEP_NONE; keep++) {
        config.run.keep_checkpoints = keep;
        gk_run *run = opened(GK_FRESH);
        put("checkpoints/00000100.safetensors");
        put("checkpoints/00000100.state.safetensors");
        put("checkpoints/00000200.safetensors");
        run->position.epoch = 200;
        gk_run_forget_weights(run);
        assert_int_equal(size_of("checkpoints/00000100.safetensors"), keep == GK_KEEP_ALL ? 1 : -1);
        assert_int_equal(size_of("checkpoints/00000100.state.safetensors"), 1);
        assert_int_equal(size_of("checkpoints/00000200.safetensors"), 1);
        closed(run);
    }
}

/* A column that this run has not ends it before anything is written; one that no run has, before
 * the directory is touched. */
static void test_no_such_column(void **state)
{
    (void)state;
    strcpy(config.run.stop_when, "alpha < 2");
    gk_run *run = gk_alloc(1, sizeof *run);
    assert_int_equal(gk_run_open(run, dir, &config, GK_GO_ON), GK_EUSAGE);
    assert_false(gk_exists(dir));
    closed(run);
    strcpy(config.run.stop_when, "loss_pos.3 < 2");
    run = opened(GK_GO_ON);
    assert_int_equal(gk_run_restore(run, NULL, RECORD), GK_OK);
    assert_int_equal(append(run, 1), GK_EUSAGE);
    assert_int_equal(size_of("metrics.jsonl"), 0);
    assert_int_equal(size_of("projections.bin"), 0);
    closed(run);
}

static void test_owner(void **state)
{
    (void)state;
    gk_run *run = opened(GK_GO_ON), *other = gk_alloc(1, sizeof *other);
    gk_owner *owner = NULL;
    assert_int_equal(gk_owner_take(&owner, dir), GK_EBUSY);
    assert_int_equal(gk_run_open(other, dir, &config, GK_GO_ON), GK_EBUSY);
    closed(other); /* what it has not got it does not release */
    assert_int_equal(gk_owner_take(&owner, dir), GK_EBUSY);
    closed(run);
    assert_int_equal(gk_owner_take(&owner, dir), GK_OK);
    gk_owner_release(owner);
    assert_int_equal(gk_run_check_directory(dir), GK_OK);
    assert_int_equal(gk_run_check_directory(folder), GK_EUSAGE); /* it holds something else */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restore, start, remove_folder),
        cmocka_unit_test_setup_teardown(test_shorter_files, start, remove_folder),
        cmocka_unit_test_setup_teardown(test_without_records, start, remove_folder),
        cmocka_unit_test_setup_teardown(test_forget, start, remove_folder),
        cmocka_unit_test_setup_teardown(test_no_such_column, start, remove_folder),
        cmocka_unit_test_setup_teardown(test_owner, start, remove_folder),
    };

    return cmocka_run_group_tests_name("run directories", tests, NULL, NULL);
}
