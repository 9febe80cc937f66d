/* Where a run stands, as its resume point and its kept states hold it in their __metadata__.
 * Everything else is derived from the rows before. */
#ifndef GK_POSITION_H
#define GK_POSITION_H

#include "gk/safetensors.h"

typedef struct gk_position {
    int64_t epoch;         /* updates done */
    int64_t metrics_bytes; /* length of metrics.jsonl before the row of this epoch */
    double loss_max;       /* largest train loss since the last row; -1: no update since */
} gk_position;

void gk_position_write(gk_tensors_writer *writer, const gk_position *position);
/* GK_EDATA where the file `path` has no checksums, is no state, or lacks a number of it. */
gk_status gk_position_read(gk_position *position, const gk_tensors_file *file, const char *path);

#endif
