/* What backends that compute in the host's memory share: ref, cpu. */
#ifndef GK_HOST_H
#define GK_HOST_H

#include "gk/ops.h"

/* Members of gk_backend. `zero` fills with zero bytes; upload and download copy; sync has nothing
 * to wait for and returns GK_OK; room is not known. They do not use be->state. */
void *host_alloc(gk_backend *be, size_t bytes);
void host_release(gk_backend *be, void *memory);
void host_upload(gk_backend *be, void *to, const void *from, size_t bytes);
void host_download(gk_backend *be, void *to, const void *from, size_t bytes);
void host_zero(gk_backend *be, void *memory, size_t bytes);
gk_status host_sync(gk_backend *be);
size_t host_room(gk_backend *be);
int64_t host_repeat(gk_backend *be, void (*step)(void *context), void *context, int64_t k);
void host_enter(gk_backend *be, const char *name);
void host_leave(gk_backend *be);
void host_profile(gk_backend *be, bool on);

/* Those members as designated initialisers of a gk_backend. */
#define HOST_MEMBERS                                                                               \
    .alloc = host_alloc, .release = host_release, .upload = host_upload,                           \
    .download = host_download, .zero = host_zero, .sync = host_sync, .room = host_room,            \
    .repeat = host_repeat, .enter = host_enter, .leave = host_leave, .profile = host_profile

/* Is t what argmax would find among the C logits of a row? A NaN anywhere in it: no. */
bool host_hit(const gk_real *x, int C, int t);
/* What every loss gives a row whose label is -1; d may be NULL. */
void host_unscored(double *loss, uint8_t *hit, gk_real *d, int C);

#endif
