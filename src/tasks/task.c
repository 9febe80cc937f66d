/* The list of tasks: opening one by its place in tasks.def. */
#include "gk/task.h"

#include <stdlib.h>
#include <string.h>

#define TASK(name, help) gk_status gk_task_##name(gk_task *task, const gk_config *config);
#include "gk/tasks.def"
#undef TASK

static const struct {
    const char *name, *help;
    gk_status (*open)(gk_task *task, const gk_config *config);
} tasks[] = {
#define TASK(name, help) {#name, help, gk_task_##name},
#include "gk/tasks.def"
#undef TASK
};

enum { N_TASKS = sizeof tasks / sizeof *tasks };

gk_status gk_task_open(gk_task *task, const gk_config *config)
{
    int which = config->task.name;

    memset(task, 0, sizeof *task);
    GK_CHECK(which >= 0 && which < N_TASKS);
    task->name = tasks[which].name;
    return tasks[which].open(task, config);
}

void gk_task_close(gk_task *task)
{
    free(task->units);
    free(task->table);
    free(task->index_of_id);
    free(task->id_of_index);
    memset(task, 0, sizeof *task);
}

const char *gk_task_name(int i, const char **help)
{
    if (i < 0 || i >= N_TASKS) return NULL;
    if (help) *help = tasks[i].help;
    return tasks[i].name;
}
