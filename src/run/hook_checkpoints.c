/* A hook for checkpoints that are there already: asked one after the other, with all the time that
 * it takes. */
#include "gk/archive.h"
#include "gk/hook.h"
#include "gk/owner.h"
#include "run/hook_answer.h"
#include "run/hook_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct asking {
    gk_child child;
    gk_text heard;
    const char *dir; /* of the run; NULL: a file that belongs to none */
    gk_owner *owner;
    int answers; /* hook.jsonl, -1 */
    int64_t answered, left_out, nulls;
    char wrong[160]; /* of the first answer that is left out */
} asking;

/* The path, line and all. */
static gk_status send_path(asking *a, const char *path)
{
    char *whole = realpath(path, NULL);
    gk_text line = {0};

    if (!whole) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    gk_text_add(&line, "%s\n", whole);
    ssize_t n = write(a->child.in, line.data, line.length);
    bool sent = n >= 0 && (size_t)n == line.length;
    gk_text_free(&line);
    free(whole);
    if (sent || gk_child_exits(&a->child, 0.1)) return GK_OK; /* what it answered is read yet */
    return gk_fail(GK_EDATA, "the hook does not read its stdin");
}

/* The next line that may be an answer, without its end, into *line; *there false: there is none any
 * more. */
static gk_status next_line(asking *a, gk_text *line, bool *there)
{
    char chunk[4096];

    for (;;) {
        char *end = a->heard.length ? memchr(a->heard.data, '\n', a->heard.length) : NULL;
        if (end) {
            size_t n = (size_t)(end - a->heard.data);
            line->length = 0;
            gk_text_append(line, a->heard.data, n);
            memmove(a->heard.data, end + 1, a->heard.length - n - 1);
            a->heard.length -= n + 1;
            *there = true;
            if (line->length && *line->data == '{') return GK_OK;
            continue;
        }
        if (gk_signal_seen()) return gk_fail(GK_STOPPED, "stopped by a signal");
        struct pollfd out = {.fd = a->child.out, .events = POLLIN};
        if (poll(&out, 1, 100) <= 0) continue;
        ssize_t n = read(a->child.out, chunk, sizeof chunk);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        *there = n > 0;
        if (n <= 0) return GK_OK;
        gk_text_append(&a->heard, chunk, (size_t)n);
    }
}

/* On stdout, and in hook.jsonl. */
static gk_status keep(asking *a, const gk_text *row)
{
    fwrite(row->data, 1, row->length, stdout);
    if (a->answers < 0) return GK_OK;
    GK_TRY(gk_owner_fence(a->owner, NULL, 0));
    off_t end = lseek(a->answers, 0, SEEK_END);
    ssize_t n = write(a->answers, row->data, row->length);
    if (n >= 0 && (size_t)n == row->length) return GK_OK;
    gk_status status = gk_fail(GK_EIO, "cannot write %s/hook.jsonl: %s", a->dir, strerror(errno));
    if (end < 0 || ftruncate(a->answers, end) != 0) return status;
    return status;
}

static gk_status ask(asking *a, const char *path, int64_t epoch)
{
    gk_text line = {0}, row = {0};
    bool there = false;

    gk_status status = send_path(a, path);
    if (status == GK_OK) status = next_line(a, &line, &there);
    if (status == GK_OK && !there)
        status =
            gk_fail(GK_EDATA, "the hook ended before it answered to epoch %lld", (long long)epoch);
    if (status == GK_OK && gk_hook_answer(&row, line.data, line.length, epoch, &a->nulls,
                                          a->left_out ? (char[160]){0} : a->wrong)) {
        status = keep(a, &row);
        a->answered++;
    } else if (status == GK_OK) {
        a->left_out++;
    }
    gk_text_free(&line);
    gk_text_free(&row);
    return status;
}

static gk_status open_all(asking *a, const char *command)
{
    char path[GK_PATH_MAX];

    if (a->dir) {
        GK_TRY(gk_owner_take(&a->owner, a->dir));
        GK_TRY(gk_path(path, "%s/hook.jsonl", a->dir));
        a->answers = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (a->answers < 0) return gk_fail(GK_EIO, "cannot open %s: %s", path, strerror(errno));
    }
    if (gk_child_start(&a->child, command, STDERR_FILENO)) return GK_OK;
    return gk_fail(GK_EIO, "the hook cannot be started: %s", strerror(errno));
}

/* How the child ended, where that is why there are no more answers. */
static gk_status close_all(asking *a, gk_status status)
{
    char why[4096];

    snprintf(why, sizeof why, "%s", status == GK_OK ? "" : gk_message());
    if (a->child.pid) {
        gk_child_hang_up(&a->child);
        gk_child_exits(&a->child, status == GK_OK ? 10 : 1);
        int end = gk_child_end(&a->child);
        if (status == GK_EDATA && WIFEXITED(end))
            gk_fail(status, "%s: exit status %d", why, WEXITSTATUS(end));
    }
    if (a->answers >= 0) close(a->answers);
    gk_owner_release(a->owner);
    gk_text_free(&a->heard);
    return status;
}

gk_status gk_hook_checkpoints(const char *dir, const char *command, const char *const *path,
                              const int64_t *epoch, int n)
{
    asking a = {.dir = dir, .answers = -1};

    gk_status status = open_all(&a, command);
    for (int i = 0; status == GK_OK && i < n; i++) status = ask(&a, path[i], epoch[i]);
    GK_TRY(close_all(&a, status));
    if (a.nulls)
        gk_warn("%lld of the hook's numbers were NaN or infinite, and are null",
                (long long)a.nulls);
    if (!a.left_out) return GK_OK;
    return gk_fail(GK_EDATA, "%lld of %d answers are left out; the first: %s",
                   (long long)a.left_out, n, a.wrong);
}
