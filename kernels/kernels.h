/* What stands behind the seam: the backends of this build and every op of `ref`, on which other
 * backends that compute in host memory may fall back, one op at a time. Never included by src/. */
#ifndef GK_KERNELS_H
#define GK_KERNELS_H

#include "gk/ops.h"

/* Fills in the whole table. An error leaves nothing to close. */
#define BACKEND(name, help)                                                                        \
    gk_status name##_backend(gk_backend *be, const gk_device_options *options);
#include "gk/backends.def"
#undef BACKEND

#define OP(name, ...) void ref_##name(gk_backend *be, __VA_ARGS__);
#include "gk/ops.def"
#undef OP

#endif
