/* A folder of its own for the files of a test: set-up and tear-down for cmocka. */
#ifndef GK_TEST_FOLDER_H
#define GK_TEST_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/base.h"

#include <stdio.h>
#include <stdlib.h>

static char folder[256];

static inline int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof folder, "%s/grokc-test-XXXXXX", base ? base : P_tmpdir);
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    char command[GK_PATH_MAX];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* The last four that were asked for are kept. */
static inline const char *in_folder(const char *name)
{
    static char path[4][GK_PATH_MAX];
    static int turn;
    char *found = path[turn++ % 4];

    assert_int_equal(gk_path(found, "%s/%s", folder, name), GK_OK);
    return found;
}

#endif
