/* a op b mod p for all pairs (a, b): the sequence is a, b, "=" (token p); the answer is read there.
 * Any p >= 2. Pairs whose divisor has no inverse mod p have no answer and are not examples. */
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
    case GK_OP_RANDOM:
        return (int64_t)gk_random_below((uint64_t)task->p, task->seed, GK_RNG_LABELS,
                                        (uint64_t)index);
    }
    gk_check_failed(__FILE__, __LINE__, "task.op is an operation");
}

static void example(const gk_task *task, int index, int32_t *tokens, int32_t *label)
{
    int p = task->p, a = task->id_of_index[index] / p, b = task->id_of_index[index] % p;
    int64_t rest = answer(task, index, a, b) % p;

    tokens[0] = a;
    tokens[1] = b;
    tokens[2] = p;
    *label = (int32_t)(rest < 0 ? rest + p : rest);
}

static int id(const gk_task *task, int index) { return task->id_of_index[index]; }

static int find(const gk_task *task, int wanted)
{
    return wanted >= 0 && wanted < task->p * task->p ? task->index_of_id[wanted] : -1;
}

static int mirror(const gk_task *task, int index)
{
    int p = task->p, a = task->id_of_index[index] / p, b = task->id_of_index[index] % p;

    return task->index_of_id[p * b + a];
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
    int p = (int)config->task.p, n = 0;

    *task = (gk_task){.name = task->name,
                      .V = p + 1,
                      .T = 3,
                      .answers = p,
                      .p = p,
                      .example = example,
                      .id = id,
                      .find = find,
                      .mirror = mirror,
                      .op = config->task.op,
                      .seed = (uint64_t)config->task.label_seed};
    task->units = gk_alloc((size_t)p, sizeof *task->units);
    task->index_of_id = gk_alloc((size_t)(p * p), sizeof *task->index_of_id);
    task->id_of_index = gk_alloc((size_t)(p * p), sizeof *task->id_of_index);
    for (int b = 0; b < p; b++) task->units[b] = inverse(b, p);
    for (int i = 0; i < p * p; i++) {
        bool exists = !divides(task, i % p) || task->units[i % p];
        task->index_of_id[i] = exists ? n : -1;
        if (exists) task->id_of_index[n++] = i;
    }
    task->n = n;
    return GK_OK;
}
