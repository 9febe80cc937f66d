/* A run directory read for a report: whatever of it there is. Nothing is trusted, nothing is
 * written, and a run that is being trained may be read. */
#ifndef GK_RUN_DATA_H
#define GK_RUN_DATA_H

#include "gk/archive.h"
#include "gk/safetensors.h"
#include "report/page/html.h"

#include <jansson.h>

typedef struct gk_run_data {
    char dir[GK_PATH_MAX];
    gk_run_state state;
    gk_config config;
    gk_row_table rows, finals; /* rows: the parent's before a branch, too */
    size_t own_rows;           /* those of metrics.jsonl: the last ones of `rows` */
    json_t *summary, *env;     /* NULL: not there (yet) */
    json_t *best;              /* the last row of finals, or of rows: what tables show */
    gk_tensors_file arrays;    /* the last file of measures/ */
    int64_t arrays_epoch;      /* -1: there is none, `arrays` is empty */
    int64_t *array_epochs, *checkpoint_epochs; /* ascending */
    int n_arrays, n_checkpoints;
    int key[64], keys; /* key frequencies: of the end, else of the last row; 0: none */
    double phase[3];   /* where memorisation, circuit formation, cleanup end; NaN: not told */
    double grok;       /* the grok epoch; NaN: none, or the run has not ended */
} gk_run_data;

/* GK_EDATA, GK_EIO where a file that is there cannot be read. Close in any case. */
gk_status gk_run_data_read(gk_run_data *data, const char *dir);
void gk_run_data_close(gk_run_data *data);

/* The value of the best row, as NAME or NAME_online; NaN: null or not there. */
double gk_run_number(const gk_run_data *data, const char *name);

bool gk_run_is_key(const gk_run_data *data, size_t k);

/* How many epochs the run has behind it. */
double gk_run_epoch(const gk_run_data *data);

/* Elements of the cyclic group of which every pair is an input and whose operation is learned;
 * 0: there is none. p of them for + and -, where token e stands for element e; p - 1 for x and
 * /. */
size_t gk_run_elements(const gk_run_data *data);

/* Why something is not shown: that frequencies are not defined for this task or model, where the
 * arrays say so; else `why`. */
void gk_run_missing(gk_text *missing, const gk_run_data *data, const char *why);
const char *gk_run_undefined(const gk_run_data *data); /* NULL: they are, or it is not known */

/* "loss (nats)" for cross-entropy, "loss" for others. */
const char *gk_run_loss_label(const gk_run_data *data);

/* measures/EPOCH.safetensors and checkpoints/EPOCH.safetensors */
gk_status gk_run_load(gk_tensors_file *tensors, const gk_run_data *data, gk_epoch_file file,
                      int64_t epoch);
/* An array of the last file as doubles; NULL: not there, of other dimensions, or without a finite
 * value. Caller frees. */
double *gk_entry_reals(const gk_tensors_file *file, const char *name, int dims, size_t *count);

/* The word of a PICK key, the number of any; "" and NaN where this
 * grokc has no such key. */
const char *gk_config_pick(const gk_config *config, const char *name, char word[64]);
double gk_config_number(const gk_config *config, const char *name);

/* The name of a hook's column as the title of a figure: on one line, and not longer than one. */
enum { GK_ANSWER_TITLE = 64 };
void gk_answer_title(char title[GK_ANSWER_TITLE], const char *column);

/* The figures of a run, in the order of the page. */
gk_status gk_run_curves(gk_page *page, gk_run_data *data);
gk_status gk_run_progress(gk_page *page, gk_run_data *data);
gk_status gk_run_answers(gk_page *page, gk_run_data *data);
gk_status gk_run_spectra(gk_page *page, gk_run_data *data);
gk_status gk_run_neurons(gk_page *page, gk_run_data *data);
gk_status gk_run_embedding(gk_page *page, gk_run_data *data);
void gk_run_top(gk_page *page, gk_run_data *data);
void gk_run_tables(gk_page *page, gk_run_data *data);
void gk_run_reproduce(gk_page *page, gk_run_data *data);

/* What projections.bin has of every row, or of some evenly picked ones where they are many:
 * amplitudes of the key frequencies' cosines in the logits, and the restricted loss with the key
 * set. Only for tasks whose inputs are all pairs of a cyclic group, without corrupted labels; n
 * is 0 for others. */
typedef struct gk_projections {
    size_t n;
    size_t stride;
    double *epoch, *restricted; /* (n) */
    double *cosine;             /* (keys,stride), n of each */
} gk_projections;
gk_status gk_projections_read(gk_projections *projections, const gk_run_data *data);
void gk_projections_free(gk_projections *projections);

/* Eigenvalues (descending) and eigenvectors (rows of `vector`) of a symmetric a (n,n), which is
 * overwritten: cyclic Jacobi. */
void gk_eigen(double *value, double *vector, double *a, int n);

#endif
