/* How the examples of a task look to Fourier analysis: coordinates on a torus, elements of a cyclic
 * group, frequencies. Fixed when a run begins; a pure function of config and split.
 *
 * Where the examples are not pairs of Z_p there is nothing of that: no inputs, all rows outside.
 *
 * For operations into Z_p the group is Z_p and an element is a class. For x and / mod a prime it
 * is the multiplicative group: inputs and classes without 0, relabelled by a discrete logarithm, so
 * that both become addition and subtraction mod p - 1. */
#ifndef GK_ANALYSIS_H
#define GK_ANALYSIS_H

#include "gk/task.h"

typedef struct gk_analysis {
    const char *undefined; /* why there are no Fourier modes to measure; NULL: there are */
    const char *no_grid;   /* why the inputs are no torus (2-D transforms are undefined); NULL */
    int N;                 /* all examples */
    int inputs;            /* those in the group: the first rows of `order` */
    int n;                 /* elements of the group */
    int K;                 /* frequencies 1 .. K; with n even, k = K = n/2 has no sine */
    int P;                 /* the inputs are a P x P torus: row = P u + v; 0: they are not */
    int *order;            /* (N) row -> example: inputs first, the others after them */
    int32_t *value;        /* (inputs) row -> element f(a, b) */
    int32_t *control;      /* (inputs) the other operation's element; NULL: not defined */
    int *column;           /* (n) element -> class of the model's output */
    int *element;          /* (answers) class -> element, -1: none */
    int32_t *label; /* (N,S) row -> classes, with the label noise of training; -1: not scored */
    uint8_t *group; /* (N) row -> enum gk_row_group */
    int *train;     /* (n_train) rows of the training examples, in the split's order */
    int n_train;
    int T, S, scored; /* as in gk_task */
    int batch;        /* examples of an update; 0: all training examples */
    bool stream;      /* they are fresh: no row is trained on */
    bool pairs;       /* rows have commuted pairs */
    uint64_t seed;    /* of the control's random frequencies: task.label_seed */
} gk_analysis;

enum gk_row_group { GK_ROWS_TRAIN, GK_ROWS_COMMUTED, GK_ROWS_UNCOMMUTED, GK_ROW_GROUPS };

/* `order` and n_train: a split of the task. Without a split (n_train 0) every row is in
 * GK_ROWS_UNCOMMUTED. */
void gk_analysis_open(gk_analysis *analysis, const gk_task *task, const gk_config *config,
                      const int *order, int n_train);
void gk_analysis_close(gk_analysis *analysis);

#endif
