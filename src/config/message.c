/* What is wrong with a config: where, what, and what may have been meant. */
#include "gk/reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KEYS = GK_CONFIG_KEYS, SHOWN = sizeof(gk_shown) / 2 };

gk_status gk_reader_fail(const gk_reader *r, int place, const char *format, ...)
{
    char message[3000];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (place < 0) return gk_fail(GK_EUSAGE, "--set %.300s: %s", r->sets[-place - 1], message);
    if (place > 0) return gk_fail(GK_EUSAGE, "%s:%d: %s", r->name, place, message);
    return gk_fail(GK_EUSAGE, "%s%s%s", r->name, *r->name ? ": " : "", message);
}

gk_shown gk_show(const char *text)
{
    gk_shown out = {{0}};
    size_t n = strlen(text);
    bool cut = n > SHOWN;

    if (cut) n = SHOWN;
    while (cut && n > 0 && (text[n] & 0xC0) == 0x80) n--; /* not inside a character */
    for (size_t i = 0; i < n; i++)
        out.text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i];
    if (cut) memcpy(out.text + n, "...", 3);
    return out;
}

gk_shown gk_did_you_mean(const char *word, const char *const *names, int n)
{
    gk_shown out = {{0}};
    int i = strlen(word) > SHOWN ? -1 : gk_nearest(word, names, n);

    if (i >= 0) snprintf(out.text, sizeof out.text, "; did you mean \"%s\"?", names[i]);
    return out;
}

gk_status gk_reader_unknown_key(const gk_reader *r, int place, const char *group, const char *word)
{
    const char *names[KEYS + 1] = {"seed"}, *exact = NULL;
    int n = !group;

    for (int i = 0; i < KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        if (!strcmp(key->key, word)) exact = key->name; /* of another group */
        if (!group || !strcmp(key->group, group)) names[n++] = group ? key->key : key->name;
    }
    gk_shown hint = exact ? gk_did_you_mean(exact, &exact, 1) : gk_did_you_mean(word, names, n);
    return gk_reader_fail(r, place, "unknown key \"%s\"%s%s%s", gk_show(word).text,
                          group ? " in " : "", group ? group : "", hint.text);
}

gk_status gk_reader_unknown_group(const gk_reader *r, int place, const char *word)
{
    const char *names[KEYS + 1 + GK_CONFIG_WORDS_MAX] = {"seed"};
    int words = r->grammar ? r->grammar->n_words : 0;

    for (int i = 0; i < KEYS; i++) {
        const gk_config_key *key = &gk_config_keys[i];
        names[i + 1] = key->group;
        if (!strcmp(key->key, word) || !strcmp(key->name, word))
            return gk_reader_fail(r, place, "unknown group \"%s\"; %s is a key of the group %s",
                                  word, key->key, key->group);
    }
    for (int i = 0; i < words; i++) names[KEYS + 1 + i] = r->grammar->words[i];
    return gk_reader_fail(r, place, "unknown group \"%s\"%s", gk_show(word).text,
                          gk_did_you_mean(word, names, KEYS + 1 + words).text);
}

/* `key` got `what`, which it does not take. */
static gk_status bad_value(const gk_reader *r, int place, const gk_config_key *key,
                           const char *what)
{
    gk_text takes = {0};

    gk_config_describe(&takes, key);
    gk_status status =
        gk_reader_fail(r, place, "%s expects %s, not %s", key->name, takes.data, what);
    gk_text_free(&takes);
    return status;
}

/* The end of a message about a word that a PICK key does not have. */
static gk_shown nearest_word(const gk_config_key *key, const char *value)
{
    enum { MOST = 32 };
    char words[MOST][SHOWN];
    const char *names[MOST] = {0}, *word;
    int n = 0, length;

    for (; key->type == GK_KEY_PICK && n < MOST && (word = gk_config_word(key, n, &length)); n++) {
        snprintf(words[n], sizeof words[n], "%.*s", length, word);
        names[n] = words[n];
    }
    return gk_did_you_mean(value, names, n);
}

gk_status gk_reader_refuse(const gk_reader *r, int place, const gk_config_key *key,
                           const char *value, bool quoted)
{
    bool number = !key || key->type == GK_KEY_INT || key->type == GK_KEY_REAL;
    const char *quotes = quoted && number ? "the quoted " : "";
    char what[8 * SHOWN];

    if (!key)
        return gk_reader_fail(r, place,
                              "seed expects a whole number from 0 to %" PRIu64 ", not %s\"%s\"",
                              UINT64_MAX, quotes, gk_show(value).text);
    snprintf(what, sizeof what, "%s\"%s\"%s", quotes, gk_show(value).text,
             nearest_word(key, value).text);
    return bad_value(r, place, key, *value || quoted ? what : "null");
}

gk_status gk_reader_refuse_kind(const gk_reader *r, int place, const gk_config_key *key,
                                const char *kind)
{
    if (key) return bad_value(r, place, key, kind);
    return gk_reader_fail(r, place, "seed expects a whole number, not %s", kind);
}
