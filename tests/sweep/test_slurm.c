/* The scripts for Slurm, run by bash with stand-ins for grokc, sbatch and scontrol. What a real
 * Slurm makes of them: tests/slurm/. */
#include "lib/folder.h"

#include "gk/slurm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != GK_OK) fail_msg("%s: %s", #call, gk_message());                              \
    } while (0)

/* What must survive quoting, in a shell and in a line of sbatch. */
#define ODD "it's \"a\" $HOME `id` #1 100%"

static void write_program(const char *name, const char *body)
{
    FILE *file = fopen(in_folder(name), "w");

    assert_non_null(file);
    fprintf(file, "#!/bin/bash\n%s\n", body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(in_folder(name), 0755), 0);
}

static int enter_folder(void **state)
{
    if (make_folder(state) || chdir(folder) != 0) return -1;
    unsetenv("SLURM_RESTART_COUNT");
    write_program("scontrol", "echo \"$*\" >>requeued");
    return setenv("SLURM_ARRAY_JOB_ID", "41", 1) || setenv("SLURM_ARRAY_TASK_ID", "2", 1) ||
           setenv("PATH", "/usr/bin:/bin", 1);
}

static int leave_folder(void **state) { return chdir("/") || remove_folder(state); }

static gk_slurm options(const char *program)
{
    static const char *const argument[] = {"--set", "run.epochs=7", "--set", ("task.op=" ODD)};

    return (gk_slurm){.program = program,
                      .file = ODD ".yaml",
                      .dir = "out " ODD,
                      .where = folder,
                      .argument = argument,
                      .arguments = 4,
                      .shards = 4};
}

static void write_script(const char *name, const gk_slurm *o)
{
    gk_text script = {0};

    OK(gk_slurm_script(&script, o));
    OK(gk_file_replace(in_folder(name), script.data, script.length));
    gk_text_free(&script);
}

static bool holds(const char *name, const char *expected)
{
    char *text = NULL;
    size_t size;

    bool same = gk_file_read(in_folder(name), 1 << 20, &text, &size) == GK_OK &&
                strstr(text, expected) != NULL;
    free(text);
    return same;
}

static int shell(const char *command)
{
    int status = system(command);

    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A task whose trainer is `trainer`, started as `command`; its exit code. */
static int task(const char *trainer, const char *command)
{
    char whole[512];
    gk_slurm o = options(in_folder("train er"));

    write_program("train er", trainer);
    write_script("task.sh", &o);
    remove("requeued");
    remove("ready");
    snprintf(whole, sizeof whole, "export PATH=\"$PWD:$PATH\"; %s", command);
    return shell(whole);
}

#define SIGNALLED(number)                                                                          \
    "bash task.sh & until [ -e ready ]; do sleep 0.01; done; kill -" number " $!; wait $!"
#define TRAINER(on_signal)                                                                         \
    "trap '" on_signal "' USR1 TERM; touch ready; for i in {1..1000}; do sleep 0.01; done; exit 9"

static void test_arguments(void **state)
{
    static const char *const expected =
        "sweep\n" ODD ".yaml\n--set\nrun.epochs=7\n--set\ntask.op=" ODD "\n--out\nout " ODD
        "\n--shard\n2/4\n";

    (void)state;
    assert_int_equal(task("printf '%s\\n' \"$@\" >arguments", "bash task.sh"), 0);
    assert_true(holds("arguments", expected));
    gk_text script = {0};
    gk_slurm o = options(in_folder("train er"));
    OK(gk_slurm_gather_script(&script, &o));
    OK(gk_file_replace(in_folder("gather.sh"), script.data, script.length));
    gk_text_free(&script);
    assert_int_equal(shell("bash gather.sh"), 0);
    assert_true(holds("arguments", "gather\nout " ODD "\n"));
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(task("exit 0", "bash task.sh"), 0);
    assert_int_equal(task("exit 1", "bash task.sh"), 1);
    assert_int_equal(task("kill -9 $$", "bash task.sh 2>/dev/null"), 137);
    assert_int_equal(task("exit 75", "bash task.sh"), 75); /* by a signal that was not the task's */
    assert_false(gk_exists(in_folder("requeued")));
}

/* The trainer takes its time after the signal: the script must not leave before. */
static void test_time_is_up(void **state)
{
    (void)state;
    assert_int_equal(task(TRAINER("sleep 0.3; touch written; exit 75"), SIGNALLED("USR1")), 75);
    assert_true(gk_exists(in_folder("written")));
    assert_true(holds("requeued", "requeue 41_2\n"));
    /* just done: nothing to go on with */
    assert_int_equal(task(TRAINER("exit 0"), SIGNALLED("USR1")), 0);
    assert_false(gk_exists(in_folder("requeued")));
    assert_int_equal(task(TRAINER("exit 1"), SIGNALLED("USR1")), 1);
    assert_false(gk_exists(in_folder("requeued")));
}

static void test_two_signals(void **state)
{
    (void)state;
    assert_int_equal(
        task(TRAINER("sleep 0.5; exit 75"),
             "bash task.sh & until [ -e ready ]; do sleep 0.01; done; kill -USR1 $!; sleep 0.1; "
             "kill -TERM $!; wait $!"),
        75);
    assert_true(holds("requeued", "requeue 41_2\n"));
}

/* Requeued, it would come back from scancel. */
static void test_cancelled(void **state)
{
    (void)state;
    assert_int_equal(task(TRAINER("exit 75"), SIGNALLED("TERM")), 75);
    assert_false(gk_exists(in_folder("requeued")));
}

static void test_restarts_end(void **state)
{
    (void)state;
    setenv("SLURM_RESTART_COUNT", "99", 1);
    assert_int_equal(task(TRAINER("exit 75"), SIGNALLED("USR1")), 75);
    assert_true(gk_exists(in_folder("requeued")));
    setenv("SLURM_RESTART_COUNT", "100", 1);
    assert_int_equal(task(TRAINER("exit 75"), "exec 2>said; " SIGNALLED("USR1")), 75);
    assert_true(holds("said", "restarted 100 times: not again"));
    assert_false(gk_exists(in_folder("requeued")));
    unsetenv("SLURM_RESTART_COUNT");
}

static void test_lines(void **state)
{
    static const char *const more[] = {"--mem=8G", "--array=0-3%2"};
    gk_slurm o = options("/bin/grokc");
    gk_text script = {0};

    (void)state;
    o.dir = "a\"b %c";
    o.partition = "gpu";
    o.time = "1:00:00";
    o.gres = "gpu:1";
    o.account = "my account";
    o.sbatch = more;
    o.sbatches = 2;
    OK(gk_slurm_script(&script, &o));
    static const char *const lines[] = {"#SBATCH --array=0-3\n",
                                        "#SBATCH --requeue\n",
                                        "#SBATCH --open-mode=append\n",
                                        "#SBATCH --partition=gpu\n",
                                        "#SBATCH --gres=gpu:1\n",
                                        "#SBATCH --signal=B:USR1@60\n",
                                        "#SBATCH --time=1:00:00\n",
                                        "#SBATCH --mem=8G\n",
                                        "#SBATCH --account=\"my account\"\n",
                                        "#SBATCH --output=\"a\\\"b %%c/slurm/%A_%a.out\"\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(script.data, lines[i])) fail_msg("no %s in %s", lines[i], script.data);
    /* the last of two lines counts: a throttle of the user's own comes after ours */
    assert_true(strstr(script.data, "--array=0-3%2") > strstr(script.data, "--array=0-3\n"));
    gk_text_free(&script);
}

static void test_refused(void **state)
{
    static const char *const newline[] = {"--set", "a=1\nrm"}, *const bare[] = {"mem=8G"};
    gk_slurm good = options("/bin/grokc"), bad[7];
    gk_text script = {0};

    (void)state;
    for (int i = 0; i < 7; i++) bad[i] = good;
    bad[0].dir = "a\nb";
    bad[1].argument = newline;
    bad[1].arguments = 2;
    bad[2].partition = "low\n#SBATCH --uid=0";
    bad[3].sbatch = bare;
    bad[3].sbatches = 1;
    bad[4].dir = "a\\b";
    bad[5].shards = 0;
    bad[6].file = "a\r";
    for (int i = 0; i < 7; i++) {
        if (gk_slurm_script(&script, &bad[i]) != GK_EUSAGE) fail_msg("case %d was taken", i);
        if (gk_slurm_gather_script(&script, &bad[i]) != GK_EUSAGE) fail_msg("case %d, gather", i);
    }
    assert_null(script.data);
}

/* gk_slurm_submit with a PATH of one folder; what it says and the message. */
static gk_status submit(const char *sbatch, gk_text *said)
{
    gk_slurm o = options("/bin/grokc");

    o.dir = "out";
    if (sbatch) write_program("sbatch", sbatch);
    setenv("PATH", folder, 1);
    gk_status status = gk_slurm_submit(said, &o);
    setenv("PATH", "/usr/bin:/bin", 1);
    return status;
}

static void test_submit(void **state)
{
    gk_text said = {0};

    (void)state;
    OK(submit("echo \"$*\" >>sbatched; echo be warned >&2; echo '17;cluster'", &said));
    assert_string_equal(said.data, "job 17: 4 tasks, out/slurm/sweep.sh\n"
                                   "job 17: gathers when they have ended, out/slurm/gather.sh\n");
    assert_true(holds("sbatched", "--parsable out/slurm/sweep.sh\n"
                                  "--parsable --dependency=afterany:17 out/slurm/gather.sh\n"));
    assert_true(holds("out/slurm/gather.sh", "/bin/grokc gather out\n"));
    gk_text_free(&said);
}

static void says(const char *part)
{
    if (!strstr(gk_message(), part)) fail_msg("no \"%s\" in \"%s\"", part, gk_message());
}

static void test_submit_fails(void **state)
{
    gk_text said = {0};

    (void)state;
    remove(in_folder("sbatch"));
    assert_int_equal(submit(NULL, &said), GK_EIO);
    says("sbatch is not here");
    says("type: sbatch out/slurm/sweep.sh");
    assert_true(gk_exists(in_folder("out/slurm/sweep.sh")));
    assert_int_equal(submit("echo 'error: no such partition' >&2; exit 1", &said), GK_EIO);
    says("(exit code 1): error: no such partition; change the options");
    assert_int_equal(submit("echo Submitted batch job 17", &said), GK_EIO);
    assert_int_equal(submit("echo 17; kill -9 $$", &said), GK_EIO);
    assert_null(said.data);
    /* the array is on its way, gather is not: both are said */
    assert_int_equal(submit("case $2 in --dep*) exit 1 ;; esac; echo 17", &said), GK_EIO);
    assert_string_equal(said.data, "job 17: 4 tasks, out/slurm/sweep.sh\n");
    says("sbatch --dependency=afterany:17 out/slurm/gather.sh");
    gk_text_free(&said);
}

static void test_shellcheck(void **state)
{
    gk_slurm o = options("/bin/grokc");

    (void)state;
    if (shell("command -v shellcheck >/dev/null") != 0) {
        print_message("skipped: no shellcheck here\n");
        skip();
    }
    o.file = "it's a sweep.yaml"; /* a $ in quotes is what shellcheck warns of */
    o.dir = "out";
    o.arguments = 2;
    write_script("task.sh", &o);
    assert_int_equal(shell("shellcheck task.sh out/slurm/gather.sh"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),  cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_time_is_up), cmocka_unit_test(test_two_signals),
        cmocka_unit_test(test_cancelled),  cmocka_unit_test(test_restarts_end),
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_submit),     cmocka_unit_test(test_submit_fails),
        cmocka_unit_test(test_shellcheck),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
