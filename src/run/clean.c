/* One run: which of its files can go, and their removal under its owner's lock. */
#include "gk/clean.h"
#include "gk/archive.h"
#include "gk/owner.h"
#include "gk/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Removed in this order: a resume point is of no use without the records before it. */
const struct gk_clean_kind gk_clean_kinds[GK_CLEAN_PARTS] = {
    {"checkpoints", "measure, export and load() of these epochs, the embedding in reports"},
    {"states", "grokc branch RUN@EPOCH, and sweeps `from:` it"},
    {"measures", "spectra, clusters and maps of these epochs, in reports and Python"},
    {"resume", "going on with more epochs"},
    {"projections", "restricted losses of other key sets; the resume point goes with it"},
    {"report", "nothing: grokc report draws it again"},
    {"unfinished", "nothing of a finished run; others measure their checkpoints again"},
};

/* What a run that has not finished does not need to go on. */
enum {
    HARMLESS = 1U << GK_CLEAN_MEASURES | 1U << GK_CLEAN_REPORT | 1U << GK_CLEAN_UNFINISHED,
    EVERYTHING = (1U << GK_CLEAN_PARTS) - 1
};

typedef struct cleaning {
    gk_clean *clean;
    const char *dir;
    gk_owner *owner; /* NULL: only counts */
    int64_t length;  /* run.epochs, for log:N */
} cleaning;

/* ---- what is asked for */

static gk_status add_part(unsigned *parts, const char *name)
{
    const char *names[GK_CLEAN_PARTS];
    gk_text list = {0};

    for (int i = 0; i < GK_CLEAN_PARTS; i++) {
        names[i] = gk_clean_kinds[i].name;
        gk_text_add(&list, "%s%s", i ? ", " : "", names[i]);
        if (!strcmp(name, names[i])) *parts |= 1U << i;
        if (!strcmp(name, names[i])) name = "";
    }
    int near = *name ? gk_nearest(name, names, GK_CLEAN_PARTS) : -1;
    gk_status status = GK_OK;
    if (near >= 0)
        status =
            gk_fail(GK_EUSAGE, "--what: there is no \"%.60s\"; did you mean \"%s\"? (there are %s)",
                    name, names[near], list.data);
    else if (*name)
        status =
            gk_fail(GK_EUSAGE, "--what: there is no \"%.60s\" (there are %s)", name, list.data);
    gk_text_free(&list);
    return status;
}

static gk_status add_parts(unsigned *parts, const char *what)
{
    char name[64];

    for (const char *at = what;; at++) {
        size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), at);
        if (!*name) return gk_fail(GK_EUSAGE, "--what \"%.60s\": a name is missing", what);
        GK_TRY(add_part(parts, name));
        at += n;
        if (!*at) return GK_OK;
    }
}

gk_status gk_clean_open(gk_clean *clean, const char *what, const char *keep, bool remove)
{
    *clean = (gk_clean){.keep = keep ? keep : "last", .remove = remove};
    if (what)
        GK_TRY(add_parts(&clean->parts, what));
    else
        clean->parts = EVERYTHING;
    if (clean->parts >> GK_CLEAN_PROJECTIONS & 1) clean->parts |= 1U << GK_CLEAN_RESUME;
    if (!strcmp(clean->keep, "last")) return GK_OK;
    if (gk_epochs_check(clean->keep) == GK_OK) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "--keep \"%.60s\": expects last, none, or epochs as run.checkpoint_at has them: "
                   "every:1000, log:20, or 0,500,2000",
                   clean->keep);
}

/* ---- files */

static gk_status take_file(cleaning *c, gk_clean_part part, const char *path)
{
    struct stat info;

    if (lstat(path, &info) != 0 && errno == ENOENT) return GK_OK;
    if (c->owner) GK_TRY(gk_owner_fence(c->owner, NULL, 0));
    if (c->owner && unlink(path) != 0)
        return gk_fail(GK_EIO, "cannot remove %s: %s", path, strerror(errno));
    gk_clean_sum *sum = &c->clean->sum[part];
    sum->files++;
    sum->bytes += info.st_nlink == 1 ? (int64_t)info.st_size : 0;
    return GK_OK;
}

static gk_status take_name(cleaning *c, gk_clean_part part, const char *name)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/%s", c->dir, name));
    return take_file(c, part, path);
}

static bool stays(const cleaning *c, int64_t epoch, bool last)
{
    const char *keep = c->clean->keep;

    if (!strcmp(keep, "none")) return false;
    return last || (strcmp(keep, "last") != 0 && gk_epochs_has(keep, c->length, epoch));
}

static gk_status take_epochs(cleaning *c, gk_clean_part part, gk_epoch_file file)
{
    char path[GK_PATH_MAX];
    int64_t *epochs;
    int n;

    gk_status status = gk_run_epochs(&epochs, &n, c->dir, file);
    for (int i = 0; i < n && status == GK_OK; i++) {
        if (stays(c, epochs[i], i + 1 == n)) {
            c->clean->sum[part].stay++;
            continue;
        }
        status = gk_epoch_path(path, c->dir, file, epochs[i]);
        if (status == GK_OK) status = take_file(c, part, path);
    }
    free(epochs);
    return status;
}

static gk_status take_part(cleaning *c, gk_clean_part part)
{
    switch (part) {
    case GK_CLEAN_CHECKPOINTS: return take_epochs(c, part, GK_EPOCH_WEIGHTS);
    case GK_CLEAN_STATES: return take_epochs(c, part, GK_EPOCH_STATE);
    case GK_CLEAN_MEASURES: return take_epochs(c, part, GK_EPOCH_ARRAYS);
    case GK_CLEAN_RESUME: return take_name(c, part, "resume.safetensors");
    case GK_CLEAN_PROJECTIONS: return take_name(c, part, "projections.bin");
    case GK_CLEAN_REPORT: return take_name(c, part, "report.html");
    case GK_CLEAN_UNFINISHED: return take_name(c, part, "final.jsonl.part");
    case GK_CLEAN_PARTS: break;
    }
    return GK_OK;
}

/* ---- whole */

/* The epochs that log:N is about; only asked for where --keep has some. */
static gk_status read_length(cleaning *c)
{
    gk_config *config = gk_alloc(1, sizeof *config);
    gk_status status = GK_OK;

    if (!strncmp(c->clean->keep, "log:", 4)) status = gk_run_read_config(config, c->dir);
    c->length = config->run.epochs;
    free(config);
    return status;
}

static gk_status take_parts(cleaning *c)
{
    unsigned parts = c->clean->parts;
    gk_run_state state;

    GK_TRY(read_length(c));
    GK_TRY(gk_run_read_state(&state, c->dir));
    c->clean->runs++;
    if (!gk_run_is_finished(&state)) {
        c->clean->unfinished += (parts & ~(unsigned)HARMLESS) != 0;
        parts &= HARMLESS;
    }
    for (int i = 0; i < GK_CLEAN_PARTS; i++)
        if (parts >> i & 1) GK_TRY(take_part(c, (gk_clean_part)i));
    return GK_OK;
}

/* A line in log.txt, so that it can be told later why something is not there. */
static void note(const cleaning *c, const gk_clean_sum *before)
{
    gk_run *run = gk_alloc(1, sizeof *run);
    gk_text text = {0};

    for (int i = 0; i < GK_CLEAN_PARTS; i++) {
        int64_t files = c->clean->sum[i].files - before[i].files;
        if (files) gk_text_add(&text, " %s (%lld)", gk_clean_kinds[i].name, (long long)files);
    }
    if (text.length && gk_path(run->dir, "%s", c->dir) == GK_OK)
        gk_run_log(run, "grokc clean removed files:%s", text.data);
    gk_text_free(&text);
    free(run);
}

gk_status gk_clean_run(gk_clean *clean, const char *dir)
{
    cleaning c = {.clean = clean, .dir = dir};
    gk_clean_sum before[GK_CLEAN_PARTS];

    if (!gk_is_run(dir)) return gk_fail(GK_EUSAGE, "%s is no run", dir);
    if (!clean->remove && gk_run_is_held(dir))
        return gk_fail(GK_EBUSY, "%s is being trained; left alone", dir);
    if (clean->remove) GK_TRY(gk_owner_take(&c.owner, dir));
    memcpy(before, clean->sum, sizeof before);
    gk_status status = take_parts(&c);
    if (clean->remove) note(&c, before);
    gk_owner_release(c.owner);
    return status;
}
