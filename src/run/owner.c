/* The owner file: host, pid, the process's start time, so that two processes never write one
 * directory. */
#include "gk/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SILENT_SECONDS = 15 * 60, TAKEOVER_SECONDS = 60, STARTING_SECONDS = 2 };

/* STARTING: the file is there, but not what is in it yet */
typedef enum holder { NOBODY, STARTING, ALIVE } holder;

/* Start time of a process in clock ticks since boot: tells a pid from its next bearer. 0: no such
 * process. */
static unsigned long long started(long pid)
{
    char path[64], text[1024];
    unsigned long long ticks = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *field = strrchr(text, ')'); /* the name before it may hold anything */
    for (int i = 0; field && i < 20; i++) field = strchr(field + 1, ' ');
    if (field) sscanf(field, "%llu", &ticks);
    return ticks;
}

static void describe(char *text, size_t size)
{
    char host[256] = "unknown";
    const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");

    gethostname(host, sizeof host - 1);
    snprintf(text, size, "host %s\npid %ld\nstarted %llu\njob %.64s\nrestart %.16s\n", host,
             (long)getpid(), started(getpid()), job ? job : "-", restart ? restart : "0");
}

static bool create(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (fd < 0) return false;
    ssize_t n = write(fd, text, strlen(text));
    bool good = n == (ssize_t)strlen(text);
    int why = n < 0 ? errno : ENOSPC;
    close(fd);
    if (!good) unlink(path);
    errno = why;
    return good;
}

/* A job that Slurm has put back into its queue has the same number and another restart count: its
 * former process is gone, on whichever host it was. */
static bool was_requeued(const char *job, const char *restart)
{
    const char *now = getenv("SLURM_JOB_ID"), *count = getenv("SLURM_RESTART_COUNT");

    return now && !strcmp(job, now) && strcmp(restart, count ? count : "0") != 0;
}

/* Does the process that wrote `owner` still hold the directory? who: "pid 12 on host a". */
static holder holder_of(const char *owner, char who[320])
{
    char *text, host[256] = "", here[256] = "", job[80] = "-", restart[32] = "0";
    size_t size;
    long pid = 0;
    unsigned long long ticks = 0;
    struct stat info;

    if (stat(owner, &info) != 0 || gk_file_read(owner, 65536, &text, &size) != GK_OK) return NOBODY;
    int fields = sscanf(text, "host %255s pid %ld started %llu job %79s restart %31s", host, &pid,
                        &ticks, job, restart);
    free(text);
    snprintf(who, 320, "pid %ld on host %s", pid, host);
    double silent = difftime(time(NULL), info.st_mtime);
    if (fields < 3) return fabs(silent) < STARTING_SECONDS ? STARTING : NOBODY;
    gethostname(here, sizeof here - 1);
    if (was_requeued(job, restart)) return NOBODY;
    if (strcmp(host, here) != 0) return silent < SILENT_SECONDS ? ALIVE : NOBODY;
    return started(pid) == ticks && ticks != 0 ? ALIVE : NOBODY;
}

/* A takeover whose process was killed in the middle. Renaming makes sure that what is removed is
 * what was looked at: another process may have begun a takeover of its own meanwhile. */
static void remove_takeover(const char *takeover)
{
    char mine[GK_PATH_MAX], who[320];
    struct stat info;
    bool old = stat(takeover, &info) == 0 && difftime(time(NULL), info.st_mtime) > TAKEOVER_SECONDS;

    if (!old && holder_of(takeover, who) != NOBODY) return;
    if (gk_path(mine, "%.*s.%ld" GK_TEMPORARY, (int)(strlen(takeover) - strlen(GK_TEMPORARY)),
                takeover, (long)getpid()) != GK_OK ||
        rename(takeover, mine) != 0)
        return;
    if (!old && holder_of(mine, who) != NOBODY)
        rename(mine, takeover);
    else
        unlink(mine);
}

/* Removes a stale owner file; `takeover` makes sure that only one process does and checks it once
 * more. */
static gk_status remove_stale(const char *dir, const char *owner)
{
    char takeover[GK_PATH_MAX], who[320], text[512];

    GK_TRY(gk_path(takeover, "%s/owner.takeover" GK_TEMPORARY, dir));
    remove_takeover(takeover);
    describe(text, sizeof text);
    if (!create(takeover, text)) {
        if (errno != EEXIST)
            return gk_fail(GK_EIO, "cannot write into %s: %s", dir, strerror(errno));
        return gk_fail(GK_EBUSY, "%s is being taken over by another process", dir);
    }
    if (holder_of(owner, who) == NOBODY) unlink(owner);
    unlink(takeover);
    return GK_OK;
}

gk_status gk_owner_take(const char *dir)
{
    static const struct timespec moment = {.tv_nsec = 50000000};
    char owner[GK_PATH_MAX], text[512], who[320] = "";

    GK_TRY(gk_path(owner, "%s/owner", dir));
    describe(text, sizeof text);
    while (!create(owner, text)) {
        if (errno != EEXIST)
            return gk_fail(GK_EIO, "cannot write into %s: %s", dir, strerror(errno));
        switch (holder_of(owner, who)) {
        case ALIVE:
            return gk_fail(
                GK_EBUSY,
                "%s is in use by %s; wait for it, stop it, or give another directory with --out",
                dir, who);
        case STARTING: nanosleep(&moment, NULL); break;
        case NOBODY: GK_TRY(remove_stale(dir, owner));
        }
    }
    return GK_OK;
}

void gk_owner_touch(const char *dir)
{
    char owner[GK_PATH_MAX];

    if (gk_path(owner, "%s/owner", dir) == GK_OK) utimensat(AT_FDCWD, owner, NULL, 0);
}

void gk_owner_release(const char *dir)
{
    char owner[GK_PATH_MAX];

    if (gk_path(owner, "%s/owner", dir) == GK_OK) unlink(owner);
}
