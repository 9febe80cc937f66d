/* Preloaded by tests: the N-th operation of the program that changes the disk goes wrong, or the
 * world is another one.
 *
 *   GROKC_FAULT=kill:N    the process dies before it; a write is cut in half first
 *   GROKC_FAULT=error:N   it fails once, with EIO
 *   GROKC_FAULT=full:N    from it on there is no room: creating, writing, syncing fail with ENOSPC
 *   GROKC_FAULT=quota:N   likewise, with EDQUOT
 *   GROKC_FAULT=sync:N    the N-th fsync fails, with EIO
 *   GROKC_LOCKS=E         a disk without locks: they fail with error number E
 *   GROKC_FOLDERS=E       folders cannot be synced: error number E
 *   GROKC_CLOCK=S         the host's clock is S seconds ahead, or behind
 *   GROKC_SLOW=MS         a write takes so many milliseconds before it begins
 *
 * Standard output and error are left alone, and so is stdio (log.txt). When a fault happens, the
 * file "hit" appears. There is nothing to survive a power cut for, so fsync takes no time here. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FREES = 1, SYNCS = 2 }; /* the operation needs no room; it is an fsync */

static int count;

/* Does this operation fail? Then errno is set. */
static int fails(int flags, int fd, const void *data, size_t size)
{
    char kind[16] = "";
    int at = 0;
    const char *fault = getenv("GROKC_FAULT");

    if (!fault || sscanf(fault, "%15[a-z]:%d", kind, &at) != 2) return 0;
    if (!strcmp(kind, "sync") && !(flags & SYNCS)) return 0;
    count++;
    if (count == at)
        syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, "hit", O_CREAT | O_WRONLY, 0666));
    if (!strcmp(kind, "kill") && count == at) {
        if (size > 1) syscall(SYS_write, fd, data, size / 2);
        kill(getpid(), SIGKILL);
    }
    if ((!strcmp(kind, "error") || !strcmp(kind, "sync")) && count == at) {
        errno = EIO;
        return 1;
    }
    int no_room = !strcmp(kind, "full") ? ENOSPC : !strcmp(kind, "quota") ? EDQUOT : 0;
    if (no_room && count >= at && !(flags & FREES)) {
        errno = no_room;
        return 1;
    }
    return 0;
}

/* The number in an environment variable, 0 without it. */
static long number(const char *name)
{
    const char *text = getenv(name);

    return text ? atol(text) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    int mode = 0;

    if (flags & O_CREAT) {
        va_start(args, flags);
        mode = va_arg(args, int);
        va_end(args);
        if (fails(0, -1, NULL, 0)) return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
    long slow = fd > STDERR_FILENO ? number("GROKC_SLOW") : 0;

    if (slow) usleep((useconds_t)slow * 1000);
    if (fd > STDERR_FILENO && fails(0, fd, data, size)) return -1;
    return syscall(SYS_write, fd, data, size);
}

int fsync(int fd)
{
    struct stat info;
    long folders = number("GROKC_FOLDERS");

    if (folders && fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        errno = (int)folders;
        return -1;
    }
    return fails(SYNCS, -1, NULL, 0) ? -1 : 0;
}

int fcntl(int fd, int command, ...)
{
    va_list args;

    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    if (command == F_OFD_SETLK && number("GROKC_LOCKS")) {
        errno = (int)number("GROKC_LOCKS");
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (clock == CLOCK_REALTIME) now->tv_sec += number("GROKC_CLOCK");
    return result;
}

time_t time(time_t *there)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (there) *there = now.tv_sec;
    return now.tv_sec;
}

int rename(const char *from, const char *to)
{
    if (fails(FREES, -1, NULL, 0)) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    const char *kill_only = getenv("GROKC_FAULT");

    /* a file that cannot be removed is no fault to plant: disks do not do that */
    if (kill_only && !strncmp(kill_only, "kill", 4)) fails(FREES, -1, NULL, 0);
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode)
{
    struct stat info;

    if (stat(path, &info) != 0 && fails(0, -1, NULL, 0)) return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int ftruncate(int fd, off_t size)
{
    if (fails(FREES, -1, NULL, 0)) return -1;
    return (int)syscall(SYS_ftruncate, fd, size);
}
