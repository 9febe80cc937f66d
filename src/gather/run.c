/* One run of a sweep: how it stands, and all that is gathered of it. Nothing is trusted and nothing
 * is locked: a run counts as read only if its state file is the same one before and after. */
#include "gather/parts.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

typedef struct source {
    gk_gathering *gather;
    gk_point *point;
    char dir[GK_PATH_MAX], path[GK_PATH_MAX]; /* path: of the file that is being read */
    gk_out *curves;                           /* NULL: learn */
    json_t *summary, *last;                   /* last: the last row of metrics.jsonl */
    gk_answers answers;
} source;

/* ---- state */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static gk_status read_state(source *s)
{
    static const struct {
        const char *word;
        gk_point_state state;
    } words[] = {{"done", GK_DONE},
                 {"diverged", GK_FELL},
                 {"running", GK_GOING},
                 {"interrupted", GK_GOING},
                 {"failed", GK_GOING}};
    gk_run_state state;

    s->point->state = GK_UNREADABLE;
    GK_TRY(gk_path(s->path, "%s/state", s->dir));
    gk_status status = gk_run_read_state(&state, s->dir);
    s->point->stamp = state.stamp;
    GK_TRY(status);
    if (!state.there) s->point->state = GK_WAITING;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, state.word)) s->point->state = words[i].state;
    if (!strcmp(state.word, "failed")) gk_warn("%s %s", s->dir, state.line);
    if (s->point->state != GK_UNREADABLE) return GK_OK;
    return gk_fail(GK_EDATA, "%s has no state that grokc writes", s->path);
}

static gk_status check_same(source *s)
{
    struct stat now;

    GK_TRY(gk_path(s->path, "%s/state", s->dir));
    if (stat(s->path, &now) == 0 && same_file(&now, &s->point->stamp)) return GK_OK;
    return gk_fail(GK_EDATA, "%s changed while it was read", s->dir);
}

static double number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_number(value) ? json_number_value(value) : GK_NULL;
}

/* ---- config.yaml */

static size_t size_of(const gk_config_key *key)
{
    switch (key->type) {
    case GK_KEY_INT: return sizeof(int64_t);
    case GK_KEY_REAL: return sizeof(double);
    case GK_KEY_TEXT: return GK_TEXT_MAX;
    case GK_KEY_PICK: return sizeof(int);
    }
    return 0;
}

/* While learning: which keys differ from the first run's, in `differs`. */
static gk_status read_config(source *s, bool differs[GK_CONFIG_KEYS])
{
    gk_gathering *g = s->gather;
    gk_config config;

    GK_TRY(gk_run_read_config(&config, s->dir));
    if (!g->any) g->config = config;
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        differs[i] = memcmp((char *)&config + key->offset, (char *)&g->config + key->offset,
                            size_of(key)) != 0;
        gk_setting_text(&g->sweep.value[g->first_config + i], &config, key);
    }
    return GK_OK;
}

/* ---- files */

static gk_status read_summary(source *s)
{
    const char *word = s->point->state == GK_DONE ? "done" : "diverged", *state;

    GK_TRY(gk_path(s->path, "%s/summary.json", s->dir));
    GK_TRY(gk_run_read_json(&s->summary, s->dir, "summary.json"));
    state = json_string_value(json_object_get(s->summary, "state"));
    if (!state || strcmp(state, word) != 0)
        return gk_fail(GK_EDATA, "%s does not say that the run is %s", s->path, word);
    if (!json_is_integer(json_object_get(s->summary, "epochs")))
        return gk_fail(GK_EDATA, "%s does not say at which epoch the run ended", s->path);
    return gk_columns_put_summary(&s->gather->sweep, s->path, s->summary);
}

/* metrics.jsonl; its last row must be where summary.json says that the run ended. */
static gk_status read_rows(source *s)
{
    gk_text last = {0};

    GK_TRY(gk_path(s->path, "%s/metrics.jsonl", s->dir));
    gk_status status =
        gk_gather_rows(&s->gather->curves, s->dir, s->point->index, &s->answers, s->curves, &last);
    if (status == GK_OK) s->last = json_loadb(last.data, last.length, JSON_REJECT_DUPLICATES, NULL);
    gk_text_free(&last);
    GK_TRY(status);
    if (json_equal(json_object_get(s->last, "epoch"), json_object_get(s->summary, "epochs")))
        return GK_OK;
    return gk_fail(GK_EDATA, "%s does not end where summary.json says that the run ended", s->path);
}

/* ---- the whole */

/* What a cell needs to know. Memorised: as in summary.json's delay. */
static void keep_numbers(source *s)
{
    const json_t *events = json_object_get(s->summary, "events");
    gk_point *p = s->point;

    p->grok_epoch = number(s->summary, "grok_epoch");
    p->observed_until = number(s->summary, "epochs");
    p->delay = number(s->summary, "grok_delay");
    p->memorised = number(json_object_get(events, "train_acc >= 0.99"), "crossed");
    p->train_loss = number(s->last, "train_loss");
    p->test_loss = number(s->last, "test_loss");
}

static gk_status read_finished(source *s)
{
    gk_gathering *g = s->gather;
    bool differs[GK_CONFIG_KEYS];

    GK_TRY(read_config(s, differs));
    GK_TRY(read_summary(s));
    GK_TRY(gk_answers_read(&s->answers, s->dir));
    GK_TRY(read_rows(s));
    json_t *final = json_object_get(s->summary, "final");
    if (json_is_object(final)) GK_TRY(gk_columns_put_row(&g->sweep, s->path, final));
    GK_TRY(gk_columns_put_row(&g->sweep, s->path, s->last));
    int64_t until = json_integer_value(json_object_get(s->summary, "epochs"));
    const char *answer = gk_answers_up_to(&s->answers, until);
    if (answer) GK_TRY(gk_columns_put_answer(&g->sweep, s->path, answer));
    gk_text_add(&g->sweep.value[g->until], "%lld", (long long)until);
    GK_TRY(check_same(s));
    keep_numbers(s);
    for (int i = 0; i < GK_CONFIG_KEYS; i++) g->differs[i] |= differs[i];
    g->any = true;
    return GK_OK;
}

gk_status gk_gather_run(gk_gathering *gather, int i, gk_out *curves)
{
    gk_point *point = &gather->point[i];
    source s = {.gather = gather, .point = point, .curves = curves};
    struct stat before = point->stamp;
    int sweep = gather->sweep.n, rows = gather->curves.n;

    GK_TRY(gk_sweep_run_dir(s.dir, gather->dir, point->index));
    gk_status status = read_state(&s);
    if (status == GK_OK && curves &&
        (!gk_point_finished(point) || !same_file(&point->stamp, &before)))
        status = gk_fail(GK_EDATA, "%s changed", s.dir);
    if (status == GK_OK && gk_point_finished(point)) status = read_finished(&s);
    json_decref(s.summary);
    json_decref(s.last);
    gk_answers_free(&s.answers);
    if (status == GK_OK) return GK_OK;
    point->state = GK_UNREADABLE;
    gk_columns_cut(&gather->sweep, sweep);
    gk_columns_cut(&gather->curves, rows);
    return status;
}
