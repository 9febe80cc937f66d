/* Which examples are trained on, in which order, and with which labels.
 *
 * The published splits are those of Python's and PyTorch's generators, draw for draw. */
#include "gk/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void swap(int *x, int i, int j)
{
    int kept = x[i];

    x[i] = x[j];
    x[j] = kept;
}

static void python_shuffle(int *x, int n, uint64_t seed)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    gk_mt mt;

    gk_mt_seed_array(&mt, key, key[1] ? 2 : 1);
    for (int i = n - 1; i > 0; i--) {
        int unused = __builtin_clz((unsigned)i + 1); /* of 32 bits: the rest hold i + 1 */
        uint32_t r;
        do r = gk_mt_next(&mt) >> unused;
        while (r > (uint32_t)i);
        swap(x, i, (int)r);
    }
}

static void torch_shuffle(int *x, int n, uint64_t seed)
{
    gk_mt mt;

    gk_mt_seed(&mt, (uint32_t)seed); /* PyTorch's CPU generator ignores the high half too */
    for (int i = 0; i < n - 1; i++) swap(x, i, i + (int)(gk_mt_next(&mt) % (uint32_t)(n - i)));
}

static void philox_shuffle(int *x, int n, uint64_t seed, uint32_t purpose)
{
    for (int i = n - 1; i > 0; i--)
        swap(x, i, (int)gk_random_below((uint64_t)i + 1, seed, purpose, (uint64_t)i));
}

/* Shuffles the unordered pairs; *n_train loses one where it would cut a pair. */
static void symmetric(int *order, int *n_train, const gk_task *task, uint64_t seed)
{
    int p = task->p, pairs = 0, n = 0;
    int *pair = gk_alloc((size_t)task->n, sizeof *pair);

    for (int a = 0; a < p; a++) {
        for (int b = a; b < p; b++) {
            int i = task->find(task, p * a + b), commuted = task->find(task, p * b + a);
            if (i >= 0 || commuted >= 0) pair[pairs++] = i >= 0 ? i : commuted;
        }
    }
    philox_shuffle(pair, pairs, seed, GK_RNG_SPLIT);
    for (int i = 0; i < pairs; i++) {
        int commuted = task->commuted(task, pair[i]);
        order[n++] = pair[i];
        if (commuted < 0 || commuted == pair[i]) continue;
        if (n == *n_train) --*n_train;
        order[n++] = commuted;
    }
    free(pair);
}

/* The id on a line without its end; -1: there is none, -2: it is no number. */
static int64_t line_id(char *line, size_t length)
{
    int64_t id;

    while (length &&
           (line[length - 1] == ' ' || line[length - 1] == '\t' || line[length - 1] == '\r'))
        length--;
    if (length == 0) return -1;
    line[length] = 0;
    return strlen(line) == length && gk_parse_int(line, &id) && id >= 0 ? id : -2;
}

static gk_status read_order(int *order, const gk_task *task, const char *path, char *text,
                            size_t size, int *line_of)
{
    char *end = text + size;
    int n = 0, number = 0;

    for (char *line = text, *next; line < end; line = next) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        next = stop ? stop + 1 : end;
        number++;
        int64_t id = line_id(line, (size_t)((stop ? stop : end) - line));
        if (id == -1) continue;
        if (id == -2)
            return gk_fail(GK_EUSAGE, "%s:%d: \"%.40s\" is not an id; one number a line is", path,
                           number, line);
        int i = id > INT32_MAX ? -1 : task->find(task, (int)id);
        if (i < 0)
            return gk_fail(GK_EUSAGE, "%s:%d: id %lld is no example of the task (p = %d)", path,
                           number, (long long)id, task->p);
        if (line_of[i])
            return gk_fail(GK_EUSAGE, "%s:%d: id %lld is already in line %d", path, number,
                           (long long)id, line_of[i]);
        line_of[i] = number;
        order[n++] = i;
    }
    for (int i = 0; i < task->n; i++) {
        if (!line_of[i])
            return gk_fail(GK_EUSAGE, "%s has %d of the %d ids; the first that is missing is %d",
                           path, n, task->n, task->id(task, i));
    }
    return GK_OK;
}

static gk_status from_file(int *order, const gk_task *task, const char *path)
{
    size_t size;
    char *text;

    GK_TRY(gk_file_read(path, 32 * (size_t)task->n + 65536, &text, &size));
    int *line_of = gk_alloc((size_t)task->n, sizeof *line_of);
    gk_status status = read_order(order, task, path, text, size, line_of);
    free(line_of);
    free(text);
    return status;
}

gk_status gk_split(int *order, int *n_train, const gk_task *task, const gk_config *config)
{
    const char *text = config->task.split;
    int n = task->n;
    uint64_t seed;

    for (int i = 0; i < n; i++) order[i] = i;
    if (task->drawn) {
        *n_train = task->n_train;
        return GK_OK;
    }
    *n_train = (int)floor(config->task.train_fraction * n);
    if (gk_seed_text(text, "python", &seed))
        python_shuffle(order, n, seed);
    else if (gk_seed_text(text, "torch", &seed))
        torch_shuffle(order, n, seed);
    else if (gk_seed_text(text, "philox", &seed))
        philox_shuffle(order, n, seed, GK_RNG_SPLIT);
    else if (gk_seed_text(text, "symmetric", &seed))
        symmetric(order, n_train, task, seed);
    else if (gk_source_path(config, GK_SOURCE_SPLIT))
        GK_TRY(from_file(order, task, gk_source_path(config, GK_SOURCE_SPLIT)));
    else
        return gk_fail(GK_EUSAGE,
                       "task.split: \"%.100s\" is none of python:S, torch:S, philox:S, "
                       "symmetric:S (S a number from 0 on) and file:PATH",
                       text);
    if (*n_train <= 0 || *n_train >= n)
        return gk_fail(GK_EUSAGE, "task.train_fraction: %g of %d examples leaves none to %s",
                       config->task.train_fraction, n, *n_train <= 0 ? "train on" : "test on");
    return GK_OK;
}

void gk_labels(int32_t *label, const int *order, int n_train, const gk_task *task,
               const gk_config *config)
{
    const uint64_t seed = (uint64_t)config->task.label_seed, draws = (uint64_t)1 << 32;
    int corrupted = (int)floor(config->task.label_noise * n_train);
    int32_t *tokens = gk_alloc((size_t)task->T, sizeof *tokens);

    for (int i = 0; i < task->n; i++)
        task->example(task, order[i], tokens, label + (size_t)i * (size_t)task->S);
    free(tokens);
    if (corrupted == 0) return;
    GK_CHECK(task->S == 1);
    int *position = gk_alloc((size_t)n_train, sizeof *position);
    for (int i = 0; i < n_train; i++) position[i] = i;
    philox_shuffle(position, n_train, seed, GK_RNG_CORRUPT);
    for (int i = 0; i < corrupted; i++) {
        int j = position[i], n = task->answers;
        uint64_t other =
            gk_random_below((uint64_t)n - 1, seed, GK_RNG_CORRUPT, draws + (uint64_t)j);
        label[j] = (int32_t)((label[j] + 1 + (int)other) % n);
    }
    free(position);
}
