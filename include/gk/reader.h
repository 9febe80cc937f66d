/* How a config is read, layer on layer, for the two rooms that do it: config, and sweep, whose
 * values may be more than scalars. yaml.c reads the file, layer.c takes what it gives, message.c
 * says what is wrong with it, config.c knows which layer wins. */
#ifndef GK_CONFIG_READER_H
#define GK_CONFIG_READER_H

#include "gk/config.h"

#include <yaml.h>

enum {
    GK_CONFIG_SEED = GK_CONFIG_KEYS, /* the number of `seed`, behind those of the keys */
    GK_CONFIG_BYTES_MAX = 1 << 20,
    GK_CONFIG_WORDS_MAX = 8
};

typedef struct gk_reader gk_reader;

/* What a file may have beyond a config: names beside the groups, values that are not scalars. Its
 * functions find r->event at the name of word number `i`, or at the start of the list or mapping
 * that is the value of `key` (NULL: seed), and leave it at the end of the value. */
typedef struct gk_grammar {
    const char *const *words;
    int n_words;
    gk_status (*word)(gk_reader *r, int i);
    gk_status (*form)(gk_reader *r, const gk_config_key *key);
    void *user;
} gk_grammar;

/* A place is where something was given: 0 nowhere, line `place` of the file, sets[-place - 1]. */
struct gk_reader {
    gk_config *config;
    const char *name, *yaml; /* the file: its name in messages, its bytes; NULL: none */
    size_t size;
    const char *const *sets;
    const gk_grammar *grammar; /* NULL: a config */
    yaml_parser_t parser;
    yaml_event_t event;
    int given[GK_CONFIG_KEYS + 1]; /* places in the layer being read, the file or --set */
    int place[GK_CONFIG_KEYS];     /* the places that won */
    uint64_t seed;
};

/* ---- config.c */

/* The file, if any, then `n` sets, on top of what r->config holds. */
gk_status gk_reader_layers(gk_reader *r, int n);

/* The key that the message of gk_config_check blames; NULL if it blames none. */
const gk_config_key *gk_reader_blamed(void);

/* ---- layer.c */

/* `value` becomes the value of `key` (NULL: seed) in this layer. */
gk_status gk_reader_give(gk_reader *r, const gk_config_key *key, int place, const char *value,
                         bool quoted);

/* The number after `seed:`; false if `value` is not one. */
bool gk_reader_seed(uint64_t *seed, const char *value);

/* ---- yaml.c */

gk_status gk_reader_file(gk_reader *r);

/* The next event, without what is never read: anchors, aliases, tags. */
gk_status gk_reader_next(gk_reader *r);

bool gk_reader_is_scalar(const gk_reader *r);
bool gk_reader_is_quoted(const gk_reader *r);
const char *gk_reader_scalar(const gk_reader *r);
int gk_reader_line(const gk_reader *r);
const char *gk_reader_kind(const gk_reader *r); /* "one value", "a list", "a mapping" */

/* ---- message.c */

gk_status gk_reader_fail(const gk_reader *r, int place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

typedef struct gk_shown {
    char text[120];
} gk_shown;

/* What the user wrote, short and safe for a terminal. */
gk_shown gk_show(const char *text);

/* The end of a message: the name nearest to `word`, nothing if none is near. */
gk_shown gk_did_you_mean(const char *word, const char *const *names, int n);

/* `word` is not a key of `group`; without a group: not a full name. */
gk_status gk_reader_unknown_key(const gk_reader *r, int place, const char *group, const char *word);
gk_status gk_reader_unknown_group(const gk_reader *r, int place, const char *word);

/* `key` (NULL: seed) does not take `value`; does not take "a list". */
gk_status gk_reader_refuse(const gk_reader *r, int place, const gk_config_key *key,
                           const char *value, bool quoted);
gk_status gk_reader_refuse_kind(const gk_reader *r, int place, const gk_config_key *key,
                                const char *kind);

#endif
