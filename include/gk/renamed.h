/* Names of grokc 0.1 that have changed since (renamed.def). Whoever reads takes both, whoever
 * writes knows the new ones alone; rows and summaries of older programs become today's as they are
 * read (gk_older_json in gk/row.h). */
#ifndef GK_RENAMED_H
#define GK_RENAMED_H

#include "gk/base.h"

enum { GK_RENAMED_MAX = 256 };

/* What a name is of, or several. */
enum { GK_OLD_KEY = 1, GK_OLD_COLUMN = 2, GK_OLD_CSV = 4, GK_OLD_TURN = 8, GK_OLD_ANY = 15 };

/* Today's name in `room`, or `name` itself where it has not changed (or is too long for a name of
 * ours). Of columns also before a dot. */
const char *gk_renamed(char room[GK_RENAMED_MAX], const char *name, int of);
bool gk_is_renamed(const char *name, int of);
/* Of a key; what comes back lasts as long as `name` does. */
const char *gk_renamed_key(const char *name);
/* What a key was called at first. */
const char *gk_first_key(const char *name);

/* The i-th change, in the order of renamed.def; false past the last. */
bool gk_renaming(int i, const char **old, const char **now, int *of);

#endif
