/* How a file differs from the one that was kept, in words. */
#ifndef CONFIG_DIFFERENCE_H
#define CONFIG_DIFFERENCE_H

#include "gk/base.h"

/* Of two splits, ids one a line, training ids first; nothing is added where the ids are the same in
 * the same order. */
void gk_split_difference(gk_text *text, const char *then, size_t then_size, const char *now,
                         size_t now_size, double train_fraction);

/* Of two weights files: the first tensor that is another one; nothing is added where names, shapes
 * and values are the same. */
void gk_weights_difference(gk_text *text, const char *then, const char *now);

#endif
