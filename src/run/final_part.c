/* final.jsonl while it is being measured: lines that a process which goes on need not measure. */
#include "gk/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PART_LIMIT = 1 << 30 };

static gk_status path_of(char path[GK_PATH_MAX], const gk_run *run)
{
    return gk_path(path, "%s/final.jsonl.part", run->dir);
}

/* Is there a whole line of this epoch at `text`? */
static bool has_line(const char *text, int64_t epoch)
{
    const char *end = strchr(text, '\n');
    gk_row row;

    if (!end || gk_row_parse(&row, text, (size_t)(end - text)) != GK_OK) return false;
    gk_row_free(&row);
    return row.epoch == epoch;
}

/* Lines in front, up to the first that is torn or of another epoch. */
static int take(gk_text *lines, const char *text, const char *what, const int64_t *epochs, int n)
{
    size_t head = strlen(what);
    int kept = 0;

    if (strncmp(text, what, head) != 0 || text[head] != '\n') return 0;
    for (text += head + 1; kept < n && has_line(text, epochs[kept]); kept++) {
        size_t length = strcspn(text, "\n") + 1;
        gk_text_append(lines, text, length);
        text += length;
    }
    return kept;
}

gk_status gk_run_part_open(gk_text *lines, int *kept, const gk_run *run, const char *what,
                           const int64_t *epochs, int n)
{
    char path[GK_PATH_MAX], *text;
    gk_text whole = {0};
    size_t size;

    *kept = 0;
    GK_TRY(path_of(path, run));
    GK_TRY(gk_run_fence(run));
    if (gk_exists(path)) {
        GK_TRY(gk_file_read(path, PART_LIMIT, &text, &size));
        *kept = take(lines, text, what, epochs, n);
        free(text);
    }
    gk_text_add(&whole, "%s\n", what);
    gk_text_append(&whole, lines->data, lines->length);
    gk_status status = gk_file_replace(path, whole.data, whole.length);
    gk_text_free(&whole);
    return status;
}

gk_status gk_run_part_add(const gk_run *run, const char *line, size_t length)
{
    char path[GK_PATH_MAX];

    GK_TRY(path_of(path, run));
    GK_TRY(gk_run_fence(run));
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    ssize_t wrote = fd < 0 ? -1 : write(fd, line, length);
    int why = wrote < 0 ? errno : ENOSPC;
    if (fd >= 0) close(fd);
    return wrote == (ssize_t)length ? GK_OK
                                    : gk_fail(GK_EIO, "cannot write %s: %s", path, strerror(why));
}

gk_status gk_run_part_finish(const gk_run *run, const gk_text *lines)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/final.jsonl", run->dir));
    GK_TRY(gk_run_fence(run));
    GK_TRY(gk_file_replace(path, lines->data, lines->length));
    gk_run_part_remove(run);
    return GK_OK;
}

void gk_run_part_remove(const gk_run *run)
{
    char path[GK_PATH_MAX];

    if (path_of(path, run) == GK_OK) unlink(path);
}
