/* The reference backend: one thread, host memory, sums in double. It is there to be right and to
 * be read; the other backends are held to it (src/verify.c). */
#include "host.h"
#include "kernels.h"

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
        HOST_MEMBERS,
        .describe = ref_describe,
#define OP(name, ...) .name = ref_##name,
#include "gk/ops.def"
#undef OP
    };
    return GK_OK;
}
