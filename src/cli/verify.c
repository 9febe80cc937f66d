/* grokc verify: every op of a backend against ref, on this machine. */
#include "cli/cli.h"
#include "gk/verify.h"

#include <stdio.h>

/* One line per case; counts what is wrong. */
static int check_all(gk_backend *be, gk_backend *ref)
{
    int wrong = 0, n = gk_verify_cases();

    printf("%-16s %-44s %10s %10s\n", "op", "sizes", "error", "limit");
    for (int i = 0; i < n; i++) {
        gk_verify_result result;
        gk_verify(&result, i, be, ref);
        bool good = !result.problem && result.error <= result.limit;
        printf("%-16s %-44s %10.1e %10.1e  %s\n", result.op, result.shape, result.error,
               result.limit,
               result.problem ? result.problem
               : good         ? "ok"
                              : "TOO FAR OFF");
        wrong += !good;
    }
    return wrong;
}

gk_status gk_cli_verify(const gk_cli *cli)
{
    gk_backend be, ref;

    GK_TRY(gk_backend_open(&be, cli->device ? cli->device : "auto", NULL));
    gk_status status = gk_backend_open(&ref, "ref", NULL);
    if (status == GK_OK) {
        gk_text about = {0};
        be.describe(&be, &about);
        printf("backend %s (%s), %s\n", be.name, GK_REAL_NAME, about.data ? about.data : "");
        gk_text_free(&about);
        int wrong = check_all(&be, &ref);
        gk_backend_close(&ref);
        if (wrong)
            status = gk_fail(GK_EDEVICE, "%d of %d cases are wrong", wrong, gk_verify_cases());
        else
            printf("%d cases, all right\n", gk_verify_cases());
    }
    gk_backend_close(&be);
    return status;
}
