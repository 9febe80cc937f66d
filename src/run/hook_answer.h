/* A line that a hook answers with, as the line of hook.jsonl that it becomes. */
#ifndef GK_HOOK_ANSWER_H
#define GK_HOOK_ANSWER_H

#include "gk/base.h"

/* `line` begins with "{". Its numbers stay as they are spelled; NaN and infinities, as Python's
 * json writes them, become null, and *nulls counts them. False, with `why`, where it is no JSON or
 * names another epoch. */
bool gk_hook_answer(gk_text *row, const char *line, size_t n, int64_t epoch, int64_t *nulls,
                    char why[160]);

#endif
