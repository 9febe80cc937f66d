/* Who may write into a directory: one process, named in its file `owner`.
 *
 * The process holds a lock on that file for as long as it lives: an open file description lock
 * (F_OFD_SETLK, Linux 3.15) on one byte far behind the text. Compared with the others (fcntl(2),
 * fcntl_locking(2), flock(2), nfs(5), mount.lustre(8)):
 *  - it belongs to the open file: it is gone when the process is, kill -9 included, it says the
 *    same in every pid, user and uts namespace, and it needs no /proc;
 *  - a POSIX record lock (F_SETLK) would be lost when any other descriptor of the file is closed,
 *    as happens at each gk_owner_fence;
 *  - flock() locks the whole file: NFS emulates it with byte ranges anyway, and where a server
 *    makes locks mandatory (SMB) nobody could read any more who has the directory;
 *  - fork() shares it, so the descriptor is closed at exec: a hook or gnuplot does not keep it.
 *
 * A lock that is held always counts. One that is free does not say everything: on a disk that hosts
 * share, some mounts keep locks on one host (NFS nolock and local_lock, Lustre localflock, AFS,
 * most of FUSE), and some refuse them (ENOLCK, EOPNOTSUPP, EINVAL, ENOSYS). What else is in
 * `owner` decides then: a process of this very kernel (boot id) and pid namespace is looked up by
 * its pid and start time; all others live as long as they give a sign of life, the time of
 * `owner`, renewed every minute by a thread, until it is fifteen minutes old. Clocks of hosts are
 * not compared: "now" is the time that the same file system gives a file that was just written.
 *
 * A process that was suspended, or cut off from its disk, may find that another one has taken the
 * directory over. So it looks before each thing that it writes (gk_owner_fence). */
#ifndef GK_OWNER_H
#define GK_OWNER_H

#include "gk/base.h"

typedef struct gk_owner gk_owner;

/* GK_EBUSY where another process has `dir`: since when it gave no sign of life, when that is long
 * enough to take it over, and which file could be removed. */
gk_status gk_owner_take(gk_owner **owner, const char *dir);
/* Removes the file, if it is still ours. NULL is allowed. */
void gk_owner_release(gk_owner *owner);

/* A file that only the owner appends to, and the length that it left. */
typedef struct gk_owned_file {
    int fd; /* -1: none */
    int64_t bytes;
    const char *name;
} gk_owned_file;

/* Does the directory still belong to us, and did nobody else change these files (n of them)? If
 * not: GK_EBUSY, and nothing may be written there any more. owner NULL: nothing to check. */
gk_status gk_owner_fence(const gk_owner *owner, const gk_owned_file *file, int n);

#endif
