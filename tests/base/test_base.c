/* The ground floor: messages, text, numbers, the nearest word, arenas, signals. Files: test_file.c;
 * arrays that grow, RUN@EPOCH: test_array.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/base.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a child ends that does this: waitpid's status. */
static int in_child(void (*work)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        freopen("/dev/null", "w", stderr);
        for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL); /* cmocka catches some */
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* ---- status and text */

static void test_messages(void **state)
{
    (void)state;
    char longer[6000];

    assert_int_equal(gk_fail(GK_EIO, "cannot open %s: %d", "x", 7), GK_EIO);
    assert_string_equal(gk_message(), "cannot open x: 7");
    gk_fail(GK_EDATA, "%s, and more", gk_message());
    assert_string_equal(gk_message(), "cannot open x: 7, and more");
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = 0;
    gk_fail(GK_EDATA, "%s", longer);
    assert_int_equal(strlen(gk_message()), 4095);

    static const struct {
        gk_status status;
        int code;
    } codes[] = {{GK_OK, 0},      {GK_EIO, 1},    {GK_EDATA, 1},    {GK_EMEM, 1},
                 {GK_EDEVICE, 1}, {GK_EUSAGE, 2}, {GK_DIVERGED, 3}, {GK_STOPPED, 75}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_int_equal(gk_exit_code(codes[i].status), codes[i].code);
}

static void test_text_grows(void **state)
{
    (void)state;
    gk_text text = {0};

    for (int i = 0; i < 100000; i++) gk_text_add(&text, "%d,", i % 10);
    assert_int_equal(text.length, 200000);
    assert_int_equal(text.data[text.length], 0);
    for (int i = 0; i < 100000; i++) assert_int_equal(text.data[2 * i], '0' + i % 10);
    gk_text_append(&text, "\0z", 2);
    assert_int_equal(text.length, 200002);
    assert_int_equal(text.data[200001], 'z');
    gk_text_free(&text);
    assert_null(text.data);
    gk_text_append(&text, NULL, 0);
    assert_int_equal(text.data[0], 0);
    gk_text_free(&text);
}

static void test_json_strings(void **state)
{
    (void)state;
    char string[256] = "\xC3\xA9\xE2\x82\xAC";
    gk_text text = {0};

    for (int c = 1; c < 128; c++) string[4 + c] = (char)c;
    gk_text_add_json(&text, string);
    json_t *json = json_loadb(text.data, text.length, JSON_DECODE_ANY, NULL);
    assert_true(json_is_string(json));
    assert_string_equal(json_string_value(json), string);
    json_decref(json);
    gk_text_free(&text);
}

/* ---- numbers */

/* Reads back as the same bits, by us, by strtod and as JSON; and no shorter form would. */
static void comes_back(double value)
{
    gk_text text = {0};
    double parsed;
    char shorter[64];
    int digits = 0;

    gk_text_add_real(&text, value);
    if (!gk_parse_real(text.data, &parsed) || memcmp(&parsed, &value, sizeof value) != 0)
        fail_msg("%.17g came back from %s as %.17g", value, text.data, parsed);
    json_t *json = json_loadb(text.data, text.length, JSON_DECODE_ANY, NULL);
    parsed = json_number_value(json);
    if (!json_is_number(json) || memcmp(&parsed, &value, sizeof value) != 0)
        fail_msg("%.17g came back from JSON, %s, as %.17g", value, text.data, parsed);
    json_decref(json);

    const char *exponent = strchr(text.data, 'e'); /* YAML 1.1: a point before an exponent */
    if (exponent && !memchr(text.data, '.', (size_t)(exponent - text.data)))
        fail_msg("%s is a string in YAML 1.1", text.data);
    int zeros = 0; /* at the end, or before the first digit, are not significant */
    for (const char *c = text.data; *c && *c != 'e'; c++) {
        if (*c < '0' || *c > '9' || (digits + zeros == 0 && *c == '0')) continue;
        if (*c == '0')
            zeros++;
        else {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    if (digits > 2) { /* two, for the sake of the point */
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        if (strtod(shorter, NULL) == value) fail_msg("%s could be %s", text.data, shorter);
    }
    gk_text_free(&text);
}

static void test_reals_come_back(void **state)
{
    (void)state;
    static const double edges[] = {
        0,
        -0.0,
        1,
        -1,
        0.1,
        1.0 / 3,
        1e-5,
        9.9999e-6,
        1e15,
        1e16,
        123456789012345678.0,
        1e22,
        1e23,
        9007199254740993.0,
        9999999999999998.0,
        DBL_MAX,
        -DBL_MAX,
        DBL_MIN,
        DBL_EPSILON,
        5e-324,
        1e300,
    };
    uint32_t word[4];
    double value;

    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) comes_back(edges[i]);
    for (uint64_t i = 0; i < 40000; i++) {
        gk_random_words(word, 5, GK_RNG_INIT, i);
        memcpy(&value, word, sizeof value); /* any bits */
        if (isfinite(value)) comes_back(value);
        comes_back((double)word[2] / 1e9); /* of everyday size */
        comes_back((double)(float)ldexp(word[3], -40));
    }
}

static void test_reals_as_written(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{30, "30"},
                 {1e-3, "0.001"},
                 {1e-5, "0.00001"},
                 {1e-8, "1.0e-08"},
                 {0.5, "0.5"},
                 {1e15, "1000000000000000"},
                 {2.5e20, "2.5e+20"},
                 {1e20, "1.0e+20"},
                 {-0.0, "-0.0"},
                 {0, "0"},
                 {(double)NAN, "null"},
                 {-INFINITY, "null"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_text text = {0};
        gk_text_add_real(&text, cases[i].value);
        assert_string_equal(text.data, cases[i].text);
        gk_text_free(&text);
    }
}

static void test_parse_int(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "+",
                                      "-",
                                      "--1",
                                      "+-1",
                                      "1.0",
                                      "1e3",
                                      "0x10",
                                      "1_000",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "nan",
                                      "1-"};
    int64_t value = 77;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (gk_parse_int(bad[i], &value))
            fail_msg("\"%s\" was taken for %lld", bad[i], (long long)value);
    assert_int_equal(value, 77);
    assert_true(gk_parse_int("9223372036854775807", &value) && value == INT64_MAX);
    assert_true(gk_parse_int("-9223372036854775808", &value) && value == INT64_MIN);
    assert_true(gk_parse_int("+007", &value) && value == 7);
    assert_true(gk_parse_int("-0", &value) && value == 0);
}

static void test_parse_real(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       " 1",    "1 ",  ".",        "e5",  "1e",
                                      "1,5",    "0x1p3", "inf", "nan",      "NaN", "1e400",
                                      "-1e400", "1.2.3", "--1", "infinity", "1d3", "1e5.5"};
    double value = 77;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (gk_parse_real(bad[i], &value)) fail_msg("\"%s\" was taken for %g", bad[i], value);
    assert_true(value == 77);
    assert_true(gk_parse_real("1e-3", &value) && value == 1e-3);
    assert_true(gk_parse_real("-.5", &value) && value == -0.5);
    assert_true(gk_parse_real("+2.", &value) && value == 2);
    assert_true(gk_parse_real("5e-324", &value) && value == 5e-324);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"weight_decay", "warmup", "lr", "eps", "epochs", "every"};
    char longer[500];

    assert_int_equal(gk_nearest("weight_dcay", names, 6), 0);
    assert_int_equal(gk_nearest("weightdecay", names, 6), 0);
    assert_int_equal(gk_nearest("epoch", names, 6), 4);
    assert_int_equal(gk_nearest("lr", names, 6), 2);
    assert_int_equal(gk_nearest("rl", names, 6), -1); /* two changes in two letters */
    assert_int_equal(gk_nearest("temperature", names, 6), -1);
    assert_int_equal(gk_nearest("warmup", names, 0), -1);
    memset(longer, 'w', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(gk_nearest(longer, names, 6), -1);
}

/* ---- arenas */

static void lay_out(gk_arena *arena, void *taken[4])
{
    taken[0] = gk_arena_take(arena, 3, sizeof(double));
    taken[1] = gk_arena_take(arena, 0, sizeof(double));
    taken[2] = gk_arena_take(arena, 1, 300);
    taken[3] = gk_arena_take(arena, 7, 1);
}

static void test_arena(void **state)
{
    (void)state;
    gk_arena count = {0}, arena = {0};
    void *taken[4];

    lay_out(&count, taken);
    for (int i = 0; i < 4; i++) assert_null(taken[i]);
    arena.size = count.used;
    arena.base = aligned_alloc(256, (count.used + 255) / 256 * 256);
    lay_out(&arena, taken);
    assert_int_equal(arena.used, count.used);
    for (int i = 0; i < 4; i++) assert_int_equal((uintptr_t)taken[i] % 256, 0);
    assert_true((char *)taken[2] >= (char *)taken[0] + 3 * sizeof(double));
    assert_true((char *)taken[3] >= (char *)taken[2] + 300);
    free(arena.base);
}

static void take_too_much(void)
{
    char block[512];
    gk_arena arena = {block, 100, 0};

    gk_arena_take(&arena, 101, 1);
}

static void take_beyond_all(void)
{
    gk_arena arena = {0};

    gk_arena_take(&arena, SIZE_MAX / 2, 4);
}

static void test_arena_overflow_is_a_bug(void **state)
{
    (void)state;
    int status = in_child(take_too_much);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    status = in_child(take_beyond_all);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- signals */

static void two_interrupts(void)
{
    gk_signal_install();
    raise(SIGINT);
    if (gk_signal_seen() != SIGINT) _exit(1);
    raise(SIGINT); /* at once: the same Ctrl-C, passed on by a parent */
    usleep(300000);
    raise(SIGINT);
}

static void one_of_each(void)
{
    gk_signal_install();
    if (gk_signal_seen()) _exit(1);
    raise(SIGTERM);
    if (gk_signal_seen() != SIGTERM) _exit(2);
    raise(SIGTERM);
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGINT); /* the first Ctrl-C */
    raise(SIGPIPE);
    raise(SIGXFSZ);
    if (gk_signal_seen() != SIGINT) _exit(3);
}

static void test_signals(void **state)
{
    (void)state;
    int status = in_child(one_of_each);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    status = in_child(two_interrupts);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
}

static void grow_of_nothing(void) { gk_grow(NULL, 0, 0); }

static void test_grow_checks(void **state)
{
    (void)state;
    int status = in_child(grow_of_nothing);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_text_grows),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_reals_come_back),
        cmocka_unit_test(test_reals_as_written),
        cmocka_unit_test(test_parse_int),
        cmocka_unit_test(test_parse_real),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_grow_checks),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_overflow_is_a_bug),
        cmocka_unit_test(test_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
