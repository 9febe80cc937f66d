/* Loads what the cuda backend loads when it opens, or says why not: without a GPU the backend does
 * not get so far. */
#include "gk/base.h"

#include <stdio.h>

gk_status cuda_libraries_load(void);

int main(void)
{
    gk_status status = cuda_libraries_load();

    printf("%s\n", status == GK_OK ? "loaded" : gk_message());
    return status == GK_EDEVICE ? 4 : status != GK_OK;
}
