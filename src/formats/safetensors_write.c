/* The writer of safetensors: the same calls give the same bytes. The header is in the order of the
 * calls, with __metadata__ first and the checksums at its end. Only the disk can fail here. */
#include "formats/safetensors_parts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_text(json_t *object, const char *key, const char *value)
{
    GK_CHECK(json_object_set_new(object, key, json_string(value)) == 0);
}

void gk_writer_open(gk_tensors_writer *writer) { gk_writer_open_format(writer, GK_FORMAT_TENSORS); }

void gk_writer_open_format(gk_tensors_writer *writer, int format)
{
    char text[16];

    *writer = (gk_tensors_writer){.header = json_object(), .metadata = json_object()};
    GK_CHECK(json_object_set(writer->header, "__metadata__", writer->metadata) ==
             0); /* comes first */
    snprintf(text, sizeof text, "%d", format);
    set_text(writer->metadata, "grokc_format", text);
}

void gk_writer_metadata(gk_tensors_writer *writer, const char *key, const char *value)
{
    GK_CHECK(strcmp(key, "crc32_data") != 0 && strcmp(key, "crc32_header") != 0);
    GK_CHECK(!json_object_get(writer->metadata, key));
    set_text(writer->metadata, key, value);
}

void gk_writer_add(gk_tensors_writer *writer, const char *name, gk_dtype dtype, int dims,
                   const int64_t *shape, const void *data)
{
    const gk_dtype_info *info = gk_dtype_which(dtype);
    json_t *sizes = json_array();

    GK_CHECK(info && dims >= 0 && dims <= GK_DIMS_MAX);
    GK_CHECK(!json_object_get(writer->header, name));
    size_t begin = writer->data.length, bytes = info->bytes;
    for (int i = 0; i < dims; i++) {
        GK_CHECK(shape[i] >= 0 && !__builtin_mul_overflow(bytes, (size_t)shape[i], &bytes));
        GK_CHECK(json_array_append_new(sizes, json_integer(shape[i])) == 0);
    }
    gk_text_append(&writer->data, data, bytes);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", info->name, "shape", sizes,
                              "data_offsets", (json_int_t)begin, (json_int_t)(begin + bytes));
    GK_CHECK(entry && json_object_set_new(writer->header, name, entry) == 0);
}

gk_status gk_writer_save(gk_tensors_writer *writer, const char *path)
{
    char hex[9];
    size_t place;
    gk_text file = {0};

    gk_crc(hex, writer->data.length ? writer->data.data : "", writer->data.length);
    set_text(writer->metadata, "crc32_data", hex);
    set_text(writer->metadata, "crc32_header", "00000000");
    char *header = json_dumps(writer->header, JSON_COMPACT);
    GK_CHECK(header);

    uint64_t n = strlen(header), padded = (n + 7) / 8 * 8;
    gk_text_append(&file, &padded, sizeof padded); /* little-endian, as this machine is */
    gk_text_append(&file, header, n);
    gk_text_append(&file, "        ", padded - n);
    free(header);
    GK_CHECK(gk_crc_header(hex, &place, file.data, file.length));
    memcpy(file.data + place, hex, 8);
    gk_text_append(&file, writer->data.data, writer->data.length);
    gk_writer_discard(writer);

    gk_status status = gk_file_replace(path, file.data, file.length);
    gk_text_free(&file);
    return status;
}

void gk_writer_discard(gk_tensors_writer *writer)
{
    gk_text_free(&writer->data);
    json_decref(writer->header);
    json_decref(writer->metadata);
    *writer = (gk_tensors_writer){0};
}
