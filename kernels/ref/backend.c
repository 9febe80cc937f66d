/* The reference backend: one thread, host memory, sums in double. It is there to be right and to
 * be read; the other backends are held to it (src/verify.c). */
#include "../kernels.h"

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

static void ref_close(gk_backend *be) { (void)be; }

static void ref_describe(gk_backend *be, gk_text *json)
{
    (void)be;
    gk_text_add(json, "\"threads\": 1");
}

gk_status ref_backend(gk_backend *be, int threads)
{
    (void)threads;
    *be = (gk_backend){
        .name = "ref",
        .close = ref_close,
        .alloc = host_alloc,
        .release = host_release,
        .upload = host_upload,
        .download = host_download,
        .zero = host_zero,
        .sync = host_sync,
        .describe = ref_describe,
#define OP(name, ...) .name = ref_##name,
#include "gk/ops.def"
#undef OP
    };
    return GK_OK;
}
