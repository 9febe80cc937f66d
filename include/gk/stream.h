/* A file that is written as a stream, plain or gzip, and appears whole or not at all: written
 * aside, then renamed. For texts that are in memory there is gk_file_replace. */
#ifndef GK_STREAM_H
#define GK_STREAM_H

#include "gk/base.h"

#include <zlib.h>

/* Start from {.fd = -1}: then gk_out_drop is right at every moment. */
typedef struct gk_out {
    char path[GK_PATH_MAX], aside[GK_PATH_MAX];
    gzFile file;
    int fd;
    bool failed; /* a write did: gk_out_finish says so */
} gk_out;

/* GK_EIO, as the two below. */
gk_status gk_out_open(gk_out *out, const char *dir, const char *name, bool gzip);
void gk_out_add(gk_out *out, const gk_text *text);
gk_status gk_out_finish(gk_out *out); /* everything is on disk, still aside */
gk_status gk_out_rename(gk_out *out);
void gk_out_drop(gk_out *out); /* nothing is left aside; harmless after all of the above */

#endif
