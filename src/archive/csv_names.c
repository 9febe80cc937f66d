/* What columns are called in CSV files. */
#include "gk/cards.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Groups of summary.json and what stands for an event's first time say nothing in a table. */
static const char *const dropped[] = {"events.", "turning_points.", "phases."};
static const char crossed[] = ".crossed";

static const struct {
    const char *sign, *word;
} signs[] = {{"<=", "at_most"}, {">=", "at_least"}, {"!=", "not"},
             {"<", "below"},    {">", "above"},     {"=", "equals"}};

/* Letters and digits; a "_" before them where something else stood between. */
static void add_words(gk_text *to, size_t begin, const char *words, size_t n)
{
    bool between = false;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)words[i];
        bool plain = c < 0x80 && isalnum(c);
        if (plain) {
            char lower = (char)tolower(c);
            if (between && to->length > begin) gk_text_append(to, "_", 1);
            gk_text_append(to, &lower, 1);
        }
        between = !plain;
    }
}

void gk_csv_name(gk_text *to, const char *name)
{
    gk_text words = {0}, spelled = {0};
    size_t n;

    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (!strncmp(name, dropped[i], strlen(dropped[i]))) name += strlen(dropped[i]);
    n = strlen(name);
    if (n > strlen(crossed) && !strcmp(name + n - strlen(crossed), crossed)) n -= strlen(crossed);
    for (size_t i = 0, length; i < n; i += length) {
        size_t k = 0, all = sizeof signs / sizeof *signs;
        while (k < all && strncmp(name + i, signs[k].sign, strlen(signs[k].sign)) != 0) k++;
        length = k < all ? strlen(signs[k].sign) : 1;
        if (k < all)
            gk_text_add(&words, " %s ", signs[k].word);
        else
            gk_text_append(&words, name + i, 1);
    }
    gk_text_append(&spelled, "", 0);
    add_words(&spelled, 0, words.length ? words.data : "", words.length);
    if (!spelled.length || isdigit((unsigned char)*spelled.data)) gk_text_add(to, "column_");
    gk_text_append(to, spelled.data, spelled.length);
    gk_text_free(&words);
    gk_text_free(&spelled);
}

static bool is_taken(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) return true;
    return false;
}

char **gk_csv_names(const char *const *name, int n)
{
    char **names = gk_alloc((size_t)n + 1, sizeof *names);

    for (int i = 0; i < n; i++) {
        gk_text text = {0};
        gk_csv_name(&text, name[i]);
        size_t length = text.length;
        /* a few in their order, of many each its own place: no search is long */
        for (int k = 2; is_taken((const char *const *)names, i, text.data); k += k < 9 ? 1 : i) {
            text.length = length;
            gk_text_add(&text, "_%d", k);
        }
        names[i] = text.data;
    }
    return names;
}

void gk_csv_names_free(char **names)
{
    for (char **name = names; name && *name; name++) free(*name);
    free(names);
}
