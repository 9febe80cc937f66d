/* What is said of a hook: the first thing that went wrong, what its stderr said last, and in the
 * end how many rows it answered. */
#ifndef GK_HOOK_WORDS_H
#define GK_HOOK_WORDS_H

#include "gk/base.h"

#include <sys/types.h>

typedef struct gk_hook_words {
    const char *dir; /* of the run */
    int64_t rows;    /* that there were while it was there, or should have been */
    int64_t answered, left_out, skipped;
    int64_t nulls;    /* numbers that were NaN or infinite */
    off_t log;        /* bytes of hook.log that are not of this child */
    char reason[256]; /* what went wrong first; "": nothing */
} gk_hook_words;

/* DIR/hook.log, for the child's stderr; -1 with errno. */
int gk_hook_open_log(gk_hook_words *words);
/* Its last line; of a Python program that died, why. */
void gk_hook_last_line(char line[160], const gk_hook_words *words);
void gk_hook_close_log(const gk_hook_words *words); /* an empty one is removed */

/* Only the first call counts. */
void gk_hook_blame(gk_hook_words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Rows that were not answered, and why; numbers that were none. A hook that did its work has
 * nothing said of it. `hurry`: open rows got no time. */
void gk_hook_say(gk_text *said, const gk_hook_words *words, bool hurry);

#endif
