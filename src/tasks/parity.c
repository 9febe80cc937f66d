/* Sparse parity: n random bits as tokens 0 and 1 (an mlp reads them as -1 and +1); the label is 1
 * where the product of the first k signs is +1, else 0. Merrill, Tsilivis & Shukla 2023. */
#include "gk/task.h"

static void example(const gk_task *task, int64_t index, int32_t *tokens, int32_t *labels)
{
    int zeros = 0;

    for (int t = 0; t < task->T; t++) {
        tokens[t] = gk_task_draw(task, index, t, 2);
        zeros += t < task->support && tokens[t] == 0;
    }
    labels[0] = zeros % 2 == 0;
}

gk_status gk_task_parity(gk_task *task, const gk_config *config)
{
    bool signs = config->loss.name != GK_CROSS_ENTROPY;

    if (config->task.support > config->task.bits)
        return gk_fail(GK_EUSAGE,
                       "task.support: the parity of %lld bits cannot be that of task.bits: %lld",
                       (long long)config->task.support, (long long)config->task.bits);
    task->T = (int)config->task.bits;
    task->support = (int)config->task.support;
    task->S = task->scored = 1;
    task->V = task->answers = 2;
    task->outputs = signs ? 1 : 2;
    task->example = example;
    return gk_task_drawn(task, config);
}
