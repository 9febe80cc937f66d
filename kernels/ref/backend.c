/* The reference backend: one thread, host memory, sums in double. It is there to be right and to
 * be read; the other backends are held to it (src/verify.c). */
#include "kernels.h"

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

static void ref_close(gk_backend *be) { (void)be; }

static void ref_describe(gk_backend *be, gk_text *json)
{
    (void)be;
    gk_text_add(json, "\"threads\": 1");
}

gk_status ref_backend(gk_backend *be, const gk_device_options *options)
{
    (void)options;
    *be = (gk_backend){
        .name = "ref",
        .close = ref_close,
        .alloc = host_alloc,
        .release = host_release,
        .upload = host_upload,
        .download = host_download,
        .zero = host_zero,
        .sync = host_sync,
        .room = host_room,
        .repeat = host_repeat,
        .enter = host_enter,
        .leave = host_leave,
        .profile = host_profile,
        .describe = ref_describe,
#define OP(name, ...) .name = ref_##name,
#include "gk/ops.def"
#undef OP
    };
    return GK_OK;
}
