/* What the tests of checkpoints share: a file in a folder of its own, and blobs of numbers. */
#ifndef GK_TEST_BLOBS_H
#define GK_TEST_BLOBS_H

#include "lib/folder.h"

#include "gk/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[GK_PATH_MAX];

static inline int make_path(void **state)
{
    return make_folder(state) || gk_path(path, "%s/file", folder) != GK_OK;
}

/* A blob of numbers that are all different and exact in every type. */
static inline gk_real *numbers(const gk_shape *shape, int first)
{
    size_t n = gk_parameters(shape);
    gk_real *blob = gk_alloc(n, sizeof *blob);

    for (size_t i = 0; i < n; i++) blob[i] = (gk_real)(first + (int)i);
    return blob;
}

static inline bool same(const gk_real *a, const gk_real *b, const gk_shape *shape)
{
    return !memcmp(a, b, gk_parameters(shape) * sizeof *a);
}

/* Where a tensor begins in a packed blob. */
static inline const gk_real *in_blob(const gk_real *blob, const gk_shape *shape, const char *name)
{
    gk_tensor list[GK_TENSORS_MAX];
    int n = gk_tensors(list, shape);

    for (int i = 0; i < n; i++)
        if (!strcmp(list[i].name, name)) return blob + list[i].packed;
    fail_msg("no %s in the model", name);
    return NULL;
}

#endif
