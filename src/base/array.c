/* Arrays that grow one by one, and the orders that qsort sorts plain numbers by. */
#include "gk/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The room is the least power of two that holds what is there: it need not be written down. */
void *gk_grow(void *block, size_t n, size_t size)
{
    if (n & (n - 1)) return block;
    size_t room = n ? 2 * n : 1;
    GK_CHECK(room > n && size && room <= SIZE_MAX / size);
    char *more = realloc(block, room * size);

    if (!more) {
        fprintf(stderr, "grokc: out of memory (%zu x %zu bytes)\n", room, size);
        exit(1);
    }
    memset(more + n * size, 0, (room - n) * size);
    return more;
}

int gk_ascending_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

int gk_ascending_epochs(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int gk_ascending_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}
