/* Does a process still have a run? From its file `owner`, without taking it. */
#include "gk/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Where a process that has the directory locks its `owner`, and after what time without a sign of
 * life it counts as gone. */
enum { LOCKED_BYTE = 1 << 30, SILENT_SECONDS = 15 * 60 };

/* Does somebody hold the lock? Where there are no locks: not known, which is no. */
static bool is_locked(int fd)
{
    struct flock range = {.l_type = F_WRLCK, .l_start = LOCKED_BYTE, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

/* The value of the line "key value"; "": there is none. */
static void take(char value[256], const char *text, const char *key)
{
    size_t n = strlen(key);

    *value = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) != 0 || line[n] != ' ') continue;
        snprintf(value, 256, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
        return;
    }
}

/* Is there a process of this number here that began at this clock tick? */
static bool is_here(const char *pid, const char *started)
{
    char path[280], text[1024];

    if (!*pid || strspn(pid, "0123456789") != strlen(pid)) return false;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = 0;
    char *field = strrchr(text, ')'); /* the name before it may hold anything */
    for (int i = 0; field && i < 20; i++) field = strchr(field + 1, ' ');
    size_t length = field ? strcspn(field + 1, " ") : 0;
    return field && length == strlen(started) && !strncmp(field + 1, started, length);
}

bool gk_run_is_held(const char *dir)
{
    char path[GK_PATH_MAX], text[2048], host[256], pid[256], started[256], here[256] = "";
    struct stat info;

    if (gk_path(path, "%s/owner", dir) != GK_OK) return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return gk_exists(path); /* not ours to read: not known to be gone */
    ssize_t n = read(fd, text, sizeof text - 1);
    bool locked = is_locked(fd);
    bool young = fstat(fd, &info) == 0 && difftime(time(NULL), info.st_mtime) < SILENT_SECONDS;
    close(fd);
    text[n > 0 ? n : 0] = 0;
    if (locked) return true;
    take(host, text, "host");
    take(pid, text, "pid");
    take(started, text, "started");
    gethostname(here, sizeof here - 1);
    return strcmp(host, here) != 0 ? young : is_here(pid, started);
}
