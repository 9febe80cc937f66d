/* What is said of a hook. */
#include "run/hook_words.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t LOG_LIMIT = (size_t)1 << 26;

void gk_hook_blame(gk_hook_words *words, const char *format, ...)
{
    va_list args;

    if (*words->reason) return;
    va_start(args, format);
    vsnprintf(words->reason, sizeof words->reason, format, args);
    va_end(args);
}

int gk_hook_open_log(gk_hook_words *words)
{
    char path[GK_PATH_MAX];

    if (gk_path(path, "%s/hook.log", words->dir) != GK_OK) return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    words->log = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    return fd;
}

void gk_hook_last_line(char line[160], const gk_hook_words *words)
{
    char path[GK_PATH_MAX], *text;
    size_t size, from = (size_t)words->log;

    *line = 0;
    if (gk_path(path, "%s/hook.log", words->dir) != GK_OK) return;
    if (gk_file_read(path, LOG_LIMIT, &text, &size) != GK_OK) return;
    while (size > from && strchr("\n\r ", text[size - 1])) size--;
    size_t begin = size;
    while (begin > from && text[begin - 1] != '\n') begin--;
    if (size > begin) snprintf(line, 160, "%.*s", (int)(size - begin), text + begin);
    free(text);
}

void gk_hook_close_log(const gk_hook_words *words)
{
    char path[GK_PATH_MAX];
    struct stat info;

    if (gk_path(path, "%s/hook.log", words->dir) == GK_OK && stat(path, &info) == 0 &&
        info.st_size == 0)
        unlink(path);
}

void gk_hook_say(gk_text *said, const gk_hook_words *words, bool hurry)
{
    int64_t missing = hurry ? words->left_out + words->skipped : words->rows - words->answered;

    if (missing > 0)
        gk_text_add(said, "%s: the hook answered %lld of %lld rows; first reason: %s", words->dir,
                    (long long)words->answered, (long long)words->rows,
                    *words->reason ? words->reason : "it did not");
    if (words->nulls)
        gk_text_add(said, "%s%s%lld of the hook's numbers were NaN or infinite, and are null",
                    said->length ? "; " : words->dir, said->length ? "" : ": ",
                    (long long)words->nulls);
}
