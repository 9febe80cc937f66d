/* `grokc gather`: the finished runs of a sweep directory as tables.
 *
 *     DIR/sweep.csv        a line for each point: swept values, config, summary and last numbers
 *     DIR/curves.csv.gz    a line for each row of each finished run
 *     DIR/cells.csv        runs that differ in nothing but seeds, taken together
 *
 * Columns are called as in metrics.jsonl and summary.json, spelled as gk_csv_name does it, and
 * key_freqs and clusters are texts there. What run.hook answered is beside the
 * rows of its epochs in curves.csv.gz, and its last answer in sweep.csv; gk/archive.h says how
 * those columns are called. */
#ifndef GK_GATHER_H
#define GK_GATHER_H

#include "gk/base.h"

typedef struct gk_gathered {
    int runs, done, diverged, going, waiting, grokked;
} gk_gathered;

/* All three, each by rename; reads nothing that is not finished, and says how many those are. */
gk_status gk_gather(gk_gathered *counts, const char *sweep_dir);

/* The columns of cells.csv behind the swept keys. */
#define GK_CELL_COLUMNS                                                                            \
    "n,done,diverged,grokked,grokked_fraction,grokked_low,grokked_high,grok_epoch_median,"         \
    "grok_epoch_low,grok_epoch_high,grok_delay_median,train_loss_median,test_loss_median"

/* Runs that differ in this swept column only are of one cell. */
bool gk_gather_is_seed(const char *name);

#endif
