/* Coordinates, elements and groups of rows. */
#include "gk/analysis.h"

#include <stdlib.h>
#include <string.h>

static bool is_prime(int p)
{
    for (int d = 2; d * d <= p; d++)
        if (p % d == 0) return false;
    return p >= 2;
}

/* power[u] = g^u and logarithm[x] = u for the smallest g that generates the units of the prime p;
 * logarithm[0] = -1 */
static void discrete_logarithm(int *power, int *logarithm, int p)
{
    for (int g = 1; g < p; g++) {
        int64_t x = 1;
        int u = 0;
        for (int i = 0; i < p; i++) logarithm[i] = -1;
        for (; u < p - 1 && logarithm[x] < 0; u++) {
            logarithm[x] = u;
            power[u] = (int)x;
            x = x * g % p;
        }
        if (u == p - 1) return;
    }
    gk_check_failed(__FILE__, __LINE__, "a prime has a primitive root");
}

/* Row order: the torus P u + v where every pair of coordinates is there, else examples in the
 * task's order; those outside of the group last. `u` (p): operand -> coordinate, -1: not in the
 * group. */
static void put_rows(gk_analysis *a, const gk_task *task, const int *u)
{
    int p = task->p, rest = 0, size = 0;
    int *at = gk_alloc((size_t)p * (size_t)p, sizeof *at),
        *outside = gk_alloc((size_t)a->N, sizeof *outside);

    for (int i = 0; i < p * p; i++) at[i] = -1;
    for (int b = 0; b < p; b++) size += u[b] >= 0;
    for (int i = 0; i < a->N; i++) {
        int id = task->id(task, i), first = u[id / p], second = u[id % p];
        if (first < 0 || second < 0)
            outside[rest++] = i;
        else
            at[size * first + second] = i;
    }
    for (int i = 0; i < size * size; i++)
        if (at[i] >= 0) a->order[a->inputs++] = at[i];
    memcpy(a->order + a->inputs, outside, (size_t)rest * sizeof *outside);
    a->P = a->inputs == size * size ? size : 0;
    if (!a->P) a->no_grid = "some pairs of operands are not examples";
    free(at);
    free(outside);
}

/* Elements and the control's elements; classes to columns. `u` as above, also for answers. */
static void put_values(gk_analysis *a, const gk_task *task, const int *u)
{
    int n = a->n, p = task->p, op = task->op;
    bool sums = op == GK_OP_ADD || op == GK_OP_MULTIPLY,
         differences = op == GK_OP_SUBTRACT || op == GK_OP_DIVIDE;
    int32_t tokens[8], answer[2];

    for (int c = 0; c < task->answers; c++) a->element[c] = -1;
    for (int x = 0; x < p; x++) {
        if (u[x] < 0) continue;
        a->column[u[x]] = x;
        a->element[x] = u[x];
    }
    if (sums || differences) a->control = gk_alloc((size_t)a->inputs, sizeof *a->control);
    for (int row = 0; row < a->inputs; row++) {
        int id = task->id(task, a->order[row]), first = u[id / p], second = u[id % p];
        task->example(task, a->order[row], tokens, answer);
        a->value[row] = u[answer[0]];
        if (a->control) a->control[row] = (sums ? first - second + n : first + second) % n;
    }
}

static void put_groups(gk_analysis *a, const gk_task *task, const gk_config *config,
                       const int *order)
{
    size_t N = (size_t)a->N, S = (size_t)a->S;
    int32_t *label = gk_alloc(N * S, sizeof *label);
    int *row_of = gk_alloc(N, sizeof *row_of);
    uint8_t *trained = gk_alloc(N, 1);

    for (int row = 0; row < a->N; row++) row_of[a->order[row]] = row;
    gk_labels(label, order, a->n_train, task, config);
    for (size_t i = 0; i < N; i++)
        memcpy(a->label + (size_t)row_of[order[i]] * S, label + i * S, S * sizeof *label);
    for (int i = 0; i < a->n_train; i++) {
        a->train[i] = row_of[order[i]];
        trained[order[i]] = 1;
    }
    for (int row = 0; row < a->N; row++) {
        int example = a->order[row], commuted = a->pairs ? task->commuted(task, example) : -1;
        a->group[row] = trained[example]                     ? GK_ROWS_TRAIN
                        : commuted >= 0 && trained[commuted] ? GK_ROWS_COMMUTED
                                                             : GK_ROWS_UNCOMMUTED;
    }
    free(label);
    free(row_of);
    free(trained);
}

/* Z_p or, for x and /, its units. */
static void open_torus(gk_analysis *a, const gk_task *task)
{
    int p = task->p, *u = gk_alloc((size_t)p, sizeof *u);
    bool multiplicative = task->op == GK_OP_MULTIPLY || task->op == GK_OP_DIVIDE;

    a->n = p;
    a->value = gk_alloc((size_t)a->N, sizeof *a->value);
    a->column = gk_alloc((size_t)p, sizeof *a->column);
    for (int x = 0; x < p; x++) u[x] = x;
    if (multiplicative && is_prime(p)) {
        discrete_logarithm(a->column, u, p);
        a->n = p - 1;
    } else if (multiplicative)
        a->undefined = "the units mod a composite p are not measured";
    a->K = a->n / 2;
    if (a->n < 3 && !a->undefined) a->undefined = "the group has fewer than 3 elements";
    put_rows(a, task, u);
    put_values(a, task, u);
    free(u);
}

void gk_analysis_open(gk_analysis *a, const gk_task *task, const gk_config *config,
                      const int *order, int n_train)
{
    size_t N = (size_t)task->n;
    int most = (n_train + 1) / 2, batch = (int)config->optim.batch;

    *a = (gk_analysis){.N = task->n,
                       .n_train = n_train,
                       .T = task->T,
                       .S = task->S,
                       .scored = task->scored,
                       .stream = task->batch > 0,
                       .pairs = task->p > 0,
                       .seed = (uint64_t)config->task.label_seed};
    a->batch = a->stream ? task->batch : batch < most ? batch : most;
    a->order = gk_alloc(N, sizeof *a->order);
    a->element = gk_alloc((size_t)task->answers, sizeof *a->element);
    a->label = gk_alloc(N * (size_t)a->S, sizeof *a->label);
    a->group = gk_alloc(N, 1);
    a->train = gk_alloc(N, sizeof *a->train);
    if (config->task.name == GK_TASK_MODULAR)
        open_torus(a, task);
    else {
        a->undefined = "only answers in Z_p have the characters that are measured";
        for (int i = 0; i < task->n; i++) a->order[i] = i;
    }
    put_groups(a, task, config, order);
    if (a->undefined) a->no_grid = a->undefined;
}

void gk_analysis_close(gk_analysis *a)
{
    free(a->order);
    free(a->value);
    free(a->control);
    free(a->column);
    free(a->element);
    free(a->label);
    free(a->group);
    free(a->train);
    *a = (gk_analysis){0};
}
