/* One process per run directory: the file `owner` says which. It is stale where its process is gone
 * from this host, or has given no word for 15 minutes. */
#ifndef GK_OWNER_H
#define GK_OWNER_H

#include "gk/base.h"

/* GK_EBUSY with the process that has the directory; GK_EIO where it cannot be written. */
gk_status gk_owner_take(const char *dir);
void gk_owner_touch(const char *dir); /* a word */
void gk_owner_release(const char *dir);

#endif
