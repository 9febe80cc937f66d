/* How files differ from memory. Private to checkpoint.c. */
#ifndef GK_CHECKPOINT_LAYOUT_H
#define GK_CHECKPOINT_LAYOUT_H

#include "gk/model.h"

enum gk_layout {
    GK_LENS, /* TransformerLens (Nanda & Bloom 2022) */
    GK_PAPER /* the code of "Progress measures for grokking" (Nanda et al. 2023) */
};

typedef struct gk_file_shape {
    int dims;
    int64_t size[3];
} gk_file_shape;

gk_file_shape gk_file_shape_of(const gk_tensor *t, const gk_shape *s, enum gk_layout layout);

/* Where a file holds memory's element (row, col) of a tensor. */
size_t gk_file_place(const gk_tensor *t, const gk_shape *s, enum gk_layout layout, size_t row,
                     size_t col);

/* A bias that TransformerLens has and a model of this shape has not: zero in files. */
typedef struct gk_extra {
    char name[GK_NAME_MAX];
    gk_file_shape shape;
} gk_extra;
enum { GK_EXTRAS_MAX = 6 * GK_LAYERS_MAX + 1 };

int gk_extras(gk_extra list[GK_EXTRAS_MAX], const gk_shape *s); /* returns how many */

/* The constants that are kept with the weights there: blocks.N.attn.mask, blocks.N.attn.IGNORE. */
bool gk_is_buffer(const char *name, int layers);

#endif
