/* Initial weights that published programs draw. Private to init.c. */
#ifndef GK_INIT_H
#define GK_INIT_H

#include "gk/model.h"

/* What the model of this shape has of their tensors, into a packed blob; the others stay as they
 * are. */
gk_status gk_init_published(gk_real *packed, const gk_shape *shape, bool is_demo, uint64_t seed);

#endif
