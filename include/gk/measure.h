/* Numbers out of a model, without changing it: one row of metrics.jsonl per run. */
#ifndef GK_MEASURE_H
#define GK_MEASURE_H

#include "gk/plan.h"

typedef struct gk_row {
    int64_t epoch;                  /* updates done before it */
#define MEASURE(name, help) double name;
#include "gk/measures.def"
#undef MEASURE
} gk_row;

/* A row for each slot (R), at the current weights; epoch and train_loss_max come from `slot` (R, the host's copy). */
void gk_measure(gk_row *row, gk_model *model, gk_data *data, int form, const gk_slot *slot, gk_backend *be);

/* The loss is NaN or infinite: the run ends as diverged. */
static inline bool gk_row_diverged(const gk_row *row) { return !(row->train_loss <= 1e300); }

/* One line of metrics.jsonl with its newline, and back. A line that is not a row is GK_EDATA. */
void gk_row_print(gk_text *text, const gk_row *row);
gk_status gk_row_parse(gk_row *row, const char *line, size_t length);

const char *gk_measure_name(int i, const char **help);      /* NULL past the last */

#endif
