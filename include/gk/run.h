/* A run directory: the truth about a run. Training writes it; everything else only reads it.
 *
 *   the same bytes on every rerun
 *     config.yaml                  every option; without it the directory is no run
 *     metrics.jsonl                one line for each row
 *     projections.bin              one record for each row: gk/records.h
 *     measures/EPOCH.safetensors   arrays of a row
 *     checkpoints/EPOCH.safetensors, EPOCH.state.safetensors    weights; weights and moments
 *     resume.safetensors           weights, moments and position, for going on
 *     final.jsonl                  one line for each checkpoint, with the final key set
 *     summary.json                 what happened when
 *     made_of.json made_of/        files that the config names: gk/made_of.h
 *   clocks, machines, processes
 *     env.json log.txt state owner report.html
 *     final.jsonl.part             final.jsonl while it is being measured
 *     history.jsonl                what changed in config.yaml between two starts
 *   answers of run.hook: gk/hook.h
 *     hook.jsonl hook.log hook/
 *   where a branch comes from, and the rows before it: gk/branch.h
 *     parent.json parent.jsonl
 *
 * Weights, measures and reports come from others (train/keep.c, train/final.c): what is here knows
 * where a file belongs, when it is whole, and what a killed process may have left. */
#ifndef GK_RUN_H
#define GK_RUN_H

#include "gk/events.h"
#include "gk/made_of.h"
#include "gk/owner.h"
#include "gk/position.h"
#include "gk/stop.h"

typedef struct gk_run {
    char dir[GK_PATH_MAX];
    gk_config config;
    gk_made_of made;
    gk_events events;
    gk_stop stop;
    int64_t began;        /* the epoch where this process took it */
    gk_position position; /* of the current event: what a resume point written now holds */
    int64_t metrics_bytes, projections_bytes; /* lengths of these files now */
    size_t record;            /* float32 values of a record of projections.bin; 0: no such file */
    gk_owner *owner;          /* NULL: nobody's */
    bool finished, restored;  /* restored: goes on from a resume point */
    char state[16];           /* done, diverged ... as in the state file */
    int metrics, projections; /* file descriptors, -1 */
    gk_key_watch keys;        /* for the measures that need a key set */
    gk_text final;            /* the last line of final.jsonl, "" before */
    gk_turning turning;       /* found at the end */
    double last_resume;       /* clock */
    struct gk_hook *hook;     /* while it trains; NULL: none */
    gk_text hook_said;        /* for the terminal: what the hook did not answer; "": all is well */
} gk_run;

typedef enum gk_open_mode { GK_GO_ON, GK_FRESH } gk_open_mode;

/* GK_EUSAGE where `dir` holds something but is no run: such a directory is not touched. GK_EIO
 * where it cannot be read. */
gk_status gk_run_check_directory(const char *dir);

/* Takes the directory (owner file) and finds out what it is: new, to be gone on with, or finished
 * (run->finished; nothing is written then). GK_EUSAGE: a directory of another config, one that is
 * no run, a branch that is to be started over, or a run.stop_when that gk_stop_open refuses.
 * GK_EBUSY: another process has it. GK_EIO: it cannot be read or written. Close it in any case. */
gk_status gk_run_open(gk_run *run, const char *dir, const gk_config *config, gk_open_mode mode);
/* Where the resume point lies; "" where there is none. GK_EDATA: of a branch, it must be there. */
gk_status gk_run_resume_path(const gk_run *run, char path[GK_PATH_MAX]);
/* Goes on from the position of the resume point: the rows before it are replayed, run->restored;
 * all that was written after it goes. NULL: an empty metrics.jsonl, epoch 0. `record`: see
 * gk_run. GK_EDATA where a file is shorter than it was at the resume point or a line is no row,
 * GK_EUSAGE where run.epochs is before it, GK_EIO. */
gk_status gk_run_restore(gk_run *run, const gk_position *position, size_t record);
/* Keeps what it is made of, as far as that has not been done. GK_EIO, GK_EBUSY. */
gk_status gk_run_keep_made_of(gk_run *run);
void gk_run_close(gk_run *run);
/* Before anything is written into the directory: is it still ours, and are metrics.jsonl and
 * projections.bin as long as we left them? GK_EBUSY if not. log.txt alone is written without it. */
gk_status gk_run_fence(const gk_run *run);

/* append.c: the line of a row in metrics.jsonl with its events, and its record (run->record values)
 * in projections.bin; NULL where the run has none. GK_EIO: the files are as they were. GK_EUSAGE:
 * of the first row, as gk_stop_check. */
gk_status gk_run_append(gk_run *run, const gk_row *row, const float *record);
/* The record of row i. GK_EDATA where projections.bin ends before it, GK_EIO. */
gk_status gk_run_record(const gk_run *run, int64_t i, float *record);

/* The weights of the current event are there: those before it go, where run.keep_checkpoints says
 * that they do not stay. */
void gk_run_forget_weights(const gk_run *run);
/* All rows on the disk, before a state says that they are there. GK_EIO. */
gk_status gk_run_sync(const gk_run *run);

/* final_part.c: final.jsonl while it is being measured, so that a process that goes on finds what
 * is there: a line `what` that says with what it is measured, then its own lines as they come. */

/* Adds to `lines` those that were measured with the same `what`, for the first of these n epochs in
 * their order, and returns in *kept how many they are; the file then holds just these. GK_EIO. */
gk_status gk_run_part_open(gk_text *lines, int *kept, const gk_run *run, const char *what,
                           const int64_t *epochs, int n);
/* One line more, with its newline. GK_EIO. */
gk_status gk_run_part_add(const gk_run *run, const char *line, size_t length);
/* final.jsonl is there, and the part goes. GK_EIO. */
gk_status gk_run_part_finish(const gk_run *run, const gk_text *lines);
void gk_run_part_remove(const gk_run *run);

/* summary.json and state. `state` is done or diverged. GK_EIO, as of gk_run_set_state: the file
 * `state`, a line. */
gk_status gk_run_finish(gk_run *run, const char *state, const char *ended_by);
gk_status gk_run_set_state(gk_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* environment.c: what runs here, once more, for env.json (`backend`: JSON members), GK_EIO; a line
 * with a clock in log.txt, which never fails. */
gk_status gk_run_environment(gk_run *run, const char *backend, const char *plan);
void gk_run_log(gk_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
