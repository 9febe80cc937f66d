/* Which runs of a sweep can train side by side, and how many at a time. */
#include "gk/sweep_train.h"

#include <stdlib.h>
#include <string.h>

/* Runs side by side may differ in seeds, data, optimiser, length and stop rules. */
static gk_status key_of(gk_text *key, const gk_config *config)
{
    static gk_config alike, initial;
    gk_stop stop;

    GK_TRY(gk_stop_open(&stop, config)); /* before any run begins */
    gk_config_defaults(&initial);
    alike = *config;
    alike.optim = initial.optim;
    alike.optim.name = config->optim.name;
    alike.optim.decay_to = config->optim.decay_to;
    alike.optim.batch = config->optim.batch;
    alike.optim.weight_noise =
        config->optim.weight_noise > 0; /* a step adds noise, or it does not */
    alike.run = initial.run;
    alike.device = initial.device;
    alike.device.plan = config->device.plan;
    memcpy(alike.task.split, initial.task.split, sizeof alike.task.split);
    memcpy(alike.model.init, initial.model.init, sizeof alike.model.init);
    alike.task.label_seed = initial.task.label_seed;
    alike.task.label_noise = 0;
    gk_config_print(key, &alike);
    if (strncmp(config->task.split, "symmetric:", 10) && strncmp(config->task.split, "file:", 5))
        return GK_OK;
    gk_batch_size size; /* the number of training examples depends on the split */
    GK_TRY(gk_batch_size_of(&size, config, 1));
    gk_text_add(key, "%d\n", size.n_train);
    return GK_OK;
}

static gk_sweep_group *find(gk_sweep_group *groups, int n, const char *key)
{
    for (int i = n - 1; i >= 0; i--)
        if (!strcmp(groups[i].key, key)) return &groups[i];
    return NULL;
}

static void add_point(gk_sweep_group *group, int i)
{
    group->point = gk_grow(group->point, (size_t)group->n, sizeof *group->point);
    group->point[group->n++] = i;
}

static gk_status open_group(gk_sweep_group *group, gk_text *key, const gk_config *config)
{
    gk_batch_size two;

    *group = (gk_sweep_group){.key = key->data};
    *key = (gk_text){0};
    GK_TRY(gk_batch_size_of(&group->size, config, 1));
    GK_TRY(gk_batch_size_of(&two, config, 2));
    group->per_run = two.device_bytes - group->size.device_bytes;
    return GK_OK;
}

gk_status gk_sweep_groups(gk_sweep_group **groups, int *n, const gk_sweep *sweep, int shard,
                          int shards)
{
    static gk_config config;

    *groups = NULL;
    *n = 0;
    for (int i = shard; i < sweep->n; i += shards) {
        gk_text key = {0};
        GK_TRY(gk_sweep_config(&config, sweep, i));
        GK_TRY(key_of(&key, &config));
        gk_sweep_group *group = find(*groups, *n, key.data);
        if (!group) {
            *groups = gk_grow(*groups, (size_t)*n, sizeof **groups);
            group = &(*groups)[(*n)++];
            GK_TRY(open_group(group, &key, &config));
        }
        gk_text_free(&key);
        add_point(group, i);
    }
    return GK_OK;
}

void gk_sweep_groups_free(gk_sweep_group *groups, int n)
{
    for (int i = 0; i < n; i++) {
        free(groups[i].key);
        free(groups[i].point);
    }
    free(groups);
}

/* On a CPU, runs side by side are for small models, whose steps are too short to be cut for all
 * cores; larger ones would only push each other out of the caches. On a GPU they are what fills
 * it. */
static int suitable(const gk_sweep_group *group, bool gpu)
{
    enum { GPU_SLOTS = 1024, CPU_SLOTS = 64 };
    int cores = gk_cores_allowed().n;
    double hidden = (double)group->size.n_train * group->size.shape.F * sizeof(gk_real);
    double share = 1e6 * (double)(cores > 4 ? cores : 4);

    if (gpu) return GPU_SLOTS;
    return hidden * CPU_SLOTS > share ? 1 + (int)(share / hidden) : CPU_SLOTS;
}

int gk_sweep_slots(const gk_sweep_group *group, int wanted, gk_backend *be)
{
    size_t room = be ? be->room(be) : 0, first = group->size.device_bytes;
    int most = wanted ? wanted : suitable(group, room > 0);

    if (!room) room = gk_memory_free().bytes;
    room -= room / 8;
    size_t fit = room > first && group->per_run ? 1 + (room - first) / group->per_run : 1;
    if ((size_t)most > fit) most = (int)fit;
    return most < group->n ? most : group->n;
}
