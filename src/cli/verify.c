/* grokc verify: every op of a backend against ref, or its bits against the law, on this machine. */
#include "cli/cli.h"
#include "gk/verify.h"

#include <stdio.h>

/* How many cases were looked at, and how many of them are wrong. */
typedef struct counts {
    int cases, wrong;
} counts;

static void check(counts *n, int i, gk_backend *be, gk_backend *ref)
{
    gk_verify_result result;

    gk_verify(&result, i, be, ref);
    bool good = !result.problem && result.error <= result.limit;
    printf("%-16s %-44s %10.1e %10.1e  %s\n", result.op, result.shape, result.error, result.limit,
           result.problem ? result.problem
           : good         ? "ok"
                          : "TOO FAR OFF");
    n->cases++;
    n->wrong += !good;
}

/* The same by bytes; measures have no law. */
static void check_bits(counts *n, int i, gk_backend *be, gk_backend *law)
{
    gk_verify_result result;

    if (!gk_verify_has_law(i)) return;
    gk_verify_bits(&result, i, be, law);
    printf("%-16s %-44s %10.0f  %s%s%s\n", result.op, result.shape, result.error,
           result.problem ? result.problem : "ok", result.where[0] ? ": " : "", result.where);
    n->cases++;
    n->wrong += result.problem != NULL;
}

static gk_status check_all(gk_backend *be, bool bits)
{
    gk_text about = {0};
    gk_backend other;
    counts n = {0};

    GK_TRY(gk_backend_open(&other, bits ? "law" : "ref", NULL));
    be->describe(be, &about);
    printf("backend %s (%s), %s\n", be->name, GK_REAL_NAME, about.data ? about.data : "");
    gk_text_free(&about);
    if (bits)
        printf("%-16s %-44s %10s\n", "op", "sizes", "differ");
    else
        printf("%-16s %-44s %10s %10s\n", "op", "sizes", "error", "limit");
    for (int i = 0; i < gk_verify_cases(); i++) (bits ? check_bits : check)(&n, i, be, &other);
    gk_backend_close(&other);
    if (n.wrong) return gk_fail(GK_EDEVICE, "%d of %d cases are wrong", n.wrong, n.cases);
    printf("%d cases, all %s\n", n.cases, bits ? "with the law's bytes" : "right");
    return GK_OK;
}

gk_status gk_cli_verify(const gk_cli *cli)
{
    gk_backend be;

    GK_TRY(gk_backend_open(&be, cli->device ? cli->device : "auto", NULL));
    gk_status status = check_all(&be, cli->bits);
    gk_backend_close(&be);
    return status;
}
