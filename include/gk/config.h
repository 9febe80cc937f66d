/* The config of one run: a plain value, filled from defaults, a YAML file and --set, then checked once. */
#ifndef GK_CONFIG_H
#define GK_CONFIG_H

#include "gk/base.h"

#include <math.h>

#define GK_NULL ((double)NAN) /* a REAL that is not set */
enum { GK_TEXT_MAX = 1024 };

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
} gk_config;

/* The words of the PICK keys, in config.def's order. */
enum { GK_TASK_MODULAR };
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
    GK_OP_RANDOM
};
enum { GK_BIASES_ON, GK_BIASES_FROZEN, GK_BIASES_OFF };
enum { GK_DECAY_DECOUPLED, GK_DECAY_L2 };
enum { GK_KEEP_ALL, GK_KEEP_LAST, GK_KEEP_NONE };
enum { GK_PLAN_AUTO, GK_PLAN_OPS };

/* `path` (defaults where NULL), then each "group.key=value" of `sets` (n of them), then gk_config_check.
 * Errors are GK_EUSAGE with file, line, and the nearest key. */
gk_status gk_config_load(gk_config *config, const char *path, const char *const *sets, int n);

/* The same from `size` bytes of YAML in memory; `name` stands for the file in messages. */
gk_status gk_config_parse(gk_config *config, const char *name, const char *yaml, size_t size,
                          const char *const *sets, int n);

/* Fully resolved YAML, every key in config.def's order: parsing it gives the same config. */
void gk_config_print(gk_text *yaml, const gk_config *config);

/* Lines "optim.lr: 0.001 -> 0.01" for every key that differs, without those that may differ between two starts
 * of one run: device.*, run.resume_every. run.epochs counts as a difference only if `b` has fewer. */
void gk_config_diff(gk_text *lines, const gk_config *a, const gk_config *b);

/* `grokc help KEY` and `grokc list options`: name, type, default, range, help. Unknown key: GK_EUSAGE. */
gk_status gk_config_help(gk_text *text, const char *key);
void gk_config_list(gk_text *text);

/* Is `epoch` one of run.checkpoint_at / run.keep_state's? `epochs`: the length of the run (for log:N).
 * gk_epochs_next: the first such epoch above `epoch`, INT64_MAX if none. Both take a checked text. */
gk_status gk_epochs_check(const char *text);
bool gk_epochs_has(const char *text, int64_t epochs, int64_t epoch);
int64_t gk_epochs_next(const char *text, int64_t epochs, int64_t epoch);

/* "word:NUMBER" as in philox:7; false if `text` does not begin with `word:` or the number is not one. */
bool gk_seed_text(const char *text, const char *word, uint64_t *seed);

#endif
