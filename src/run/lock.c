/* Open file description locks, and on which disks they say everything. */
#include "run/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/vfs.h>

/* A build without locks is held against the real one in tests, to see that they are needed. */
#ifdef GK_TEST_NO_LOCK
enum { WITH_LOCK = 0 };
#else
enum { WITH_LOCK = 1 };
#endif

/* Far behind the text, which stays readable where locks are mandatory; below 2^31, which old
 * servers can count. */
enum { LOCKED_BYTE = 1 << 30 };

gk_grip gk_lock(int fd)
{
    struct flock range = {.l_type = F_WRLCK, .l_start = LOCKED_BYTE, .l_len = 1};
    int got;

    if (!WITH_LOCK) return GK_LOCK_OURS;
    do got = fcntl(fd, F_OFD_SETLK, &range);
    while (got != 0 && errno == EINTR);
    if (got == 0) return GK_LOCK_OURS;
    switch (errno) {
    case EAGAIN:
    case EACCES: return GK_LOCK_HELD;
    case ENOLCK:
    case EOPNOTSUPP:
    case EINVAL:
    case ENOSYS: return GK_LOCK_REFUSED;
    default: return GK_LOCK_FAILS;
    }
}

bool gk_is_locked(int fd)
{
    struct flock range = {.l_type = F_WRLCK, .l_start = LOCKED_BYTE, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

bool gk_is_of_one_host(int fd)
{
    static const struct {
        unsigned long magic; /* statfs(2) */
        const char *name;
    } kinds[] = {{0xef53, "ext4"},      {0x58465342, "xfs"},   {0x9123683e, "btrfs"},
                 {0x01021994, "tmpfs"}, {0x858458f6, "ramfs"}, {0x794c7630, "overlayfs"},
                 {0x2fc12fc1, "zfs"},   {0xf2f52010, "f2fs"},  {0xca451a4e, "bcachefs"}};
    struct statfs info;

    if (fstatfs(fd, &info) != 0) return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((unsigned long)info.f_type == kinds[i].magic) return true;
    return false;
}
