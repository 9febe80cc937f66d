/* What a user names: files, and pipes, which have no size and no name. */
#include "lib/folder.h"

#include "gk/input.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *data;
static size_t size;

static void reads(const char *path, const char *expected, size_t n)
{
    assert_int_equal(gk_input_read(path, n, &data, &size), GK_OK);
    assert_int_equal(size, n);
    assert_memory_equal(data, expected, n + 1); /* and the terminator */
    free(data);
    data = NULL;
}

static void fails_with(const char *path, size_t limit, gk_status expected, const char *part)
{
    assert_int_equal(gk_input_read(path, limit, &data, &size), expected);
    if (!strstr(gk_message(), part)) fail_msg("no \"%s\" in \"%s\"", part, gk_message());
    assert_null(data);
}

/* A pipe that holds `n` bytes and has an end, as stdin. */
static void pipe_in(const char *bytes, size_t n)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, n), n);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], 0), 0);
    close(ends[0]);
}

static void test_files(void **state)
{
    (void)state;
    assert_int_equal(gk_file_replace(in_folder("file"), "a\0b", 3), GK_OK);
    reads(in_folder("file"), "a\0b", 3);
    fails_with(in_folder("file"), 2, GK_EDATA, "has 3 bytes; at most 2");
    fails_with(in_folder("none"), 9, GK_EIO, "none: No such file");
    fails_with(folder, 9, GK_EIO, "is not a regular file");
    reads("/dev/null", "", 0);
    fails_with("/dev/zero", 100000, GK_EDATA, "/dev/zero has more than 100000 bytes");
}

static void test_pipes(void **state)
{
    static const char *const names[] = {"-", "/dev/stdin", "/dev/fd/0"};
    static char much[10001];

    (void)state;
    memset(much, 'x', sizeof much - 1);
    for (int i = 0; i < 3; i++) {
        pipe_in("a\0b", 3);
        reads(names[i], "a\0b", 3);
        pipe_in("", 0);
        reads(names[i], "", 0);
        pipe_in(much, 10000);
        reads(names[i], much, 10000);
        pipe_in(much, 10000);
        fails_with(names[i], 9999, GK_EDATA, " has more than 9999 bytes");
        assert_int_equal(strncmp(gk_message(), gk_input_name(names[i]), 5), 0);
    }
    close(0);
    fails_with("-", 9, GK_EIO, "cannot read stdin: Bad file descriptor");
}

static void test_names(void **state)
{
    static const char *const without[] = {"-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/3"};

    (void)state;
    for (int i = 0; i < 4; i++) assert_false(gk_input_has_name(without[i]));
    assert_int_equal(mkfifo(in_folder("pipe"), 0666), 0);
    assert_false(gk_input_has_name(in_folder("pipe")));
    assert_int_equal(gk_file_replace(in_folder("file"), "", 0), GK_OK);
    assert_true(gk_input_has_name(in_folder("file")));
    assert_true(gk_input_has_name(folder) && gk_input_has_name(in_folder("none")));
    assert_true(gk_input_has_name("/dev/shm/x.yaml") && gk_input_has_name("./-"));
    assert_string_equal(gk_input_name("-"), "stdin");
    assert_string_equal(gk_input_name("./-"), "./-");
}

static void test_home(void **state)
{
    (void)state;
    setenv("HOME", "/home/me", 1);
    assert_int_equal(gk_input_check("~/a"), GK_EUSAGE);
    assert_string_equal(gk_message(), "no shell has expanded the ~ of \"~/a\"; write $HOME/a on a "
                                      "command line, /home/me/a in a file");
    fails_with("~/a", 9, GK_EUSAGE, "no shell has expanded");
    assert_true(gk_input_check("./~/a") == GK_OK && gk_input_check("a/~/b") == GK_OK);
    assert_true(gk_input_check("~a") == GK_OK && gk_input_check("") == GK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, make_folder, remove_folder),
        cmocka_unit_test(test_pipes),
        cmocka_unit_test_setup_teardown(test_names, make_folder, remove_folder),
        cmocka_unit_test(test_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
