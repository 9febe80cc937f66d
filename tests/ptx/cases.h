/* The rows of gk_verify on the interpreter: which are small, and whether one is right. */
#ifndef GK_PTX_CASES_H
#define GK_PTX_CASES_H

#include "control.h"
#include "ptx.h"

#ifdef __cplusplus
extern "C" {
#endif
#include "gk/verify.h"
#ifdef __cplusplus
}
#endif

#include <stdio.h>
#include <stdlib.h>

/* The product of a case's sizes. */
static inline double case_work(int i)
{
    gk_verify_result c;
    double work = 1;
    int size, length;

    gk_verify_name(&c, i);
    for (const char *at = c.shape; sscanf(at, "%*s %d%n", &size, &length) == 1; at += length)
        work *= size > 1 ? size : 1;
    return work;
}

/* Both backends, on a device without faults. */
static inline void cases_open(gk_backend *be, gk_backend *ref)
{
    gk_shim_reset();
    if (gk_backend_open(ref, "ref", NULL) == GK_OK && gk_backend_open(be, "cuda", NULL) == GK_OK)
        return;
    fprintf(stderr, "%s\n", gk_message());
    exit(2);
}

static inline void cases_close(gk_backend *be, gk_backend *ref)
{
    gk_backend_close(be);
    gk_backend_close(ref);
}

static inline bool case_right(int i, gk_backend *be, gk_backend *ref, gk_verify_result *result)
{
    gk_verify(result, i, be, ref);
    return !result->problem && result->error <= result->limit;
}

#endif
