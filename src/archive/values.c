/* The single values of JSON objects, and the settings of a config, as columns of a table. */
#include "gk/cards.h"
#include "gk/row.h"

#include <jansson.h>
#include <string.h>

enum { DEPTH = 4 };

/* A value that is there already stays: the first place where something is said counts. Frequencies
 * and clusters are texts in tables: "14,35", "14:54,35:111". */
static gk_status put(gk_columns *columns, const char *path, const char *name, const json_t *value)
{
    gk_text *text = gk_columns_at(columns, name);

    if (!text) return gk_columns_refuse(columns, path, name);
    if (text->length || json_is_null(value)) return GK_OK;
    if (json_is_integer(value))
        gk_text_add(text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        gk_text_add_real(text, json_real_value(value));
    else if (json_is_string(value))
        gk_text_append(text, json_string_value(value), json_string_length(value));
    else if (json_is_boolean(value))
        gk_text_add(text, "%s", json_is_true(value) ? "true" : "false");
    else if (!gk_list_text(text, value))
        return gk_fail(GK_EDATA, "%s: \"%.60s\" is not one value", path, name);
    return GK_OK;
}

static bool is_one_of(const char *name, const char *const *list)
{
    while (*list && strcmp(*list, name) != 0) list++;
    return *list;
}

static gk_status put_object(gk_columns *columns, const char *path, const char *prefix,
                            json_t *object, int depth)
{
    static const char *const elsewhere[] = {"format", "state", "epochs", "measure_every",
                                            "last",   "final", NULL};
    gk_status status = GK_OK;
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        gk_text full = {0};
        if (status != GK_OK) break;
        if (!*prefix && is_one_of(name, elsewhere)) continue;
        gk_text_add(&full, "%s%s%s", prefix, *prefix ? "." : "", name);
        if (json_is_object(value) && depth < DEPTH)
            status = put_object(columns, path, full.data, value, depth + 1);
        else
            status = put(columns, path, full.data, value);
        gk_text_free(&full);
    }
    return status;
}

gk_status gk_columns_put_summary(gk_columns *columns, const char *path, json_t *summary)
{
    return put_object(columns, path, "", summary, 0);
}

gk_status gk_columns_put_row(gk_columns *columns, const char *path, json_t *row)
{
    static const char *const elsewhere[] = {"epoch", "diverged", NULL};
    static const char online[] = "_online";
    const char *name;
    json_t *value;

    json_object_foreach(row, name, value)
    {
        size_t n = strlen(name);
        if (is_one_of(name, elsewhere)) continue;
        if (n >= strlen(online) && !strcmp(name + n - strlen(online), online)) continue;
        GK_TRY(put(columns, path, name, value));
    }
    return GK_OK;
}

typedef struct target {
    gk_columns *columns;
    const char *path;
} target;

/* Of an answer only what is one value has come here. */
static gk_status put_answer(void *user, const char *column, const json_t *value)
{
    const target *to = user;

    return put(to->columns, to->path, column, value);
}

gk_status gk_columns_put_answer(gk_columns *columns, const char *path, const char *answer)
{
    return gk_answer_values(answer, put_answer, &(target){columns, path});
}

void gk_setting_text(gk_text *text, const gk_config *config, const gk_config_key *key)
{
    const void *at = (const char *)config + key->offset;
    int length;

    switch (key->type) {
    case GK_KEY_INT: gk_text_add(text, "%lld", (long long)*(const int64_t *)at); break;
    case GK_KEY_REAL:
        if (!isnan(*(const double *)at)) gk_text_add_real(text, *(const double *)at);
        break;
    case GK_KEY_TEXT: gk_text_add(text, "%s", (const char *)at); break;
    case GK_KEY_PICK: {
        const char *word = gk_config_word(key, *(const int *)at, &length);
        gk_text_append(text, word, (size_t)length);
    }
    }
}
