/* Paths, files that are replaced as a whole, directories. */
#include "lib/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fails_with(gk_status status, gk_status expected, const char *part)
{
    assert_int_equal(status, expected);
    if (!strstr(gk_message(), part)) fail_msg("no \"%s\" in \"%s\"", part, gk_message());
}

static void test_path(void **state)
{
    (void)state;
    char path[GK_PATH_MAX], part[GK_PATH_MAX + 1];

    assert_int_equal(gk_path(path, "%s/%08d", "a", 7), GK_OK);
    assert_string_equal(path, "a/00000007");
    memset(part, 'y', sizeof part);
    part[GK_PATH_MAX - 1] = 0;
    assert_int_equal(gk_path(path, "%s", part), GK_OK);
    assert_int_equal(strlen(path), GK_PATH_MAX - 1);
    part[GK_PATH_MAX - 1] = 'y';
    part[GK_PATH_MAX] = 0;
    fails_with(gk_path(path, "%s", part), GK_EUSAGE, "longer than 1023 bytes: yyy");
}

static void reads(const char *path, const char *bytes, size_t n)
{
    char *data;
    size_t size;

    assert_int_equal(gk_file_read(path, 1000, &data, &size), GK_OK);
    assert_int_equal(size, n);
    assert_memory_equal(data, bytes, n + 1); /* and the terminator */
    free(data);
}

static void test_files(void **state)
{
    (void)state;
    const char *path = in_folder("file");

    assert_int_equal(gk_file_replace(path, "old\0text", 8), GK_OK);
    reads(path, "old\0text", 8);
    assert_int_equal(gk_file_replace(path, "new", 3), GK_OK);
    reads(path, "new", 3);
    assert_int_equal(gk_file_replace(path, "", 0), GK_OK);
    reads(path, "", 0);
    assert_true(gk_exists(path));
    assert_false(gk_exists(in_folder("file" GK_TEMPORARY)));
}

static void test_file_errors(void **state)
{
    (void)state;
    char *data = NULL, part[GK_PATH_MAX];
    size_t size = 77;

    fails_with(gk_file_read(in_folder("none"), 9, &data, &size), GK_EIO, "none: No such file");
    fails_with(gk_file_read(folder, 9, &data, &size), GK_EIO, "is not a regular file");
    fails_with(gk_file_read("/dev/zero", 9, &data, &size), GK_EIO, "is not a regular file");
    assert_int_equal(mkfifo(in_folder("pipe"), 0666), 0);
    fails_with(gk_file_read(in_folder("pipe"), 9, &data, &size), GK_EIO, "is not a regular file");
    assert_int_equal(gk_file_replace(in_folder("ten"), "0123456789", 10), GK_OK);
    fails_with(gk_file_read(in_folder("ten"), 9, &data, &size), GK_EDATA,
               "has 10 bytes; at most 9");
    assert_true(data == NULL && size == 77);

    fails_with(gk_file_replace(in_folder("none/file"), "x", 1), GK_EIO, "cannot create");
    assert_int_equal(mkdir(in_folder("full"), 0777), 0);
    assert_int_equal(mkdir(in_folder("full/x"), 0777), 0);
    fails_with(gk_file_replace(in_folder("full"), "x", 1), GK_EIO, "/full: ");
    assert_false(gk_exists(in_folder("full" GK_TEMPORARY)));
    memset(part, 'x', sizeof part);
    part[GK_PATH_MAX - 5] = 0; /* itself not too long, but with the end of a temporary name */
    fails_with(gk_file_replace(part, "x", 1), GK_EUSAGE, "longer than");
    fails_with(gk_sync_directory(in_folder("none")), GK_EIO, "cannot open directory");
}

/* A pipe would wait for somebody who writes. */
static void test_open(void **state)
{
    char word[8] = "";
    FILE *file = NULL;

    (void)state;
    fails_with(gk_file_open(&file, in_folder("none")), GK_EIO, "cannot open");
    fails_with(gk_file_open(&file, folder), GK_EIO, "is not a regular file");
    fails_with(gk_file_open(&file, "/dev/zero"), GK_EIO, "is not a regular file");
    assert_int_equal(mkfifo(in_folder("pipe"), 0666), 0);
    fails_with(gk_file_open(&file, in_folder("pipe")), GK_EIO, "is not a regular file");
    assert_null(file);
    assert_int_equal(gk_file_replace(in_folder("file"), "word", 4), GK_OK);
    assert_int_equal(gk_file_open(&file, in_folder("file")), GK_OK);
    assert_int_equal(fread(word, 1, sizeof word, file), 4);
    assert_string_equal(word, "word");
    fclose(file);
}

static void test_sync(void **state)
{
    int ends[2], fd = open(in_folder("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    (void)state;
    assert_true(gk_sync_file(fd));
    close(fd);
    assert_false(gk_sync_file(fd));
    assert_int_equal(pipe(ends), 0); /* there is no such thing: EINVAL */
    assert_true(gk_sync_file(ends[1]));
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(gk_sync_directory(folder), GK_OK);
    assert_true(gk_unique() != gk_unique());
}

static void test_directories(void **state)
{
    (void)state;
    assert_int_equal(gk_make_directories(in_folder("a/b//c/")), GK_OK);
    assert_true(gk_exists(in_folder("a/b/c")));
    assert_int_equal(gk_make_directories(in_folder("a/b/c")), GK_OK);
    assert_int_equal(gk_file_replace(in_folder("a/file"), "x", 1), GK_OK);
    fails_with(gk_make_directories(in_folder("a/file")), GK_EIO, "file is not a directory");
    fails_with(gk_make_directories(in_folder("a/file/b")), GK_EIO, "cannot create directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test_setup_teardown(test_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_errors, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_open, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_sync, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_directories, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
