/* The law backend: docs/arithmetic.md as plain C, on one thread in host memory, for `grokc verify
 * --bits` and the tests. Ops that are no part of training, and those that ref computes as the law
 * has them, are ref's. */
#include "host.h"
#include "law/law.h"

static void law_close(gk_backend *be) { (void)be; }

static void law_describe(gk_backend *be, gk_text *json)
{
    (void)be;
    gk_text_add(json, "\"threads\": 1");
}

gk_status law_backend(gk_backend *be, const gk_device_options *options)
{
    (void)options;
    *be = (gk_backend){
        .name = "law",
        .close = law_close,
        HOST_MEMBERS,
        .describe = law_describe,
#define OP(name, ...) .name = ref_##name,
#include "gk/ops.def"
#undef OP
    };
#define LAW(op) be->op = law_##op;
#include "law/ops.def"
#undef LAW
    return GK_OK;
}
