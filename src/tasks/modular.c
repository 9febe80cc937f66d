/* a op b mod p for all pairs (a, b), any p >= 2. Pairs whose divisor has no inverse mod p have no
 * answer and are not examples. */
#include "gk/task.h"

#include <stdlib.h>

enum { P_MAX = 4093 }; /* as in config.def: ids fit an int, and answers before mod p fit int64 */

static bool divides(const gk_task *task, int b)
{
    return task->op == GK_OP_DIVIDE || (task->op == GK_OP_DIVIDE_OR_SUBTRACT && b % 2 == 1);
}

/* Before mod p; below 2 P_MAX^3 in absolute value. */
static int64_t answer(const gk_task *task, int index, int64_t a, int64_t b)
{
    switch ((enum gk_op)task->op) {
    case GK_OP_ADD: return a + b;
    case GK_OP_SUBTRACT: return a - b;
    case GK_OP_MULTIPLY: return a * b;
    case GK_OP_DIVIDE: return a * task->units[b];
    case GK_OP_X2_Y2: return a * a + b * b;
    case GK_OP_X2_XY_Y2: return a * a + a * b + b * b;
    case GK_OP_X2_XY_Y2_X: return a * a + a * b + b * b + a;
    case GK_OP_X3_XY: return a * a * a + a * b;
    case GK_OP_X3_XY2_Y: return a * a * a + a * b * b + b;
    case GK_OP_DIVIDE_OR_SUBTRACT: return b % 2 == 1 ? a * task->units[b] : a - b;
    case GK_OP_ADD_OR_MULTIPLY: return a % 2 == 0 ? a + b : a * b;
    case GK_OP_ADD_OR_SUBTRACT: return a % 2 == 0 ? a + b : a - b;
    case GK_OP_RANDOM:
        return (int64_t)gk_random_below((uint64_t)task->p, task->seed, GK_RNG_LABELS,
                                        (uint64_t)index);
    }
    gk_check_failed(__FILE__, __LINE__, "task.op is an operation");
}

static void example(const gk_task *task, int64_t index, int32_t *tokens, int32_t *labels)
{
    int p = task->p, id = task->id_of_index[index];
    int64_t rest = answer(task, (int)index, id / p, id % p) % p;

    gk_task_put_pair(task, (int)index, (int)(rest < 0 ? rest + p : rest), tokens, labels);
}

/* The inverse of b mod p by Euclid's algorithm, 0 if they share a divisor. r stays b s mod p. */
static int inverse(int b, int p)
{
    int r = b, last_r = p, s = 1, last_s = 0;

    while (r > 0) {
        int q = last_r / r, t = last_r - q * r;
        last_r = r;
        r = t;
        t = last_s - q * s;
        last_s = s;
        s = t;
    }
    if (last_r != 1) return 0;
    return last_s < 0 ? last_s + p : last_s;
}

gk_status gk_task_modular(gk_task *task, const gk_config *config)
{
    if (config->task.p < 2 || config->task.p > P_MAX)
        return gk_fail(GK_EUSAGE, "task.p: %lld is not between 2 and %d", (long long)config->task.p,
                       P_MAX);
    int p = (int)config->task.p;
    bool *exists = gk_alloc((size_t)(p * p), sizeof *exists);

    task->example = example;
    task->op = config->task.op;
    task->seed = (uint64_t)config->task.label_seed;
    task->units = gk_alloc((size_t)p, sizeof *task->units);
    for (int b = 0; b < p; b++) task->units[b] = inverse(b, p);
    for (int i = 0; i < p * p; i++) exists[i] = !divides(task, i % p) || task->units[i % p];
    gk_task_pairs(task, config, p, exists);
    free(exists);
    return GK_OK;
}
