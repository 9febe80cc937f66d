/* What goes wrong on a GPU, planted on the host shim: no driver, no memory, a kernel that fails.
 * The first error sticks, with its place, until sync; nothing hangs and nothing is left behind. */
#include "control.h"
#include "lib/support.h"

#include <unistd.h>

/* Opening must fail with this status and a message that has all of these words in it. */
static void refused(gk_status status, const char *device, const char *words, const char *more)
{
    gk_backend be;

    assert_int_equal(gk_backend_open(&be, device, NULL), status);
    if (!strstr(gk_message(), words) || !strstr(gk_message(), more))
        fail_msg("\"%s\" without \"%s\" and \"%s\"", gk_message(), words, more);
    gk_backend_close(&be); /* harmless */
    assert_int_equal(gk_shim_count().allocations, 0);
    assert_int_equal(gk_shim_count().streams, 0);
    assert_int_equal(gk_shim_count().handles, 0);
    gk_shim_reset();
}

static void test_driver(void **state)
{
    (void)state;
    gk_shim_reset();
    gk_shim_set_driver(GK_SHIM_NO_DRIVER);
    refused(GK_ENODEVICE, "cuda", "no NVIDIA driver", "cuda:0");
    gk_shim_set_driver(GK_SHIM_OLD_DRIVER);
    refused(GK_EDEVICE, "cuda:0", "11.4", "13.0");
    gk_shim_set_driver(GK_SHIM_NO_DEVICE);
    refused(GK_ENODEVICE, "cuda", "no GPU", "");
    refused(GK_EDEVICE, "cuda:3", "cuda:3", "has 1");
    gk_shim_fail_launch(1, GK_SHIM_NO_IMAGE);
    refused(GK_EDEVICE, "cuda", "host shim", "compute capability 9.0");
    gk_shim_set_memory(1 << 20);
    refused(GK_EDEVICE, "cuda", "out of memory", ".cu:");
}

/* Opens "auto", which must be this backend; what was said on stderr is in `said`. */
static void automatic(const char *backend, char *said, size_t size)
{
    gk_backend be;
    FILE *file = tmpfile();
    int out = dup(STDERR_FILENO);

    assert_non_null(file);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    gk_status status = gk_backend_open(&be, "auto", NULL);
    fflush(stderr);
    assert_true(dup2(out, STDERR_FILENO) >= 0);
    close(out);
    OK(status);
    assert_string_equal(be.name, backend);
    gk_backend_close(&be);
    rewind(file);
    said[fread(said, 1, size - 1, file)] = 0;
    fclose(file);
}

/* "auto" is the GPU, or the CPU: quietly where there is no GPU, else with the reason. */
static void test_automatic(void **state)
{
    char said[1024];

    (void)state;
    gk_shim_reset();
    unsetenv("GROKC_DEVICE");
    automatic("cuda", said, sizeof said);
    assert_string_equal(said, "");
    gk_shim_set_driver(GK_SHIM_NO_DRIVER);
    automatic("cpu", said, sizeof said);
    assert_string_equal(said, "");
    gk_shim_set_driver(GK_SHIM_NO_DEVICE);
    automatic("cpu", said, sizeof said);
    assert_string_equal(said, "");
    gk_shim_set_driver(GK_SHIM_OLD_DRIVER);
    automatic("cpu", said, sizeof said);
    assert_non_null(strstr(said, "newer driver"));
    assert_non_null(strstr(said, "on the CPU instead"));
    gk_shim_reset();
    gk_shim_set_memory(1 << 20);
    automatic("cpu", said, sizeof said);
    assert_non_null(strstr(said, "out of memory"));
    gk_shim_reset();
}

static void open_cuda(gk_backend *be)
{
    gk_shim_reset();
    OK(gk_backend_open(be, "cuda", NULL));
}

static void test_description(void **state)
{
    gk_backend be;
    gk_text json = {0};

    (void)state;
    open_cuda(&be);
    be.describe(&be, &json);
    assert_non_null(strstr(json.data, "\"host shim\""));
    assert_non_null(strstr(json.data, "9.0"));
    gk_text_free(&json);
    gk_backend_close(&be);
}

/* An allocation that fails is no error of the device: what fits goes on. */
static void test_no_memory(void **state)
{
    gk_backend be;

    (void)state;
    open_cuda(&be);
    gk_shim_set_memory(gk_shim_count().bytes + 1000);
    assert_int_equal(be.room(&be), 1000);
    assert_null(be.alloc(&be, 1001));
    void *memory = be.alloc(&be, 1000);
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % 256, 0);
    assert_int_equal(be.room(&be), 0);
    be.zero(&be, memory, 1000);
    OK(be.sync(&be));
    be.release(&be, memory);
    gk_backend_close(&be);
    assert_int_equal(gk_shim_count().bytes, 0);
}

/* Memory for partial results that an op cannot have: the message says how much. */
static void test_no_memory_for_an_op(void **state)
{
    enum { ROWS = 12769, COLS = 64 };
    gk_backend be;

    (void)state;
    open_cuda(&be);
    gk_real *out = be.alloc(&be, COLS * sizeof *out);
    gk_real *in = be.alloc(&be, (size_t)ROWS * COLS * sizeof *in);
    gk_shim_set_memory(gk_shim_count().bytes);
    be.zero(&be, in, (size_t)ROWS * COLS * sizeof *in);
    be.bias_add_back(&be, out, in, 1, ROWS, COLS, 0);
    assert_int_equal(be.sync(&be), GK_EDEVICE);
    assert_non_null(strstr(gk_message(), " bytes"));
    assert_non_null(strstr(gk_message(), "memory"));
    be.release(&be, in);
    be.release(&be, out);
    gk_backend_close(&be);
    assert_int_equal(gk_shim_count().bytes, 0);
}

/* A batch that does not fit says what it needs. */
static void test_no_memory_for_a_batch(void **state)
{
    const gk_config *configs[1];
    gk_config c;
    gk_batch batch;
    gk_backend be;
    char bytes[64];

    (void)state;
    CONFIG(&c, "task.p=59", "model.d_mlp=256");
    configs[0] = &c;
    open_cuda(&be);
    gk_shim_set_memory(gk_shim_count().bytes + 1000);
    assert_int_equal(gk_batch_open(&batch, configs, 1, &be), GK_EMEM);
    snprintf(bytes, sizeof bytes, " %zu bytes", batch.size.device_bytes);
    assert_true(batch.size.device_bytes > 0);
    if (!strstr(gk_message(), bytes)) fail_msg("%s without %s", gk_message(), bytes);
    if (!strstr(gk_message(), "enough for 0")) fail_msg("%s: how many fit?", gk_message());
    gk_batch_close(&batch);
    gk_backend_close(&be);
    assert_int_equal(gk_shim_count().bytes, 0);
}

/* The op's kernel fails; later ops do nothing; sync says so as often as it is asked; GK_SYNC=1
 * names kernel and line. */
static void test_failing_kernel(void **state)
{
    enum { N = 8 };

    (void)state;
    for (int each = 0; each < 2; each++) {
        gk_backend be;
        gk_real host[N] = {1, 2, 3, 4, 5, 6, 7, 8}, back[N] = {0};

        if (each) setenv("GK_SYNC", "1", 1);
        open_cuda(&be);
        unsetenv("GK_SYNC");
        gk_real *x = be.alloc(&be, sizeof host), *bias = be.alloc(&be, sizeof host);
        be.upload(&be, x, host, sizeof host);
        be.upload(&be, bias, host, sizeof host);
        gk_shim_fail_launch(1, GK_SHIM_TRAP);
        be.bias_add(&be, x, bias, 1, 1, N);
        int64_t launches = gk_shim_count().launches;
        be.bias_add(&be, x, bias, 1, 1, N);
        assert_int_equal(gk_shim_count().launches, launches);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(be.sync(&be), GK_EDEVICE);
            assert_non_null(strstr(gk_message(), "unspecified launch failure"));
            assert_non_null(strstr(gk_message(), ".cu:"));
            assert_true(!each == !strstr(gk_message(), "bias_act.cu:"));
            assert_true(!each == !strstr(gk_message(), "_kernel"));
        }
        be.download(&be, back, x, sizeof back); /* neither hangs nor writes */
        assert_true(back[0] == 0);
        assert_null(be.alloc(&be, 16));
        be.release(&be, x);
        be.release(&be, bias);
        gk_backend_close(&be);
        assert_int_equal(gk_shim_count().allocations, 0);
    }
}

/* A launch that the runtime refuses is known at once. */
static void test_refused_launch(void **state)
{
    gk_backend be;

    (void)state;
    open_cuda(&be);
    gk_real *x = be.alloc(&be, 256), *bias = be.alloc(&be, 256);
    gk_shim_fail_launch(1, GK_SHIM_NO_IMAGE);
    be.bias_add(&be, x, bias, 1, 1, 4);
    assert_int_equal(be.sync(&be), GK_EDEVICE);
    assert_non_null(strstr(gk_message(), "no kernel image"));
    assert_non_null(strstr(gk_message(), "bias_act.cu:"));
    be.release(&be, x);
    be.release(&be, bias);
    gk_backend_close(&be);
    assert_int_equal(gk_shim_count().allocations, 0);
}

/* 20 steps, of which the how manieth launch fails (0: none), those that are only recorded
 * counted too. Returns how many launches the first step has. */
static int64_t step_that_fails(int64_t launch)
{
    gk_config c;
    lab l;
    int64_t done, before, launches;

    CONFIG(&c, "task.p=5", "model.d_model=4", "model.heads=1", "model.d_head=4", "model.d_mlp=4");
    gk_shim_reset();
    lab_open(&l, &c, 1, "cuda", 1);
    before = gk_shim_count().launches;
    gk_shim_fail_launch(launch, GK_SHIM_TRAP);
    gk_batch_advance(&l.batch, 1, &done);
    launches = gk_shim_count().launches - before;
    gk_batch_advance(&l.batch, 19, &done);
    assert_int_equal(l.be.sync(&l.be), launch ? GK_EDEVICE : GK_OK);
    assert_true(!launch == !gk_shim_problem());
    lab_close(&l);
    assert_int_equal(gk_shim_count().allocations, 0);
    assert_int_equal(gk_shim_count().graphs, 0);
    return launches;
}

static void test_failing_step(void **state)
{
    int64_t n = step_that_fails(0);

    (void)state;
    assert_true(n > 5);
    for (int64_t launch = 1; launch <= 3 * n; launch++) step_that_fails(launch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_driver),
        cmocka_unit_test(test_automatic),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_for_an_op),
        cmocka_unit_test(test_no_memory_for_a_batch),
        cmocka_unit_test(test_failing_kernel),
        cmocka_unit_test(test_refused_launch),
        cmocka_unit_test(test_failing_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
