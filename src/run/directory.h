/* What the files of this room share about a run's directory. */
#ifndef GK_RUN_DIRECTORY_H
#define GK_RUN_DIRECTORY_H

#include "gk/run.h"

/* A file of the run, whole or not at all, while the directory is ours. GK_EBUSY, GK_EIO. */
gk_status gk_run_replace(const gk_run *run, const char *name, const gk_text *text);

/* settle.c: goes on with the run that is there. GK_EUSAGE where the config that is asked for would
 * make another run of it; what may change (gk_config_may_change) changes config.yaml, with a line
 * in history.jsonl, and opens a run that is done where there is something left to do. */
gk_status gk_run_settle(gk_run *run);

#endif
