#include "report/compare_names.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN = 3 }; /* keys of a name */

/* What a run is made of; not where and how it is stored. */
static bool matters(const char *key)
{
    static const char *const others[] = {"run.checkpoint_at", "run.keep_checkpoints",
                                         "run.keep_state",    "run.arrays_at",
                                         "run.resume_every",  "run.hook",
                                         "run.report_every"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(key, others[i])) return false;
    return strncmp(key, "device.", strlen("device.")) != 0;
}

static const char *value_of(const gk_comparison *c, int run, const char *key)
{
    int column;

    if (gk_cards_column(&c->cards, key, &column) != GK_OK) return NULL;
    return gk_card_text(&c->cards, run, column);
}

/* `seed: N` at the top of a config stands for both of these. */
static const char *seed_of(const gk_comparison *c, int run)
{
    static const char word[] = "philox:";
    const char *split = value_of(c, run, "task.split"), *init = value_of(c, run, "model.init");

    if (!split || !init || strcmp(split, init) != 0 || strncmp(split, word, strlen(word)) != 0)
        return NULL;
    return split + strlen(word);
}

static bool all_have_seeds(const gk_comparison *c)
{
    for (int i = 0; i < c->cards.n; i++)
        if (!seed_of(c, i)) return false;
    return true;
}

/* The columns of keys that differ and matter; returns how many. *seeds: they are called by their
 * seed, and that is one of them. */
static int list_keys(int *column, bool *seeds, const gk_comparison *c)
{
    bool by_seed = all_have_seeds(c);
    int n = 0;

    *seeds = false;
    for (int k = GK_CARD_CONFIG; k < GK_CARD_CONFIG + GK_CONFIG_KEYS; k++) {
        const char *key = c->cards.columns.name[k];
        if (gk_cards_same(&c->cards, NULL, 0, k) || !matters(key)) continue;
        if (by_seed && (!strcmp(key, "task.split") || !strcmp(key, "model.init")))
            *seeds = true;
        else
            column[n++] = k;
    }
    return n;
}

static const char *folder_of(const gk_comparison *c, int run)
{
    const char *path = gk_card_text(&c->cards, run, GK_CARD_RUN), *name = strrchr(path, '/');

    return name && name[1] ? name + 1 : path;
}

static void add_value(gk_text *name, const char *word, const char *value)
{
    gk_text_add(name, "%s%s %.24s", name->length ? ", " : "", word, value ? value : "null");
}

static char *name_run(const gk_comparison *c, int run, const int *column, int n, bool seeds)
{
    gk_text name = {0};

    for (int i = 0; i < n; i++) {
        const char *key = c->cards.columns.name[column[i]], *dot = strrchr(key, '.');
        add_value(&name, dot ? dot + 1 : key, gk_card_text(&c->cards, run, column[i]));
    }
    if (seeds) add_value(&name, "seed", seed_of(c, run));
    if (!name.length) gk_text_add(&name, "%.40s", folder_of(c, run));
    return name.data;
}

static bool is_taken(char **names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) return true;
    return false;
}

/* Runs of equal configs: their folders, or else their places. */
static void tell_apart(char **names, const gk_comparison *c, int run)
{
    char letter[16];
    gk_text name = {0};

    if (!is_taken(names, run, names[run])) return;
    gk_text_add(&name, "%s (%.40s)", names[run], folder_of(c, run));
    if (is_taken(names, run, name.data)) {
        name.length = 0;
        gk_text_add(&name, "%s (%s)", names[run], gk_comparison_letter(letter, run));
    }
    free(names[run]);
    names[run] = name.data;
}

char **gk_compare_names(const gk_comparison *c)
{
    char **names = gk_alloc((size_t)c->cards.n, sizeof *names);
    int column[GK_CONFIG_KEYS];
    bool seeds;
    int n = list_keys(column, &seeds, c);

    if (n + seeds > SHOWN) n = 0, seeds = false;
    for (int i = 0; i < c->cards.n; i++) {
        names[i] = name_run(c, i, column, n, seeds);
        tell_apart(names, c, i);
    }
    return names;
}

void gk_compare_names_free(char **names, const gk_comparison *c)
{
    for (int i = 0; i < c->cards.n; i++) free(names[i]);
    free(names);
}
