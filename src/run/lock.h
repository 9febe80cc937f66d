/* A lock on an open file, as gk/owner.h describes it. */
#ifndef GK_RUN_LOCK_H
#define GK_RUN_LOCK_H

#include <stdbool.h>

typedef enum gk_grip {
    GK_LOCK_OURS,
    GK_LOCK_HELD,    /* by another process */
    GK_LOCK_REFUSED, /* there are no locks on this disk */
    GK_LOCK_FAILS,   /* errno says how */
} gk_grip;

/* fd: open for writing. The lock is gone when the open file is: after the last close. */
gk_grip gk_lock(int fd);
/* Does another process hold it? fd may be open for reading alone. */
bool gk_is_locked(int fd);

/* Is the file on a file system that only one host has? Whoever finds a lock free there knows that
 * nobody holds it. Unknown kinds: no. */
bool gk_is_of_one_host(int fd);

#endif
