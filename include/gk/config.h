/* The config of one run: a plain value, filled from defaults, a YAML file and --set, then checked
 * once. */
#ifndef GK_CONFIG_H
#define GK_CONFIG_H

#include "gk/base.h"

#include <math.h>

#define GK_NULL ((double)NAN) /* a REAL that is not set */
enum { GK_TEXT_MAX = 1024 };

/* The keys that may name a file, "file:PATH": task.split and model.init. */
enum gk_source { GK_SOURCE_SPLIT, GK_SOURCE_INIT, GK_SOURCES };

typedef struct gk_config {
#define GROUP(group) struct {
#define END_GROUP(group)                                                                           \
    }                                                                                              \
    group;
#define INT(group, key, initial, min, max, help)  int64_t key;
#define REAL(group, key, initial, min, max, help) double key;
#define TEXT(group, key, initial, help)           char key[GK_TEXT_MAX];
#define PICK(group, key, words, help)             int key;
#include "gk/config.def"
#undef GROUP
#undef END_GROUP
#undef INT
#undef REAL
#undef TEXT
#undef PICK
    /* where that file is read, if not at PATH: beside the config file, or what a run has kept of it
     * (gk/made_of.h); "" else. It is no part of what a config says. */
    char source[GK_SOURCES][GK_PATH_MAX];
} gk_config;

/* The words of the PICK keys, in config.def's order. */
enum gk_task_name { /* GK_TASK_MODULAR ...: the lines of tasks.def */
#define TASK(id, ...) GK_TASK_##id,
#include "gk/tasks.def"
#undef TASK
                    GK_TASKS /* how many */
};
/* What a config has to know of a task; gk/task.h opens it. */
typedef struct gk_task_info {
    const char *name, *help;
    bool drawn;   /* its examples are drawn; else they are all pairs of operands */
    bool several; /* an example has several labels */
} gk_task_info;
extern const gk_task_info gk_tasks[GK_TASKS]; /* by enum gk_task_name */
enum gk_group_op { GK_GROUP_XY, GK_GROUP_CONJUGATE, GK_GROUP_XYX };
enum gk_sequence { GK_SEQUENCE_AB_IS, GK_SEQUENCE_A_OP_B_IS, GK_SEQUENCE_AB };
enum gk_op {
    GK_OP_ADD,
    GK_OP_SUBTRACT,
    GK_OP_MULTIPLY,
    GK_OP_DIVIDE,
    GK_OP_X2_Y2,
    GK_OP_X2_XY_Y2,
    GK_OP_X2_XY_Y2_X,
    GK_OP_X3_XY,
    GK_OP_X3_XY2_Y,
    GK_OP_DIVIDE_OR_SUBTRACT,
    GK_OP_RANDOM,
    GK_OP_ADD_OR_MULTIPLY,
    GK_OP_ADD_OR_SUBTRACT
};
enum gk_kind { GK_TRANSFORMER, GK_MLP };
enum gk_input { GK_INPUT_SUM, GK_INPUT_ONEHOT, GK_INPUT_SIGNS };
enum gk_norm { GK_NORM_NONE, GK_NORM_PRE, GK_NORM_POST };
enum { GK_POSITIONS_LEARNED, GK_POSITIONS_SINUSOIDAL, GK_POSITIONS_NONE };
/* GK_ADAMW, GK_SGD: the lines of optimisers.def, of which gk/optimiser.h tells more. */
enum gk_optimiser {
#define OPTIMISER(id, ...) GK_##id,
#include "gk/optimisers.def"
#undef OPTIMISER
};
enum { GK_TO_ZERO, GK_TO_INIT };
enum { GK_LEFTOVER_WAIT, GK_LEFTOVER_REPEAT };
enum gk_loss { GK_CROSS_ENTROPY, GK_MSE, GK_HINGE };
enum { GK_BIASES_ON, GK_BIASES_FROZEN, GK_BIASES_OFF };
enum { GK_DECAY_DECOUPLED, GK_DECAY_L2 };
enum { GK_KEEP_ALL, GK_KEEP_LAST, GK_KEEP_NONE };
enum { GK_PLAN_AUTO, GK_PLAN_OPS, GK_PLAN_TABLE };
enum { GK_MATMUL_FP32, GK_MATMUL_TF32 };

/* config.def as data, in its order: what parsing, checking, printing and help loop over. */
typedef struct gk_config_key {
    const char *group, *key, *name; /* "optim", "lr", "optim.lr" */
    enum { GK_KEY_INT, GK_KEY_REAL, GK_KEY_TEXT, GK_KEY_PICK } type;
    size_t offset;            /* of its int64_t, double, char[GK_TEXT_MAX] or int in gk_config */
    double initial, min, max; /* INT, REAL; a NaN in `initial`: may be null */
    const char *text;         /* TEXT: the default; PICK: its words, "a|b|c" */
    const char *help;
} gk_config_key;

enum {
    GK_CONFIG_KEYS = 0
#define GROUP(group)
#define END_GROUP(group)
#define INT(group, key, initial, min, max, help)  +1
#define REAL(group, key, initial, min, max, help) +1
#define TEXT(group, key, initial, help)           +1
#define PICK(group, key, words, help)             +1
#include "gk/config.def"
#undef GROUP
#undef END_GROUP
#undef INT
#undef REAL
#undef TEXT
#undef PICK
};
extern const gk_config_key gk_config_keys[GK_CONFIG_KEYS];

/* "optim.lr", or a name that it once had (gk/renamed.h); NULL if there is no such key. */
const gk_config_key *gk_config_find(const char *name);

/* The i-th word of a PICK key, `length` bytes that are not terminated; NULL past the last. */
const char *gk_config_word(const gk_config_key *key, int i, int *length);

/* What the key takes: "a number from 0 to 1 or null", "one of all, last, none". */
void gk_config_describe(gk_text *text, const gk_config_key *key);

/* null, ~ or nothing. */
bool gk_config_is_null(const char *value);

/* The value that `value` spells; false if the key does not take it. `quoted`: neither a number nor
 * null. */
bool gk_config_assign(gk_config *config, const gk_config_key *key, const char *value, bool quoted);

/* Every key as config.def has it. */
void gk_config_defaults(gk_config *config);

/* `path` (defaults where NULL), then each "group.key=value" of `sets` (n of them), then
 * gk_config_check. Errors are GK_EUSAGE with file, line, and the nearest key; *config is then not
 * to be used.
 *
 * `seed: 7` at the top stands for task.split and model.init "philox:7" and is not given beside
 * them. In `sets` it wins over the file's seed, split and init. Of two equal keys in `sets` the
 * last one wins. */
gk_status gk_config_load(gk_config *config, const char *path, const char *const *sets, int n);

/* The same from `size` bytes of YAML in memory; `name` stands for the file in messages. */
gk_status gk_config_parse(gk_config *config, const char *name, const char *yaml, size_t size,
                          const char *const *sets, int n);

/* Every value against its range in config.def and against the others, as far as the config alone
 * can tell. A message begins with the name of the key at fault. Load and parse have done it. */
gk_status gk_config_check(const gk_config *config);

/* Fully resolved YAML, every key in config.def's order: parsing it gives the same config. */
void gk_config_print(gk_text *yaml, const gk_config *config);

/* The value of `key`, as YAML and as JSON. */
void gk_config_value(gk_text *yaml, const gk_config *config, const gk_config_key *key);
void gk_config_json(gk_text *json, const gk_config *config, const gk_config_key *key);

/* May it change from one start of a run to the next? run.epochs, stop rules, run.resume_every,
 * run.hook, run.report_every and device.*: rows and weights are those of a run begun with the new
 * value. */
bool gk_config_may_change(const gk_config_key *key);

/* Lines "optim.lr: 0.001 -> 0.01" for every key that differs and may not change;
 * gk_config_diff_all: with run.epochs and the stop rules. */
void gk_config_diff(gk_text *lines, const gk_config *a, const gk_config *b);
void gk_config_diff_all(gk_text *lines, const gk_config *a, const gk_config *b);

/* `grokc help KEY` and `grokc list options`: name, type, default, range, help. KEY is "optim.lr",
 * "lr", "optim" (the whole group) or "seed". Unknown: GK_EUSAGE. */
gk_status gk_config_help(gk_text *text, const char *key);
void gk_config_list(gk_text *text);

/* Is `epoch` one of run.checkpoint_at's (measure_at's, arrays_at's, keep_state's)? `epochs`: the
 * length E of the run (for log:N). gk_epochs_next: the first such epoch above `epoch`, INT64_MAX if
 * none. Both take a checked text:
 *   none        no epoch
 *   every:K     0, K, 2K, ... without end
 *   log:N       0 and, rounded to whole epochs, E^(i / (N - 1)) for i = 0 .. N-1: from 1 to E,
 *               equal ones count once; log:1 is 0 and E
 *   0,100,1000  these, in any order
 * The last epoch of a run is not one of them by itself. */
gk_status gk_epochs_check(const char *text);
bool gk_epochs_has(const char *text, int64_t epochs, int64_t epoch);
int64_t gk_epochs_next(const char *text, int64_t epochs, int64_t epoch);

/* source.c: the value of that key; the path of its file, NULL where it names none. */
const char *gk_source_text(const gk_config *config, enum gk_source source);
const char *gk_source_path(const gk_config *config, enum gk_source source);
extern const char *const gk_source_keys[GK_SOURCES]; /* "task.split", "model.init" */

/* "word:NUMBER" as in philox:7, digits only; false if `text` does not begin with `word:` or the
 * number is not one. */
bool gk_seed_text(const char *text, const char *word, uint64_t *seed);

#endif
