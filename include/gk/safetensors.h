/* The safetensors format, read without trust and written with checksums.
 *
 *   u64 little-endian N; N bytes of JSON, padded with spaces to 8; then the data, covered exactly.
 *   {"__metadata__": {string: string}, NAME: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
 *
 * Files that grokc writes carry grokc_format (1: tensors; 2: states whose moments are named by
 * their optimiser), crc32_data and crc32_header in __metadata__ (the header's own 8 digits taken as
 * zeros while it is computed, over the 8 length bytes too). A file with any of the three must have
 * all three and match; one with none of them is foreign: structure is checked, nothing else can
 * be. */
#ifndef GK_SAFETENSORS_H
#define GK_SAFETENSORS_H

#include "gk/base.h"

/* The newest grokc_format that is read, that of states; everything else is written as 1, so that
 * programs which know no other can read it. */
enum { GK_FORMAT = 2, GK_FORMAT_TENSORS = 1, GK_DIMS_MAX = 8 };

typedef enum gk_dtype {
    GK_F32_TYPE,
    GK_F64_TYPE,
    GK_F16_TYPE,
    GK_BF16_TYPE,
    GK_I64_TYPE,
    GK_I32_TYPE,
    GK_U8_TYPE,
    GK_OTHER_TYPE /* BOOL and the like: known to the format, not to us */
} gk_dtype;

typedef struct gk_entry {
    char *name;
    gk_dtype dtype;
    int dims;
    int64_t shape[GK_DIMS_MAX];
    size_t count, bytes; /* elements, bytes */
    const void *data;    /* little-endian, not necessarily aligned */
} gk_entry;

/* A file in memory. Entries are in the order of their data. */
typedef struct gk_tensors_file {
    char *bytes;
    int n;
    gk_entry *entry;
    bool ours;      /* carries and passes our checksums */
    int format;     /* of ours: grokc_format; 0 of others */
    void *metadata; /* jansson object, or NULL */
} gk_tensors_file;

/* GK_EDATA with path and reason on anything that is not exactly right; GK_EIO if it cannot be read.
 * After an error there is nothing to close. */
gk_status gk_tensors_load(gk_tensors_file *file, const char *path);
gk_status gk_tensors_parse(gk_tensors_file *file, const char *name, char *bytes,
                           size_t size); /* takes bytes */
void gk_tensors_close(gk_tensors_file *file);

const gk_entry *gk_tensors_find(const gk_tensors_file *file, const char *name); /* NULL: none */
const char *gk_tensors_metadata(const gk_tensors_file *file, const char *key);  /* NULL: none */

/* Element i of an F64, F32, F16 or BF16 entry. */
double gk_entry_value(const gk_entry *entry, size_t i);

/* Writing: add everything, then save by rename. Names and metadata keys must be new, texts UTF-8
 * and shapes fit an int64_t: all else is our bug and aborts (GK_CHECK). Data is copied. */
typedef struct gk_tensors_writer {
    gk_text data;
    void *header, *metadata; /* jansson objects */
} gk_tensors_writer;

void gk_writer_open(gk_tensors_writer *writer); /* of GK_FORMAT_TENSORS */
void gk_writer_open_format(gk_tensors_writer *writer, int format);
void gk_writer_metadata(gk_tensors_writer *writer, const char *key, const char *value);
void gk_writer_add(gk_tensors_writer *writer, const char *name, gk_dtype dtype, int dims,
                   const int64_t *shape, const void *data);
/* Closes the writer, success or not. GK_EIO. */
gk_status gk_writer_save(gk_tensors_writer *writer, const char *path);
void gk_writer_discard(gk_tensors_writer *writer);

#endif
