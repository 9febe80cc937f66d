/* What the reader (safetensors.c) and the writer (safetensors_write.c) share. */
#ifndef GK_SAFETENSORS_PARTS_H
#define GK_SAFETENSORS_PARTS_H

#include "gk/safetensors.h"

enum { GK_PREFIX_BYTES = 8 }; /* the header's length, in front of the header */

typedef struct gk_dtype_info {
    const char *name;
    gk_dtype dtype;
    size_t bytes; /* of an element */
} gk_dtype_info;

const gk_dtype_info *gk_dtype_named(const char *name); /* NULL: none */
const gk_dtype_info *gk_dtype_which(gk_dtype dtype);   /* not GK_OTHER_TYPE */

/* CRC-32 as 8 lowercase hex digits. */
void gk_crc(char hex[9], const char *data, size_t size);
/* The same of the file up to its data (`size` bytes), with the 8 digits of crc32_header's own value
 * taken as zeros; *place is where they stand. False if they stand nowhere. */
bool gk_crc_header(char hex[9], size_t *place, const char *start, size_t size);

#endif
