/* Files of a run directory that can go: what they take, what no longer works without them, and
 * their removal while nobody else has the run. What a run is known by always stays: config.yaml,
 * metrics.jsonl, final.jsonl, summary.json, and whatever is not named here. Of a run that has not
 * finished only what it does not go on from can go. */
#ifndef GK_CLEAN_H
#define GK_CLEAN_H

#include "gk/base.h"

typedef enum gk_clean_part {
    GK_CLEAN_CHECKPOINTS,
    GK_CLEAN_STATES,
    GK_CLEAN_MEASURES,
    GK_CLEAN_RESUME,
    GK_CLEAN_PROJECTIONS,
    GK_CLEAN_REPORT,
    GK_CLEAN_UNFINISHED,
    GK_CLEAN_PARTS
} gk_clean_part;

/* What a part is called, and what no longer works without it. */
extern const struct gk_clean_kind {
    const char *name, *cost;
} gk_clean_kinds[GK_CLEAN_PARTS];

typedef struct gk_clean_sum {
    /* bytes: that the disk gets back; a file with a second name frees none. stay: files of this
     * kind that are kept for their epochs. */
    int64_t files, bytes, stay;
} gk_clean_sum;

typedef struct gk_clean {
    /* Bit i: part i. */
    unsigned parts;
    /* "last", "none", or epochs as run.checkpoint_at has them; then the last one stays, too. */
    const char *keep;
    bool remove; /* else it only counts */
    /* Added up over runs. */
    gk_clean_sum sum[GK_CLEAN_PARTS];
    int runs, unfinished;
} gk_clean;

/* `what`: names with commas; NULL: all. `keep`: as above; NULL: "last". GK_EUSAGE. */
gk_status gk_clean_open(gk_clean *clean, const char *what, const char *keep, bool remove);
/* Counts one run, and removes what is chosen. GK_EUSAGE: `dir` is no run. GK_EBUSY: another process
 * has it; nothing was counted or removed. GK_EIO: what was removed before that is counted. */
gk_status gk_clean_run(gk_clean *clean, const char *dir);

/* Run directories, each once, in whatever ways they were named. */
typedef struct gk_clean_runs {
    char **dir;
    int n;
} gk_clean_runs;

/* Adds the run `dir`, or those of the sweep `dir`. GK_EUSAGE: it is neither. GK_EIO. */
gk_status gk_clean_find(gk_clean_runs *runs, const char *dir);
void gk_clean_runs_free(gk_clean_runs *runs);

#endif
