/* Memory, steps and rows of losses for backends that compute in the host's memory. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 256 };

void *host_alloc(gk_backend *be, size_t bytes)
{
    (void)be;
    if (bytes > SIZE_MAX - ALIGNMENT) return NULL;
    if (bytes == 0) bytes = 1;
    return aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

void host_release(gk_backend *be, void *memory)
{
    (void)be;
    free(memory);
}

void host_upload(gk_backend *be, void *to, const void *from, size_t bytes)
{
    (void)be;
    if (bytes) memcpy(to, from, bytes);
}

void host_download(gk_backend *be, void *to, const void *from, size_t bytes)
{
    (void)be;
    if (bytes) memcpy(to, from, bytes);
}

void host_zero(gk_backend *be, void *memory, size_t bytes)
{
    (void)be;
    if (bytes) memset(memory, 0, bytes);
}

gk_status host_sync(gk_backend *be)
{
    (void)be;
    return GK_OK;
}

size_t host_room(gk_backend *be)
{
    (void)be;
    return 0;
}

int64_t host_repeat(gk_backend *be, void (*step)(void *context), void *context, int64_t k)
{
    int64_t done = 0;

    (void)be;
    while (done < k && !(done && gk_signal_seen())) {
        step(context);
        done++;
    }
    return done;
}

void host_enter(gk_backend *be, const char *name) { (void)be, (void)name; }
void host_leave(gk_backend *be) { (void)be; }
void host_profile(gk_backend *be, bool on) { (void)be, (void)on; }

bool host_hit(const gk_real *x, int C, int t)
{
    for (int j = 0; j < C; j++) {
        if (!(j < t ? x[j] < x[t] : x[j] <= x[t])) return false;
    }
    return true;
}

void host_unscored(double *loss, uint8_t *hit, gk_real *d, int C)
{
    *loss = 0;
    *hit = 0;
    for (int j = 0; d && j < C; j++) d[j] = 0;
}
