/* For test_shim_planted*.cpp: a device for each test, arrays on it, and a child process for what
 * ends one. */
#ifndef GK_SHIM_PLANTED_H
#define GK_SHIM_PLANTED_H

#include "asan.h"
#include "control.h"
#include "shim.h"

#include <setjmp.h>
#include <stdarg.h>
extern "C" {
#include <cmocka.h>
}

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

/* Fails the test where the call answers something else. */
#define ANSWERS(call, expected)                                                                    \
    do {                                                                                           \
        cudaError_t got = (call);                                                                  \
        if (got != (expected))                                                                     \
            fail_msg("%s: %s (%s)", #call, cudaGetErrorString(got),                                \
                     gk_shim_problem() ? gk_shim_problem() : "no fault");                          \
    } while (0)
#define WORKS(call) ANSWERS(call, cudaSuccess)

/* A stream of a new device, for one test. */
struct lab {
    cudaStream_t stream;
    lab()
    {
        gk_shim_reset();
        gk_shim_set_order(GK_SHIM_FORWARD, 0);
        WORKS(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    }
    ~lab() { cudaStreamDestroy(stream); }
};

/* n floats in device memory, 1, 2, ... */
struct array {
    size_t n;
    float *at;
    explicit array(size_t count) : n(count)
    {
        std::vector<float> values(n);

        for (size_t i = 0; i < n; i++) values[i] = (float)(i + 1);
        WORKS(cudaMalloc(&at, n * sizeof *at));
        WORKS(cudaMemcpyAsync(at, values.data(), n * sizeof *at, cudaMemcpyHostToDevice));
    }
    ~array() { cudaFree(at); }
    std::vector<float> values(cudaStream_t stream) const
    {
        std::vector<float> host(n);

        WORKS(cudaMemcpyAsync(host.data(), at, n * sizeof *at, cudaMemcpyDeviceToHost, stream));
        return host;
    }
};

/* The fault of the kernels so far must have all of `words` in it (NULL: there must be none), and
 * must stick. */
inline void expect_fault(cudaStream_t stream, const char *words, const char *more = "")
{
    if (!words) {
        WORKS(cudaStreamSynchronize(stream));
        assert_null(gk_shim_problem());
        return;
    }
    assert_int_equal(cudaGetLastError(), cudaSuccess); /* the launch itself was fine */
    cudaError_t error = cudaStreamSynchronize(stream);
    assert_true(error == cudaErrorLaunchFailure || error == cudaErrorIllegalAddress);
    assert_int_equal(cudaGetLastError(), error);
    assert_int_equal(cudaGetLastError(), error);
    if (!strstr(gk_shim_problem(), words) || !strstr(gk_shim_problem(), more))
        fail_msg("\"%s\" without \"%s\" and \"%s\"", gk_shim_problem(), words, more);
    print_message("%s\n", gk_shim_problem());
}

/* How a child process ends that does `work`. */
enum ending { FINE, FAULT, SANITIZER, SIGNAL };

template <class F> ending ending_of(F work)
{
    enum { FAULT_CODE = 42 };
    int out[2], status, n;
    char text[65536];

    if (pipe(out) != 0) fail_msg("pipe");
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDERR_FILENO);
        for (int caught : {SIGSEGV, SIGABRT}) signal(caught, SIG_DFL); /* cmocka's handlers */
        work();
        _exit(gk_shim_problem() ? FAULT_CODE : 0);
    }
    close(out[1]);
    for (size_t at = 0; (n = (int)read(out[0], text + at, sizeof text - 1 - at)) > 0;)
        text[at += (size_t)n] = 0;
    close(out[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) return SIGNAL;
    if (WEXITSTATUS(status) == FAULT_CODE) return FAULT;
    return WEXITSTATUS(status) == 0 ? FINE : SANITIZER;
}

#endif
