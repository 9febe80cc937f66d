/* table_mlp.c: the table plan of networks without attention. Private to the plan. */
#ifndef GK_TABLE_MLP_H
#define GK_TABLE_MLP_H

#include "gk/plan.h"

/* Why the mlp has no tables; NULL: it has. */
const char *gk_no_mlp_tables(const gk_shape *shape);

void gk_mlp_table_layout(gk_plan *plan, gk_arena *device);
/* What never changes in the tables of a run. */
void gk_mlp_table_put(gk_plan *plan, int slot);
void gk_mlp_table_build(gk_plan *plan); /* from weights */
void gk_mlp_table_back(gk_plan *plan);  /* to gradients */

#endif
