/* Rows as text and back, and key sets as text. */
#include "gk/row.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = GK_ROW, KEYED = GK_KEYED, FINAL = GK_FINAL };

void gk_row_start(gk_row *row, int64_t epoch)
{
    memset(row, 0, sizeof *row);
    row->epoch = epoch;
#define FAMILY(name, when)
#define COLUMN(name, when, help) row->name = (double)NAN;
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
}

void gk_row_free(gk_row *row) { gk_text_free(&row->extra); }

void gk_key_watch_add(gk_key_watch *watch, const char *key_freqs)
{
    watch->times = *key_freqs && !strcmp(key_freqs, watch->last) ? watch->times + 1 : 1;
    snprintf(watch->last, sizeof watch->last, "%s", key_freqs);
}

bool gk_key_watch_ready(const gk_key_watch *watch) { return watch->times >= 3 && *watch->last; }

void gk_keys_print(char text[GK_KEYS_TEXT], const int *key, int keys)
{
    size_t at = 0;

    text[0] = 0;
    for (int i = 0; i < keys && at < GK_KEYS_TEXT - 16; i++)
        at += (size_t)snprintf(text + at, GK_KEYS_TEXT - at, "%s%d", i ? "," : "", key[i]);
}

gk_status gk_keys_parse(int *key, int *keys, const char *text, int K)
{
    *keys = 0;
    if (K == 0 && *text)
        return gk_fail(GK_EUSAGE,
                       "key frequencies \"%s\": this task's inputs are not pairs in a "
                       "cyclic group: it has no frequencies",
                       text);
    for (const char *at = text; *at;) {
        char *end;
        long k = strtol(at, &end, 10);
        if (end == at || (*end && *end != ',') || (*end == ',' && !end[1]) || k < 1 || k > K)
            return gk_fail(GK_EUSAGE,
                           "key frequencies \"%s\": numbers from 1 to %d, separated by commas",
                           text, K);
        for (int i = 0; i < *keys; i++)
            if (key[i] == k)
                return gk_fail(GK_EUSAGE, "key frequencies \"%s\": %ld stands there twice", text,
                               k);
        key[(*keys)++] = (int)k;
        at = *end ? end + 1 : end;
    }
    qsort(key, (size_t)*keys, sizeof *key, gk_ascending_ints);
    return GK_OK;
}

void gk_row_print(gk_text *text, const gk_row *row, bool online)
{
    gk_text_add(text, "{\"epoch\": %lld", (long long)row->epoch);
#define FAMILY(name, when)
#define COLUMN(name, when, help)                                                                   \
    if (!online || when != FINAL) {                                                                \
        gk_text_add(text, ", \"" #name "%s\": ", online &&when == KEYED ? "_online" : "");         \
        gk_text_add_real(text, row->name);                                                         \
    }
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
    gk_text_add(text, ", \"key_freqs\": ");
    gk_list_print(text, row->key_freqs);
    gk_text_add(text, ", \"clusters\": ");
    gk_list_print(text, row->clusters);
    if (row->extra.length) gk_text_append(text, row->extra.data, row->extra.length);
    if (gk_row_diverged(row)) gk_text_add(text, ", \"diverged\": true");
    gk_text_add(text, "}\n");
}

static double number(const json_t *json, const char *name, const char *online_name)
{
    const json_t *value = json_object_get(json, name);

    if (!value) value = json_object_get(json, online_name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void list(char text[GK_KEYS_TEXT], const json_t *json, const char *name)
{
    gk_text list = {0};
    bool good = gk_list_text(&list, json_object_get(json, name));

    snprintf(text, GK_KEYS_TEXT, "%s", good && list.length ? list.data : "");
    gk_text_free(&list);
}

/* What stands behind the last column that all rows have, as gk_row_print has it there. */
static void keep_extra(gk_text *extra, const char *line, size_t length)
{
    static const char last[] = "\"clusters\": ", diverged[] = ", \"diverged\": true";
    const char *at = memmem(line, length, last, sizeof last - 1), *end = line + length;
    int depth = 0;

    if (!at) return;
    for (at += sizeof last - 1; at < end && (depth || *at != ','); at++)
        depth += (*at == '[') - (*at == ']');
    while (end > line && end[-1] != '}') end--;
    end--;
    size_t n = sizeof diverged - 1;
    if (end - at >= (ptrdiff_t)n && !memcmp(end - n, diverged, n)) end -= n;
    if (at < end) gk_text_append(extra, at, (size_t)(end - at));
}

static gk_status parse(gk_row *row, const char *line, size_t length)
{
    json_t *json = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    json_t *epoch = json_object_get(json, "epoch");

    if (!json_is_integer(epoch)) {
        json_decref(json);
        return gk_fail(GK_EDATA, "not a row of metrics: %.*s", (int)(length < 60 ? length : 60),
                       line);
    }
    gk_row_start(row, json_integer_value(epoch));
#define FAMILY(name, when)
#define COLUMN(name, when, help) row->name = number(json, #name, #name "_online");
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
    list(row->key_freqs, json, "key_freqs");
    list(row->clusters, json, "clusters");
    keep_extra(&row->extra, line, length);
    json_decref(json);
    return GK_OK;
}

gk_status gk_row_parse(gk_row *row, const char *line, size_t length)
{
    gk_text now = {0};
    bool older = gk_older_json(&now, line, length);
    gk_status status = parse(row, older ? now.data : line, older ? now.length : length);

    gk_text_free(&now);
    return status;
}

const char *gk_measure_name(int i, const char **help)
{
    static const char *const list[][2] = {
#define FAMILY(name, when)
#define COLUMN(name, when, help) {#name, help},
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
    };

    if (i < 0 || i >= (int)(sizeof list / sizeof *list)) return NULL;
    *help = list[i][1];
    return list[i][0];
}

const char *gk_other_column(int i, const char **help)
{
    static const char *const list[][2] = {
#define ALSO(name, help) {name, help},
#include "gk/columns.def"
#undef ALSO
    };

    if (i < 0 || i >= (int)(sizeof list / sizeof *list)) return NULL;
    *help = list[i][1];
    return list[i][0];
}

bool gk_is_other_column(const char *name)
{
    const char *other, *help;

    for (int i = 0; (other = gk_other_column(i, &help)); i++) {
        size_t dot = strcspn(other, ".");
        if (other[dot] ? !strncmp(name, other, dot + 1) : !strcmp(name, other)) return true;
    }
    return false;
}

static const struct column {
    const char *name;
    size_t offset;
    int when; /* enum gk_when */
} columns[] = {
#define FAMILY(name, when)
#define COLUMN(name, when, help) {#name, offsetof(gk_row, name), when},
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
};

static const struct column *find_column(const char *name)
{
    static const char online[] = "_online";
    size_t n = strlen(name), m = sizeof online - 1;
    bool is_online = n > m && !strcmp(name + n - m, online);

    if (is_online) n -= m;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (strlen(columns[i].name) == n && !strncmp(columns[i].name, name, n) &&
            (!is_online || columns[i].when == KEYED))
            return &columns[i];
    return NULL;
}

bool gk_row_has(const char *name)
{
    const struct column *column = find_column(name);

    return !strcmp(name, "epoch") || (column && column->when != FINAL);
}

bool gk_row_is_final(const char *name)
{
    const struct column *column = find_column(name);

    return column && column->when == FINAL;
}

/* A number of `extra`, which has been printed by us: ", \"NAME\": NUMBER" or null. */
static bool find_extra(const gk_text *extra, const char *name, double *value)
{
    gk_text key = {0};

    gk_text_add(&key, ", \"%s\": ", name);
    const char *at = extra->length ? strstr(extra->data, key.data) : NULL;
    if (at) *value = at[key.length] == 'n' ? (double)NAN : strtod(at + key.length, NULL);
    gk_text_free(&key);
    return at != NULL;
}

bool gk_row_column(const gk_row *row, const char *name, double *value)
{
    const struct column *column = find_column(name);

    if (!strcmp(name, "epoch")) {
        *value = (double)row->epoch;
        return true;
    }
    if (!column) return find_extra(&row->extra, name, value);
    memcpy(value, (const char *)row + column->offset, sizeof *value);
    return column->when != FINAL;
}
