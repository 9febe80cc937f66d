/* Skip trigrams A .. B C: of V = 2 m + 1 tokens (or one more, unused), 0 .. m-1 are As, m .. 2m-1
 * say nothing, 2m is B. B stands last, one A at a random place before it; C is the A's number.
 * Named in the post of Nanda & Lieberum 2022, whose curve starts at log 10: 10 As; the rest is
 * ours. */
#include "gk/task.h"

static void example(const gk_task *task, int64_t index, int32_t *tokens, int32_t *labels)
{
    int T = task->T, m = task->answers, place = gk_task_draw(task, index, T, T - 1);

    for (int t = 0; t < T - 1; t++) tokens[t] = m + gk_task_draw(task, index, t, m);
    tokens[place] = labels[0] = gk_task_draw(task, index, T + 1, m);
    tokens[T - 1] = 2 * m;
}

gk_status gk_task_trigrams(gk_task *task, const gk_config *config)
{
    task->T = (int)config->task.length;
    task->S = task->scored = 1;
    task->V = (int)config->task.vocabulary;
    task->answers = task->outputs = (task->V - 1) / 2;
    task->example = example;
    return gk_task_drawn(task, config);
}
