/* tasks.def as data. */
#include "gk/config.h"

enum { PAIRS = false, DRAWN = true, ONE = false, SEVERAL = true };

const gk_task_info gk_tasks[GK_TASKS] = {
#define TASK(id, name, kind, labels, help) {#name, help, kind, labels},
#include "gk/tasks.def"
#undef TASK
};
