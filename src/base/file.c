/* Files that are either old or new, never half. */
#include "gk/base.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

gk_status gk_path(char out[GK_PATH_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(out, GK_PATH_MAX, format, args);
    va_end(args);
    if (n < 0 || n >= GK_PATH_MAX)
        return gk_fail(GK_EUSAGE, "a path is longer than %d bytes: %.60s...", GK_PATH_MAX - 1, out);
    return GK_OK;
}

/* A regular file for reading, and what fstat says of it. */
static gk_status open_regular(int *fd, struct stat *info, const char *path)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    if (fstat(*fd, info) == 0 && S_ISREG(info->st_mode)) return GK_OK;
    close(*fd);
    return gk_fail(GK_EIO, "%s is not a regular file", path);
}

gk_status gk_file_open(FILE **file, const char *path)
{
    struct stat info;
    int fd;

    GK_TRY(open_regular(&fd, &info, path));
    *file = fdopen(fd, "r");
    if (*file) return GK_OK;
    close(fd);
    return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
}

gk_status gk_file_read(const char *path, size_t limit, char **data, size_t *size)
{
    struct stat info;
    int fd;

    GK_TRY(open_regular(&fd, &info, path));
    if ((uintmax_t)info.st_size > limit) {
        close(fd);
        return gk_fail(GK_EDATA, "%s has %jd bytes; at most %zu are expected here", path,
                       (intmax_t)info.st_size, limit);
    }
    size_t expected = (size_t)info.st_size, have = 0;
    char *block = malloc(expected + 1);
    if (!block) {
        close(fd);
        return gk_fail(GK_EMEM, "no memory for the %zu bytes of %s", expected, path);
    }
    while (have < expected) {
        ssize_t n = read(fd, block + have, expected - have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        have += (size_t)n;
    }
    close(fd);
    if (have != expected) {
        free(block);
        return gk_fail(GK_EIO, "cannot read %s: %s", path,
                       errno ? strerror(errno) : "it became shorter");
    }
    block[have] = 0;
    *data = block;
    *size = have;
    return GK_OK;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* What was written is lost, or had no room: errors of the disk, not of what it is able to do. */
static bool is_loss(int error) { return error == EIO || error == ENOSPC || error == EDQUOT; }

gk_status gk_sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), why = 0;

    if (fd < 0 && errno == ENOENT)
        return gk_fail(GK_EIO, "cannot open directory %s: %s", path, strerror(errno));
    if (fd < 0 || fsync(fd) != 0) why = errno; /* a folder may be one to write into, not to read */
    if (fd >= 0) close(fd);
    if (!is_loss(why)) return GK_OK;
    return gk_fail(GK_EIO, "cannot sync directory %s: %s", path, strerror(why));
}

bool gk_sync_file(int fd)
{
    if (fsync(fd) == 0) return true;
    return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
}

/* Is `path` the file that we have open? Not where a process that was suspended finds that another
 * one has cleaned up after it, and perhaps begun a file of the same name. */
static bool is_still(const char *path, int fd)
{
    struct stat there, ours;
    bool same = stat(path, &there) == 0 && fstat(fd, &ours) == 0 && there.st_dev == ours.st_dev &&
                there.st_ino == ours.st_ino;

    if (!same) errno = ESTALE;
    return same;
}

gk_status gk_file_replace(const char *path, const void *data, size_t size)
{
    char temporary[GK_PATH_MAX], folder[GK_PATH_MAX];

    GK_TRY(gk_path(temporary, "%s" GK_TEMPORARY, path));
    GK_TRY(gk_path(folder, "%s", path));
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return gk_fail(GK_EIO, "cannot create %s: %s", temporary, strerror(errno));
    bool good = write_all(fd, data, size) && gk_sync_file(fd) && is_still(temporary, fd);
    int why = errno;
    if (close(fd) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good && rename(temporary, path) != 0) {
        good = false;
        why = errno;
    }
    if (!good) {
        if (why != ESTALE) unlink(temporary);
        return gk_fail(GK_EIO, "cannot write %s: %s", path, strerror(why));
    }
    return gk_sync_directory(dirname(folder));
}

uint64_t gk_unique(void)
{
    uint64_t number;

    while (getrandom(&number, sizeof number, 0) != sizeof number) continue;
    return number;
}

gk_status gk_make_directories(const char *path)
{
    char part[GK_PATH_MAX];

    GK_TRY(gk_path(part, "%s", path));
    for (char *slash = part + 1;; slash++) {
        if (*slash && *slash != '/') continue;
        char kept = *slash;
        *slash = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return gk_fail(GK_EIO, "cannot create directory %s: %s", part, strerror(errno));
        *slash = kept;
        if (!kept) break;
    }
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return gk_fail(GK_EIO, "%s is not a directory", path);
    return GK_OK;
}

void gk_open_standard(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
            open("/", O_RDONLY | O_DIRECTORY); /* a chroot without /dev: writing there fails */
    }
}

bool gk_exists(const char *path) { return access(path, F_OK) == 0; }
