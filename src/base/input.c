/* What a user names: files, and what is none but can be read to its end. */
#include "gk/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without a size or an end that is known beforehand. */
static bool is_stream(mode_t mode) { return S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISCHR(mode); }

/* Everything from `fd` on, one byte more than `limit` at most. */
static gk_status read_to_end(int fd, const char *name, size_t limit, gk_text *text)
{
    char block[4096];

    while (text->length <= limit) {
        size_t room = limit + 1 - text->length;
        ssize_t n = read(fd, block, room < sizeof block ? room : sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return gk_fail(GK_EIO, "cannot read %s: %s", name, strerror(errno));
        gk_text_append(text, block, (size_t)n);
        if (n == 0) return GK_OK;
    }
    return gk_fail(GK_EDATA, "%s has more than %zu bytes; at most so many are expected here", name,
                   limit);
}

static gk_status read_stream(int fd, const char *name, size_t limit, char **data, size_t *size)
{
    gk_text text = {0};
    gk_status status = read_to_end(fd, name, limit, &text);

    if (status != GK_OK) {
        gk_text_free(&text);
        return status;
    }
    *data = text.data;
    *size = text.length;
    return GK_OK;
}

gk_status gk_input_read(const char *path, size_t limit, char **data, size_t *size)
{
    struct stat info;

    GK_TRY(gk_input_check(path));
    if (!strcmp(path, "-")) return read_stream(STDIN_FILENO, "stdin", limit, data, size);
    if (stat(path, &info) != 0 || !is_stream(info.st_mode))
        return gk_file_read(path, limit, data, size);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    gk_status status = read_stream(fd, path, limit, data, size);
    close(fd);
    return status;
}

const char *gk_input_name(const char *path) { return strcmp(path, "-") != 0 ? path : "stdin"; }

bool gk_input_has_name(const char *path)
{
    struct stat info;

    if (!strcmp(path, "-") || !strcmp(path, "/dev/stdin")) return false;
    if (!strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/proc/", 6)) return false;
    return stat(path, &info) != 0 || !is_stream(info.st_mode);
}

gk_status gk_input_check(const char *path)
{
    const char *home = getenv("HOME");
    bool known = home && *home == '/';

    if (strncmp(path, "~/", 2) != 0) return GK_OK;
    return gk_fail(
        GK_EUSAGE,
        "no shell has expanded the ~ of \"%.200s\"; write $HOME%.200s on a command line, "
        "%.200s%.200s in a file",
        path, path + 1, known ? home : "/home/you", path + 1);
}
