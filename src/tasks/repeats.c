/* Repeated subsequences, learned by induction: token 0, then `repeats` parts of equal length, each
 * of random tokens 1 .. V-1 with the same random subsequence of `repeat_length` tokens at a random
 * place. Scored are the tokens of its second and later occurrences but the first, which nothing
 * tells. Nanda et al. 2023, appendix; the layout is that of the published weights: they have a
 * loss of 0.294 on it (stored: 0.302 over the last 500 steps), and their positions' second moments
 * say how far a subsequence can reach: to the last token of its part. */
#include "gk/task.h"

static void example(const gk_task *task, int64_t index, int32_t *tokens, int32_t *labels)
{
    int T = task->T, S = task->S, n = task->repeat_length, part = (T - 1) / task->repeats;
    int32_t *label_of = labels - (T - S); /* by position */
    int draws = 0;

    tokens[0] = 0;
    for (int t = 1; t < T; t++) tokens[t] = 1 + gk_task_draw(task, index, draws++, task->V - 1);
    for (int s = 0; s < S; s++) labels[s] = -1;
    for (int r = 0, first = 0; r < task->repeats; r++) {
        int at = 1 + r * part + gk_task_draw(task, index, draws++, part - n + 1);
        if (r == 0) first = at; /* what stands there is the subsequence */
        for (int i = 0; i < n && r > 0; i++) {
            tokens[at + i] = tokens[first + i];
            if (i > 0) label_of[at + i - 1] = tokens[at + i];
        }
    }
}

gk_status gk_task_repeats(gk_task *task, const gk_config *config)
{
    int T = (int)config->task.length, repeats = (int)config->task.repeats,
        n = (int)config->task.repeat_length, part = (T - 1) / repeats;

    if (part < n)
        return gk_fail(GK_EUSAGE,
                       "task.length: %d tokens in %d parts make parts of %d, too short for "
                       "task.repeat_length %d",
                       T, repeats, part, n);
    task->repeats = repeats;
    task->repeat_length = n;
    task->V = task->answers = task->outputs = (int)config->task.vocabulary;
    task->T = T;
    task->S = T - 1 - part;
    task->scored = (repeats - 1) * (n - 1);
    task->example = example;
    return gk_task_drawn(task, config);
}
