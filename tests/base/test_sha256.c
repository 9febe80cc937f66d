/* SHA-256: the examples of FIPS 180-4 and its NIST test page, and every length around a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/base.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *hex;
} example[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
     "qrs"
     "mnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void test_examples(void **state)
{
    char hex[GK_SHA256_HEX];

    (void)state;
    for (size_t i = 0; i < sizeof example / sizeof *example; i++) {
        gk_sha256(hex, example[i].text, strlen(example[i].text));
        assert_string_equal(hex, example[i].hex);
    }
}

static void test_a_million(void **state)
{
    char hex[GK_SHA256_HEX], *text = gk_alloc(1000000, 1);

    (void)state;
    memset(text, 'a', 1000000);
    gk_sha256(hex, text, 1000000);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(text);
}

/* The sums of 0, 1 ... 130 zeros, one after the other, summed up; of Python's hashlib. */
static void test_lengths(void **state)
{
    char hex[GK_SHA256_HEX], all[131 * 64];
    static const char zeros[130];

    (void)state;
    for (size_t n = 0; n <= 130; n++) {
        gk_sha256(hex, zeros, n);
        memcpy(all + n * 64, hex, 64);
    }
    gk_sha256(hex, all, sizeof all);
    assert_string_equal(hex, "54e76fce7077001577d4cd003983a26b89611ab84dce9950b9aaf77133a69f94");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples),
                                       cmocka_unit_test(test_a_million),
                                       cmocka_unit_test(test_lengths)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
