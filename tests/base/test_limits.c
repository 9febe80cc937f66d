/* Quotas and limits of cgroups, in planted folders; variables that give a number of cores. */
#include "lib/folder.h"

#include "base/limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A file and the folders above it. */
static void plant(const char *name, const char *text)
{
    char path[GK_PATH_MAX];

    assert_int_equal(gk_path(path, "%s", in_folder(name)), GK_OK);
    *strrchr(path, '/') = 0;
    assert_int_equal(gk_make_directories(path), GK_OK);
    assert_int_equal(gk_file_replace(in_folder(name), text, strlen(text)), GK_OK);
}

#define GROUP "sys/fs/cgroup/"

static void test_nothing(void **state)
{
    (void)state;
    for (int version = 1; version <= 2; version++) {
        assert_true(isinf(gk_cgroup_cores(folder, version)));
        assert_true(isinf(gk_cgroup_memory(folder, version)));
    }
}

static void test_version_2(void **state)
{
    (void)state;
    plant("proc/self/cgroup", "0::/a.slice/job_7\n");
    plant(GROUP "a.slice/job_7/cpu.max", "max 100000\n");
    assert_true(isinf(gk_cgroup_cores(folder, 2)));
    plant(GROUP "a.slice/cpu.max", "150000 100000\n"); /* of the one above */
    assert_true(gk_cgroup_cores(folder, 2) == 1.5);
    plant(GROUP "a.slice/job_7/cpu.max", "50000 100000\n");
    assert_true(gk_cgroup_cores(folder, 2) == 0.5);
    plant(GROUP "other/cpu.max", "1000 100000\n"); /* nobody's business */
    assert_true(gk_cgroup_cores(folder, 2) == 0.5);
    plant(GROUP "cpu.max", "20000 100000\n"); /* in a container the root is its own */
    assert_true(gk_cgroup_cores(folder, 2) == 0.2);
    plant(GROUP "cpu.max", "garbage\n");
    plant(GROUP "a.slice/job_7/cpu.max", "50000 0\n");
    assert_true(gk_cgroup_cores(folder, 2) == 1.5);

    plant(GROUP "a.slice/memory.max", "1000000\n");
    plant(GROUP "a.slice/job_7/memory.max", "max\n");
    assert_true(gk_cgroup_memory(folder, 2) == 1000000);
    plant(GROUP "a.slice/memory.current", "700000\n");
    assert_true(gk_cgroup_memory(folder, 2) == 300000);
    plant(GROUP "a.slice/memory.stat", "anon 1\ninactive_file 200000\nactive_file 5\n");
    assert_true(gk_cgroup_memory(folder, 2) == 500000);
    plant(GROUP "a.slice/job_7/memory.high", "400000\n");
    assert_true(gk_cgroup_memory(folder, 2) == 400000);
    plant(GROUP "a.slice/job_7/memory.current", "900000\n"); /* more than it may */
    assert_true(gk_cgroup_memory(folder, 2) == 0);
    assert_true(isinf(gk_cgroup_memory(folder, 1)) && isinf(gk_cgroup_cores(folder, 1)));
}

static void test_version_1(void **state)
{
    (void)state;
    plant("proc/self/cgroup", "12:cpuset:/x\n4:cpu,cpuacct:/slurm/job\n7:memory:/slurm/job\n"
                              "1:name=systemd:/y\n0::/z\n");
    plant(GROUP "cpu,cpuacct/slurm/job/cpu.cfs_quota_us", "-1\n");
    plant(GROUP "cpu,cpuacct/slurm/job/cpu.cfs_period_us", "100000\n");
    assert_true(isinf(gk_cgroup_cores(folder, 1)));
    plant(GROUP "cpu,cpuacct/slurm/cpu.cfs_quota_us", "350000\n");
    plant(GROUP "cpu,cpuacct/slurm/cpu.cfs_period_us", "100000\n");
    assert_true(gk_cgroup_cores(folder, 1) == 3.5);
    plant(GROUP "cpu,cpuacct/x/cpu.cfs_quota_us", "1000\n"); /* another controller's path */
    plant(GROUP "cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    assert_true(gk_cgroup_cores(folder, 1) == 3.5);
    plant(GROUP "memory/slurm/job/memory.limit_in_bytes", "9223372036854771712\n");
    assert_true(isinf(gk_cgroup_memory(folder, 1)));
    plant(GROUP "memory/slurm/memory.limit_in_bytes", "3000000\n");
    plant(GROUP "memory/slurm/memory.usage_in_bytes", "2500000\n");
    plant(GROUP "memory/slurm/memory.stat", "cache 4\ninactive_file 9\ntotal_inactive_file 1000\n");
    assert_true(gk_cgroup_memory(folder, 1) == 501000);
    plant("proc/self/cgroup", "7:memory:/../../elsewhere\n"); /* outside of what is mounted */
    assert_true(isinf(gk_cgroup_memory(folder, 1)));
    plant(GROUP "memory/memory.limit_in_bytes", "7000\n");
    assert_true(gk_cgroup_memory(folder, 1) == 7000);
}

static void test_variables(void **state)
{
    static const struct {
        const char *text;
        double cores;
    } cases[] = {{"3", 3},       {"16,2", 16},    {"0", HUGE_VAL},  {"-2", HUGE_VAL},
                 {"", HUGE_VAL}, {"x", HUGE_VAL}, {"4x", HUGE_VAL}, {"2.5", HUGE_VAL}};

    (void)state;
    unsetenv("GK_TEST_CORES");
    assert_true(isinf(gk_variable_cores("GK_TEST_CORES")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("GK_TEST_CORES", cases[i].text, 1);
        assert_true(gk_variable_cores("GK_TEST_CORES") == cases[i].cores);
    }
    int all = gk_cores_allowed().n;
    setenv("OMP_NUM_THREADS", "1", 1);
    assert_int_equal(gk_cores_allowed().n, 1);
    assert_true(all >= 1);
    assert_true(gk_memory_free().bytes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_version_2, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_version_1, make_folder, remove_folder),
        cmocka_unit_test(test_variables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
