/* Any bytes at all: they are a file or an error. A file's tensors are read to their last byte,
 * and tried as the weights of a small model. A quarter of the inputs are taken as a bare header,
 * with its length put before it and up to 63 bytes of data behind: most mutations of a whole file
 * only break its length. */
#include "gk/weights.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *whole_file(const uint8_t *data, size_t size, size_t *total)
{
    size_t extra = data[0] / 4, header = size - 1;
    uint64_t length = header;
    char *bytes = gk_alloc(8 + header + extra, 1);

    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, data + 1, header);
    *total = 8 + header + extra;
    return bytes;
}

static volatile double sink; /* so that nothing is read for nothing */

static void read_all(const gk_tensors_file *file)
{
    for (int i = 0; i < file->n; i++) {
        const gk_entry *e = &file->entry[i];
        for (size_t j = 0; j < e->bytes; j++) sink = ((const unsigned char *)e->data)[j];
        bool real = e->dtype == GK_F32_TYPE || e->dtype == GK_F64_TYPE || e->dtype == GK_F16_TYPE ||
                    e->dtype == GK_BF16_TYPE;
        if (real && e->count) sink = gk_entry_value(e, e->count - 1);
        GK_CHECK(gk_tensors_find(file, e->name) == e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const prefix[] = {"", "exp_avg.", "adam_v."};
    gk_shape shape = {
        .L = 1, .T = 2, .V = 2, .D = 1, .H = 1, .K = 2, .F = 1, .C = 1, .biases = true};
    gk_tensors_file file;
    size_t total = size;
    char *bytes;

    if (size && data[0] % 4 == 3) {
        bytes = whole_file(data, size, &total);
    } else {
        bytes = gk_alloc(size, 1);
        if (size) memcpy(bytes, data, size);
    }
    if (gk_tensors_parse(&file, "fuzz", bytes, total) != GK_OK) return 0;
    read_all(&file);
    gk_real *packed = gk_alloc(gk_parameters(&shape), sizeof *packed);
    for (int i = 0; i < 6; i++) {
        shape.biases = i < 3;
        if (gk_tensors_read(&file, "fuzz", prefix[i % 3], &shape, packed) == GK_OK)
            sink = packed[0];
    }
    free(packed);
    gk_tensors_close(&file);
    return 0;
}
