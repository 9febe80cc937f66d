/* A task is a pure function from an index to an example: no files, no clocks, no model.
 *
 * Of tasks on pairs every pair of operands is an example, and a split says which are trained on. Of
 * drawn tasks an example is drawn from the stream (seed, GK_RNG_TASK) at its index: the first
 * n_train are trained on, the others below n test; or, of a stream, all n test, and update `step`
 * trains on the `batch` examples n + step batch .. , which no other update sees. */
#ifndef GK_TASK_H
#define GK_TASK_H

#include "gk/config.h"

typedef struct gk_task gk_task;

struct gk_task {
    const char *name;
    int n;    /* examples of fixed data: indices 0 .. n-1; of pairs (a, b) in lexicographic order */
    int V, T; /* vocabulary; tokens in a sequence */
    int S;    /* the last S positions have labels */
    int scored;  /* so many of them are not -1, in every example */
    int answers; /* labels are 0 .. answers-1, or -1: not scored */
    int outputs; /* of the model, unless the config says otherwise: answers, or 1 for signs */

    /* Example `index`: its T tokens and its S true labels (see gk_labels). */
    void (*example)(const gk_task *task, int64_t index, int32_t *tokens, int32_t *labels);

    /* Pairs: p operands; else 0, and no functions. */
    int p;
    /* The id that split files use (p a + b), and back (-1: no such example). */
    int (*id)(const gk_task *task, int index);
    int (*find)(const gk_task *task, int id);
    /* The example with the operands exchanged, -1 if there is none. Its own commuted pair where a
     * = b. */
    int (*commuted)(const gk_task *task, int index);

    /* Drawn: */
    bool drawn;
    int n_train; /* 0: a stream */
    int batch;   /* of a stream: fresh examples of an update */
    int length;  /* digits, length or bits of the config */
    int repeats, repeat_length;
    int support;

    int op;                         /* enum gk_op, enum gk_group_op */
    int sequence;                   /* enum gk_sequence */
    bool end;                       /* the end of the sequence is predicted too */
    uint64_t seed;                  /* of random labels; of drawn examples */
    int *units;                     /* b -> its inverse mod p, 0 if none; owned */
    int *table;                     /* of a group: (p,p) answers; owned */
    int *index_of_id, *id_of_index; /* owned; p^2 (-1: no such example) and n of them */
};

/* GK_EUSAGE where the operation has no examples or makes no sense for this p. */
gk_status gk_task_open(gk_task *task, const gk_config *config);
void gk_task_close(gk_task *task);
const char *gk_task_name(int i, const char **help); /* NULL past the last */

/* Uniform in [0, n): draw j of a drawn example. */
int gk_task_draw(const gk_task *task, int64_t index, int j, int n);
/* tasks/pairs.c: the sequence a b = c of config.task for p operands, and what is a function of its
 * pairs: id, find, commuted. `exists` (p^2): which pairs are examples; NULL: all. */
void gk_task_pairs(gk_task *task, const gk_config *config, int p, const bool *exists);
void gk_task_put_pair(const gk_task *task, int index, int answer, int32_t *tokens, int32_t *labels);
/* By enum gk_sequence: how long a b = is without an end, and how many tokens are no operands. */
extern const int gk_sequence_tokens[], gk_sequence_symbols[];
/* tasks/drawn.c: seed, examples and batch of a drawn task. */
gk_status gk_task_drawn(gk_task *task, const gk_config *config);

/* The split of config.task: `order` gets the n indices, training examples first; *n_train of them,
 * floor(train_fraction n), are trained on. Caller owns order (n). GK_EUSAGE with the reason where
 * one side would be empty, the text is none of these, or a file does not fit (with its line). Drawn
 * tasks are in order as they are.
 *
 *   python:S     random.seed(S), random.shuffle of the indices
 *   torch:S      torch.manual_seed(S), torch.randperm(n)
 *   philox:S     for i = n-1 .. 1: swap order[i], order[gk_random_below(i + 1, S, GK_RNG_SPLIT, i)]
 *   symmetric:S  the unordered pairs {a,b}, by (min, max), shuffled as in philox:S; then each is
 *                written as a,b  b,a (those that exist). A pair that the end of the training set
 *                would cut is tested: *n_train may be one less
 *   file:PATH    one id a line, all n of them, training ids first; empty lines are skipped */
gk_status gk_split(int *order, int *n_train, const gk_task *task, const gk_config *config);

/* The labels (n,S) of the n examples of a split, in its order. The first floor(label_noise
 * n_train) of the shuffled training positions get a uniform other class; test labels are always
 * true. Stream (label_seed, GK_RNG_CORRUPT): indices n_train-1 .. 1 shuffle, as in philox:S; index
 * 2^32 + j draws d in [0, answers-1) for position j, whose label becomes (label + 1 + d) mod
 * answers. So more label noise changes the same labels in the same way, and more of them. */
void gk_labels(int32_t *label, const int *order, int n_train, const gk_task *task,
               const gk_config *config);

#endif
