/* Signs of life: a thread that gives a new time to some open files once a minute. */
#ifndef GK_RUN_HEART_H
#define GK_RUN_HEART_H

#include "gk/base.h"

typedef struct gk_beating {
    int fd;
    struct gk_beating *next;
} gk_beating;

/* `file` stays where it is, and its fd open, until it is removed. False: no thread can be
 * started. */
bool gk_heart_add(gk_beating *file);
void gk_heart_remove(const gk_beating *file);

#endif
