/* Two runs, row by row. Rows of the same bytes are the same; only others are taken apart. */
#include "browse/compare.h"
#include "gk/archive.h"
#include "gk/row.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static void keep(char *to, size_t room, const json_t *value)
{
    gk_text text = {0};

    if (json_is_string(value))
        gk_text_add(&text, "%s", json_string_value(value));
    else if (json_is_array(value))
        gk_list_text(&text, value);
    else if (json_is_boolean(value))
        gk_text_add(&text, "%s", json_is_true(value) ? "true" : "false");
    else
        gk_text_add_real(&text, json_is_number(value) ? json_number_value(value) : GK_NULL);
    snprintf(to, room, "%s", text.data ? text.data : "");
    gk_text_free(&text);
}

/* Columns of `a` that `b` lacks; with `values`: those that differ, too. */
static void match(gk_parting *p, json_t *a, json_t *b, int side, bool values)
{
    const char *name;
    json_t *value;

    p->only[side] = 0;
    json_object_foreach(a, name, value)
    {
        const json_t *other = json_object_get(b, name);
        if (!other) {
            if (!p->only[side]++)
                snprintf(p->only_name[side], sizeof p->only_name[side], "%s", name);
        } else if (values && !equal(value, other) && !p->columns++) {
            snprintf(p->column, sizeof p->column, "%s", name);
            keep(p->value[0], sizeof p->value[0], value);
            keep(p->value[1], sizeof p->value[1], other);
        }
    }
}

static gk_status compare_rows(gk_parting *p, const gk_row_file *a, const gk_row_file *b)
{
    json_t *x = json_loadb(a->line, a->length, JSON_REJECT_DUPLICATES, NULL);
    json_t *y = json_loadb(b->line, b->length, JSON_REJECT_DUPLICATES, NULL);
    gk_status status = GK_OK;

    if (!json_is_object(x) || !json_is_object(y))
        status = gk_fail(GK_EDATA, "%s: the row of epoch %lld is not an object of JSON",
                         x ? b->path : a->path, (long long)a->epoch);
    else {
        match(p, x, y, 0, true);
        match(p, y, x, 1, false);
    }
    json_decref(x);
    json_decref(y);
    return status;
}

static gk_status walk(gk_parting *p, gk_row_file *a, gk_row_file *b)
{
    bool more_a, more_b;

    GK_TRY(gk_row_file_next(a, &more_a));
    GK_TRY(gk_row_file_next(b, &more_b));
    while (more_a && more_b) {
        if (a->epoch != b->epoch) {
            bool behind = a->epoch < b->epoch;
            GK_TRY(gk_row_file_next(behind ? a : b, behind ? &more_a : &more_b));
            continue;
        }
        p->common++;
        if (a->length != b->length || memcmp(a->line, b->line, a->length) != 0)
            GK_TRY(compare_rows(p, a, b));
        if (p->columns) {
            p->epoch = a->epoch;
            return GK_OK;
        }
        p->same_to = a->epoch;
        GK_TRY(gk_row_file_next(a, &more_a));
        GK_TRY(gk_row_file_next(b, &more_b));
    }
    return GK_OK;
}

gk_status gk_parting_find(gk_parting *parting, const char *first, const char *second)
{
    gk_row_file a, b;

    *parting = (gk_parting){.same_to = -1, .epoch = -1};
    gk_status status = gk_row_file_open(&a, first, "metrics.jsonl"),
              other = gk_row_file_open(&b, second, "metrics.jsonl");
    if (status == GK_OK) status = other;
    if (status == GK_OK) status = walk(parting, &a, &b);
    gk_row_file_close(&a);
    gk_row_file_close(&b);
    return status;
}
