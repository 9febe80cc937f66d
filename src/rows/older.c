/* JSON of older programs, and the lists in it that were texts. */
#include "gk/renamed.h"
#include "gk/row.h"

#include <jansson.h>
#include <string.h>

/* ---- lists */

void gk_list_print(gk_text *json, const char *list)
{
    bool pairs = strchr(list, ':') != NULL;

    gk_text_add(json, "%s", !*list ? "null" : pairs ? "[[" : "[");
    for (const char *at = list; *at; at++)
        if (*at == ',')
            gk_text_add(json, pairs ? "], [" : ", ");
        else if (*at == ':')
            gk_text_add(json, ", ");
        else
            gk_text_append(json, at, 1);
    if (*list) gk_text_add(json, pairs ? "]]" : "]");
}

bool gk_list_text(gk_text *list, const json_t *json)
{
    bool good = json_is_array(json);
    const json_t *item, *part;
    size_t i, j;

    json_array_foreach(json, i, item)
    {
        good &= json_is_integer(item) || (json_is_array(item) && json_array_size(item) == 2);
        if (i) gk_text_add(list, ",");
        if (json_is_integer(item)) gk_text_add(list, "%lld", (long long)json_integer_value(item));
        json_array_foreach(item, j, part)
        {
            good &= json_is_integer(part);
            gk_text_add(list, "%s%lld", j ? ":" : "", (long long)json_integer_value(part));
        }
    }
    return good;
}

/* ---- older JSON */

enum { OLD = GK_OLD_COLUMN | GK_OLD_TURN };

/* Behind the string that begins at `at`; NULL where it does not end. */
static const char *end_of_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : NULL;
}

static bool is_name(const char *past, const char *end)
{
    while (past < end && *past && strchr(" \t\r\n", *past)) past++;
    return past < end && *past == ':';
}

static bool is_list(const char *text)
{
    return *text >= '0' && *text <= '9' && !text[strspn(text, "0123456789,:")];
}

/* The string from `at` to `past`: where it is a name, today's; where it is the value of `key` and
 * stands for a list, that one. `key` is the name that was last, "" behind its value. */
static void add_string(gk_text *now, const char *at, const char *past, const char *end,
                       char key[GK_RENAMED_MAX])
{
    size_t n = (size_t)(past - at) - 2;
    bool name = is_name(past, end), listed = !strcmp(key, "key_freqs") || !strcmp(key, "clusters");
    char room[GK_RENAMED_MAX];
    gk_text text = {0};

    gk_text_append(&text, at + 1, n);
    if (name && n < GK_RENAMED_MAX)
        gk_text_add(now, "\"%s\"", gk_renamed(room, text.data, OLD));
    else if (!name && listed && is_list(text.data))
        gk_list_print(now, text.data);
    else
        gk_text_append(now, at, n + 2);
    snprintf(key, GK_RENAMED_MAX, "%s", name && n < GK_RENAMED_MAX ? text.data : "");
    gk_text_free(&text);
}

static bool contains(const char *json, size_t length, const char *word)
{
    return memmem(json, length, word, strlen(word)) != NULL;
}

static bool is_older(const char *json, size_t length)
{
    const char *old, *now;
    int of;

    if (contains(json, length, "\"key_freqs\": \"") || contains(json, length, "\"clusters\": \""))
        return true;
    for (int i = 0; gk_renaming(i, &old, &now, &of); i++)
        if ((of & OLD) && contains(json, length, old)) return true;
    return false;
}

bool gk_older_json(gk_text *now, const char *json, size_t length)
{
    const char *past, *end = json + length;
    char key[GK_RENAMED_MAX] = "";

    if (!is_older(json, length)) return false;
    for (const char *at = json; at < end; at = past) {
        size_t plain = (size_t)(end - at);
        const char *quote = memchr(at, '"', plain);
        if (quote) plain = (size_t)(quote - at);
        gk_text_append(now, at, plain);
        past = quote ? end_of_string(quote, end) : end;
        if (quote && past) add_string(now, quote, past, end, key);
        if (past) continue;
        gk_text_append(now, quote, (size_t)(end - quote)); /* it does not end */
        past = end;
    }
    return true;
}
