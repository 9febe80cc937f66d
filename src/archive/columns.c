/* The columns of a table whose names come with its data. */
#include "gk/cards.h"
#include "gk/csv.h"

#include <stdlib.h>
#include <string.h>

static void add(gk_columns *c, const char *name)
{
    size_t length = strlen(name) + 1;

    c->name = gk_grow(c->name, (size_t)c->n, sizeof *c->name);
    c->value = gk_grow(c->value, (size_t)c->n, sizeof *c->value);
    c->hidden = gk_grow(c->hidden, (size_t)c->n, sizeof *c->hidden);
    c->name[c->n] = memcpy(gk_alloc(length, 1), name, length);
    c->value[c->n] = (gk_text){0};
    c->hidden[c->n++] = false;
}

void gk_columns_fix(gk_columns *c, const char *name)
{
    GK_CHECK(c->n == c->fixed);
    add(c, name);
    c->guess = c->fixed = c->n;
}

gk_text *gk_columns_at(gk_columns *c, const char *name)
{
    for (int i = c->fixed; i < c->n; i++) {
        if (c->guess >= c->n) c->guess = c->fixed;
        int at = c->guess++;
        if (!strcmp(c->name[at], name)) return &c->value[at];
    }
    for (int i = 0; i < c->fixed; i++)
        if (!strcmp(c->name[i], name)) return NULL;
    if (c->frozen || c->n == GK_COLUMNS_MAX) return NULL;
    add(c, name);
    c->guess = c->n;
    return &c->value[c->n - 1];
}

gk_status gk_columns_refuse(const gk_columns *c, const char *path, const char *name)
{
    if (c->n == GK_COLUMNS_MAX)
        return gk_fail(GK_EDATA, "%s: \"%.60s\" would be column %d", path, name, c->n + 1);
    if (c->frozen) return gk_fail(GK_EDATA, "%s: \"%.60s\" was not there before", path, name);
    return gk_fail(GK_EDATA, "%s: \"%.60s\" is the name of another column", path, name);
}

void gk_columns_clear(gk_columns *c)
{
    for (int i = 0; i < c->n; i++) c->value[i].length = 0;
}

void gk_columns_cut(gk_columns *c, int n)
{
    GK_CHECK(n >= c->fixed);
    for (int i = n; i < c->n; i++) {
        free(c->name[i]);
        gk_text_free(&c->value[i]);
    }
    if (n < c->n) c->n = n;
}

void gk_columns_free(gk_columns *c)
{
    c->fixed = 0;
    gk_columns_cut(c, 0);
    free(c->name);
    free(c->value);
    free(c->hidden);
    *c = (gk_columns){0};
}

void gk_columns_write_names(gk_out *out, const gk_columns *c)
{
    const char **shown = gk_alloc((size_t)c->n + 1, sizeof *shown);
    gk_text line = {0};
    int n = 0;

    for (int i = 0; i < c->n; i++)
        if (!c->hidden[i]) shown[n++] = c->name[i];
    char **names = gk_csv_names(shown, n);
    for (int i = 0; i < n; i++) gk_text_add(&line, "%s%s", i ? "," : "", names[i]);
    gk_text_append(&line, "\n", 1);
    gk_out_add(out, &line);
    gk_text_free(&line);
    gk_csv_names_free(names);
    free(shown);
}

void gk_columns_write_values(gk_out *out, const gk_columns *c)
{
    gk_text line = {0};

    for (int i = 0, first = 1; i < c->n; i++) {
        if (c->hidden[i]) continue;
        if (!first) gk_text_append(&line, ",", 1);
        if (c->value[i].length) gk_csv_add(&line, c->value[i].data);
        first = 0;
    }
    gk_text_append(&line, "\n", 1);
    gk_out_add(out, &line);
    gk_text_free(&line);
}
