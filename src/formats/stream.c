/* A file written as a stream, plain or gzip, that appears whole or not at all. */
#include "gk/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The name keeps two gathers of one directory apart, in two containers too. zlib's gzip header has
 * no clock and no name, so that equal contents are equal bytes. */
gk_status gk_out_open(gk_out *out, const char *dir, const char *name, bool gzip)
{
    *out = (gk_out){.fd = -1};
    GK_TRY(gk_path(out->path, "%s/%s", dir, name));
    GK_TRY(
        gk_path(out->aside, "%s.%016llx" GK_TEMPORARY, out->path, (unsigned long long)gk_unique()));
    out->fd = open(out->aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out->fd < 0) return gk_fail(GK_EIO, "cannot create %s: %s", out->aside, strerror(errno));
    int twin = fcntl(out->fd, F_DUPFD_CLOEXEC, 0); /* gzclose closes it */
    if (twin >= 0) out->file = gzdopen(twin, gzip ? "wb" : "wbT");
    if (out->file) return GK_OK;
    if (twin >= 0) close(twin);
    return gk_fail(GK_EIO, "cannot write %s", out->aside);
}

void gk_out_add(gk_out *out, const gk_text *text)
{
    GK_CHECK(text->length <= INT32_MAX);
    if (text->length && !gzwrite(out->file, text->data, (unsigned)text->length)) out->failed = true;
}

gk_status gk_out_finish(gk_out *out)
{
    gzFile file = out->file;

    out->file = NULL;
    errno = 0;
    bool good = gzclose(file) == Z_OK && !out->failed && gk_sync_file(out->fd);
    if (good) return GK_OK;
    return gk_fail(GK_EIO, "cannot write %s: %s", out->path,
                   errno ? strerror(errno) : "is the disk full?");
}

gk_status gk_out_rename(gk_out *out)
{
    char folder[GK_PATH_MAX];

    GK_TRY(gk_path(folder, "%.*s", (int)(strrchr(out->path, '/') - out->path), out->path));
    if (rename(out->aside, out->path) != 0)
        return gk_fail(GK_EIO, "cannot write %s: %s", out->path, strerror(errno));
    *out->aside = 0;
    return gk_sync_directory(folder);
}

void gk_out_drop(gk_out *out)
{
    if (out->file) gzclose(out->file);
    if (out->fd >= 0) close(out->fd);
    if (out->fd >= 0 && *out->aside) unlink(out->aside);
    out->file = NULL;
    out->fd = -1;
}
