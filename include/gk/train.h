/* The loop over events: runs that share shapes, trained side by side in slots, each into its own
 * directory. */
#ifndef GK_TRAIN_H
#define GK_TRAIN_H

#include "gk/batch.h"
#include "gk/run.h"

/* What a profiler is to record: from the event at epoch `from` to that at epoch `to` of the first
 * run. */
typedef struct gk_profile {
    int64_t from, to;
} gk_profile;

/* Where runs come from, and whom to tell about them. A slot whose run has ended takes the next
 * one. */
typedef struct gk_queue gk_queue;
struct gk_queue {
    /* The next run, opened and unfinished, of the same shapes and loss form as all others of the
     * queue; NULL: none waits. */
    gk_status (*next)(gk_queue *queue, gk_run **run);
    /* The run has ended (run->finished), or stops with `status` and gk_message(); the loop is done
     * with it. GK_EDATA: its own files are wrong; the others go on. */
    void (*ended)(gk_queue *queue, gk_run *run, gk_status status);
    /* After an event: the runs in the slots (NULL: empty). */
    void (*show)(gk_queue *queue, gk_run *const *run, int R);
};

/* Makes report.html of a run, where run.report_every asks for it: the program puts gk_report there,
 * whose arguments these are. NULL: there are no reports. */
extern gk_status (*gk_live_page)(const char *const *dir, int n, const char *out,
                                 const char *figures, int refresh, char trouble[512]);

/* Trains all runs of a queue to their ends, at most R side by side. A diverged run is not an error:
 * see run->state. profile: NULL: nothing is recorded. GK_STOPPED after a signal, with a resume
 * point for each run; GK_EIO where a file cannot be written, GK_EDEVICE what the device says,
 * GK_EMEM, GK_EUSAGE of a config that cannot be: these end all runs. */
gk_status gk_train(gk_queue *queue, int R, gk_backend *be, const gk_profile *profile);
/* one.c: an opened, unfinished run of its own, with the progress line. As gk_train, and GK_EDATA
 * where its own files are wrong. */
gk_status gk_train_one(gk_run *run, gk_backend *be, const gk_profile *profile);

/* final.c: measures of every kept checkpoint with the final weights' key set, into final.jsonl;
 * run->final: its last line. Slot r ends up with the run's final weights and zero moments. GK_EIO;
 * GK_EDATA where a checkpoint or projections.bin is not what was written; GK_EDEVICE. */
gk_status gk_final(gk_run *run, gk_batch *batch, int r);
/* Every measure of a weights file in slot r, with a given key set. As gk_checkpoint_load, and
 * GK_EDEVICE. */
gk_status gk_measure_checkpoint(gk_batch *batch, int r, const gk_config *config, const char *path,
                                int64_t epoch, const int *key, int keys, gk_row *row);

/* The progress line on stderr: rewritten on a terminal, a plain line every ten seconds
 * elsewhere. */
typedef struct gk_progress {
    bool terminal, shown;
    double start, last; /* clocks */
    int64_t from;       /* epoch where this process began */
} gk_progress;

/* "01:05", "1:00:00"; "?" where the time is unknown (negative) */
void gk_clock_text(char text[32], double seconds);
bool gk_is_terminal(void); /* stderr is one on which lines can be rewritten */
void gk_progress_start(gk_progress *progress, int64_t epoch);
void gk_progress_show(gk_progress *progress, const gk_run *run, int64_t epoch, bool last);

#endif
