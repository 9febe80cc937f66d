/* A task is a pure function from an index to an example: no files, no clocks, no model. */
#ifndef GK_TASK_H
#define GK_TASK_H

#include "gk/config.h"

typedef struct gk_task gk_task;

struct gk_task {
    const char *name;
    int n;       /* examples: indices 0 .. n-1, in lexicographic order of (a, b) */
    int V, T;    /* vocabulary; tokens in a sequence */
    int answers; /* labels are 0 .. answers-1 */
    int p;

    /* Example `index`: its T tokens and its label (not corrupted: see data.h). */
    void (*example)(const gk_task *task, int index, int32_t *tokens, int32_t *label);
    /* The id that split files use (p a + b for pairs), and back (-1: no such example). */
    int (*id)(const gk_task *task, int index);
    int (*find)(const gk_task *task, int id);
    /* The example with the two operands exchanged, -1 if there is none. Its own mirror where a = b. */
    int (*mirror)(const gk_task *task, int index);

    int op;        /* enum gk_op */
    uint64_t seed; /* of random labels */
    int *units;    /* b -> its inverse mod p, 0 if none; what else a task needs; owned */
    int *index_of_id, *id_of_index; /* owned; p^2 and n of them */
};

/* GK_EUSAGE where the operation has no examples or makes no sense for this p. */
gk_status gk_task_open(gk_task *task, const gk_config *config);
void gk_task_close(gk_task *task);
const char *gk_task_name(int i, const char **help); /* NULL past the last */

/* The split of config.task: `order` gets the n indices, training examples first; *n_train of them are trained on.
 * GK_EUSAGE with the reason where one side would be empty or a file does not fit. Caller owns order (n). */
gk_status gk_split(int *order, int *n_train, const gk_task *task, const gk_config *config);

#endif
