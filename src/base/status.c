/* Messages of failures, and the end of the program on a bug. */
#include "gk/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Thread_local char message[4096];

gk_status gk_fail(gk_status status, const char *format, ...)
{
    char text[sizeof message]; /* the arguments may point into the old message */
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(message, sizeof message, "%s", text);
    return status;
}

const char *gk_message(void) { return message; }

int gk_exit_code(gk_status status)
{
    switch (status) {
    case GK_OK: return 0;
    case GK_EUSAGE: return 2;
    case GK_DIVERGED: return 3;
    case GK_STOPPED: return 75;
    case GK_EIO:
    case GK_EDATA:
    case GK_EMEM:
    case GK_EBUSY:
    case GK_EDEVICE:
    case GK_ENODEVICE: return 1;
    }
    return 1;
}

void gk_warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("grokc: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

_Noreturn void gk_check_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "grokc: a bug: %s:%d: %s does not hold\n", file, line, condition);
    abort();
}

double gk_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
