/* Owner files: taken, refused, looked at, released; what their text says, torn and old ones too.
 * What needs other processes, hosts and disks is in program/owner.sh. */
#include "lib/folder.h"

#include "gk/owner.h"
#include "run/identity.h"
#include "run/lock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fails_with(gk_status status, gk_status expected, const char *part)
{
    assert_int_equal(status, expected);
    if (!strstr(gk_message(), part)) fail_msg("no \"%s\" in \"%s\"", part, gk_message());
}

static void plant(const char *text)
{
    assert_int_equal(gk_file_replace(in_folder("owner"), text, strlen(text)), GK_OK);
}

static void test_take(void **state)
{
    gk_owner *first, *second;

    (void)state;
    assert_int_equal(gk_owner_take(&first, folder), GK_OK);
    assert_int_equal(gk_owner_fence(first, NULL, 0), GK_OK);
    for (int i = 0; i < 2; i++) { /* an open file has the lock, not a process */
        fails_with(gk_owner_take(&second, folder), GK_EBUSY, "it holds the lock");
        assert_null(second);
    }
    assert_int_equal(gk_owner_fence(first, NULL, 0), GK_OK); /* has opened and closed the file */
    fails_with(gk_owner_take(&second, folder), GK_EBUSY, "it holds the lock");
    gk_owner_release(first);
    assert_false(gk_exists(in_folder("owner")));
    assert_int_equal(gk_owner_take(&second, folder), GK_OK);
    gk_owner_release(second);
    gk_owner_release(NULL);
    fails_with(gk_owner_take(&first, in_folder("none")), GK_EIO, "cannot write into");
}

/* Whoever finds an empty or torn file, and its lock free, has it. */
static void test_left_files(void **state)
{
    static const char *const left[] = {
        "",
        "host",
        "host a\npid 1\n",
        "host a\npid 1\nstarted 7\njob -\nrestart 0\nboot b",
        "host a\npid 1\nstarted 7\njob -\nrestart 0\nboot b\nnamespace n\nid 1\nlock hel",
        "host a\npid 1\nstarted 7\njob -\nrestart 0\nboot b\nnamespace n\nid 1\nlock held\n",
        "\377\376 garbage \001",
    };
    gk_owner *owner;

    (void)state;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        plant(left[i]);
        if (gk_owner_take(&owner, folder) != GK_OK) fail_msg("file %zu: %s", i, gk_message());
        assert_int_equal(gk_owner_fence(owner, NULL, 0), GK_OK);
        gk_owner_release(owner);
    }
    plant("host elsewhere\npid 1\nstarted 7\njob -\nrestart 0\n"); /* grokc 0.1: no locks */
    fails_with(gk_owner_take(&owner, folder), GK_EBUSY, "taken over in 15 minutes");
}

static void test_fence(void **state)
{
    gk_owner *owner;
    int fd = open(in_folder("rows"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    gk_owned_file file[] = {{-1, 5, "none"}, {fd, 3, "rows"}};
    char text[GK_IDENTITY_MAX];

    (void)state;
    assert_int_equal(gk_owner_take(&owner, folder), GK_OK);
    fails_with(gk_owner_fence(owner, file, 2), GK_EBUSY,
               "rows has 0 bytes, but this process left 3");
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(gk_owner_fence(owner, file, 2), GK_OK);
    assert_int_equal(write(fd, "d", 1), 1);
    fails_with(gk_owner_fence(owner, file, 2), GK_EBUSY,
               "rows has 4 bytes, but this process left 3");
    assert_int_equal(gk_owner_fence(NULL, file, 2), GK_OK);
    gk_identity_print(text, true);
    plant(text); /* our words: it is ours, in whatever file */
    assert_int_equal(gk_owner_fence(owner, NULL, 0), GK_OK);
    plant("host b\npid 77\nstarted 7\njob -\nrestart 0\n");
    fails_with(gk_owner_fence(owner, NULL, 0), GK_EBUSY, "pid 77 on host b took it over");
    gk_owner_release(owner);
    assert_true(gk_exists(in_folder("owner"))); /* the other one's */
    assert_int_equal(unlink(in_folder("owner")), 0);
    assert_int_equal(gk_owner_take(&owner, folder), GK_OK);
    assert_int_equal(unlink(in_folder("owner")), 0);
    fails_with(gk_owner_fence(owner, NULL, 0), GK_EBUSY, "owner is gone");
    gk_owner_release(owner);
    close(fd);
}

static void test_lock(void **state)
{
    const char *path = in_folder("file");
    int a, b, r;

    (void)state;
    a = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    b = open(path, O_RDWR | O_CLOEXEC);
    r = open(path, O_RDONLY | O_CLOEXEC);
    assert_false(gk_is_locked(r));
    assert_int_equal(gk_lock(a), GK_LOCK_OURS);
    assert_int_equal(gk_lock(a), GK_LOCK_OURS);
    assert_int_equal(gk_lock(b), GK_LOCK_HELD);
    assert_true(gk_is_locked(r));
    close(r);
    close(open(path, O_RDONLY | O_CLOEXEC)); /* a POSIX lock would be lost now */
    assert_int_equal(gk_lock(b), GK_LOCK_HELD);
    close(a);
    assert_int_equal(gk_lock(b), GK_LOCK_OURS);
    close(b);
    assert_int_equal(gk_lock(b), GK_LOCK_FAILS);
}

static void test_identity(void **state)
{
    char text[GK_IDENTITY_MAX];
    gk_identity who;

    (void)state;
    gk_identity_print(text, true);
    gk_identity_parse(&who, text);
    assert_true(who.whole && who.locked);
    assert_int_equal(who.pid, getpid());
    assert_int_equal(gk_identity_life(&who, 1e9),
                     GK_LIVES);                     /* it is here: silence does not count */
    for (size_t n = strlen(text) - 1; n > 0; n--) { /* torn anywhere, no lock is believed */
        text[n] = 0;
        gk_identity_parse(&who, text);
        assert_false(who.locked);
    }
    gk_identity_parse(&who, "host a\npid 12\nstarted 34\njob 5\nrestart 6\n");
    assert_true(who.whole && !who.locked);
    assert_string_equal(who.host, "a");
    assert_string_equal(who.job, "5");
    assert_string_equal(who.restart, "6");
    assert_int_equal(gk_identity_life(&who, GK_SILENT_SECONDS - 1), GK_SPEAKS);
    assert_int_equal(gk_identity_life(&who, GK_SILENT_SECONDS), GK_GONE);
    gk_identity_parse(&who, "host a\npid x\nstarted 34\n");
    assert_false(who.whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_take, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_left_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fence, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_lock, make_folder, remove_folder),
        cmocka_unit_test(test_identity),
    };

    unsetenv("SLURM_JOB_ID");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
