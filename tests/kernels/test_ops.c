/* Every op of every backend against ref, over the whole table; how backends are opened. */
#include "lib/support.h"
#include "lib/tolerance.h"

#include <stdlib.h>
#include <string.h>

static void verify_all(gk_backend *be, gk_backend *ref, double limit)
{
    gk_verify_result result;
    int failed = 0;

    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify(&result, i, be, ref);
        if (!result.problem && result.error <= fmin(result.limit, limit)) continue;
        failed++;
        print_error("%s %s (%s): error %.3g, limit %.3g: %s\n", be->name, result.op, result.shape,
                    result.error, result.limit, result.problem ? result.problem : "not the same");
    }
    assert_int_equal(failed, 0);
}

static void test_every_backend(void **state)
{
    gk_backend ref = open_ref(), be;

    (void)state;
    for (int i = 0; gk_backend_name(i, NULL); i++) {
        const char *name = gk_backend_name(i, NULL);

        if (!opens(&be, name)) continue;
        assert_string_equal(be.name, name);
        verify_all(&be, &ref, HUGE_VAL);
        gk_backend_close(&be);
    }
    gk_backend_close(&ref);
}

/* 1 thread against 3: no difference at all. */
static void test_threads(void **state)
{
    gk_backend one, three;

    (void)state;
    if (gk_backend_open(&one, "auto", &(gk_device_options){.threads = 1}) ||
        gk_backend_open(&three, "auto", &(gk_device_options){.threads = 3}))
        fail_msg("%s", gk_message());
    verify_all(&three, &one, 0);
    gk_backend_close(&one);
    gk_backend_close(&three);
}

static void test_every_op_has_cases(void **state)
{
    static const char *const ops[] = {
#define OP(name, ...) #name,
#include "gk/ops.def"
#undef OP
    };
    (void)state;
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        gk_verify_result result = {0};

        for (int i = 0; i < gk_verify_cases() && strcmp(result.op, ops[k]); i++)
            gk_verify_name(&result, i);
        assert_string_equal(result.op, ops[k]);
        assert_true(strlen(result.shape) > 0);
    }
}

static void refuse(const char *device, int threads, gk_status status, const char *message)
{
    gk_backend be;

    assert_int_equal(gk_backend_open(&be, device, &(gk_device_options){.threads = threads}),
                     status);
    if (!strstr(gk_message(), message)) fail_msg("%s: %s", device, gk_message());
    gk_backend_close(&be); /* harmless */
}

static bool has_cuda(void)
{
    const char *name;
    bool has = false;

    for (int i = 0; (name = gk_backend_name(i, NULL)); i++) has |= !strcmp(name, "cuda");
    return has;
}

static void test_open(void **state)
{
    gk_backend be;
    gk_text json = {0};
    const char *help = NULL;

    (void)state;
    if (!has_cuda()) refuse("cuda", 0, GK_EDEVICE, "no CUDA backend");
    if (!has_cuda()) refuse("cuda:1", 0, GK_EDEVICE, "cuda:1");
    if (!has_cuda()) refuse("cuda:1023", 0, GK_EDEVICE, "");
    refuse("cuda:x", 0, GK_EUSAGE, "unknown device \"cuda:x\"");
    refuse("reff", 0, GK_EUSAGE, "did you mean \"ref\"?");
    refuse("", 0, GK_EUSAGE, "unknown device");
    refuse("ref", -1, GK_EUSAGE, "-1 threads");
    setenv("GROKC_DEVICE", "cpu", 1);
    assert_int_equal(gk_backend_open(&be, "auto", NULL), GK_OK);
    assert_string_equal(be.name, sizeof(gk_real) == sizeof(float) ? "cpu" : "ref");
    be.describe(&be, &json);
    assert_non_null(strstr(json.data, "\"threads\": "));
    gk_text_free(&json);
    gk_backend_close(&be);
    gk_backend_close(&be);
    assert_string_equal(gk_backend_name(0, &help), "ref");
    assert_true(strlen(help) > 0);
    assert_null(gk_backend_name(-1, &help));
}

static void test_memory(void **state)
{
    gk_backend ref = open_ref();
    char bytes[5] = "abcd", back[5];

    (void)state;
    for (size_t n = 0; n < 3; n++) {
        char *memory = ref.alloc(&ref, n * 300 + 5);

        assert_int_equal((uintptr_t)memory % 256, 0);
        ref.upload(&ref, memory, bytes, 5);
        ref.zero(&ref, memory + 1, 2);
        ref.download(&ref, back, memory, 5);
        assert_memory_equal(back, "a\0\0d", 5);
        ref.release(&ref, memory);
    }
    assert_null(ref.alloc(&ref, SIZE_MAX - 5));
    gk_backend_close(&ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_every_op_has_cases),
        cmocka_unit_test(test_every_backend),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
