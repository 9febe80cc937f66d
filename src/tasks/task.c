/* The list of tasks: opening one by its place in tasks.def. */
#include "gk/task.h"

#include <stdlib.h>
#include <string.h>

#define TASK(id, name, ...) gk_status gk_task_##name(gk_task *task, const gk_config *config);
#include "gk/tasks.def"
#undef TASK

static gk_status (*const openers[GK_TASKS])(gk_task *task, const gk_config *config) = {
#define TASK(id, name, ...) gk_task_##name,
#include "gk/tasks.def"
#undef TASK
};

gk_status gk_task_open(gk_task *task, const gk_config *config)
{
    int which = config->task.name;

    memset(task, 0, sizeof *task);
    GK_CHECK(which >= 0 && which < GK_TASKS);
    task->name = gk_tasks[which].name;
    return openers[which](task, config);
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
    if (i < 0 || i >= GK_TASKS) return NULL;
    if (help) *help = gk_tasks[i].help;
    return gk_tasks[i].name;
}
