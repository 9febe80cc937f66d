/* The generators against their authors' test vectors and what Python and PyTorch draw from them. */
#include "lib/support.h"

/* kat_vectors of Random123. */
static void philox_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        gk_philox(out, known[i].counter, known[i].key);
        for (int j = 0; j < 4; j++) assert_int_equal(out[j], known[i].out[j]);
    }
}

static void words_are_philox_of_seed_and_index(void **state)
{
    uint32_t out[4], expected[4];

    (void)state;
    gk_random_words(out, 0x0123456789abcdefu, 77, 0xfedcba9876543210u);
    gk_philox(expected, (const uint32_t[]){0x76543210, 0xfedcba98, 77, 0},
              (const uint32_t[]){0x89abcdef, 0x01234567});
    assert_memory_equal(out, expected, sizeof out);
}

/* The same answers, asked by purpose, step, site and index. */
static void step_words_are_philox(void **state)
{
    uint32_t out[4];

    (void)state;
    gk_step_words(out, 0, 0, 0, 0, 0);
    assert_memory_equal(out, ((const uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}),
                        sizeof out);
    gk_step_words(out, ~(uint64_t)0, ~0u, ((int64_t)1 << 48) - 1, GK_STEP_SITES, ~0u);
    assert_memory_equal(out, ((const uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}),
                        sizeof out);
    gk_step_words(out, 0x299f31d0a4093822u, 0x13198a2e, 0x734485a308d3, 0x0370, 0x243f6a88);
    assert_memory_equal(out, ((const uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}),
                        sizeof out);
}

static void below_is_the_high_half_of_a_product(void **state)
{
    const uint64_t big[] = {1,         2, 113, 12769, (uint64_t)1 << 32, ((uint64_t)1 << 63) + 1,
                            UINT64_MAX};

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        for (size_t j = 0; j < sizeof big / sizeof *big; j++) {
            uint32_t word[4];
            uint64_t n = big[j], r = gk_random_below(n, 5, 9, i);
            gk_random_words(word, 5, 9, i);
            /* x n / 2^64 by halves: x = 2^32 x1 + x0 */
            uint64_t low = (n & 0xffffffff) * word[0], high = (n >> 32) * word[0];
            uint64_t low1 = (n & 0xffffffff) * word[1], high1 = (n >> 32) * word[1];
            uint64_t middle = (low >> 32) + (high & 0xffffffff) + (low1 & 0xffffffff);
            assert_true(r == high1 + (high >> 32) + (low1 >> 32) + (middle >> 32));
            assert_true(r < n);
        }
    }
}

static void below_is_uniform(void **state)
{
    enum { N = 7, EACH = 10000 };
    int count[N] = {0};
    double chi2 = 0;

    (void)state;
    for (uint64_t i = 0; i < N * EACH; i++) count[gk_random_below(N, 1, 1, i)]++;
    for (int j = 0; j < N; j++) chi2 += pow(count[j] - EACH, 2) / EACH;
    assert_true(chi2 < 22.5); /* six degrees of freedom: one seed in a thousand has more */
}

/* The first numbers of the authors' mt19937ar.out (init_by_array), and init_genrand(5489), whose
 * 10000th number is in the C++ standard. */
static void mt_known_answers(void **state)
{
    static const uint32_t key[] = {0x123, 0x234, 0x345, 0x456};
    static const uint32_t expected[] = {1067595299, 955945823,  477289528, 4107218783, 4228976476,
                                        3344332714, 3355579695, 227628506, 810200273,  2591290167,
                                        2560260675, 3242736208, 646746669, 1479517882, 4245472273};
    gk_mt mt;

    (void)state;
    gk_mt_seed_array(&mt, key, 4);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(gk_mt_next(&mt), expected[i]);
    gk_mt_seed(&mt, 5489);
    assert_int_equal(gk_mt_next(&mt), 3499211612u);
    for (int i = 2; i < 10000; i++) gk_mt_next(&mt);
    assert_int_equal(gk_mt_next(&mt), 4123659995u);
}

/* random.seed(S); random.getrandbits(32), three times: one word of zero, one word, two words. */
static void mt_as_python_seeds_it(void **state)
{
    static const struct {
        uint32_t key[2], out[3];
        int n;
    } known[] = {
        {{0, 0}, {3626764237u, 1654615998u, 3255389356u}, 1},
        {{1, 0}, {577090037u, 2444712010u, 3639700191u}, 1},
        {{9, 2}, {2029893519u, 912501571u, 2268785140u}, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        gk_mt mt;
        gk_mt_seed_array(&mt, known[i].key, known[i].n);
        for (int j = 0; j < 3; j++) assert_int_equal(gk_mt_next(&mt), known[i].out[j]);
    }
}

/* A key longer than the state: 0, 1, ..., 699, as in numpy.random.RandomState. */
static void mt_long_key(void **state)
{
    uint32_t key[700];
    gk_mt mt;

    (void)state;
    for (uint32_t i = 0; i < 700; i++) key[i] = i;
    gk_mt_seed_array(&mt, key, 700);
    assert_int_equal(gk_mt_next(&mt), 3727595200u);
    assert_int_equal(gk_mt_next(&mt), 1914792892u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(words_are_philox_of_seed_and_index),
        cmocka_unit_test(step_words_are_philox),
        cmocka_unit_test(below_is_the_high_half_of_a_product),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(mt_known_answers),
        cmocka_unit_test(mt_as_python_seeds_it),
        cmocka_unit_test(mt_long_key),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
