/* A run directory: the truth about a run. Training writes it; everything else only reads it.
 *
 *   config.yaml metrics.jsonl projections.bin measures/ checkpoints/ resume.safetensors final.jsonl
 * summary.json the same bytes on every rerun env.json log.txt state owner clocks, machines,
 * processes hook.jsonl hook/                                                            answers of
 * run.hook, see hook.h parent.json parent.jsonl where a branch comes from, rows before it
 */
#ifndef GK_RUN_H
#define GK_RUN_H

#include "gk/batch.h"
#include "gk/checkpoint.h"
#include "gk/events.h"
#include "gk/owner.h"

typedef struct gk_run {
    char dir[GK_PATH_MAX];
    gk_config config;
    gk_shape shape;
    gk_events events;
    int64_t began;        /* the epoch where this process took it */
    gk_position position; /* of the current event: what a resume point written now holds */
    int64_t metrics_bytes, projections_bytes; /* lengths of these files now */
    gk_owner *owner;                          /* NULL: nobody's */
    bool finished, restored;                  /* restored: goes on from a resume point */
    char state[16];                           /* done, diverged ... as in the state file */
    int metrics, projections;                 /* file descriptors, -1 */
    gk_key_watch keys;                        /* for the measures that need a key set */
    gk_text final;                            /* the last line of final.jsonl, "" before */
    gk_turning turning;                       /* found at the end */
    double last_resume;                       /* clock */
    struct gk_hook *hook;                     /* while it trains; NULL: none */
} gk_run;

typedef enum gk_open_mode { GK_GO_ON, GK_FRESH } gk_open_mode;

/* GK_EUSAGE where `dir` holds something but is no run: such a directory is not touched. */
gk_status gk_run_check_directory(const char *dir);

/* Takes the directory (owner file) and finds out what it is: new, to be gone on with, or finished
 * (run->finished; nothing is written then). Refuses a directory of another config, another
 * process's, or one that is not a run. Close it in any case. */
gk_status gk_run_open(gk_run *run, const char *dir, const gk_config *config, const gk_shape *shape,
                      gk_open_mode mode);
/* Where it stands. With a resume point: the stage and run->position are loaded, metrics.jsonl is
 * cut and its rows replayed, run->restored. Without: an empty metrics.jsonl, epoch 0; the stage is
 * left alone. */
gk_status gk_run_restore(gk_run *run, gk_stage *stage, const gk_analysis *analysis);
void gk_run_close(gk_run *run);
/* Before anything is written into the directory: is it still ours, and are metrics.jsonl and
 * projections.bin as long as we left them? GK_EBUSY if not. log.txt alone is written without it. */
gk_status gk_run_fence(const gk_run *run);

/* run_rows.c: a line of metrics.jsonl with its events, a record of projections.bin;
 * measures/EPOCH.safetensors. */
gk_status gk_run_append(gk_run *run, const gk_row *row, const gk_snapshot *snapshot);
gk_status gk_run_arrays(const gk_run *run, gk_snapshot *snapshot, bool last);
void gk_arrays_write(gk_tensors_writer *writer, const gk_snapshot *snapshot); /* run_arrays.c */
/* run_maps.c: what heads and neurons do on every input of a torus, for the last row; a forward pass of all runs of
 * the batch. */
void gk_arrays_maps(gk_tensors_writer *writer, gk_snapshot *snapshot);
/* A record of projections.bin: C_k^T L and S_k^T L for k = 1 .. K, then the column means of L,
 * float32, n each. */
static inline size_t gk_record_values(int n, int K) { return (2 * (size_t)K + 1) * (size_t)n; }
/* Restricted loss over all inputs of each row (rows of them), for any key set, from
 * projections.bin. */
gk_status gk_run_restricted(const gk_run *run, const gk_snapshot *snapshot, const int *key,
                            int keys, double *loss, int64_t rows);
/* Weights of the current event. `last`: the run ends here. */
gk_status gk_run_checkpoint(gk_run *run, const gk_stage *stage, bool last);
/* Everything, for going on (resume.safetensors) and for branches
 * (checkpoints/EPOCH.state.safetensors). */
gk_status gk_run_resume_point(gk_run *run, const gk_stage *stage);
gk_status gk_run_keep_state(gk_run *run, const gk_stage *stage);
/* summary.json and state. `state` is done or diverged. */
gk_status gk_run_finish(gk_run *run, const char *state, const char *ended_by);
gk_status gk_run_set_state(gk_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* environment.c: what runs here, once more, for env.json (`backend`: JSON members); a line with a
 * clock in log.txt. */
gk_status gk_run_environment(gk_run *run, const char *backend, const char *plan);
void gk_run_log(gk_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gk_environment_print(gk_text *json, int64_t epoch, const char *backend, const char *plan);

/* run_report.c: report.html of the run as it stands, where run.report_every asks for one after this row or the run
 * has ended. Never fails: what goes wrong is a line in log.txt, as is the time that it took. */
void gk_run_report(gk_run *run);

/* branch.c: a new directory whose resume point is `parent`'s kept state of `epoch`; gk_run_open
 * goes on from it. A directory that is this very branch already is left alone. */
gk_status gk_run_branch(const char *dir, const char *parent, int64_t epoch, const gk_config *config,
                        const gk_config *parent_config, const gk_shape *shape);

#endif
