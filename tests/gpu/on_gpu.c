/* on_gpu COMMAND...: runs the command with $GROKC_DEVICE = cuda; where there is no GPU that this
 * build can use, it says why and ends with code 77, which CTest takes for "skipped". */
#include "gk/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SKIPPED = 77, NOT_RUN = 127 };

int main(int argc, char **argv)
{
    gk_backend be;

    if (argc < 2) {
        fputs("usage: on_gpu COMMAND...\n", stderr);
        return 2;
    }
    if (gk_backend_open(&be, "cuda", NULL) != GK_OK) {
        printf("skipped: %s\n", gk_message());
        return SKIPPED;
    }
    gk_backend_close(&be);
    setenv("GROKC_DEVICE", "cuda", 1);
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return NOT_RUN;
}
