/* The reader of safetensors: nothing in a file is believed before it is checked. JSON itself
 * (UTF-8, escapes, duplicate keys, numbers that overflow) is left to jansson. */
#include "formats/safetensors_parts.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the files are little-endian, and read by memcpy");

enum { HEADER_MAX = 100000000 }; /* the format's own limit */

static const gk_dtype_info dtypes[] = {
    {"F32", GK_F32_TYPE, 4},   {"F64", GK_F64_TYPE, 8},       {"F16", GK_F16_TYPE, 2},
    {"BF16", GK_BF16_TYPE, 2}, {"I64", GK_I64_TYPE, 8},       {"I32", GK_I32_TYPE, 4},
    {"U8", GK_U8_TYPE, 1},     {"BOOL", GK_OTHER_TYPE, 1},    {"I8", GK_OTHER_TYPE, 1},
    {"I16", GK_OTHER_TYPE, 2}, {"U16", GK_OTHER_TYPE, 2},     {"U32", GK_OTHER_TYPE, 4},
    {"U64", GK_OTHER_TYPE, 8}, {"F8_E4M3", GK_OTHER_TYPE, 1}, {"F8_E5M2", GK_OTHER_TYPE, 1},
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

const gk_dtype_info *gk_dtype_named(const char *name)
{
    for (int i = 0; i < DTYPES; i++)
        if (!strcmp(dtypes[i].name, name)) return &dtypes[i];
    return NULL;
}

const gk_dtype_info *gk_dtype_which(gk_dtype dtype)
{
    for (int i = 0; i < DTYPES; i++)
        if (dtypes[i].dtype == dtype && dtype != GK_OTHER_TYPE) return &dtypes[i];
    return NULL;
}

static void hex_digits(char hex[9], uLong crc)
{
    for (int i = 0; i < 8; i++) hex[i] = "0123456789abcdef"[crc >> (28 - 4 * i) & 15];
    hex[8] = 0;
}

void gk_crc(char hex[9], const char *data, size_t size)
{
    hex_digits(hex, crc32_z(crc32(0, NULL, 0), (const Bytef *)data, size));
}

bool gk_crc_header(char hex[9], size_t *place, const char *start, size_t size)
{
    static const char key[] = "\"crc32_header\":\""; /* in a string its quotes would be escaped */
    const char *found = memmem(start, size, key, sizeof key - 1);

    if (!found) return false;
    *place = (size_t)(found - start) + sizeof key - 1;
    if (size - *place < 8) return false;
    uLong crc = crc32_z(crc32(0, NULL, 0), (const Bytef *)start, *place);
    crc = crc32_z(crc, (const Bytef *)"00000000", 8);
    hex_digits(hex, crc32_z(crc, (const Bytef *)start + *place + 8, size - *place - 8));
    return true;
}

typedef struct reading {
    gk_tensors_file *file;
    const char *name;           /* in messages */
    size_t prefixed, data_size; /* bytes before the data, bytes of data */
} reading;

/* Objects only as the header and its members, arrays only in those: jansson recurses no deeper. */
static bool nesting_fits(const char *text, size_t n)
{
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\') i++;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (c == '{' ? depth > 1 : depth != 2) return false;
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

/* Texts of a file go into messages, and so to terminals, only without these. */
static bool has_control(const char *string)
{
    for (const unsigned char *c = (const unsigned char *)string; *c; c++)
        if (*c < 0x20 || *c == 0x7f) return true;
    return false;
}

static gk_status parse_json(const reading *in, json_t **root)
{
    const char *header = in->file->bytes + GK_PREFIX_BYTES;
    size_t n = in->prefixed - GK_PREFIX_BYTES;
    json_error_t error;

    if (n == 0 || header[0] != '{')
        return gk_fail(GK_EDATA, "%s is not a safetensors file: its header does not begin with {",
                       in->name);
    if (!nesting_fits(header, n))
        return gk_fail(GK_EDATA, "%s: the header is nested deeper than safetensors headers are",
                       in->name);
    *root = json_loadb(header, n, JSON_REJECT_DUPLICATES, &error);
    if (!*root)
        return gk_fail(GK_EDATA, "%s: the header is not valid JSON: byte %d: %s", in->name,
                       error.position, has_control(error.text) ? "not text" : error.text);
    return GK_OK;
}

static gk_status bad_entry(const reading *in, const gk_entry *entry, const char *why)
{
    return gk_fail(GK_EDATA, "%s: tensor %.200s: %s", in->name, entry->name, why);
}

static bool is_size(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static gk_status read_shape(const reading *in, gk_entry *entry, const json_t *shape, size_t element)
{
    size_t dims = json_array_size(shape);

    if (dims > GK_DIMS_MAX) return bad_entry(in, entry, "its shape has more than 8 dimensions");
    entry->dims = (int)dims;
    entry->count = 1;
    for (size_t i = 0; i < dims; i++) {
        const json_t *size = json_array_get(shape, i);
        if (!is_size(size)) return bad_entry(in, entry, "its shape is not of integers from 0 on");
        entry->shape[i] = json_integer_value(size);
        if (__builtin_mul_overflow(entry->count, (size_t)entry->shape[i], &entry->count))
            return bad_entry(in, entry, "its shape is too large");
    }
    if (__builtin_mul_overflow(entry->count, element, &entry->bytes))
        return bad_entry(in, entry, "its shape is too large");
    return GK_OK;
}

static gk_status read_entry(const reading *in, gk_entry *entry, const json_t *value)
{
    const json_t *dtype = json_object_get(value, "dtype"), *shape = json_object_get(value, "shape");
    const json_t *offsets = json_object_get(value, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);

    if (has_control(entry->name))
        return gk_fail(GK_EDATA, "%s: a tensor's name has control characters", in->name);
    if (json_object_size(value) != 3 || !json_is_string(dtype) || !json_is_array(shape) ||
        json_array_size(offsets) != 2)
        return bad_entry(in, entry,
                         "it must have dtype, shape, data_offsets [begin, end] and nothing else");
    if (!is_size(begin) || !is_size(end))
        return bad_entry(in, entry, "its data_offsets are not integers from 0 on");
    const gk_dtype_info *info = gk_dtype_named(json_string_value(dtype));
    if (!info) return bad_entry(in, entry, "its dtype is unknown");
    entry->dtype = info->dtype;
    GK_TRY(read_shape(in, entry, shape, info->bytes));

    uint64_t first = (uint64_t)json_integer_value(begin), last = (uint64_t)json_integer_value(end);
    if (first > last || last > in->data_size)
        return bad_entry(in, entry, "its data_offsets are outside of the file");
    if (last - first != entry->bytes)
        return bad_entry(in, entry, "its data_offsets do not fit its dtype and shape");
    entry->data = in->file->bytes + in->prefixed + first;
    return GK_OK;
}

static int by_place(const void *left, const void *right)
{
    const gk_entry *a = left, *b = right;
    const char *p = a->data, *q = b->data;

    if (p != q) return p < q ? -1 : 1;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? -1 : 1; /* empty ones first */
    return strcmp(a->name, b->name);
}

static gk_status check_cover(const reading *in)
{
    const char *next = in->file->bytes + in->prefixed, *end = next + in->data_size;

    qsort(in->file->entry, (size_t)in->file->n, sizeof *in->file->entry, by_place);
    for (int i = 0; i < in->file->n; i++) {
        const gk_entry *entry = &in->file->entry[i];
        const char *data = entry->data;
        if (data < next) return bad_entry(in, entry, "its data overlap another tensor's");
        if (data > next) return bad_entry(in, entry, "there is a hole before its data");
        next += entry->bytes;
    }
    if (next != end)
        return gk_fail(GK_EDATA, "%s: %zu bytes at the end belong to no tensor", in->name,
                       (size_t)(end - next));
    return GK_OK;
}

static gk_status read_entries(const reading *in, json_t *root)
{
    gk_tensors_file *file = in->file;
    const char *key;
    json_t *value;

    file->entry = gk_alloc(json_object_size(root), sizeof *file->entry);
    json_object_foreach(root, key, value)
    {
        if (!strcmp(key, "__metadata__")) continue;
        gk_entry *entry = &file->entry[file->n++];
        entry->name = gk_alloc(strlen(key) + 1, 1);
        strcpy(entry->name, key);
        GK_TRY(read_entry(in, entry, value));
    }
    return check_cover(in);
}

static gk_status check_sums(const reading *in, const char *data_sum, const char *header_sum)
{
    const char *bytes = in->file->bytes;
    char hex[9];
    size_t place;

    if (!gk_crc_header(hex, &place, bytes, in->prefixed) || strcmp(hex, header_sum) != 0)
        return gk_fail(GK_EDATA, "%s is damaged: its header does not match crc32_header", in->name);
    gk_crc(hex, bytes + in->prefixed, in->data_size);
    if (strcmp(hex, data_sum) != 0)
        return gk_fail(GK_EDATA, "%s is damaged: its data do not match crc32_data", in->name);
    return GK_OK;
}

/* Strings only; and our three keys: all or none. */
static gk_status read_metadata(const reading *in, json_t *metadata)
{
    gk_tensors_file *file = in->file;
    const char *key;
    json_t *value;
    int64_t format;

    if (!metadata) return GK_OK;
    if (!json_is_object(metadata))
        return gk_fail(GK_EDATA, "%s: __metadata__ is not an object of strings", in->name);
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return gk_fail(GK_EDATA, "%s: __metadata__ is not an object of strings", in->name);
    }
    file->metadata = json_incref(metadata);
    const char *number = gk_tensors_metadata(file, "grokc_format");
    const char *data_sum = gk_tensors_metadata(file, "crc32_data");
    const char *header_sum = gk_tensors_metadata(file, "crc32_header");
    if (!number && !data_sum && !header_sum) return GK_OK;
    if (!number || !data_sum || !header_sum)
        return gk_fail(GK_EDATA,
                       "%s is damaged: it has not all of grokc_format, crc32_data and crc32_header",
                       in->name);
    if (!gk_parse_int(number, &format) || format < 1)
        return gk_fail(GK_EDATA, "%s is damaged: grokc_format is not a number from 1 on", in->name);
    if (format > GK_FORMAT)
        return gk_fail(
            GK_EDATA,
            "%s has format %lld, of a newer grokc; this one reads formats up to %d: update it",
            in->name, (long long)format, GK_FORMAT);
    GK_TRY(check_sums(in, data_sum, header_sum));
    file->ours = true;
    file->format = (int)format;
    return GK_OK;
}

static gk_status read_file(gk_tensors_file *file, const char *name, size_t size)
{
    reading in = {.file = file, .name = name};
    uint64_t length;
    json_t *root;

    if (size < GK_PREFIX_BYTES)
        return gk_fail(GK_EDATA, "%s is not a safetensors file: it has only %zu bytes", name, size);
    memcpy(&length, file->bytes, GK_PREFIX_BYTES);
    if (length > HEADER_MAX || length > size - GK_PREFIX_BYTES)
        return gk_fail(
            GK_EDATA,
            "%s is cut short or not a safetensors file: its header should have %llu bytes; %zu "
            "are there, %d are allowed",
            name, (unsigned long long)length, size - GK_PREFIX_BYTES, HEADER_MAX);
    in.prefixed = GK_PREFIX_BYTES + (size_t)length;
    in.data_size = size - in.prefixed;
    GK_TRY(parse_json(&in, &root));
    gk_status status = read_metadata(&in, json_object_get(root, "__metadata__"));
    if (status == GK_OK) status = read_entries(&in, root);
    json_decref(root);
    return status;
}

gk_status gk_tensors_parse(gk_tensors_file *file, const char *name, char *bytes, size_t size)
{
    *file = (gk_tensors_file){.bytes = bytes};
    gk_status status = read_file(file, name, size);

    if (status != GK_OK) gk_tensors_close(file);
    return status;
}

gk_status gk_tensors_load(gk_tensors_file *file, const char *path)
{
    char *bytes;
    size_t size;

    *file = (gk_tensors_file){0};
    GK_TRY(gk_file_read(path, PTRDIFF_MAX - 1, &bytes, &size));
    return gk_tensors_parse(file, path, bytes, size);
}

void gk_tensors_close(gk_tensors_file *file)
{
    for (int i = 0; i < file->n; i++) free(file->entry[i].name);
    free(file->entry);
    free(file->bytes);
    json_decref(file->metadata);
    *file = (gk_tensors_file){0};
}

const gk_entry *gk_tensors_find(const gk_tensors_file *file, const char *name)
{
    for (int i = 0; i < file->n; i++)
        if (!strcmp(file->entry[i].name, name)) return &file->entry[i];
    return NULL;
}

const char *gk_tensors_metadata(const gk_tensors_file *file, const char *key)
{
    return json_string_value(json_object_get(file->metadata, key));
}

static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                  : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                 : ldexp(fraction, -24);

    return bits >> 15 ? -size : size;
}

double gk_entry_value(const gk_entry *entry, size_t i)
{
    const char *data = entry->data;
    double f64;
    float f32;
    uint16_t half;
    uint32_t word;

    GK_CHECK(i < entry->count);
    switch (entry->dtype) {
    case GK_F64_TYPE: memcpy(&f64, data + 8 * i, 8); return f64;
    case GK_F32_TYPE: memcpy(&f32, data + 4 * i, 4); return (double)f32;
    case GK_F16_TYPE: memcpy(&half, data + 2 * i, 2); return half_value(half);
    case GK_BF16_TYPE:
        memcpy(&half, data + 2 * i, 2);
        word = (uint32_t)half << 16;
        memcpy(&f32, &word, 4);
        return (double)f32;
    default: break;
    }
    gk_check_failed(__FILE__, __LINE__, "a tensor of floating point numbers");
}
