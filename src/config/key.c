/* config.def as a table, and the text of a value turned into the value: what a key is and takes. */
#include "gk/config.h"
#include "gk/renamed.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "|modular|group ...": the words of the lists that have more to say of each. */
static const char task_words[] =
#define TASK(id, name, ...) "|" #name
#include "gk/tasks.def"
#undef TASK
    ;
static const char optimiser_words[] =
#define OPTIMISER(id, word, ...) "|" #word
#include "gk/optimisers.def"
#undef OPTIMISER
    ;
#define GK_TASK_WORDS      (task_words + 1)
#define GK_OPTIMISER_WORDS (optimiser_words + 1)

/* clang-format off */
#define KEY(group, key, type, initial, min, max, text, help)                                       \
    {#group, #key, #group "." #key, type, offsetof(gk_config, group.key), \
     initial, min, max, text, help},
#define GROUP(group)
#define END_GROUP(group)
#define INT(group, key, initial, min, max, help)                                                   \
    KEY(group, key, GK_KEY_INT, initial, min, max, NULL, help)
#define REAL(group, key, initial, min, max, help)                                                  \
    KEY(group, key, GK_KEY_REAL, initial, min, max, NULL, help)
#define TEXT(group, key, initial, help) KEY(group, key, GK_KEY_TEXT, 0, 0, 0, initial, help)
#define PICK(group, key, words, help)   KEY(group, key, GK_KEY_PICK, 0, 0, 0, words, help)
/* clang-format on */

const gk_config_key gk_config_keys[GK_CONFIG_KEYS] = {
#include "gk/config.def"
};

const gk_config_key *gk_config_find(const char *name)
{
    const char *now = gk_renamed_key(name);

    for (int i = 0; i < GK_CONFIG_KEYS; i++)
        if (!strcmp(gk_config_keys[i].name, now)) return &gk_config_keys[i];
    return NULL;
}

const char *gk_config_word(const gk_config_key *key, int i, int *length)
{
    const char *word = key->text;

    GK_CHECK(key->type == GK_KEY_PICK);
    for (; i > 0 && word; i--) {
        word = strchr(word, '|');
        if (word) word++;
    }
    if (word) *length = (int)strcspn(word, "|");
    return word;
}

void gk_config_describe(gk_text *text, const gk_config_key *key)
{
    const char *word;
    int length;

    switch (key->type) {
    case GK_KEY_INT:
        gk_text_add(text, "a whole number from %.0f to %.0f", key->min, key->max);
        break;
    case GK_KEY_REAL:
        gk_text_add(text, "a number from %g to %g", key->min, key->max);
        if (isnan(key->initial)) gk_text_add(text, " or null");
        break;
    case GK_KEY_TEXT:
        gk_text_add(text, "a printable text of at most %d bytes", GK_TEXT_MAX - 1);
        break;
    case GK_KEY_PICK:
        gk_text_add(text, strchr(key->text, '|') ? "one of " : "the word ");
        for (int i = 0; (word = gk_config_word(key, i, &length)); i++)
            gk_text_add(text, "%s%.*s", i ? ", " : "", length, word);
        break;
    }
}

bool gk_config_is_null(const char *value)
{
    return !*value || !strcmp(value, "~") || !strcmp(value, "null") || !strcmp(value, "Null") ||
           !strcmp(value, "NULL");
}

void gk_config_defaults(gk_config *config)
{
    memset(config, 0, sizeof *config); /* every PICK is its first word */
    for (int i = 0; i < GK_CONFIG_KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        void *at = (char *)config + key->offset;
        if (key->type == GK_KEY_INT) *(int64_t *)at = (int64_t)key->initial;
        if (key->type == GK_KEY_REAL) *(double *)at = key->initial;
        if (key->type == GK_KEY_TEXT) snprintf(at, GK_TEXT_MAX, "%s", key->text);
    }
}

/* The code point at *c, and *c behind it; 0 at the end, -1 if this is not UTF-8. */
static int32_t next_character(const unsigned char **c)
{
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    int32_t point = *(*c)++;
    int more = point < 0x80 ? 0 : point < 0xC0 ? -1 : point < 0xE0 ? 1 : point < 0xF0 ? 2 : 3;

    if (more < 0 || point >= 0xF8) return -1;
    if (more) point &= 0x3F >> more;
    for (int i = 0; i < more; i++) {
        if ((**c & 0xC0) != 0x80) return -1; /* the terminator too */
        point = point << 6 | (*(*c)++ & 0x3F);
    }
    return point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000) ? -1
                                                                                          : point;
}

/* What libyaml reads back as it stands between double quotes: no control characters, line
 * separators, byte order marks. */
static bool is_printable(const char *value)
{
    const unsigned char *c = (const unsigned char *)value;

    while (*c) {
        int32_t point = next_character(&c);
        if (point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029 ||
            point == 0xFEFF || point == 0xFFFE || point == 0xFFFF)
            return false;
    }
    return true;
}

static bool assign_text(char out[GK_TEXT_MAX], const char *value)
{
    size_t n = strlen(value);

    if (n >= GK_TEXT_MAX || !is_printable(value)) return false;
    memset(out, 0, GK_TEXT_MAX); /* equal configs have equal bytes */
    memcpy(out, value, n);
    return true;
}

static bool assign_word(int *out, const gk_config_key *key, const char *value)
{
    const char *word;
    int length;

    for (int i = 0; (word = gk_config_word(key, i, &length)); i++) {
        if (strlen(value) != (size_t)length || memcmp(value, word, (size_t)length) != 0) continue;
        *out = i;
        return true;
    }
    return false;
}

/* Is it the lower-case `word` as YAML 1.1 lets one write it: word, Word or WORD? */
static bool is_spelling(const char *value, const char *word)
{
    if (strcasecmp(value, word) != 0) return false;
    bool first = isupper((unsigned char)value[0]), second = isupper((unsigned char)value[1]);
    if (second && !first) return false;
    for (const char *c = value + 1; *c; c++)
        if (!isupper((unsigned char)*c) == second) return false;
    return true;
}

/* on and off for what YAML 1.1 takes for true and false; else `value` itself. */
static const char *as_switch(const char *value)
{
    static const char *const words[2][4] = {{"false", "no", "off", "n"},
                                            {"true", "yes", "on", "y"}};

    for (int i = 0; i < 4; i++) {
        if (is_spelling(value, words[0][i])) return "off";
        if (is_spelling(value, words[1][i])) return "on";
    }
    return value;
}

bool gk_config_assign(gk_config *config, const gk_config_key *key, const char *value, bool quoted)
{
    void *out = (char *)config + key->offset;
    bool null = !quoted && gk_config_is_null(value);
    int64_t whole;
    double real;

    switch (key->type) {
    case GK_KEY_INT:
        if (quoted || !gk_parse_whole(value, &whole)) return false;
        if ((double)whole < key->min || (double)whole > key->max) return false;
        *(int64_t *)out = whole;
        return true;
    case GK_KEY_REAL:
        if (null && isnan(key->initial)) {
            *(double *)out = GK_NULL;
            return true;
        }
        if (quoted || !gk_parse_real(value, &real)) return false;
        if (real < key->min || real > key->max) return false;
        *(double *)out = real + 0.0; /* -0 becomes 0 */
        return true;
    case GK_KEY_TEXT: return assign_text(out, null ? "" : value);
    case GK_KEY_PICK:
        return assign_word(out, key, value) || assign_word(out, key, as_switch(value));
    }
    return false;
}
