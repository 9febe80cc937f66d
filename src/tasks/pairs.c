/* What tasks on pairs share: the sequence a b = c, ids, mirrors. Operands are tokens 0 .. p-1, "="
 * is p, the operation p + 1. Not a task. */
#include "gk/task.h"

#include <stdlib.h>

const int gk_sequence_tokens[] = {3, 4, 2}, gk_sequence_symbols[] = {1, 2, 0};

void gk_task_put_pair(const gk_task *task, int index, int answer, int32_t *tokens, int32_t *labels)
{
    int p = task->p, id = task->id_of_index[index];

    *tokens++ = id / p;
    if (task->sequence == GK_SEQUENCE_A_OP_B_IS) *tokens++ = p + 1;
    *tokens++ = id % p;
    if (task->sequence != GK_SEQUENCE_AB) *tokens++ = p;
    labels[0] = answer;
    if (!task->end) return;
    *tokens = answer;
    labels[1] = p;
}

static int id(const gk_task *task, int index) { return task->id_of_index[index]; }

static int find(const gk_task *task, int wanted)
{
    return wanted >= 0 && wanted < task->p * task->p ? task->index_of_id[wanted] : -1;
}

static int commuted(const gk_task *task, int index)
{
    int p = task->p, a = task->id_of_index[index] / p, b = task->id_of_index[index] % p;

    return task->index_of_id[p * b + a];
}

void gk_task_pairs(gk_task *task, const gk_config *config, int p, const bool *exists)
{
    int n = 0;

    task->p = p;
    task->sequence = config->task.sequence;
    task->end = config->task.end_token;
    task->V = p + gk_sequence_symbols[task->sequence];
    task->T = gk_sequence_tokens[task->sequence] + task->end;
    task->S = task->scored = 1 + task->end;
    task->answers = task->outputs = p + task->end;
    task->id = id;
    task->find = find;
    task->commuted = commuted;
    task->index_of_id = gk_alloc((size_t)(p * p), sizeof *task->index_of_id);
    task->id_of_index = gk_alloc((size_t)(p * p), sizeof *task->id_of_index);
    for (int i = 0; i < p * p; i++) {
        bool there = !exists || exists[i];
        task->index_of_id[i] = there ? n : -1;
        if (there) task->id_of_index[n++] = i;
    }
    task->n = n;
}
