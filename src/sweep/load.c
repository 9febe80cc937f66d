/* A sweep from a file, or from a pipe. */
#include "gk/input.h"
#include "gk/sweep.h"

#include <stdlib.h>

enum { BYTES_MAX = 1 << 20 };

gk_status gk_sweep_load(gk_sweep *sweep, const char *path, const char *const *sets, int n_sets)
{
    char *yaml;
    size_t size;

    *sweep = (gk_sweep){0};
    gk_status status = gk_input_read(path, BYTES_MAX, &yaml, &size);
    if (status == GK_EMEM) return status;
    if (status != GK_OK) return gk_fail(GK_EUSAGE, "%s", gk_message());
    status = gk_sweep_parse(sweep, gk_input_name(path), yaml, size, sets, n_sets);
    free(yaml);
    return status;
}
