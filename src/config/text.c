/* A config as text, for people and for config.yaml: print, diff, help, list. */
#include "gk/config.h"
#include "gk/renamed.h"

#include <math.h>
#include <string.h>

/* Can `text` stand in YAML without quotes and mean itself, for readers of YAML 1.1 too? */
static bool is_plain(const char *text)
{
    static const char *const taken[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (!strspn(text, letters)) return false;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!strcasecmp(text, taken[i])) return false;
    while (*text && (strchr(letters, *text) || strchr("0123456789_./-", *text))) text++;
    return !*text;
}

static void add_string(gk_text *text, const char *string)
{
    if (is_plain(string))
        gk_text_add(text, "%s", string);
    else
        gk_text_add_json(text, string);
}

void gk_config_value(gk_text *text, const gk_config *config, const gk_config_key *key)
{
    const void *at = (const char *)config + key->offset;
    char copy[64];
    int length = 0;

    switch (key->type) {
    case GK_KEY_INT: gk_text_add(text, "%lld", (long long)*(const int64_t *)at); break;
    case GK_KEY_REAL: gk_text_add_real(text, *(const double *)at); break;
    case GK_KEY_TEXT:
        if (*(const char *)at)
            add_string(text, at);
        else
            gk_text_add(text, "null");
        break;
    case GK_KEY_PICK: {
        const char *word = gk_config_word(key, *(const int *)at, &length);
        GK_CHECK(word && length < (int)sizeof copy);
        memcpy(copy, word, (size_t)length);
        copy[length] = 0;
        add_string(text, copy);
    }
    }
}

void gk_config_print(gk_text *yaml, const gk_config *config)
{
    const char *group = "";
    int width = 0;

    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (strcmp(group, key->group) != 0) {
            group = key->group;
            width = 0;
            for (int j = i; j < GK_CONFIG_KEYS && !strcmp(gk_config_keys[j].group, group); j++)
                if ((int)strlen(gk_config_keys[j].key) > width)
                    width = (int)strlen(gk_config_keys[j].key);
            gk_text_add(yaml, "%s%s:\n", i ? "\n" : "", group);
        }
        gk_text_add(yaml, "  %s:%*s", key->key, width + 1 - (int)strlen(key->key), "");
        gk_config_value(yaml, config, key);
        gk_text_add(yaml, "\n");
    }
}

bool gk_config_may_change(const gk_config_key *key)
{
    static const char *const names[] = {
        "run.epochs",    "run.resume_every", "run.stop_test_loss", "run.stop_test_acc",
        "run.stop_rows", "run.stop_when",    "run.hook",           "run.report_every"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(key->name, names[i])) return true;
    return !strcmp(key->group, "device");
}

/* Lines for the keys of which counts(key) is true. */
static void add_differences(gk_text *lines, const gk_config *a, const gk_config *b,
                            bool (*counts)(const gk_config_key *key))
{
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        gk_text was = {0}, is = {0};
        gk_config_value(&was, a, key);
        gk_config_value(&is, b, key);
        if (strcmp(was.data, is.data) != 0 && counts(key))
            gk_text_add(lines, "%s: %s -> %s\n", key->name, was.data, is.data);
        gk_text_free(&was);
        gk_text_free(&is);
    }
}

static bool is_fixed(const gk_config_key *key) { return !gk_config_may_change(key); }

static bool shapes_rows(const gk_config_key *key)
{
    return is_fixed(key) || !strcmp(key->name, "run.epochs") || !strncmp(key->name, "run.stop_", 9);
}

void gk_config_diff(gk_text *lines, const gk_config *a, const gk_config *b)
{
    add_differences(lines, a, b, is_fixed);
}

void gk_config_diff_all(gk_text *lines, const gk_config *a, const gk_config *b)
{
    add_differences(lines, a, b, shapes_rows);
}

void gk_config_json(gk_text *json, const gk_config *config, const gk_config_key *key)
{
    const char *text = (const char *)config + key->offset;
    gk_text word = {0};

    if (key->type == GK_KEY_TEXT && *text) {
        gk_text_add_json(json, text);
    } else if (key->type == GK_KEY_PICK) {
        int length;
        const char *at = gk_config_word(key, *(const int *)(const void *)text, &length);
        gk_text_append(&word, at, (size_t)length);
        gk_text_add_json(json, word.data);
        gk_text_free(&word);
    } else {
        gk_config_value(json, config, key);
    }
}

/* `words`, broken into lines of at most 96 columns behind four spaces. */
static void add_wrapped(gk_text *text, const char *words)
{
    enum { COLUMNS = 92 };

    while (*words) {
        size_t n = strlen(words), line = n;
        if (n > COLUMNS)
            for (line = COLUMNS; line > 0 && words[line] != ' ';) line--;
        if (line == 0) line = n; /* one long word */
        gk_text_add(text, "    %.*s\n", (int)line, words);
        words += line + strspn(words + line, " ");
    }
}

static void add_help(gk_text *text, const gk_config_key *key)
{
    gk_config defaults;
    gk_text line = {0};

    gk_config_defaults(&defaults);
    gk_text_add(&line, "%s: ", key->name);
    gk_config_describe(&line, key);
    gk_text_add(&line, "; default ");
    gk_config_value(&line, &defaults, key);
    if (line.length <= 96)
        gk_text_add(text, "%s\n", line.data);
    else { /* the words of a PICK key get lines of their own */
        gk_text_add(text, "%s:\n", key->name);
        add_wrapped(text, line.data + strlen(key->name) + 2);
    }
    add_wrapped(text, key->help);
    gk_text_free(&line);
}

static void add_seed_help(gk_text *text)
{
    gk_text_add(text, "seed: a whole number from 0 to 18446744073709551615; not set by default\n");
    add_wrapped(text, "at the top of a file, outside the groups: short for task.split and "
                      "model.init \"philox:SEED\"; given instead of them");
}

/* Prints what `word` names; false if it names nothing. */
static bool add_named(gk_text *text, const char *word)
{
    bool found = false;

    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (strcmp(word, key->name) != 0 && strcmp(word, key->key) != 0 &&
            strcmp(word, key->group) != 0)
            continue;
        add_help(text, key);
        found = true;
    }
    return found;
}

gk_status gk_config_help(gk_text *text, const char *key)
{
    const char *names[2 * GK_CONFIG_KEYS];

    bool seed = !strcmp(key, "seed"); /* at the top, beside optim.seed */

    if (seed) add_seed_help(text);
    if (add_named(text, gk_renamed_key(key)) || seed) return GK_OK;
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        names[i] = gk_config_keys[i].name;
        names[GK_CONFIG_KEYS + i] = gk_config_keys[i].key;
    }
    int near = strlen(key) > 60 ? -1 : gk_nearest(key, names, 2 * GK_CONFIG_KEYS);
    if (near < 0) return gk_fail(GK_EUSAGE, "unknown key \"%.60s\"; see `grokc list options`", key);
    return gk_fail(GK_EUSAGE, "unknown key \"%s\"; did you mean \"%s\"?", key, names[near]);
}

void gk_config_list(gk_text *text)
{
    add_seed_help(text);
    for (int i = 0; i < GK_CONFIG_KEYS; i++) add_help(text, &gk_config_keys[i]);
}
