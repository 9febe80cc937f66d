/* A sweep's runs: a queue for each group of shapes, trained one after the other. Works on a shared
 * disk: one writer for each run directory (gk/owner.h), files replaced by rename. */
#include "gk/sweep_train.h"
#include "gk/archive.h"
#include "gk/branch.h"
#include "gk/owner.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HOOKS_SAID = 3 }; /* after so many runs only their number is told */

typedef struct sweep_queue {
    gk_queue queue; /* first */
    const gk_sweep *sweep;
    const char *dir;
    const gk_sweep_group *group;
    int at; /* next point of the group */
    int going;
    gk_sweep_counts *counts;
    gk_progress progress;
    gk_progress_line line; /* the last one */
    double start;
    double measuring, since; /* seconds of work behind last epochs; the clock when last looked at */
    bool in_final;           /* that work goes on */
} sweep_queue;

/* Did a finished run grok? From its summary. */
static bool has_grokked(const char *dir)
{
    json_t *summary;

    if (gk_run_read_json(&summary, dir, "summary.json") != GK_OK) return false;
    bool grokked = json_is_integer(json_object_get(summary, "grok_epoch"));
    json_decref(summary);
    return grokked;
}

static void count(gk_sweep_counts *counts, const gk_run *run)
{
    if (!strcmp(run->state, "diverged"))
        counts->diverged++;
    else
        counts->done++;
    counts->grokked += has_grokked(run->dir);
}

/* Makes what is not there yet, or not whole, of a sweep of branches: config.yaml is written
 * last. */
static gk_status branch(const char *dir, const gk_sweep *sweep, const gk_config *config,
                        const gk_shape *shape)
{
    static gk_config parent_config;
    char parent[GK_PATH_MAX];
    int64_t epoch;

    if (!*sweep->from || gk_run_has(dir, "config.yaml")) return GK_OK;
    if (!gk_parse_run_at(sweep->from, parent, &epoch))
        return gk_fail(GK_EUSAGE, "from: \"%s\": expects RUN@EPOCH", sweep->from);
    GK_TRY(gk_run_read_config(&parent_config, parent));
    return gk_branch(dir, parent, epoch, config, &parent_config, shape);
}

/* A run whose files are wrong (gk_message() says how) stops nobody. */
static void leave(sweep_queue *q, const char *dir)
{
    q->counts->broken++;
    gk_progress_end(&q->progress);
    gk_warn("left as it is: %s (remove %s to have it trained again)", gk_message(), dir);
}

/* A run that somebody has trained on beyond the sweep's epochs keeps its own. */
static void keep_longer(gk_config *config, const char *dir)
{
    static gk_config there;

    if (gk_run_has(dir, "config.yaml") && gk_run_read_config(&there, dir) == GK_OK &&
        there.run.epochs > config->run.epochs)
        config->run.epochs = there.run.epochs;
}

/* *run NULL: the point is finished, another process's, or broken. */
static gk_status open_point(sweep_queue *q, int i, gk_run **run)
{
    static gk_config config;
    char dir[GK_PATH_MAX];
    const gk_shape *shape = &q->group->size.shape;

    *run = NULL;
    GK_TRY(gk_sweep_config(&config, q->sweep, i));
    GK_TRY(gk_sweep_run_dir(dir, q->dir, i));
    keep_longer(&config, dir);
    gk_run *opened = gk_alloc(1, sizeof *opened);
    gk_status status = branch(dir, q->sweep, &config, shape);
    if (status == GK_OK) status = gk_run_open(opened, dir, &config, GK_GO_ON);
    if (status == GK_OK && !opened->finished) {
        *run = opened;
        return GK_OK;
    }
    if (status == GK_OK) count(q->counts, opened);
    if (status == GK_EBUSY) {
        q->counts->elsewhere++;
        gk_progress_end(&q->progress);
        gk_warn("left alone: %s", gk_message());
        status = GK_OK;
    } else if (status == GK_EDATA || status == GK_EUSAGE) {
        leave(q, dir);
        status = GK_OK;
    }
    gk_run_close(opened);
    free(opened);
    return status;
}

static gk_status next(gk_queue *queue, gk_run **run)
{
    sweep_queue *q = (sweep_queue *)queue;

    *run = NULL;
    while (!*run && q->at < q->group->n) GK_TRY(open_point(q, q->group->point[q->at++], run));
    q->going += *run != NULL;
    return GK_OK;
}

static void ended(gk_queue *queue, gk_run *run, gk_status status)
{
    sweep_queue *q = (sweep_queue *)queue;

    q->going--;
    if (status == GK_EDATA) leave(q, run->dir);
    if (run->hook_said.length && q->counts->hooks++ < HOOKS_SAID) {
        gk_progress_end(&q->progress);
        gk_warn("%s", run->hook_said.data);
    }
    q->counts->run_epochs += (double)(run->position.epoch - run->began);
    if (run->finished) {
        count(q->counts, run);
        q->counts->trained++;
    }
    gk_run_close(run);
    free(run);
}

/* sweep 12 done, 4 going, 48 waiting, 3 grokked, 0 diverged [00:50<02:31, 812 run-epochs/s] */
static void show(gk_queue *queue, gk_run *const *run, int R)
{
    sweep_queue *q = (sweep_queue *)queue;
    const gk_sweep_counts *c = q->counts;
    double spent = gk_seconds() - q->start, epochs = c->run_epochs, left = 0;
    int64_t length = 0;

    if (!gk_progress_due(&q->progress, false)) return;
    for (int r = 0; r < R; r++) {
        if (!run[r]) continue;
        length = run[r]->config.run.epochs;
        epochs += (double)(run[r]->position.epoch - run[r]->began);
        left += (double)(length - run[r]->position.epoch);
    }
    int waiting = c->runs - c->done - c->diverged - c->elsewhere - c->broken - q->going;
    left += (double)waiting * (double)length;
    double training = spent - q->measuring;
    q->line = (gk_progress_line){.spent = spent,
                                 .left = epochs > 0 ? left / epochs * spent : -1,
                                 .rate = training > 0 ? epochs / training : 0,
                                 .unit = "run-epochs/s"};
    snprintf(q->line.head, sizeof q->line.head, "sweep %d done, %d going, %d waiting,", c->done,
             q->going, waiting);
    snprintf(q->line.numbers, sizeof q->line.numbers, "%d grokked, %d diverged", c->grokked,
             c->diverged);
    gk_progress_print(&q->progress, &q->line, false);
}

/* The last line once more, with what is going on behind the last epoch of a run. */
static void measuring(gk_queue *queue, const gk_run *run, int done, int n)
{
    sweep_queue *q = (sweep_queue *)queue;
    double now = gk_seconds();

    (void)run;
    if (q->in_final) q->measuring += now - q->since;
    q->in_final = done < n;
    q->since = now;
    if (done == n || !*q->line.head || !gk_progress_due(&q->progress, false)) return;
    q->line.spent = now - q->start;
    snprintf(q->line.numbers, sizeof q->line.numbers, "measuring checkpoint %d/%d", done + 1, n);
    gk_progress_print(&q->progress, &q->line, false);
}

/* How many runs can be open, `wanted` at most: of each, three files stay open, and three of its
 * hook. The soft limit is raised as far as it has to be and the hard one allows. */
static int allow_files(int wanted)
{
    enum { EACH = 6, OTHERS = 64 };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    rlim_t need = OTHERS + EACH * (rlim_t)wanted;
    if (limit.rlim_cur >= need) return wanted;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == need) return wanted;
    int fit = limit.rlim_cur > OTHERS + EACH ? (int)((limit.rlim_cur - OTHERS) / EACH) : 1;
    if (fit >= wanted) return wanted;
    gk_warn("%d slots, not %d: this process may open no more than %llu files (ulimit -Hn)", fit,
            wanted, (unsigned long long)limit.rlim_cur);
    return fit;
}

static int in_shard(const gk_sweep *sweep, const gk_sweep_options *o)
{
    return sweep->n > o->shard ? (sweep->n - o->shard - 1) / o->shards + 1 : 0;
}

gk_status gk_sweep_train(gk_sweep_counts *counts, const gk_sweep *sweep,
                         const gk_sweep_options *options, gk_backend *be)
{
    sweep_queue q = {.queue = {next, ended, show, measuring},
                     .sweep = sweep,
                     .dir = options->dir,
                     .counts = counts,
                     .start = gk_seconds()};
    gk_sweep_group *groups;
    int n;

    gk_progress_open(&q.progress, options->progress);
    *counts = (gk_sweep_counts){.runs = in_shard(sweep, options)};
    gk_status status = gk_sweep_groups(&groups, &n, sweep, options->shard, options->shards);
    for (int i = 0; status == GK_OK && i < n; i++) {
        int slots = allow_files(gk_sweep_slots(&groups[i], options->slots, be));
        q.group = &groups[i];
        q.at = 0;
        status = gk_train(&q.queue, slots, be, NULL);
    }
    gk_progress_end(&q.progress);
    if (counts->hooks > HOOKS_SAID)
        gk_warn("%d more runs have a hook that did not answer every row, or not with numbers",
                counts->hooks - HOOKS_SAID);
    counts->seconds = gk_seconds() - q.start;
    gk_sweep_groups_free(groups, n);
    return status;
}

gk_status gk_sweep_describe(gk_text *text, const gk_sweep *sweep, const gk_sweep_options *options)
{
    gk_sweep_group *groups;
    int n;

    GK_TRY(gk_sweep_check_device(sweep));
    gk_status status = gk_sweep_groups(&groups, &n, sweep, options->shard, options->shards);
    gk_text_add(text, "# directory: %s\n# shard %d of %d: %d of %d runs\n", options->dir,
                options->shard, options->shards, in_shard(sweep, options), sweep->n);
    for (int i = 0; status == GK_OK && i < n; i++) {
        const gk_sweep_group *g = &groups[i];
        const gk_shape *s = &g->size.shape;
        int slots = gk_sweep_slots(g, options->slots, NULL);
        gk_text_add(
            text,
            "# queue %d: %d runs, the first is %d; %d training examples, %d outputs, width %d, "
            "plan %s; %d slots on a CPU: %.1f MB, %.1f MB for each more\n",
            i, g->n, g->point[0], g->size.n_train, s->C, s->D, g->size.tables ? "table" : "ops",
            slots, 1e-6 * (double)(g->size.device_bytes + (size_t)(slots - 1) * g->per_run),
            1e-6 * (double)g->per_run);
    }
    gk_sweep_groups_free(groups, n);
    gk_sweep_points_csv(text, sweep);
    return status;
}
