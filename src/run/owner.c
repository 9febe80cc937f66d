/* The owner file: taken, kept alive, looked at before each write, released. */
#include "gk/owner.h"
#include "run/heart.h"
#include "run/identity.h"
#include "run/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TAKEOVER_SECONDS = 60, STARTING_SECONDS = 2 };

/* A build without it is held against the real one in tests, to see that it is needed. */
#ifdef GK_TEST_NO_FENCE
enum { WITH_FENCE = 0 };
#else
enum { WITH_FENCE = 1 };
#endif

struct gk_owner {
    char dir[GK_PATH_MAX], path[GK_PATH_MAX];
    char text[GK_IDENTITY_MAX]; /* what we wrote */
    int fd;                     /* of path, -1; the lock is its */
    bool locked, foreign;       /* foreign: another user's file, open for reading */
    double started;             /* clock: when taking began */
    gk_beating beating;
};

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); }

static bool read_text(int fd, char text[GK_IDENTITY_MAX])
{
    ssize_t n = pread(fd, text, GK_IDENTITY_MAX - 1, 0);

    text[n > 0 ? n : 0] = 0;
    return n >= 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Nobody removed or replaced the file that we have open? */
static bool is_at(const char *path, int fd)
{
    struct stat there, ours;

    return stat(path, &there) == 0 && fstat(fd, &ours) == 0 && same_file(&there, &ours);
}

/* Seconds since the last sign of life, by the clock that gave `file` its time: that of the disk. */
static double silence(const char *dir, const struct stat *file)
{
    char path[GK_PATH_MAX];
    struct stat fresh;

    if (gk_path(path, "%s/owner.clock.XXXXXX" GK_TEMPORARY, dir) != GK_OK) return 0;
    int fd = mkostemps(path, (int)strlen(GK_TEMPORARY), O_CLOEXEC);
    if (fd < 0) return difftime(time(NULL), file->st_mtime);
    bool good = futimens(fd, NULL) == 0 && fstat(fd, &fresh) == 0;
    close(fd);
    unlink(path);
    double since = good ? difftime(fresh.st_mtime, file->st_mtime) : 0;
    return since > 0 ? since : 0;
}

static void print_age(gk_text *text, double seconds)
{
    if (seconds < 120)
        gk_text_add(text, "%.0f s", seconds);
    else if (seconds < 2 * 3600)
        gk_text_add(text, "%.0f minutes", seconds / 60);
    else
        gk_text_add(text, "%.1f hours", seconds / 3600);
}

/* What a process that has the directory is called, and what can be done about it. */
static gk_status refuse(const gk_owner *o, const gk_identity *who, double silent, bool held,
                        gk_life life)
{
    gk_text text = {0}, name = {0};

    if (who->whole)
        gk_text_add(&name, "pid %ld on host %s", who->pid, who->host);
    else
        gk_text_add(&name, "a process that is just starting");
    gk_text_add(&text, "last sign of life ");
    print_age(&text, silent);
    gk_text_add(&text, " ago");
    if (held)
        gk_text_add(&text, ", and it holds the lock, which ends when it does");
    else if (life == GK_LIVES)
        gk_text_add(&text, "; taken over as soon as it has ended");
    else {
        gk_text_add(&text, "; without another one it is taken over in ");
        print_age(&text, GK_SILENT_SECONDS - silent);
    }
    gk_status status =
        gk_fail(GK_EBUSY,
                "%s is in use by %s (%s); wait for it, stop it, or give another directory "
                "with --out. If that process is surely gone, remove %s",
                o->dir, name.data, text.data, o->path);
    gk_text_free(&name);
    gk_text_free(&text);
    return status;
}

/* The file as another process left it. */
typedef struct found {
    gk_identity who;
    bool empty, starting; /* starting: there is hardly a word in it yet */
    double silent;
    gk_life life;
} found;

static gk_status cannot_write(const gk_owner *o, int why)
{
    return gk_fail(GK_EIO, "cannot write into %s: %s", o->dir, strerror(why));
}

static gk_status look(found *f, const gk_owner *o, int fd)
{
    char text[GK_IDENTITY_MAX];
    struct stat info;

    *f = (found){.life = GK_GONE};
    if (fstat(fd, &info) != 0 || !read_text(fd, text)) return cannot_write(o, errno);
    gk_identity_parse(&f->who, text);
    f->empty = !*text;
    f->silent = silence(o->dir, &info);
    f->starting = !f->who.whole && f->silent < STARTING_SECONDS;
    if (f->who.whole) f->life = gk_identity_life(&f->who, f->silent);
    return GK_OK;
}

/* In place: the file was empty, and is locked or was created by us. */
static gk_status write_text(gk_owner *o)
{
    gk_identity_print(o->text, o->locked);
    size_t n = strlen(o->text);
    ssize_t wrote = write(o->fd, o->text, n);
    if (wrote == (ssize_t)n) return GK_OK;
    int why = wrote < 0 ? errno : ENOSPC;
    unlink(o->path);
    return cannot_write(o, why);
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

static bool is_gone(const gk_owner *o, const char *path)
{
    found f;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return errno == ENOENT;
    gk_status status = look(&f, o, fd);
    close(fd);
    return status == GK_OK && !f.starting && f.life == GK_GONE;
}

/* A takeover whose process was killed in the middle. Renaming makes sure that what is removed is
 * what was looked at: another process may have begun a takeover of its own meanwhile. */
static void remove_takeover(const gk_owner *o, const char *takeover)
{
    char mine[GK_PATH_MAX];
    struct stat info;
    bool old = stat(takeover, &info) == 0 && silence(o->dir, &info) > TAKEOVER_SECONDS;

    if (!old && !is_gone(o, takeover)) return;
    if (gk_path(mine, "%s.takeover.%016llx" GK_TEMPORARY, o->path,
                (unsigned long long)gk_unique()) != GK_OK ||
        rename(takeover, mine) != 0)
        return;
    if (!old && !is_gone(o, mine))
        rename(mine, takeover);
    else
        unlink(mine);
}

/* Where locks are refused: removes a stale owner file. `takeover` makes sure that only one process
 * does and checks it once more. */
static gk_status remove_stale(const gk_owner *o)
{
    char takeover[GK_PATH_MAX], text[GK_IDENTITY_MAX];

    GK_TRY(gk_path(takeover, "%s.takeover" GK_TEMPORARY, o->path));
    remove_takeover(o, takeover);
    gk_identity_print(text, false);
    if (!create(takeover, text)) {
        if (errno != EEXIST) return cannot_write(o, errno);
        return gk_fail(GK_EBUSY, "%s is being taken over by another process", o->dir);
    }
    if (is_gone(o, o->path)) unlink(o->path);
    unlink(takeover);
    return GK_OK;
}

/* Opens the file, or makes it; -1 in o->fd: it vanished in between. */
static gk_status open_file(gk_owner *o, bool *created)
{
    *created = true;
    o->fd = open(o->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (o->fd >= 0) return GK_OK;
    if (errno != EEXIST) return cannot_write(o, errno);
    *created = false;
    o->fd = open(o->path, O_RDWR | O_CLOEXEC);
    o->foreign = o->fd < 0 && errno == EACCES;
    if (o->foreign) o->fd = open(o->path, O_RDONLY | O_CLOEXEC);
    return o->fd >= 0 || errno == ENOENT ? GK_OK : cannot_write(o, errno);
}

/* The lock is another process's: refused, unless it has only just begun and may let go again. */
static gk_status wait_for_holder(const gk_owner *o)
{
    found f;

    GK_TRY(look(&f, o, o->fd));
    if (f.who.whole || gk_seconds() - o->started > STARTING_SECONDS)
        return refuse(o, &f.who, f.silent, true, f.life);
    nap();
    return GK_OK;
}

/* Another user's file is not ours to take, but who has the directory can be said. */
static gk_status refuse_foreign(const gk_owner *o)
{
    bool held = gk_is_locked(o->fd);
    found f;

    GK_TRY(look(&f, o, o->fd));
    return held || f.life != GK_GONE ? refuse(o, &f.who, f.silent, held, f.life)
                                     : cannot_write(o, EACCES);
}

/* A file that somebody else left: ours, removed, or a reason to refuse. */
static gk_status judge(gk_owner *o, bool *done)
{
    found f;

    GK_TRY(look(&f, o, o->fd));
    if (o->locked && f.empty) {
        *done = true;
        return write_text(o);
    }
    bool over = o->locked && f.who.locked &&
                (gk_identity_is_of_this_kernel(&f.who) || gk_is_of_one_host(o->fd));
    if (f.life != GK_GONE && !over) return refuse(o, &f.who, f.silent, false, f.life);
    if (!o->locked && f.starting)
        nap();
    else if (!o->locked)
        return remove_stale(o);
    else if (unlink(o->path) != 0 && errno != ENOENT)
        return cannot_write(o, errno);
    return GK_OK;
}

/* One try. Neither done nor an error: something changed meanwhile, or will soon. */
static gk_status try_to_take(gk_owner *o, bool *done)
{
    bool created;

    *done = false;
    GK_TRY(open_file(o, &created));
    if (o->fd < 0) return GK_OK;
    if (o->foreign) return refuse_foreign(o);
    gk_grip hold = gk_lock(o->fd);
    if (hold == GK_LOCK_FAILS)
        return gk_fail(GK_EIO, "cannot lock %s: %s", o->path, strerror(errno));
    if (hold == GK_LOCK_HELD) return wait_for_holder(o);
    if (!is_at(o->path, o->fd)) return GK_OK;
    o->locked = hold == GK_LOCK_OURS;
    if (!created) return judge(o, done);
    *done = true;
    return write_text(o);
}

static void let_go(gk_owner *o)
{
    if (o->fd >= 0) close(o->fd);
    o->fd = -1;
}

/* Without signs of life the lock says enough. */
static gk_status keep_alive(gk_owner *o)
{
    o->beating.fd = o->fd;
    if (gk_heart_add(&o->beating) || o->locked) return GK_OK;
    gk_heart_remove(&o->beating);
    unlink(o->path);
    return gk_fail(GK_EMEM,
                   "%s: this disk refuses locks, and no thread can be started that gives signs of "
                   "life in their place",
                   o->dir);
}

gk_status gk_owner_take(gk_owner **owner, const char *dir)
{
    gk_owner *o = gk_alloc(1, sizeof *o);
    bool done = false;
    gk_status status = gk_path(o->dir, "%s", dir);

    *owner = NULL;
    o->fd = -1;
    o->started = gk_seconds();
    if (status == GK_OK) status = gk_path(o->path, "%s/owner", dir);
    while (status == GK_OK && !done) {
        let_go(o);
        status = try_to_take(o, &done);
    }
    if (status == GK_OK) status = keep_alive(o);
    if (status == GK_OK) {
        *owner = o;
    } else {
        let_go(o);
        free(o);
    }
    return status;
}

/* What is at the path now, not what we have open; false, and errno: nothing can be read. */
static bool read_again(const gk_owner *o, char text[GK_IDENTITY_MAX])
{
    int fd = open(o->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return false;
    bool good = read_text(fd, text);
    int why = errno;
    close(fd);
    errno = why;
    return good;
}

static gk_status check_ours(const gk_owner *o)
{
    char text[GK_IDENTITY_MAX];
    gk_identity who;

    if (!read_again(o, text)) {
        if (errno != ENOENT) return gk_fail(GK_EIO, "cannot open %s: %s", o->path, strerror(errno));
        return gk_fail(GK_EBUSY,
                       "%s is no longer this process's: %s is gone; nothing more is written there",
                       o->dir, o->path);
    }
    if (!strcmp(text, o->text)) return GK_OK;
    gk_identity_parse(&who, text);
    return gk_fail(GK_EBUSY,
                   "%s is no longer this process's: pid %ld on host %s took it over while this one "
                   "was suspended or cut off; nothing more is written there",
                   o->dir, who.pid, who.host);
}

gk_status gk_owner_fence(const gk_owner *o, const gk_owned_file *file, int n)
{
    struct stat info;

    if (!o || !WITH_FENCE) return GK_OK;
    GK_TRY(check_ours(o));
    for (int i = 0; i < n; i++) {
        if (file[i].fd < 0) continue;
        if (fstat(file[i].fd, &info) != 0)
            return gk_fail(GK_EIO, "cannot look at %s/%s: %s", o->dir, file[i].name,
                           strerror(errno));
        if (info.st_size != file[i].bytes)
            return gk_fail(GK_EBUSY,
                           "%s/%s has %lld bytes, but this process left %lld: something else "
                           "writes there. The same command goes on from the last resume point",
                           o->dir, file[i].name, (long long)info.st_size, (long long)file[i].bytes);
    }
    return GK_OK;
}

void gk_owner_release(gk_owner *o)
{
    char text[GK_IDENTITY_MAX];

    if (!o) return;
    gk_heart_remove(&o->beating);
    if (read_again(o, text) && !strcmp(text, o->text)) unlink(o->path);
    let_go(o);
    free(o);
}
