/* What the shim is there to catch, planted: kernels with one bug each and their correct twins
 * (BUG 0). Races, barriers, masks and indices; test_shim_planted_host.cpp has the bugs of the
 * host's side. */
#include "planted.h"

enum { THREADS = 96, WHOLE = -1 };

/* ---- races: other bytes in another order */

template <int BUG> static __global__ void turn_kernel(float *out, const float *in)
{
    SHARED(float, tile, THREADS);
    int t = (int)threadIdx.x;

    tile[t] = in[t];
    if (!BUG) __syncthreads();
    out[t] = tile[THREADS - 1 - t];
}

/* Sums of rows, one after the other in the same shared memory. */
template <int BUG> static __global__ void sums_kernel(float *out, const float *in)
{
    SHARED(float, tile, THREADS);
    int t = (int)threadIdx.x;

    for (int row = 0; row < 3; row++) {
        float sum = 0;

        tile[t] = in[t] * (float)(row + 1);
        __syncthreads();
        for (int i = 0; i < THREADS; i++) sum += tile[i];
        if (!BUG) __syncthreads();
        out[row * THREADS + t] = sum;
    }
}

/* Warps that pass a value on without a barrier, after a shuffle that only keeps lanes together. */
template <int BUG> static __global__ void warps_kernel(float *out, const float *in)
{
    SHARED(float, part, THREADS / 32);
    int t = (int)threadIdx.x;
    float sum = in[t];

    for (int step = 16; step; step /= 2) sum += __shfl_xor_sync(0xffffffff, sum, step);
    if (t % 32 == 0) part[t / 32] = sum;
    if (BUG)
        __syncwarp();
    else
        __syncthreads();
    out[t] = part[0] + part[1] + part[2];
}

/* Blocks that read what another block writes. */
template <int BUG> static __global__ void blocks_kernel(float *out, const float *in)
{
    unsigned b = blockIdx.x, other = (b + 1) % gridDim.x;

    out[b] = BUG && out[other] == in[0] ? 0 : in[0];
}

typedef void (*unary)(float *out, const float *in);

/* Do three orders give the same bytes? */
static bool same_in_all_orders(unary kernel, unsigned grid, unsigned block)
{
    std::vector<float> first;
    bool same = true;

    for (int order = GK_SHIM_FORWARD; order <= GK_SHIM_RANDOM; order++) {
        lab l;
        array in(THREADS), out(3 * THREADS);

        gk_shim_set_order((enum gk_shim_order)order, 7);
        GK_LAUNCH(l.stream, kernel, grid, block, 0, out.at, in.at);
        expect_fault(l.stream, nullptr);
        std::vector<float> now = out.values(l.stream);
        if (order == GK_SHIM_FORWARD) first = now;
        same = same && memcmp(first.data(), now.data(), now.size() * sizeof now[0]) == 0;
    }
    return same;
}

static void test_races(void **)
{
    assert_false(same_in_all_orders(turn_kernel<1>, 1, THREADS));
    assert_true(same_in_all_orders(turn_kernel<0>, 1, THREADS));
    assert_false(same_in_all_orders(sums_kernel<1>, 1, THREADS));
    assert_true(same_in_all_orders(sums_kernel<0>, 1, THREADS));
    assert_false(same_in_all_orders(warps_kernel<1>, 1, THREADS));
    assert_true(same_in_all_orders(warps_kernel<0>, 1, THREADS));
    assert_false(same_in_all_orders(blocks_kernel<1>, 5, 1));
    assert_true(same_in_all_orders(blocks_kernel<0>, 5, 1));
}

/* What the twins compute is right, too. */
static void test_values(void **)
{
    lab l;
    array in(THREADS), out(THREADS);

    GK_LAUNCH(l.stream, turn_kernel<0>, 1, THREADS, 0, out.at, in.at);
    std::vector<float> got = out.values(l.stream);
    for (int i = 0; i < THREADS; i++) assert_true(got[(size_t)i] == (float)(THREADS - i));
    GK_LAUNCH(l.stream, warps_kernel<0>, 1, THREADS, 0, out.at, in.at);
    got = out.values(l.stream);
    for (float x : got) assert_true(x == THREADS * (THREADS + 1) / 2);
}

/* ---- barriers and masks: a fault, never a hang */

enum { IN_A_BRANCH = 1, AFTER_A_RETURN, OF_TWO_BRANCHES };

template <int BUG> static __global__ void barrier_kernel(float *out)
{
    int t = (int)threadIdx.x;

    if (BUG == AFTER_A_RETURN && t >= 64) return;
    if (BUG == IN_A_BRANCH && t < 16) __syncthreads();
    if (BUG == OF_TWO_BRANCHES) {
        if (t < 32)
            __syncthreads();
        else
            __syncthreads();
    }
    __syncthreads();
    out[t] = 1;
}

static void test_barriers(void **)
{
    static const struct {
        void (*kernel)(float *);
        const char *fault, *more;
    } cases[] = {
        {barrier_kernel<0>, nullptr, ""},
        {barrier_kernel<IN_A_BRANCH>, "block (1,0,0), thread (0,0,0): waits at", "waits at"},
        {barrier_kernel<AFTER_A_RETURN>, "thread (0,0,0): waits at", "thread (64,0,0) has ended"},
        {barrier_kernel<OF_TWO_BRANCHES>, "thread (0,0,0): waits at", "thread (32,0,0) waits at"},
    };

    for (const auto &c : cases) {
        lab l;
        array out(THREADS);

        gk_shim_set_order(GK_SHIM_REVERSE, 0);
        GK_LAUNCH(l.stream, c.kernel, 2, THREADS, 0, out.at);
        expect_fault(l.stream, c.fault, c.more);
    }
}

enum { NOT_THE_CALLER = 1, DIVERGENT, ENDED, TOO_MANY };

template <int BUG> static __global__ void mask_kernel(float *out)
{
    int t = (int)threadIdx.x;
    unsigned mask = BUG == DIVERGENT || BUG == ENDED ? 0xffffffff : 0xffff;

    if (BUG == TOO_MANY) {
        out[t] =
            __shfl_xor_sync(0xffffffff, (float)t, 1); /* in a block of 48: half a warp is there */
        return;
    }
    if (BUG == NOT_THE_CALLER) {
        out[t] = __shfl_xor_sync(0xfffe, (float)t, 1);
        return;
    }
    if (t < 16) {
        out[t] = __shfl_xor_sync(mask, (float)t, 1);
    } else if (BUG == DIVERGENT) {
        out[t] = __shfl_xor_sync(mask, (float)t, 2);
    }
}

static void test_masks(void **)
{
    static const struct {
        void (*kernel)(float *);
        unsigned threads;
        const char *fault, *more;
    } cases[] = {
        {mask_kernel<0>, 32, nullptr, ""},
        {mask_kernel<NOT_THE_CALLER>, 32, "0000fffe", "does not name the caller"},
        {mask_kernel<DIVERGENT>, 32, "thread (0,0,0): waits at", "thread (16,0,0) waits at"},
        {mask_kernel<ENDED>, 32, "thread (0,0,0): waits at", "thread (16,0,0) has ended"},
        {mask_kernel<TOO_MANY>, 48, "thread (32,0,0): waits at", "that the block does not have"},
    };

    for (const auto &c : cases) {
        lab l;
        array out(THREADS);

        GK_LAUNCH(l.stream, c.kernel, 1, c.threads, 0, out.at);
        expect_fault(l.stream, c.fault, c.more);
    }
}

/* Every warp operation, in segments of 8 lanes where there are any. */
static __global__ void warp_kernel(float *out)
{
    int t = (int)threadIdx.x;
    unsigned all = 0xffffffff;

    out[t] = __shfl_sync(all, (float)t, 3, 8);
    out[32 + t] = __shfl_up_sync(all, (float)t, 2, 8);
    out[64 + t] = __shfl_down_sync(all, (float)t, 2, 8);
    out[96 + t] = __shfl_xor_sync(all, (float)t, 5, 8);
    out[128 + t] = (float)__shfl_xor_sync(all, (double)t, 16);
    out[160 + t] = (float)(__ballot_sync(all, t % 4 == 1) >> t & 1);
    out[192 + t] = (float)(2 * __any_sync(all, t == 9) + __all_sync(all, t != 9));
    __syncwarp();
    out[224 + t] = (float)(2 * __all_sync(all, t < 32) + __any_sync(all, t > 31));
}

static void test_warp_operations(void **)
{
    lab l;
    array out(256);

    gk_shim_set_order(GK_SHIM_RANDOM, 3);
    GK_LAUNCH(l.stream, warp_kernel, 1, 32, 0, out.at);
    expect_fault(l.stream, nullptr);
    std::vector<float> got = out.values(l.stream);
    for (size_t t = 0; t < 32; t++) {
        size_t first = t / 8 * 8;

        assert_true(got[t] == (float)(first + 3));
        assert_true(got[32 + t] == (float)(t - first < 2 ? t : t - 2));
        assert_true(got[64 + t] == (float)(t - first < 6 ? t + 2 : t));
        assert_true(got[96 + t] == (float)(t ^ 5));
        assert_true(got[128 + t] == (float)(t ^ 16));
        assert_true(got[160 + t] == (t % 4 == 1));
        assert_true(got[192 + t] == 2);
        assert_true(got[224 + t] == 2);
    }
}

/* ---- indices: guards, or AddressSanitizer */

enum { WRITES_SHARED = 1, WRITES_DYNAMIC, WRITES_GLOBAL, READS_GLOBAL };

template <int BUG> static __global__ void index_kernel(float *out, const float *in)
{
    SHARED(float, tile, THREADS);
    SHARED_DYN(float, more);
    int t = (int)threadIdx.x;

    tile[t + (BUG == WRITES_SHARED)] = 1;
    more[t + (BUG == WRITES_DYNAMIC)] = 1;
    out[t + (BUG == WRITES_GLOBAL)] = in[t + (BUG == READS_GLOBAL)];
}

/* One past the end; of what is read, without AddressSanitizer: a NaN. */
static ending run_index(unary kernel, bool *is_nan)
{
    return ending_of([=] {
        lab l;
        array in(THREADS), out(THREADS);

        GK_LAUNCH(l.stream, kernel, 1, THREADS, THREADS * sizeof(float), out.at, in.at);
        (void)cudaStreamSynchronize(l.stream);
        if (is_nan && !isnan(out.values(l.stream).back())) raise(SIGABRT);
    });
}

static void test_indices(void **)
{
    bool read;
#ifdef GK_SHIM_ASAN
    const ending caught = SANITIZER, read_ends = SANITIZER;
#else
    const ending caught = FAULT, read_ends = FINE;
#endif

    assert_int_equal(run_index(index_kernel<0>, nullptr), FINE);
    assert_int_equal(run_index(index_kernel<WRITES_SHARED>, nullptr), caught);
    assert_int_equal(run_index(index_kernel<WRITES_DYNAMIC>, nullptr), caught);
    assert_int_equal(run_index(index_kernel<WRITES_GLOBAL>, nullptr), caught);
    assert_int_equal(run_index(index_kernel<0>, &read), SIGNAL); /* a number, so it aborts */
    assert_int_equal(run_index(index_kernel<READS_GLOBAL>, &read), read_ends);
}

/* What nobody wrote is NaN: shared memory of every block, and new device memory. */
static __global__ void unwritten_kernel(float *out)
{
    SHARED(float, tile, 1);

    out[blockIdx.x] = tile[0];
    tile[0] = 1;
}

static void test_poison(void **)
{
    lab l;
    array out(3);
    float *fresh, value = 0;

    GK_LAUNCH(l.stream, unwritten_kernel, 3, 1, 0, out.at);
    for (float x : out.values(l.stream)) assert_true(isnan(x));
    WORKS(cudaMalloc(&fresh, sizeof *fresh));
    WORKS(cudaMemcpyAsync(&value, fresh, sizeof value, cudaMemcpyDeviceToHost, l.stream));
    assert_true(isnan(value));
    WORKS(cudaFree(fresh));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_races),           cmocka_unit_test(test_values),
        cmocka_unit_test(test_barriers),        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_warp_operations), cmocka_unit_test(test_indices),
        cmocka_unit_test(test_poison),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
