/* A sweep as a job array of Slurm: DIR/slurm/sweep.sh has a task for each shard, and
 * DIR/slurm/gather.sh merges their runs when all have ended. The scripts say everything: they can
 * be read, edited and given to sbatch again, `sbatch --array=3,7 DIR/slurm/sweep.sh` for two
 * shards of them. Knows no config and no run. */
#ifndef GK_SLURM_H
#define GK_SLURM_H

#include "gk/base.h"

/* As many indexes as a job array has where nobody has set MaxArraySize. */
enum { GK_SLURM_SHARDS = 1001 };

typedef struct gk_slurm {
    const char *program, *file, *dir; /* grokc, the sweep's file and directory */
    const char *where;                /* an absolute path: relative ones mean this folder */
    const char *const *argument;      /* further ones of `grokc sweep`, --set and its like */
    int arguments;
    const char *partition, *time, *gres, *account; /* NULL: the cluster's */
    const char *const *sbatch;                     /* further options of sbatch, "--mem=8G" */
    int sbatches;
    int shards;
} gk_slurm;

/* GK_EUSAGE where a text has a newline or another control character. */
gk_status gk_slurm_script(gk_text *script, const gk_slurm *options);
gk_status gk_slurm_gather_script(gk_text *script, const gk_slurm *options);

/* Writes both, submits them, and adds to `said` what to tell the user, job ids included. GK_EIO
 * where sbatch is missing or refuses; the scripts stay. */
gk_status gk_slurm_submit(gk_text *said, const gk_slurm *options);

#endif
