/* The cards of many runs: finding run directories, columns by name, what differs. */
#include "gk/cards.h"
#include "gk/renamed.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

/* ---- directories */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A run as it is found; under a second name it is only counted. */
static void add_once(gk_cards *cards, const char *dir)
{
    struct stat info;

    for (int i = 0; stat(dir, &info) == 0 && i < cards->n; i++) {
        if (cards->place[i].device != info.st_dev || cards->place[i].inode != info.st_ino) continue;
        if (cards->again++ == 0)
            gk_text_add(&cards->first_again, "%s is %s", dir, gk_card_text(cards, i, GK_CARD_RUN));
        return;
    }
    gk_cards_add(cards, dir);
}

gk_status gk_cards_find(gk_cards *cards, const char *dir)
{
    char root[GK_PATH_MAX];
    char *const roots[] = {root, NULL};
    gk_status status = GK_OK;
    FTSENT *entry;

    GK_TRY(gk_path(root, "%s", dir));
    for (size_t n = strlen(root); n > 1 && root[n - 1] == '/'; n--) root[n - 1] = 0;
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk) return gk_fail(GK_EIO, "cannot look into %s: %s", dir, strerror(errno));
    while (status == GK_OK && (entry = fts_read(walk))) {
        bool top = entry->fts_level == FTS_ROOTLEVEL;
        if (entry->fts_info == FTS_D && gk_is_run(entry->fts_path)) {
            add_once(cards, entry->fts_path);
            fts_set(walk, entry, FTS_SKIP);
        } else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS) {
            status = gk_fail(GK_EIO, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
        } else if (entry->fts_info == FTS_SLNONE) {
            status =
                gk_fail(GK_EIO, "%s: a symbolic link to nothing that is there", entry->fts_path);
        } else if (entry->fts_info == FTS_DC) {
            status = gk_fail(GK_EIO, "%s: a symbolic link back to %s, left out", entry->fts_path,
                             entry->fts_cycle->fts_path);
        } else if (top && entry->fts_info != FTS_D && entry->fts_info != FTS_DP)
            status = gk_fail(GK_EUSAGE, "%s is not a directory", dir);
        if (status != GK_OK && !top) { /* somebody else's folder, or one that is gone by now */
            gk_warn("%s", gk_message());
            status = GK_OK;
        }
    }
    fts_close(walk);
    return status;
}

/* ---- values */

const char *gk_card_text(const gk_cards *cards, int run, int column)
{
    return column < cards->width[run] ? cards->value[run][column] : NULL;
}

double gk_card_real(const gk_cards *cards, int run, int column)
{
    const char *text = gk_card_text(cards, run, column);
    double value;

    return text && gk_parse_real(text, &value) ? value : GK_NULL;
}

static int find(const gk_cards *cards, const char *name)
{
    for (int c = 0; c < cards->columns.n; c++)
        if (!strcmp(cards->columns.name[c], name)) return c;
    return -1;
}

double gk_card_number(const gk_cards *cards, int run, const char *name)
{
    int c = find(cards, name);

    return c < 0 ? GK_NULL : gk_card_real(cards, run, c);
}

/* ---- names */

static bool is_config(int column)
{
    return column >= GK_CARD_CONFIG && column < GK_CARD_CONFIG + GK_CONFIG_KEYS;
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && dot[1] ? dot + 1 : name;
}

/* How many names end in `part`, among the config keys or among the others; *column: the first. */
static int count_parts(const gk_cards *cards, const char *part, bool config, int *column)
{
    int n = 0;

    for (int c = 0; c < cards->columns.n; c++)
        if (is_config(c) == config && !strcmp(last_part(cards->columns.name[c]), part))
            if (n++ == 0) *column = c;
    return n;
}

static gk_status refuse(const gk_cards *cards, const char *name)
{
    int n = cards->columns.n;
    const char **names = gk_alloc(2 * (size_t)n, sizeof *names);

    for (int c = 0; c < n; c++) {
        names[c] = cards->columns.name[c];
        names[n + c] = last_part(names[c]);
    }
    int nearest = gk_nearest(name, names, 2 * n);
    gk_status status =
        nearest < 0
            ? gk_fail(GK_EUSAGE,
                      "there is no \"%.60s\": run, state, epoch, seed, a config key (grokc list "
                      "options), a measure (grokc list measures) or a value of summary.json",
                      name)
            : gk_fail(GK_EUSAGE, "there is no \"%.60s\"; did you mean \"%s\"?", name,
                      names[nearest]);
    free(names);
    return status;
}

/* A name that was another once, or as CSV files have it; -1: none. */
static int find_other(const gk_cards *cards, const char *name)
{
    static const char turning[] = "turning_points.";
    bool turned = !strncmp(name, turning, strlen(turning));
    const char *part = name + (turned ? strlen(turning) : 0);
    char room[GK_RENAMED_MAX];
    gk_text text = {0};

    gk_text_add(&text, "%s%s", turned ? turning : "", gk_renamed(room, part, GK_OLD_ANY));
    int column = find(cards, text.data);
    for (int c = 0; c < cards->columns.n && column < 0; c++) {
        text.length = 0;
        gk_csv_name(&text, cards->columns.name[c]);
        if (!strcmp(text.data, name)) column = c;
    }
    gk_text_free(&text);
    return column;
}

gk_status gk_cards_column(const gk_cards *cards, const char *name, int *column)
{
    *column = find(cards, name);
    if (*column < 0) *column = find_other(cards, name);
    name = gk_renamed_key(name);
    for (int config = 1; config >= 0 && *column < 0; config--) {
        int n = count_parts(cards, name, config, column);
        if (n > 1)
            return gk_fail(GK_EUSAGE, "\"%s\" is the end of %d names, one is \"%s\": write it out",
                           name, n, cards->columns.name[*column]);
    }
    return *column < 0 ? refuse(cards, name) : GK_OK;
}

const char *gk_cards_short_name(const gk_cards *cards, int column)
{
    const char *name = cards->columns.name[column], *part = last_part(name);
    int first;

    return is_config(column) && count_parts(cards, part, true, &first) == 1 && find(cards, part) < 0
               ? part
               : name;
}

bool gk_cards_numeric(const gk_cards *cards, int column)
{
    static const char *const words[] = {"key_freqs", "clusters", "ended_by"};

    if (column == GK_CARD_RUN || column == GK_CARD_STATE) return false;
    if (is_config(column)) {
        int type = gk_config_keys[column - GK_CARD_CONFIG].type;
        return type == GK_KEY_INT || type == GK_KEY_REAL;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i], cards->columns.name[column])) return false;
    for (int i = 0; i < cards->n; i++)
        if (gk_card_text(cards, i, column) && isnan(gk_card_real(cards, i, column))) return false;
    return true;
}

/* ---- differences */

bool gk_cards_same(const gk_cards *cards, const int *run, int n, int column)
{
    for (int i = 1; i < (run ? n : cards->n); i++) {
        const char *first = gk_card_text(cards, run ? run[0] : 0, column);
        const char *text = gk_card_text(cards, run ? run[i] : i, column);
        if (!first != !text || (text && strcmp(first, text) != 0)) return false;
    }
    return true;
}

static bool is_noise(const char *key)
{
    return !strncmp(key, "device.", strlen("device.")) || !strcmp(key, "run.resume_every");
}

int gk_cards_differing(const gk_cards *cards, const int *run, int n, int *column)
{
    bool seeds = !gk_cards_same(cards, run, n, GK_CARD_SEED);
    int columns = 0;

    for (int i = 0; i < (run ? n : cards->n); i++)
        seeds = seeds && gk_card_text(cards, run ? run[i] : i, GK_CARD_SEED);
    for (int c = GK_CARD_CONFIG; c < GK_CARD_CONFIG + GK_CONFIG_KEYS; c++) {
        const char *name = cards->columns.name[c];
        bool a_seed = !strcmp(name, "task.split") || !strcmp(name, "model.init");
        if (!(a_seed && seeds) && !is_noise(name) && !gk_cards_same(cards, run, n, c))
            column[columns++] = c;
    }
    if (seeds) column[columns++] = GK_CARD_SEED;
    return columns;
}
