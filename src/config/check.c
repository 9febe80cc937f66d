/* What a config must fulfil beyond the types of its values. Rules that need the examples or a file
 * (is the split empty? do the shapes of the weights fit?) are checked where those are read. */
#include "gk/input.h"
#include "gk/optimiser.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* "word:SEED" */
typedef struct source {
    const char *word;
    uint64_t max;
} source;

static gk_status check_range(const gk_config *config, const gk_config_key *key)
{
    const void *at = (const char *)config + key->offset;
    gk_text takes = {0};
    int length;
    bool good = true;

    switch (key->type) {
    case GK_KEY_INT:
        good =
            *(const int64_t *)at >= (int64_t)key->min && *(const int64_t *)at <= (int64_t)key->max;
        break;
    case GK_KEY_REAL:
        good = (*(const double *)at >= key->min && *(const double *)at <= key->max) ||
               (isnan(*(const double *)at) && isnan(key->initial));
        break;
    case GK_KEY_TEXT: good = memchr(at, 0, GK_TEXT_MAX) != NULL; break;
    case GK_KEY_PICK:
        good = *(const int *)at >= 0 && gk_config_word(key, *(const int *)at, &length);
        break;
    }
    if (good) return GK_OK;
    gk_config_describe(&takes, key);
    gk_fail(GK_EUSAGE, "%s expects %s", key->name, takes.data);
    gk_text_free(&takes);
    return GK_EUSAGE;
}

/* One of `sources`, or file:PATH. */
static gk_status check_source(const char *name, const char *text, const source *sources, int n,
                              const char *forms)
{
    uint64_t seed;

    if (!strncmp(text, "file:", 5) && text[5])
        return gk_input_check(text + 5) == GK_OK ? GK_OK
                                                 : gk_fail(GK_EUSAGE, "%s: %s", name, gk_message());
    for (int i = 0; i < n; i++) {
        size_t length = strlen(sources[i].word);
        if (strncmp(text, sources[i].word, length) != 0 || text[length] != ':') continue;
        if (gk_seed_text(text, sources[i].word, &seed) && seed <= sources[i].max) return GK_OK;
        return gk_fail(GK_EUSAGE,
                       "%s: the seed in \"%.60s\" is not a whole number from 0 to %" PRIu64, name,
                       text, sources[i].max);
    }
    return gk_fail(GK_EUSAGE, "%s expects %s or file:PATH, where S is a seed, not \"%.60s\"", name,
                   forms, text);
}

/* Sizes of one tensor are an int; it is a mistake, not a plan, if they aren't. */
static gk_status check_tensor(const char *name, const char *tensor, int64_t rows, int64_t columns)
{
    if (rows * columns <= INT_MAX) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "%s is too large: %s would have %" PRId64 " x %" PRId64
                   " numbers, and %d is the most",
                   name, tensor, rows, columns, INT_MAX);
}

static gk_status check_modular(const gk_config *config)
{
    int64_t p = config->task.p, C = config->model.outputs;

    if (config->task.name != GK_TASK_MODULAR) return GK_OK;
    if (C && C < p)
        return gk_fail(GK_EUSAGE,
                       "model.outputs must be 0 or at least task.p = %" PRId64 ", not %" PRId64, p,
                       C);
    GK_TRY(check_tensor("task.p", "the table of pairs", p, p));
    return check_tensor("model.d_model", "W_E", p + 1, config->model.d_model);
}

/* One label is replaced, and nothing that was made of it. */
static gk_status check_corrupted(const gk_config *config)
{
    const gk_task_info *task = &gk_tasks[config->task.name];
    const char *why = task->several            ? "every example has several labels"
                      : config->task.end_token ? "the result stands in the sequence too"
                      : task->drawn && !config->task.examples ? "fresh examples are always right"
                                                              : NULL;

    if (!why || config->task.label_noise == 0) return GK_OK;
    return gk_fail(GK_EUSAGE, "task.label_noise must be 0 here: %s", why);
}

static gk_status check_task(const gk_config *config)
{
    static const source splits[] = {
        {"python", INT64_MAX},
        {"torch", UINT32_MAX},
        {"philox", UINT64_MAX},
        {"symmetric", UINT64_MAX},
    };
    double fraction = config->task.train_fraction;

    if (!(fraction > 0))
        return gk_fail(GK_EUSAGE, "task.train_fraction must be above 0: there would be nothing to "
                                  "train on");
    if (!(fraction < 1))
        return gk_fail(GK_EUSAGE, "task.train_fraction must be below 1: there would be nothing to "
                                  "test on");
    GK_TRY(check_modular(config));
    GK_TRY(check_corrupted(config));
    return check_source("task.split", config->task.split, splits, 4,
                        "python:S, torch:S, philox:S, symmetric:S");
}

/* What an mlp has not. */
static gk_status check_mlp(const gk_config *config)
{
    const char *key = NULL, *why = "";

    if (config->model.layers != 1) key = "model.layers", why = "it has one hidden layer";
    if (config->model.d_mlp == 0) key = "model.d_mlp", why = "0 hidden units compute nothing";
    if (config->model.norm != GK_NORM_NONE || config->model.final_norm)
        key = config->model.norm ? "model.norm" : "model.final_norm", why = "it has no layer norm";
    if (config->model.attention_biases) key = "model.attention_biases", why = "it has no attention";
    if (config->model.unembed_bias) key = "model.unembed_bias", why = "its b_U is of model.biases";
    if (config->model.positions != GK_POSITIONS_LEARNED)
        key = "model.positions", why = "it has no positions; leave the default";
    if (config->model.dropout > 0) key = "model.dropout", why = "it is of transformers";
    if (config->model.residual) key = "model.residual", why = "it has no stream";
    if (!strncmp(config->model.init, "torch", 5))
        key = "model.init", why = "no published program draws one so; use philox:S or linear:S";
    return key ? gk_fail(GK_EUSAGE, "%s cannot be so with model.kind mlp: %s", key, why) : GK_OK;
}

static gk_status check_transformer(const gk_config *config)
{
    if (config->model.input != GK_INPUT_SUM)
        return gk_fail(GK_EUSAGE, "model.input is of model.kind mlp; a transformer embeds tokens");
    if (!(config->model.dropout < 1)) return gk_fail(GK_EUSAGE, "model.dropout must be below 1");
    if (config->model.residual && (config->model.d_mlp || config->model.norm))
        return gk_fail(GK_EUSAGE,
                       "model.residual: doubled is of models without MLP and layer norm");
    if (config->model.dropout > 0 && !config->model.d_mlp)
        return gk_fail(GK_EUSAGE, "model.dropout drops outputs of the MLP, and model.d_mlp is 0");
    return GK_OK;
}

static gk_status check_model(const gk_config *config)
{
    static const source inits[] = {
        {"torch", UINT32_MAX},
        {"torch_tl", UINT32_MAX},
        {"philox", UINT64_MAX},
        {"linear", UINT64_MAX},
    };
    int64_t D = config->model.d_model;

    GK_TRY(config->model.kind == GK_MLP ? check_mlp(config) : check_transformer(config));
    GK_TRY(check_tensor("model.d_head", "W_Q", D, config->model.heads * config->model.d_head));
    GK_TRY(check_tensor("model.d_mlp", "W_in", D, config->model.d_mlp));
    GK_TRY(check_tensor("model.outputs", "W_U", D, config->model.outputs));
    return check_source("model.init", config->model.init, inits, 4,
                        "torch:S, torch_tl:S, philox:S, linear:S");
}

static gk_status check_optim(const gk_config *config)
{
    const gk_optimiser_info *optimiser = &gk_optimisers[config->optim.name];

    if (!(config->optim.beta1 < 1)) return gk_fail(GK_EUSAGE, "optim.beta1 must be below 1");
    if (!(config->optim.beta2 < 1)) return gk_fail(GK_EUSAGE, "optim.beta2 must be below 1");
    if (!(config->optim.momentum < 1)) return gk_fail(GK_EUSAGE, "optim.momentum must be below 1");
    if (config->optim.momentum > 0 && !optimiser->momentum)
        return gk_fail(GK_EUSAGE, "optim.momentum is of optim.name sgd; %s has optim.beta1",
                       optimiser->word);
    if (config->optim.decay && optimiser->decay != GK_DECAY_CHOSEN) /* not the default */
        return gk_fail(GK_EUSAGE,
                       "optim.decay is of optim.name adamw; the decay of %s is always %s: "
                       "leave it out",
                       optimiser->word, optimiser->decay == GK_DECAY_L2 ? "l2" : "decoupled");
    if (config->optim.leftover != GK_LEFTOVER_WAIT && !config->optim.batch)
        return gk_fail(GK_EUSAGE, "optim.leftover is of minibatches: it needs optim.batch");
    return GK_OK;
}

static gk_status check_loss(const gk_config *config)
{
    if (config->loss.name != GK_CROSS_ENTROPY && config->loss.form) /* not the default */
        return gk_fail(GK_EUSAGE, "loss.form is of loss.name cross_entropy; leave it out");
    if (config->loss.name == GK_CROSS_ENTROPY && config->model.outputs == 1)
        return gk_fail(GK_EUSAGE, "loss.name cross_entropy of one output is always 0; use hinge or "
                                  "mse, or more model.outputs");
    return GK_OK;
}

static gk_status check_run(const gk_config *config)
{
    if (*config->run.measure_at && gk_epochs_check(config->run.measure_at) != GK_OK)
        return gk_fail(GK_EUSAGE, "run.measure_at: %s", gk_message());
    if (gk_epochs_check(config->run.checkpoint_at) != GK_OK)
        return gk_fail(GK_EUSAGE, "run.checkpoint_at: %s", gk_message());
    if (gk_epochs_check(config->run.arrays_at) != GK_OK)
        return gk_fail(GK_EUSAGE, "run.arrays_at: %s", gk_message());
    if (gk_epochs_check(config->run.keep_state) != GK_OK)
        return gk_fail(GK_EUSAGE, "run.keep_state: %s", gk_message());
    return GK_OK;
}

static gk_status check_device(const gk_config *config)
{
    static const char *const names[] = {"auto", "cpu", "ref", "cuda"};
    const char *backend = config->device.backend;
    uint64_t number;

    for (int i = 0; i < 4; i++)
        if (!strcmp(backend, names[i])) return GK_OK;
    if (gk_seed_text(backend, "cuda", &number) && number < 1024) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "device.backend expects auto, cpu, ref, cuda or cuda:N (a device from 0), "
                   "not \"%.60s\"",
                   backend);
}

gk_status gk_config_check(const gk_config *config)
{
    for (int i = 0; i < GK_CONFIG_KEYS; i++) GK_TRY(check_range(config, &gk_config_keys[i]));
    GK_TRY(check_task(config));
    GK_TRY(check_model(config));
    GK_TRY(check_optim(config));
    GK_TRY(check_loss(config));
    GK_TRY(check_run(config));
    return check_device(config);
}
