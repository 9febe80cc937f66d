/* The process behind a hook: a shell in a group of its own, and two pipes that never block here. */
#ifndef GK_HOOK_CHILD_H
#define GK_HOOK_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct gk_child {
    pid_t pid;   /* of the child and of its group; 0: none */
    int in, out; /* its stdin and stdout, -1: closed */
    bool exited; /* but not reaped: until then the number means nobody else */
} gk_child;

/* `/bin/sh -c command`, its stderr into `err`; false with errno. It gets TERM if the thread that
 * calls this ends. */
bool gk_child_start(gk_child *child, const char *command, int err);

/* child->exited after so many seconds at most. */
bool gk_child_exits(gk_child *child, double seconds);

void gk_child_hang_up(gk_child *child); /* its stdin ends */

/* KILL to the whole group, pipes closed, nothing left; the status that wait() gives. */
int gk_child_end(gk_child *child);

void gk_nap(void); /* between two looks at something: 2 ms */

#endif
