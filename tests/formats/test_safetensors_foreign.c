/* Files that others might have written: what the format allows is read, nothing else is. */
#include "gk/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a copy of the bytes and closes the file again. */
static gk_status try_bytes(const char *bytes, size_t size)
{
    gk_tensors_file file;
    char *copy = malloc(size);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    gk_status status = gk_tensors_parse(&file, "test.safetensors", copy, size);
    if (status == GK_OK) assert_false(file.ours);
    if (status == GK_OK) gk_tensors_close(&file);
    return status;
}

/* The header's length, the header with its ' for ", and n zeros. */
static gk_text with_data(const char *header, size_t n)
{
    gk_text text = {0};
    uint64_t length = strlen(header);

    gk_text_append(&text, &length, sizeof length);
    gk_text_append(&text, header, length);
    for (char *c = text.data + 8; *c; c++)
        if (*c == '\'') *c = '"';
    for (size_t i = 0; i < n; i++) gk_text_append(&text, "", 1);
    return text;
}

static gk_status try_header(const char *header, size_t n)
{
    gk_text text = with_data(header, n);
    gk_status status = try_bytes(text.data, text.length);

    gk_text_free(&text);
    return status;
}

static void test_header_length(void **state)
{
    static const uint64_t lengths[] = {
        0,          1,          3,         100000000,  100000001,     UINT32_MAX,
        1ull << 32, 1ull << 63, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
    char bytes[8 + 64];

    (void)state;
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes + 8, "{}", 2);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memcpy(bytes, &lengths[i], 8);
        assert_int_equal(try_bytes(bytes, sizeof bytes), GK_EDATA);
    }
    for (uint64_t n = 0; n <= 65; n++) { /* only the one that leaves no data over is right */
        memcpy(bytes, &n, 8);
        assert_int_equal(try_bytes(bytes, sizeof bytes), n == 64 ? GK_OK : GK_EDATA);
    }
}

/* More than the format allows, and otherwise right. */
static void test_huge_header(void **state)
{
    uint64_t length = 100000001;
    gk_tensors_file file;
    char *bytes = malloc(8 + length);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, ' ', 8 + length);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, "{}", 2);
    assert_int_equal(gk_tensors_parse(&file, "huge", bytes, 8 + length), GK_EDATA);
}

/* Metadata with our three keys; an entry. */
#define OURS(format, header_sum)                                                                   \
    "{'__metadata__':{'grokc_format':'" format                                                     \
    "','crc32_data':'00000000','crc32_header':" header_sum "}}"
#define T(name, type, shape, offsets)                                                              \
    "'" name "':{'dtype':'" type "','shape':" shape ",'data_offsets':" offsets "}"

static void test_foreign(void **state)
{
    static const struct {
        const char *header;
        size_t n;
    } good[] = {
        {"{}", 0},
        {"{ } \n\t ", 0},
        {"{'__metadata__':{}}", 0},
        {"{'__metadata__':{'format':'pt'}," T("a", "F32", "[2]", "[0,8]") "}", 8},
        {"{'a' : {'shape': [ 2 ] , 'data_offsets' :[0,8] , 'dtype':'F32'}}   ", 8},
        {"{" T("b", "F32", "[1]", "[2,6]") "," T("a", "BOOL", "[2]", "[0,2]") "}", 6},
        {"{" T("a", "F32", "[]", "[0,4]") "}", 4},
        {"{" T("", "F32", "[]", "[0,4]") "}", 4},
        {"{" T("a", "F64", "[0]", "[0,0]") "}", 0},
        {"{" T("z", "U8", "[0]", "[1,1]") "," T("a", "U8", "[1]", "[0,1]") "}", 1},
        {"{" T("z", "U8", "[0]", "[0,0]") "," T("a", "U8", "[1]", "[0,1]") "}", 1},
        {"{" T("a", "U8", "[2]", "[0,2]") "," T("z", "U8", "[0]", "[2,2]") "}", 2},
        {"{" T("a", "F8_E4M3", "[1,1,1,1,1,1,1,3]", "[0,3]") "}", 3},
        {"{" T("a", "U64", "[0,4611686018427387904]", "[0,0]") "}", 0},
        {"{" T("a \\' \\\\ [[[[ {{{{", "U16", "[]", "[0,2]") "}", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (try_header(good[i].header, good[i].n) != GK_OK)
            fail_msg("%s: %s", good[i].header, gk_message());
}

/* What no header may be, and why. */
static const struct {
    const char *header;
    size_t n;
    const char *why; /* part of the message */
} bad[] = {
    {"", 0, "does not begin with {"},
    {" {}", 0, "does not begin with {"},
    {"[]", 0, "does not begin with {"},
    {"{", 0, "JSON"},
    {"{}}", 0, "JSON"},
    {"{},", 0, "JSON"},
    {"{} {}", 0, "JSON"},
    {"{'a':}", 0, "JSON"},
    {"{'\xff':1}", 0, "JSON"},
    {"{'\\u0000':1}", 0, "JSON"},
    {"{} \x01", 0, "JSON"},
    {"{}", 1, "belong to no tensor"},
    /* the three keys of an entry */
    {"{'a':1}", 0, "must have dtype, shape, data_offsets"},
    {"{'a':null}", 0, "must have dtype, shape, data_offsets"},
    {"{'a':'F32'}", 0, "must have dtype, shape, data_offsets"},
    {"{'a':{}}", 0, "must have dtype, shape, data_offsets"},
    {"{'a':{'shape':[2],'data_offsets':[0,8]}}", 8, "must have dtype"},
    {"{'a':{'dtype':'F32','data_offsets':[0,8]}}", 8, "must have dtype"},
    {"{'a':{'dtype':'F32','shape':[2]}}", 8, "must have dtype"},
    {"{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'x':1}}", 8, "nothing else"},
    {"{'a':{'dtype':5,'shape':[2],'data_offsets':[0,8]}}", 8, "must have dtype"},
    {"{'a':{'dtype':'F32','shape':2,'data_offsets':[0,8]}}", 8, "must have dtype"},
    {"{" T("a", "F32", "[2]", "[0]") "}", 8, "must have dtype"},
    {"{" T("a", "F32", "[2]", "[0,8,8]") "}", 8, "must have dtype"},
    {"{" T("a", "F32", "[2]", "8") "}", 8, "must have dtype"},
    {"{" T("a\\u001b", "F32", "[2]", "[0,8]") "}", 8, "control characters"},
    /* dtype and shape */
    {"{" T("a", "F31", "[2]", "[0,8]") "}", 8, "dtype is unknown"},
    {"{" T("a", "f32", "[2]", "[0,8]") "}", 8, "dtype is unknown"},
    {"{" T("a", "", "[2]", "[0,8]") "}", 8, "dtype is unknown"},
    {"{" T("a", "F32", "[-2]", "[0,8]") "}", 8, "integers from 0"},
    {"{" T("a", "F32", "[2.0]", "[0,8]") "}", 8, "integers from 0"},
    {"{" T("a", "F32", "[2e0]", "[0,8]") "}", 8, "integers from 0"},
    {"{" T("a", "F32", "['2']", "[0,8]") "}", 8, "integers from 0"},
    {"{" T("a", "F32", "[true]", "[0,8]") "}", 8, "integers from 0"},
    {"{" T("a", "F32", "[02]", "[0,8]") "}", 8, "JSON"},
    {"{" T("a", "F32", "[9223372036854775808]", "[0,8]") "}", 8, "JSON"},
    {"{" T("a", "F32", "[9223372036854775807]", "[0,8]") "}", 8, "too large"},
    {"{" T("a", "F32", "[4611686018427387905]", "[0,4]") "}", 4, "too large"},
    {"{" T("a", "U8", "[4294967296,4294967296]", "[0,0]") "}", 0, "too large"},
    {"{" T("a", "U8", "[4294967296,4294967296,0]", "[0,0]") "}", 0, "too large"},
    {"{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, "8 dimensions"},
    /* places */
    {"{" T("a", "F32", "[2]", "[0,4]") "}", 8, "do not fit"},
    {"{" T("a", "F32", "[2]", "[0,12]") "}", 12, "do not fit"},
    {"{" T("a", "F32", "[2]", "[8,0]") "}", 8, "outside"},
    {"{" T("a", "F32", "[2]", "[0,8]") "}", 7, "outside"},
    {"{" T("a", "F32", "[2]", "[9223372036854775799,9223372036854775807]") "}", 8, "outside"},
    {"{" T("a", "F32", "[2]", "[-8,0]") "}", 8, "data_offsets are not integers"},
    {"{" T("a", "F32", "[2]", "[0,8.0]") "}", 8, "data_offsets are not integers"},
    {"{" T("a", "F32", "[2]", "[0,18446744073709551624]") "}", 8, "JSON"},
    {"{" T("a", "F32", "[2]", "[4,12]") "}", 12, "hole"},
    {"{" T("a", "F32", "[2]", "[0,8]") "}", 9, "1 bytes at the end"},
    {"{" T("a", "U8", "[4]", "[0,4]") "," T("b", "U8", "[4]", "[5,9]") "}", 9, "hole"},
    {"{" T("a", "U8", "[4]", "[0,4]") "," T("b", "U8", "[4]", "[3,7]") "}", 7, "overlap"},
    {"{" T("a", "U8", "[4]", "[0,4]") "," T("b", "U8", "[4]", "[0,4]") "}", 4, "overlap"},
    {"{" T("a", "U8", "[4]", "[0,4]") "," T("b", "U8", "[0]", "[2,2]") "}", 4, "overlap"},
    {"{" T("a", "U8", "[4]", "[0,4]") "," T("a", "U8", "[4]", "[4,8]") "}", 8, "duplicate"},
    {"{" T("a", "U8", "[4]", "[0,4]") "," T("\\u0061", "U8", "[4]", "[4,8]") "}", 8, "duplicate"},
    {"{'a':{'dtype':'U8','dtype':'U8','shape':[2],'data_offsets':[0,2]}}", 2, "duplicate"},
    /* metadata */
    {"{'__metadata__':1}", 0, "__metadata__ is not"},
    {"{'__metadata__':null}", 0, "__metadata__ is not"},
    {"{'__metadata__':'a'}", 0, "__metadata__ is not"},
    {"{'__metadata__':{'a':1}}", 0, "__metadata__ is not"},
    {"{'__metadata__':{'a':'b','c':{}}}", 0, "nested"},
    {"{'__metadata__':{'a':['b']}}", 0, "__metadata__ is not"},
    {"{'__metadata__':{'a':'b','a':'b'}}", 0, "duplicate"},
    {"{'__metadata__':{},'__metadata__':{}}", 0, "duplicate"},
    /* our three keys: all or none */
    {"{'__metadata__':{'grokc_format':'1'}}", 0, "has not all of"},
    {"{'__metadata__':{'crc32_data':'00000000'}}", 0, "has not all of"},
    {"{'__metadata__':{'crc32_data':'00000000','crc32_header':'00000000'}}", 0, "has not all of"},
    {OURS("1", "'00000000'"), 0, "crc32_header"},
    {OURS("1", "'00'"), 0, "crc32_header"},
    {OURS("1", " '00000000'"), 0, "crc32_header"},
    {OURS("x", "'00000000'"), 0, "not a number from 1"},
    {OURS("0", "'00000000'"), 0, "not a number from 1"},
    {OURS("3", "'00000000'"), 0, "of a newer grokc"},
    /* nesting */
    {"{'a':{'b':{}}}", 0, "nested"},
    {"{'a':[]}", 0, "nested"},
    {"{" T("a", "F32", "[[2]]", "[0,8]") "}", 8, "nested"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (try_header(bad[i].header, bad[i].n) != GK_EDATA)
            fail_msg("accepted: %s", bad[i].header);
        if (!strstr(gk_message(), bad[i].why) || !strstr(gk_message(), "test.safetensors"))
            fail_msg("%s: the message is: %s", bad[i].header, gk_message());
    }
}

/* A header that begins with `begin` and goes on with n times `again`. */
static void refuse_long(const char *begin, const char *again, size_t n)
{
    gk_text header = {0};

    gk_text_add(&header, "%s", begin);
    for (size_t i = 0; i < n; i++) gk_text_append(&header, again, strlen(again));
    assert_int_equal(try_header(header.data, 0), GK_EDATA);
    gk_text_free(&header);
}

static void test_deep(void **state)
{
    (void)state;
    refuse_long("{'a':", "[", 1000000);
    refuse_long("", "{'a':", 1000000);
    refuse_long("{'a':{'shape':", "[", 1000000);
    refuse_long("{}", "}", 1000000);
    refuse_long("{'", "\\", 1000001);
    refuse_long("{'a':{'shape':[", "0,", 1000000);
    refuse_long("{'a':{'dtype':'", "F", 1000000);
    refuse_long("{", " ", 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_length), cmocka_unit_test(test_huge_header),
        cmocka_unit_test(test_foreign),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_deep),
    };

    return cmocka_run_group_tests_name("foreign safetensors", tests, NULL, NULL);
}
