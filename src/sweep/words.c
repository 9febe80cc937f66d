/* What a sweep file has beside the groups of a config: zip, points, random, from. */
#include "sweep/axis.h"
#include "gk/input.h"

#include <libgen.h>
#include <string.h>

enum { ZIP, POINTS, RANDOM, FROM };
const char *const gk_sweep_words[GK_SWEEP_WORDS] = {"zip", "points", "random", "from"};

static gk_sweep_file *file_of(const gk_reader *r) { return r->grammar->user; }

/* `text` is a path behind `word`, whose ~ no shell expands. */
static gk_status check_path(const gk_reader *r, const char *word, const char *text)
{
    if (gk_input_check(text) == GK_OK) return GK_OK;
    return gk_reader_fail(r, gk_reader_line(r), "%s: %s", word, gk_message());
}

/* The next event is a text; `what` is what stands there. */
static gk_status read_text(gk_reader *r, const char *what, const char **text)
{
    GK_TRY(gk_reader_next(r));
    if (!gk_reader_is_scalar(r))
        return gk_reader_fail(r, gk_reader_line(r), "%s, not %s", what, gk_reader_kind(r));
    *text = gk_reader_scalar(r);
    return GK_OK;
}

#define ZIP_TAKES "zip expects lists of keys, such as [[optim.lr, optim.weight_decay]]"

static gk_status read_zipped(gk_reader *r, int group)
{
    gk_sweep_file *f = file_of(r);

    for (int n = 0;; n++) {
        GK_TRY(gk_reader_next(r));
        int line = gk_reader_line(r);
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return n > 1 ? GK_OK : gk_reader_fail(r, line, "zip expects two keys or more");
        if (!gk_reader_is_scalar(r)) return gk_reader_fail(r, line, ZIP_TAKES);
        const gk_config_key *key = gk_config_find(gk_reader_scalar(r));
        if (!key && strcmp(gk_reader_scalar(r), "seed") != 0)
            return gk_reader_unknown_key(r, line, NULL, gk_reader_scalar(r));
        int i = key ? (int)(key - gk_config_keys) : GK_CONFIG_SEED;
        if (f->zip[i])
            return gk_reader_fail(r, line, "%s is zipped twice, first in line %d",
                                  gk_axis_name(key), f->zip_line[i]);
        f->zip[i] = group;
        f->zip_line[i] = line;
    }
}

static gk_status read_zip(gk_reader *r)
{
    GK_TRY(gk_reader_next(r));
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return gk_reader_fail(r, gk_reader_line(r), ZIP_TAKES);
    for (int group = 1;; group++) {
        GK_TRY(gk_reader_next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return GK_OK;
        if (r->event.type != YAML_SEQUENCE_START_EVENT)
            return gk_reader_fail(r, gk_reader_line(r), ZIP_TAKES);
        GK_TRY(read_zipped(r, group));
    }
}

static gk_status read_points(gk_reader *r)
{
    gk_sweep_file *f = file_of(r);
    char folder[GK_PATH_MAX];
    const char *text = NULL;

    GK_TRY(read_text(r, "points expects the path of a CSV file", &text));
    if (!*text)
        return gk_reader_fail(r, gk_reader_line(r), "points expects the path of a CSV file");
    GK_TRY(check_path(r, "points", text));
    gk_status status = gk_path(folder, "%s", r->name);
    if (status == GK_OK && *text == '/')
        status = gk_path(f->points, "%s", text);
    else if (status == GK_OK && strchr(r->name, '/') && gk_input_has_name(r->name))
        status = gk_path(f->points, "%s/%s", dirname(folder), text);
    else if (status == GK_OK)
        status = gk_path(f->points, "%s", text);
    return status == GK_OK ? GK_OK : gk_reader_fail(r, f->points_at, "points: %s", gk_message());
}

/* One number of `random`; the event is its value. */
static gk_status read_random_number(gk_reader *r, bool is_n)
{
    gk_sweep_file *f = file_of(r);
    const char *text = gk_reader_is_scalar(r) ? gk_reader_scalar(r) : gk_reader_kind(r);
    bool plain = gk_reader_is_scalar(r) && !gk_reader_is_quoted(r);
    int64_t n;

    if (!is_n && plain && gk_parse_natural(text, &f->random_seed)) return GK_OK;
    if (!is_n)
        return gk_reader_fail(r, gk_reader_line(r),
                              "random.seed expects a whole number, not \"%s\"", gk_show(text).text);
    if (!plain || !gk_parse_whole(text, &n) || n < 1 || n > GK_SWEEP_POINTS_MAX)
        return gk_reader_fail(r, gk_reader_line(r),
                              "random.n expects a whole number from 1 to %d, not \"%s\"",
                              GK_SWEEP_POINTS_MAX, gk_show(text).text);
    f->random_n = (int)n;
    return GK_OK;
}

static gk_status read_random(gk_reader *r)
{
    static const char *const names[] = {"n", "seed"};
    gk_sweep_file *f = file_of(r);
    bool given[2] = {false, false};

    GK_TRY(gk_reader_next(r));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return gk_reader_fail(r, gk_reader_line(r), "random expects {n: 200, seed: 0}, not %s",
                              gk_reader_kind(r));
    for (;;) {
        GK_TRY(gk_reader_next(r));
        int line = gk_reader_line(r), i = 0;
        if (r->event.type == YAML_MAPPING_END_EVENT) break;
        if (!gk_reader_is_scalar(r))
            return gk_reader_fail(r, line, "%s stands where a key should", gk_reader_kind(r));
        while (i < 2 && strcmp(names[i], gk_reader_scalar(r)) != 0) i++;
        if (i == 2)
            return gk_reader_fail(r, line, "unknown key \"%s\" in random%s",
                                  gk_show(gk_reader_scalar(r)).text,
                                  gk_did_you_mean(gk_reader_scalar(r), names, 2).text);
        if (given[i]) return gk_reader_fail(r, line, "random.%s is given twice", names[i]);
        given[i] = true;
        GK_TRY(gk_reader_next(r));
        GK_TRY(read_random_number(r, i == 0));
    }
    if (given[0]) return GK_OK;
    return gk_reader_fail(r, f->random_at, "random expects n, how many runs to draw");
}

static gk_status read_from(gk_reader *r)
{
    gk_sweep *sweep = file_of(r)->sweep;
    char run[GK_PATH_MAX];
    const char *text = NULL;
    int64_t epoch;

    GK_TRY(read_text(r, "from expects RUN@EPOCH", &text));
    if (!gk_parse_run_at(text, run, &epoch) || strlen(text) >= sizeof sweep->from)
        return gk_reader_fail(r, gk_reader_line(r),
                              "from expects RUN@EPOCH, such as runs/paper@1000, not \"%s\"",
                              gk_show(text).text);
    GK_TRY(check_path(r, "from", text));
    memcpy(sweep->from, text, strlen(text) + 1);
    return GK_OK;
}

gk_status gk_sweep_read_word(gk_reader *r, int word)
{
    gk_sweep_file *f = file_of(r);
    int line = gk_reader_line(r);

    switch (word) {
    case ZIP: f->zip_at = line; return read_zip(r);
    case POINTS: f->points_at = line; return read_points(r);
    case RANDOM: f->random_at = line; return read_random(r);
    default: f->from_at = line; return read_from(r);
    }
}
