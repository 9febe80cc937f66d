/* The ops of the table plan: arrays and calls. Under construction. */
#include "trial.h"

void gk_trial_table_build(gk_trial *t) { (void)t; }
void gk_trial_table_rows(gk_trial *t) { (void)t; }
void gk_trial_table_pairs(gk_trial *t) { (void)t; }
void gk_trial_table_back(gk_trial *t) { (void)t; }
