/* The words of conditions, and conditions between a column and a number. */
#include "gk/condition.h"
#include "gk/renamed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\n", signs[] = "<>=!", quotes[] = "\"'";

gk_status gk_tokens_refuse(const gk_tokens *t, const char *problem)
{
    return gk_fail(GK_EUSAGE, "%s: %s\n    %s\n    %*s^", t->what, problem, t->text,
                   (int)(t->at - t->text), "");
}

gk_status gk_tokens_open(gk_tokens *t, const char *what, const char *marks, const char *text)
{
    *t = (gk_tokens){.what = what, .marks = marks, .text = text, .at = text};
    return gk_tokens_next(t);
}

/* Bytes until something that ends a word. */
static size_t word_length(const gk_tokens *t)
{
    size_t n = 0;

    while (t->at[n] && !strchr(blanks, t->at[n]) && !strchr(signs, t->at[n]) &&
           !strchr(quotes, t->at[n]) && !strchr(t->marks, t->at[n]))
        n++;
    return n;
}

gk_status gk_tokens_next(gk_tokens *t)
{
    t->at += t->length;
    t->at += strspn(t->at, blanks);
    if (gk_tokens_is_quoted(t)) {
        const char *end = strchr(t->at + 1, *t->at);
        t->length = end ? (size_t)(end - t->at) + 1 : 0;
        return end ? GK_OK : gk_tokens_refuse(t, "this quote is not closed");
    }
    if (*t->at && strchr(t->marks, *t->at))
        t->length = 1;
    else
        t->length = word_length(t);
    if (!t->length) t->length = strspn(t->at, signs);
    return GK_OK;
}

bool gk_tokens_is(const gk_tokens *t, const char *token)
{
    return t->length == strlen(token) && !strncmp(t->at, token, t->length);
}

bool gk_tokens_is_quoted(const gk_tokens *t) { return *t->at && strchr(quotes, *t->at); }

bool gk_tokens_is_word(const gk_tokens *t)
{
    return t->length && !strchr(signs, *t->at) && !strchr(t->marks, *t->at);
}

gk_status gk_tokens_take_word(gk_tokens *t, char **word, const char *expected)
{
    if (!gk_tokens_is_word(t)) return gk_tokens_refuse(t, expected);
    gk_text text = {0};
    bool quoted = gk_tokens_is_quoted(t);
    gk_text_append(&text, t->at + quoted, t->length - 2 * quoted);
    *word = text.data;
    return gk_tokens_next(t);
}

gk_status gk_tokens_take_operator(gk_tokens *t, char op[3])
{
    static const char *const all[] = {"<", "<=", ">", ">=", "=", "!=", "=="};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (gk_tokens_is(t, all[i])) {
            snprintf(op, 3, "%s", strcmp(all[i], "==") ? all[i] : "=");
            return gk_tokens_next(t);
        }
    return gk_tokens_refuse(t, "expected one of < <= > >= = !=");
}

bool gk_satisfies(double a, const char op[3], double b)
{
    if (isnan(a) || isnan(b)) return false;
    if (*op == '<') return op[1] ? a <= b : a < b;
    if (*op == '>') return op[1] ? a >= b : a > b;
    return (a == b) == (*op == '=');
}

static gk_status take_column(char column[GK_COLUMN_MAX], gk_tokens *t)
{
    gk_tokens start = *t;
    char *word = NULL, room[GK_RENAMED_MAX];
    gk_status status = gk_tokens_take_word(t, &word, "expected a column, as in test_acc >= 0.99");

    if (status == GK_OK && *word && strlen(word) < GK_COLUMN_MAX)
        snprintf(column, GK_COLUMN_MAX, "%s", gk_renamed(room, word, GK_OLD_COLUMN));
    else if (status == GK_OK)
        status = gk_tokens_refuse(&start, "no column is called so");
    free(word);
    return status;
}

static gk_status take_number(double *number, gk_tokens *t, const char *expected)
{
    gk_tokens start = *t;
    char *word = NULL;
    gk_status status = gk_tokens_take_word(t, &word, expected);

    if (status == GK_OK && !(gk_parse_real(word, number) && isfinite(*number)))
        status = gk_tokens_refuse(&start, expected);
    free(word);
    return status;
}

gk_status gk_condition_take(gk_condition *c, gk_tokens *t)
{
    gk_tokens start;
    double rows = 1;

    GK_TRY(take_column(c->column, t));
    GK_TRY(gk_tokens_take_operator(t, c->op));
    GK_TRY(take_number(&c->value, t, "expected a number"));
    if (gk_tokens_is(t, "for")) {
        GK_TRY(gk_tokens_next(t));
        start = *t;
        GK_TRY(take_number(&rows, t, "expected a number of rows"));
        if (!(rows >= 1 && rows <= 1e9 && rows == floor(rows)))
            return gk_tokens_refuse(&start, "expected a whole number of rows, 1 or more");
    }
    c->rows = (int64_t)rows;
    if (t->length && !gk_tokens_is(t, ","))
        return gk_tokens_refuse(t, "expected \"for\" and a number of rows, a comma or the end");
    return GK_OK;
}

void gk_condition_print(gk_text *text, const gk_condition *c)
{
    gk_text_add(text, "%s %s %g", c->column, c->op, c->value);
    if (c->rows > 1) gk_text_add(text, " for %lld", (long long)c->rows);
}
