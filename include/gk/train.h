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
    /* The last epoch of a run is over, and `done` of its `n` checkpoints are measured. NULL: nobody
     * is told. */
    void (*measuring)(gk_queue *queue, const gk_run *run, int done, int n);
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

/* ---- progress.c */

/* One line on stderr that says where training is. */

typedef enum gk_progress_style {
    GK_PROGRESS_AUTO,  /* a bar on a terminal, plain lines elsewhere */
    GK_PROGRESS_PLAIN, /* a line every ten seconds */
    GK_PROGRESS_BAR,   /* a line that is written again and again */
    GK_PROGRESS_NONE
} gk_progress_style;

typedef struct gk_progress {
    gk_progress_style style; /* never AUTO once it is open */
    bool shown;              /* there was a line */
    bool open;               /* the last one, a bar, has no end yet */
    double last;             /* clock of the last one */
} gk_progress;

/* What a line says. On a terminal that is too narrow the bar goes, then the phase, then the rate;
 * what is still too long is cut. Elsewhere plain lines are whole. */
typedef struct gk_progress_line {
    char head[96];      /* "epoch 280/3000 9%" */
    char bar[11];       /* "##        "; "": none */
    char numbers[96];   /* "train 0.0078 test 4.4 acc 52%"; "": none */
    char phase[64];     /* "circuit formation"; "": none */
    double spent, left; /* seconds; negative: unknown */
    double rate;        /* negative: none */
    const char *unit;   /* of the rate */
} gk_progress_line;

void gk_progress_open(gk_progress *progress, gk_progress_style style);
/* Is it time for a line? `last`: there is none after it. */
bool gk_progress_due(const gk_progress *progress, bool last);
void gk_progress_print(gk_progress *progress, const gk_progress_line *line, bool last);
/* Ends a line that is open, so that something else can be said. */
void gk_progress_end(gk_progress *progress);
/* `percent` of ten places. */
void gk_progress_bar(char bar[11], int percent);
/* The line in at most `most` characters, 0: in any number; `text` has room for GK_PROGRESS_LINE. */
enum { GK_PROGRESS_LINE = 512 };
void gk_progress_fit(char *text, int most, const gk_progress_line *line);

/* ---- one.c */

/* An opened, unfinished run of its own, with the progress line. As gk_train, and GK_EDATA where
 * its own files are wrong. */
gk_status gk_train_one(gk_run *run, gk_backend *be, const gk_profile *profile,
                       gk_progress_style style);

/* ---- final.c */

/* Measures of every kept checkpoint with the final weights' key set, into final.jsonl; run->final:
 * its last line. Slot r ends up with the run's final weights and zero moments. GK_STOPPED after a
 * signal: the lines that are there are kept, and the next call goes on behind them. queue NULL:
 * nobody is told how far it is. GK_EIO; GK_EDATA where a checkpoint or projections.bin is not what
 * was written; GK_EDEVICE. */
gk_status gk_final(gk_run *run, gk_batch *batch, int r, gk_queue *queue);
/* Every measure of a weights file in slot r, with a given key set. As gk_checkpoint_load, and
 * GK_EDEVICE. */
gk_status gk_measure_checkpoint(gk_batch *batch, int r, const gk_config *config, const char *path,
                                int64_t epoch, const int *key, int keys, gk_row *row);

#endif
