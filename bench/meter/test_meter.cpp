/* What the meter refuses, and what it reads in the texts of ptxas and cuobjdump: planted. */
#include "report.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

/* Last: it has a macro of the name of a member of C++'s streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
extern "C" {
#include <cmocka.h>
}

static const char *const watched[] = {"launches",       "warp_instructions", "double",
                                      "sectors_loaded", "sectors_stored",    "shared_passes",
                                      "barriers"};

/* A report with this sum of `what`, and 10 of every other. */
static json_t *report_of(const char *work, const char *what, double sum)
{
    json_t *sums = json_object();

    for (const char *one : watched) json_object_set_new(sums, one, json_integer(10));
    json_object_set_new(sums, what, json_real(sum));
    return json_pack("{s:{s:o}}", "work", work, sums);
}

static int worse(const char *what, double now, const char *work_before, double before)
{
    json_t *a = report_of("table:1", what, now), *b = report_of(work_before, what, before);
    int n = meter::compare(a, b);

    json_decref(a);
    json_decref(b);
    return n;
}

static void test_refused(void **)
{
    for (const char *what : watched) {
        assert_int_equal(worse(what, 1000, "table:1", 1000), 0);
        assert_int_equal(worse(what, 1020, "table:1", 1000), 0);
        assert_int_equal(worse(what, 1021, "table:1", 1000), 1);
        assert_int_equal(worse(what, 1, "table:1", 0), 1);
        assert_int_equal(worse(what, 500, "table:1", 1000), 0);
    }
    assert_int_equal(worse("fma", 2000, "table:1", 1000), 0); /* only what costs */
    assert_true(worse("double", 1000, "ops:1", 1000) > 0);    /* never measured before */
}

static void write(const std::string &path, const char *text) { std::ofstream(path) << text; }

static void test_resources(void **)
{
    char folder[] = "test_meter.XXXXXX"; /* in the build folder */

    assert_non_null(mkdtemp(folder));
    std::string arch = std::string(folder) + "/sm_90";
    assert_int_equal(mkdir(arch.c_str(), 0700), 0);
    write(arch + "/x.ptxas",
          "ptxas info    : Compiling entry function '_Z8a_kernelPf' for 'sm_90'\n"
          "    16 bytes stack frame, 12 bytes spill stores, 8 bytes spill loads\n"
          "ptxas info    : Used 40 registers, used 1 barriers, 512 bytes smem\n");
    write(arch + "/x.sass", "\t\tFunction : _Z8a_kernelPf\n"
                            "        /*0000*/  LDG.E R4, [R2.64] ;      /* 0x0 */\n"
                            "        /*0010*/  LDG.E R5, [R2.64+0x4] ;  /* 0x0 */\n"
                            "        /*0020*/  FADD R6, R4, R5 ;        /* 0x0 */\n"
                            "        /*0030*/  LDG.E R40, [R8.64] ;     /* 0x0 */\n"
                            "        /*0040*/  FADD R7, R4, R5 ;        /* 0x0 */\n"
                            "        /*0050*/  LDG.E R9, [R40.64] ;     /* 0x0 */\n"
                            "        /*0060*/  STG.E [R8.64], R9 ;      /* 0x0 */\n");
    std::map<std::string, meter::resources> all = meter::read_resources(folder, "sm_90");
    const meter::resources &r = all.at("a_kernel");

    assert_int_equal(all.size(), 1);
    assert_int_equal(r.registers, 40);
    assert_int_equal(r.spilled, 12);
    assert_int_equal(r.shared, 512);
    assert_int_equal(r.loads, 4);
    assert_int_equal(r.serial, 3); /* all but the first, behind which another is under way */
    unlink((arch + "/x.ptxas").c_str());
    unlink((arch + "/x.sass").c_str());
    rmdir(arch.c_str());
    assert_int_equal(rmdir(folder), 0);
}

/* 65,536 registers of an H100: 2,048 threads of 32, or 8 warps of 255; 228 KB of shared memory. */
static void test_occupancy(void **)
{
    const meter::gpu &h100 = meter::gpus[1];
    meter::resources r;

    r.registers = 32;
    assert_int_equal(meter::blocks_at_once(h100, r, 256, 0), 8);
    assert_int_equal(meter::blocks_at_once(h100, r, 32, 0), 32); /* blocks */
    r.registers = 255;
    assert_int_equal(meter::blocks_at_once(h100, r, 256, 0), 1);
    r.registers = 32;
    assert_int_equal(meter::blocks_at_once(h100, r, 256, 100 << 10), 2);
}

int main()
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_resources),
                                       cmocka_unit_test(test_occupancy)};

    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
