/* Files that grokc writes: read back as they were, and not at all when a bit has changed. */
#include "lib/folder.h"

#include "gk/safetensors.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

/* Parses a copy of the bytes; the file is closed again. */
static gk_status try_bytes(const char *bytes, size_t size)
{
    gk_tensors_file file;
    char *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    gk_status status = gk_tensors_parse(&file, "test.safetensors", copy, size);
    if (status == GK_OK)
        gk_tensors_close(&file);
    else
        assert_null(file.bytes);
    return status;
}

/* The types that can be written, an empty one, a scalar, odd sizes, strange names. */
static void add_samples(gk_tensors_writer *writer)
{
    static const double f64[2] = {0.1, -INFINITY};
    static const float f32[6] = {1, -2, 3, 0.1f, NAN, -0.0f};
    static const uint16_t f16[9] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400,
                                    0x7c00, 0xfe00, 0x8000, 0x3555};
    static const uint16_t bf16[3] = {0x3f80, 0xc049, 0x7f80};
    static const int64_t i64[1] = {-5};
    static const int32_t i32[2] = {7, INT32_MIN};
    static const uint8_t u8[3] = {1, 2, 255};

    gk_writer_open(writer);
    gk_writer_metadata(writer, "epoch", "12");
    gk_writer_metadata(writer, "quote", "a \"crc32_header\":\"x\" \\ \n \xc3\xa9");
    gk_writer_add(writer, "u8", GK_U8_TYPE, 1, (int64_t[]){3}, u8);
    gk_writer_add(writer, "blocks.0.f32", GK_F32_TYPE, 2, (int64_t[]){3, 2}, f32);
    gk_writer_add(writer, "empty", GK_F32_TYPE, 2, (int64_t[]){0, 5}, NULL);
    gk_writer_add(writer, "scalar", GK_I64_TYPE, 0, NULL, i64);
    gk_writer_add(writer, "a \"quoted\" \xc3\xa9", GK_F64_TYPE, 1, (int64_t[]){2}, f64);
    gk_writer_add(writer, "f16", GK_F16_TYPE, 1, (int64_t[]){9}, f16);
    gk_writer_add(writer, "bf16", GK_BF16_TYPE, 3, (int64_t[]){1, 3, 1}, bf16);
    gk_writer_add(writer, "i32", GK_I32_TYPE, 1, (int64_t[]){2}, i32);
}

static void read_samples(char **bytes, size_t *size)
{
    gk_tensors_writer writer;

    add_samples(&writer);
    assert_int_equal(gk_writer_save(&writer, in_folder("file")), GK_OK);
    assert_int_equal(gk_file_read(in_folder("file"), 1 << 20, bytes, size), GK_OK);
}

static const gk_entry *entry(const gk_tensors_file *file, const char *name, gk_dtype dtype,
                             size_t count)
{
    const gk_entry *found = gk_tensors_find(file, name);

    assert_non_null(found);
    assert_int_equal(found->dtype, dtype);
    assert_int_equal(found->count, count);
    return found;
}

static void test_round_trip(void **state)
{
    gk_tensors_file file;
    static const char *const order[] = {
        "u8", "blocks.0.f32", "empty", "scalar", "a \"quoted\" \xc3\xa9", "f16", "bf16", "i32"};
    gk_tensors_writer writer;

    (void)state;
    add_samples(&writer);
    assert_int_equal(gk_writer_save(&writer, in_folder("file")), GK_OK);
    assert_int_equal(gk_tensors_load(&file, in_folder("file")), GK_OK);
    assert_true(file.ours);
    assert_int_equal(file.n, 8);
    for (int i = 0; i < file.n; i++) assert_string_equal(file.entry[i].name, order[i]);
    assert_string_equal(gk_tensors_metadata(&file, "epoch"), "12");
    assert_string_equal(gk_tensors_metadata(&file, "quote"),
                        "a \"crc32_header\":\"x\" \\ \n \xc3\xa9");
    assert_string_equal(gk_tensors_metadata(&file, "grokc_format"), "1");
    assert_null(gk_tensors_metadata(&file, "none"));
    assert_null(gk_tensors_find(&file, "none"));

    const gk_entry *e = entry(&file, "blocks.0.f32", GK_F32_TYPE, 6);
    assert_int_equal(e->dims, 2);
    assert_int_equal(e->shape[0], 3);
    assert_int_equal(e->shape[1], 2);
    assert_int_equal(e->bytes, 24);
    assert_true(gk_entry_value(e, 3) == (double)0.1f && isnan(gk_entry_value(e, 4)) &&
                signbit(gk_entry_value(e, 5)));
    e = entry(&file, "a \"quoted\" \xc3\xa9", GK_F64_TYPE, 2);
    assert_true(gk_entry_value(e, 0) == 0.1 && gk_entry_value(e, 1) == -(double)INFINITY);
    e = entry(&file, "scalar", GK_I64_TYPE, 1);
    int64_t number;
    memcpy(&number, e->data, sizeof number);
    assert_int_equal(number, -5);
    assert_int_equal(e->dims, 0);
    assert_int_equal(entry(&file, "empty", GK_F32_TYPE, 0)->shape[1], 5);
    assert_memory_equal(entry(&file, "u8", GK_U8_TYPE, 3)->data, "\1\2\377", 3);
    entry(&file, "i32", GK_I32_TYPE, 2);
    gk_tensors_close(&file);
    gk_tensors_close(&file); /* is empty now */
}

static void test_halves(void **state)
{
    static const double f16[] = {1, -2, 65504, 0x1p-24, 0x1p-14, INFINITY, NAN, -0.0, 0x1.554p-2};
    gk_tensors_file file;
    char *bytes;
    size_t size;

    (void)state;
    read_samples(&bytes, &size);
    assert_int_equal(gk_tensors_parse(&file, "file", bytes, size), GK_OK);
    const gk_entry *e = entry(&file, "f16", GK_F16_TYPE, 9);
    for (size_t i = 0; i < 9; i++) {
        double value = gk_entry_value(e, i);
        assert_true(isnan(f16[i]) ? isnan(value)
                                  : value == f16[i] && signbit(value) == signbit(f16[i]));
    }
    e = entry(&file, "bf16", GK_BF16_TYPE, 3);
    assert_true(gk_entry_value(e, 0) == 1 && gk_entry_value(e, 1) == -3.140625 &&
                isinf(gk_entry_value(e, 2)));
    gk_tensors_close(&file);
}

static void test_same_bytes(void **state)
{
    char *a, *b;
    size_t n, m;
    uint64_t length;

    (void)state;
    read_samples(&a, &n);
    read_samples(&b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    memcpy(&length, a, sizeof length);
    assert_int_equal(length % 8, 0);
    free(a);
    free(b);

    gk_tensors_writer writer; /* nothing in it */
    gk_writer_open(&writer);
    assert_int_equal(gk_writer_save(&writer, in_folder("file")), GK_OK);
    gk_tensors_file file;
    assert_int_equal(gk_tensors_load(&file, in_folder("file")), GK_OK);
    assert_true(file.ours && file.n == 0);
    gk_tensors_close(&file);
    gk_writer_open(&writer);
    gk_writer_add(&writer, "x", GK_U8_TYPE, 1, (int64_t[]){1}, "x");
    gk_writer_discard(&writer);
}

/* The rule of the header, once more. */
static void test_checksums(void **state)
{
    char *bytes, stored[2][9] = {{0}}, found[9];
    size_t size;
    uint64_t length;

    (void)state;
    read_samples(&bytes, &size);
    memcpy(&length, bytes, sizeof length);
    char *data_sum = strstr(bytes + 8, "\"crc32_data\":\"") + strlen("\"crc32_data\":\"");
    char *header_sum = strstr(bytes + 8, "\"crc32_header\":\"") + strlen("\"crc32_header\":\"");
    memcpy(stored[0], data_sum, 8);
    memcpy(stored[1], header_sum, 8);
    memset(header_sum, '0', 8);
    const unsigned char *begin = (const unsigned char *)bytes;
    uInt n = (uInt)(8 + length);
    snprintf(found, sizeof found, "%08lx", crc32(0, begin + n, (uInt)size - n));
    assert_string_equal(found, stored[0]);
    snprintf(found, sizeof found, "%08lx", crc32(0, begin, n));
    assert_string_equal(found, stored[1]);
    free(bytes);
}

static void test_every_bit(void **state)
{
    char *bytes;
    size_t size;

    (void)state;
    read_samples(&bytes, &size);
    assert_int_equal(try_bytes(bytes, size), GK_OK);
    for (size_t i = 0; i < 8 * size; i++) {
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
        if (try_bytes(bytes, size) != GK_EDATA)
            fail_msg("bit %zu of byte %zu is not checked", i % 8, i / 8);
        bytes[i / 8] = (char)(bytes[i / 8] ^ 1 << i % 8);
    }
    free(bytes);
}

static void test_every_length(void **state)
{
    char *bytes;
    size_t size;

    (void)state;
    read_samples(&bytes, &size);
    for (size_t n = 0; n < size; n++)
        if (try_bytes(bytes, n) != GK_EDATA) fail_msg("%zu of %zu bytes are accepted", n, size);
    bytes = realloc(bytes, size + 8);
    assert_non_null(bytes);
    memset(bytes + size, 0, 8);
    for (size_t n = 1; n <= 8; n++) assert_int_equal(try_bytes(bytes, size + n), GK_EDATA);
    free(bytes);
}

static void test_messages(void **state)
{
    char *bytes;
    size_t size;

    (void)state;
    read_samples(&bytes, &size); /* a newer format is said to be one, whatever its checksums */
    char *digit = strstr(bytes + 8, "grokc_format\":\"") + strlen("grokc_format\":\"");
    *digit = '3';
    assert_int_equal(try_bytes(bytes, size), GK_EDATA);
    assert_non_null(strstr(gk_message(), "newer"));
    *digit = '1';
    char *hex = strstr(bytes + 8, "crc32_data\":\"") + strlen("crc32_data\":\"");
    *hex = *hex == '0' ? '1' : '0';
    assert_int_equal(try_bytes(bytes, size), GK_EDATA);
    assert_non_null(strstr(gk_message(), "damaged"));
    free(bytes);
}

static void test_no_file(void **state)
{
    gk_tensors_file file;

    (void)state;
    assert_int_equal(gk_tensors_load(&file, in_folder("none")), GK_EIO);
    assert_int_equal(gk_tensors_load(&file, folder), GK_EIO);
    assert_non_null(strstr(gk_message(), folder));
    gk_tensors_close(&file);
}

static void test_failed_save(void **state)
{
    gk_tensors_writer writer;
    char *before, *after, path[GK_PATH_MAX];
    size_t n, m;
    struct rlimit old, none;

    (void)state;
    add_samples(&writer);
    assert_int_equal(gk_writer_save(&writer, in_folder("none/file")), GK_EIO);
    assert_null(writer.header);

    read_samples(&before, &n); /* the old file stays when the new one does not fit */
    assert_int_equal(gk_path(path, "%s" GK_TEMPORARY, in_folder("file")), GK_OK);
    add_samples(&writer);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    gk_status status = gk_writer_save(&writer, in_folder("file"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, GK_EIO);
    assert_false(gk_exists(path));
    assert_int_equal(gk_file_read(in_folder("file"), 1 << 20, &after, &m), GK_OK);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_halves),
        cmocka_unit_test(test_same_bytes),  cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_every_bit),   cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_messages),    cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_failed_save),
    };

    return cmocka_run_group_tests_name("safetensors", tests, make_folder, remove_folder);
}
