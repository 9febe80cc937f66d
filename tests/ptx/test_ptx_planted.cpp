/* What the interpreter is there to catch, planted: small kernels in PTX, each with one fault,
 * beside right ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
extern "C" {
#include <cmocka.h>
}

#include "device.h"

#include <stdexcept>

enum { THREADS = 64, OUTS = 128 };

/* Only its name counts: the launch finds the PTX by it. */
static void planted_kernel(float *) {}

/* %r1: the thread; %rd1: out; %rd2: &out[thread]; %r2: its place in shared memory. */
static const char *const head = R"(
.version 9.0
.target sm_75
.address_size 64
.entry _Z14planted_kernelPf(.param .u64 out)
{
    .reg .pred %p<9>;
    .reg .b32 %r<19>;
    .reg .f32 %f<9>;
    .reg .b64 %rd<9>;
    .shared .align 4 .b8 tile[256];
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd2, %rd1, %rd2;
    shl.b32 %r2, %r1, 2;
    mov.f32 %f1, 0f3F800000;
)";

struct plant {
    const char *body, *found; /* in the words of the fault; NULL: none */
    int blocks;
};

static const plant plants[] = {
    {"st.global.f32 [%rd2], %f1;", nullptr, 1},
    {"st.global.f32 [%rd2], %f1;", "written by two threads", 2}, /* both blocks */
    {"st.global.f32 [%rd2+256], %f1;", nullptr, 1},
    {"st.global.f32 [%rd2+260], %f1;", "in no allocation", 1},
    {"st.global.f32 [%rd2+2], %f1;", "misaligned", 1},
    {"ld.global.f32 %f2, [%rd1]; st.global.f32 [%rd2], %f1;", "a race", 1},
    /* passes a value on in shared memory */
    {"xor.b32 %r3, %r2, 128; st.shared.f32 [%r2], %f1; bar.sync 0; ld.shared.f32 %f2, [%r3];",
     nullptr, 1},
    {"xor.b32 %r3, %r2, 128; st.shared.f32 [%r2], %f1; ld.shared.f32 %f2, [%r3];", "nobody", 1},
    {"xor.b32 %r3, %r2, 128; st.shared.f32 [%r2], %f1; bar.sync 0; ld.shared.f32 %f2, [%r3]; "
     "st.shared.f32 [%r2], %f1;",
     "a race", 1},
    /* within a warp */
    {"xor.b32 %r3, %r2, 4; st.shared.f32 [%r2], %f1; bar.warp.sync -1; ld.shared.f32 %f2, [%r3];",
     nullptr, 1},
    {"xor.b32 %r3, %r2, 4; st.shared.f32 [%r2], %f1; ld.shared.f32 %f2, [%r3];", "a race", 1},
    {"mov.u32 %r3, tile; st.shared.f32 [%r3], %f1;", "written by two threads", 1},
    {"st.shared.f32 [%r2+4], %f1;", "beyond 256 bytes", 1},
    /* barriers: in a branch that only some take */
    {"setp.lt.u32 %p1, %r1, 32; @%p1 bra L; bar.sync 0; L: st.global.f32 [%rd2], %f1;", "has ended",
     1},
    {"setp.lt.u32 %p1, %r1, 40; @%p1 bra L; bar.sync 0; L: bar.sync 0;", "others wait at", 1},
    /* members of a warp's operations */
    {"shfl.sync.bfly.b32 %r3|%p1, %r1, 1, 31, -1;", nullptr, 1},
    {"shfl.sync.bfly.b32 %r3|%p1, %r1, 1, 31, 65535;", "not one of the members", 1},
    {"setp.lt.u32 %p1, %r1, 40; @%p1 ret; shfl.sync.bfly.b32 %r3|%p2, %r1, 1, 31, -1;", "ended", 1},
    {"setp.lt.u32 %p1, %r1, 40; @%p1 bra L; shfl.sync.bfly.b32 %r3|%p2, %r1, 1, 31, -1; "
     "L: shfl.sync.bfly.b32 %r3|%p2, %r1, 1, 31, -1;",
     "never come", 1},
    {"L: bra L;", "no end", 1},
    {"trap;", "trap", 1},
};

static void run(const plant &p)
{
    std::string text = std::string(head) + p.body + " ret; }";
    float *out;

    gk_shim_reset();
    gk_ptx::use({{"planted.ptx", text}});
    assert_int_equal(cudaMalloc(&out, OUTS * sizeof *out), cudaSuccess);
    gk_shim::launch(nullptr, "planted_kernel", planted_kernel, dim3((unsigned)p.blocks), THREADS, 0,
                    out);
    const char *found = gk_shim_problem();
    if (!p.found != !found || (found && !strstr(found, p.found)))
        fail_msg("%s\n    found: %s\n    to be found: %s", p.body, found ? found : "nothing",
                 p.found ? p.found : "nothing");
    gk_shim_reset();
    cudaFree(out);
}

static void test_planted(void **)
{
    gk_ptx::most_instructions = 100000;
    for (const plant &p : plants)
        for (int order = GK_SHIM_FORWARD; order <= GK_SHIM_RANDOM; order++) {
            gk_shim_set_order((enum gk_shim_order)order, 1);
            run(p);
        }
}

/* What no kernel of ours may hide behind: words that are not known are refused. */
static void test_refused(void **)
{
    static const char *const bodies[] = {"add.rz.f32 %f1, %f1, %f1;", "add.f32 %f1, %f1, %rd1;",
                                         "ld.global.f32 %f1, [nowhere];", "bra nowhere;",
                                         "atom.add.f32 %f1, [%rd1], %f1;"};
    for (const char *body : bodies) {
        bool refused = false;

        try {
            gk_ptx::parse("refused.ptx", std::string(head) + body + " ret; }");
        } catch (const std::runtime_error &) {
            refused = true;
        }
        if (!refused) fail_msg("%s: taken", body);
    }
}

int main()
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_planted),
                                       cmocka_unit_test(test_refused)};

    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
