/* `grokc ls`: the runs below directories as a table, a line for each. Reads run directories only.
 *
 * Columns have the names
 *     run, state, epoch   its directory, the word of its state file ("dead": running, but nobody
 *                         has it), the epoch of its last row
 *     seed                S where task.split and model.init are both "philox:S"
 *     optim.lr ...        every config key
 *     grok_epoch, "events.test_loss < 0.1.crossed" ...     the values of summary.json; for a run
 *                         that is not finished, what that file would say if it ended now
 *     test_loss, restricted_all ...     every measure: of the final key set, else of the last row
 *     what run.hook answered            to the last row, or to the last before it that it has
 *                                       answered: under its own names, see gk/archive.h
 * and may be given by the last part alone where that is clear: weight_decay. */
#ifndef GK_LS_H
#define GK_LS_H

#include "gk/base.h"

typedef struct gk_ls_options {
    const char *where;   /* a condition, see src/browse/where.h; NULL: all runs */
    const char *columns; /* names separated by commas; NULL: run, state, epoch, config keys that
                            differ, and how it went */
    const char *sort;    /* a name, with "-" before it from large to small; null comes last. NULL:
                            by directory */
    bool csv;            /* full names and exact values, instead of a table for people */
    int width;           /* of the table, unless columns are asked for: columns from the right are
                            left out, and a last line says so; 0: any */
} gk_ls_options;

/* Adds the table to `text`. *shown of *found runs below the directories satisfy the condition. */
gk_status gk_ls(gk_text *text, char **dir, int n, const gk_ls_options *options, int *found,
                int *shown);

#endif
