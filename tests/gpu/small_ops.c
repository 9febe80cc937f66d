/* The cases of the op table that are small enough for compute-sanitizer, on cuda against ref. */
#include "gk/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16 }; /* the product of a case's sizes */

static double work_of(const gk_verify_result *c)
{
    double work = 1;
    const char *at = c->shape;
    int size, length;

    for (; sscanf(at, "%*s %d%n", &size, &length) == 1; at += length) work *= size > 1 ? size : 1;
    return work;
}

int main(void)
{
    gk_backend be, ref;
    int done = 0, wrong = 0;

    if (gk_backend_open(&be, "cuda", NULL) != GK_OK ||
        gk_backend_open(&ref, "ref", NULL) != GK_OK) {
        gk_warn("%s", gk_message());
        return 1;
    }
    for (int i = 0; i < gk_verify_cases(); i++) {
        gk_verify_result result;

        gk_verify_name(&result, i);
        if (work_of(&result) > MOST) continue;
        gk_verify(&result, i, &be, &ref);
        done++;
        if (!result.problem && result.error <= result.limit) continue;
        printf("%s (%s): error %.3g, limit %.3g %s\n", result.op, result.shape, result.error,
               result.limit, result.problem ? result.problem : "");
        wrong++;
    }
    printf("%d of %d cases, %d wrong\n", done, gk_verify_cases(), wrong);
    gk_backend_close(&be);
    gk_backend_close(&ref);
    return wrong || !done;
}
