/* Recursive descent over the text; the tree is an array. */
#include "browse/where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 50 };

typedef struct parser {
    gk_where *where;
    const gk_cards *cards;
    const char *text, *at; /* at: the current token */
    size_t length;         /* of it, quotes included; 0 at the end */
    int depth;
} parser;

static const char blanks[] = " \t\n", signs[] = "<>=!()";

/* ------------------------------------------------------------------------------------- tokens */

static gk_status refuse(const parser *p, const char *problem)
{
    return gk_fail(GK_EUSAGE, "--where: %s\n    %s\n    %*s^", problem, p->text,
                   (int)(p->at - p->text), "");
}

static gk_status next(parser *p)
{
    p->at += p->length;
    p->at += strspn(p->at, blanks);
    if (*p->at == '"' || *p->at == '\'') {
        const char *end = strchr(p->at + 1, *p->at);
        p->length = end ? (size_t)(end - p->at) + 1 : 0;
        return end ? GK_OK : refuse(p, "this quote is not closed");
    }
    if (*p->at == '(' || *p->at == ')')
        p->length = 1;
    else
        p->length = strcspn(p->at, " \t\n<>=!()\"'");
    if (!p->length) p->length = strspn(p->at, "<>=!");
    return GK_OK;
}

static bool is(const parser *p, const char *token)
{
    return p->length == strlen(token) && !strncmp(p->at, token, p->length);
}

static bool is_quoted(const parser *p) { return *p->at == '"' || *p->at == '\''; }

static bool is_word(const parser *p)
{
    return p->length && (is_quoted(p) || !strchr(signs, *p->at)) && !is(p, "and") && !is(p, "or") &&
           !is(p, "not");
}

/* The current word without its quotes, and on to the next token. */
static gk_status take_word(parser *p, char **word, const char *expected)
{
    if (!is_word(p)) return refuse(p, expected);
    gk_text text = {0};
    bool quoted = is_quoted(p);
    gk_text_append(&text, p->at + quoted, p->length - 2 * quoted);
    *word = text.data;
    return next(p);
}

/* ------------------------------------------------------------------------------------ grammar */

static gk_status add(parser *p, gk_where_node node, int *at)
{
    if (p->where->n == GK_WHERE_NODES) {
        free(node.word);
        return refuse(p, "this condition is too long");
    }
    *at = p->where->n++;
    p->where->node[*at] = node;
    return GK_OK;
}

static gk_status take_operator(parser *p, char op[3])
{
    static const char *const all[] = {"<", "<=", ">", ">=", "=", "!=", "=="};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (is(p, all[i])) {
            snprintf(op, 3, "%s", strcmp(all[i], "==") ? all[i] : "=");
            return next(p);
        }
    return refuse(p, "expected one of < <= > >= = !=");
}

static gk_status find_column(parser *p, const char *at, const char *name, int *column)
{
    if (gk_cards_column(p->cards, name, column) == GK_OK) return GK_OK;
    gk_text problem = {0};
    gk_text_add(&problem, "%s", gk_message());
    p->at = at;
    gk_status status = refuse(p, problem.data);
    gk_text_free(&problem);
    return status;
}

/* The right side, beside column node->column. */
static gk_status set_value(parser *p, gk_where_node *node, const char *at, char *word)
{
    bool quoted = *at == '"' || *at == '\'', order = *node->op == '<' || *node->op == '>';

    node->other = -1;
    if (!quoted && gk_config_is_null(word)) {
        p->at = at;
        return refuse(p, "null satisfies no comparison; \"not NAME\" is where NAME is null");
    }
    if (!gk_cards_numeric(p->cards, node->column)) {
        node->kind = GK_WHERE_WORDS;
        node->word = word;
        p->at = order ? at : p->at;
        return order ? refuse(p, "words have no order: compare them by = or !=") : GK_OK;
    }
    node->kind = GK_WHERE_NUMBERS;
    if (!gk_parse_real(word, &node->number)) GK_TRY(find_column(p, at, word, &node->other));
    if (node->other < 0 || gk_cards_numeric(p->cards, node->other)) return GK_OK;
    p->at = at;
    return refuse(p, "a number is expected here, and this column holds words");
}

static gk_status parse_comparison(parser *p, int *node)
{
    gk_where_node new = {.kind = GK_WHERE_THERE};
    const char *at = p->at;
    char *name = NULL, *value = NULL;

    gk_status status = take_word(p, &name, "expected a comparison, such as weight_decay<1");
    if (status == GK_OK) status = find_column(p, at, name, &new.column);
    free(name);
    GK_TRY(status);
    if (!p->length || !strchr("<>=!", *p->at)) return add(p, new, node);
    GK_TRY(take_operator(p, new.op));
    at = p->at;
    status = take_word(p, &value, "expected a value");
    if (status == GK_OK) status = set_value(p, &new, at, value);
    if (new.word != value) free(value);
    if (status == GK_OK) return add(p, new, node);
    free(new.word);
    return status;
}

static gk_status parse_or(parser *p, int *node);

static gk_status parse_factor(parser *p, int *node)
{
    int inner;

    if (++p->depth > DEPTH) return refuse(p, "this is nested too deeply");
    if (is(p, "not")) {
        GK_TRY(next(p));
        GK_TRY(parse_factor(p, &inner));
        GK_TRY(add(p, (gk_where_node){.kind = GK_WHERE_NOT, .left = inner}, node));
    } else if (is(p, "(")) {
        GK_TRY(next(p));
        GK_TRY(parse_or(p, node));
        if (!is(p, ")")) return refuse(p, "expected \")\", \"and\" or \"or\"");
        GK_TRY(next(p));
    } else
        GK_TRY(parse_comparison(p, node));
    p->depth--;
    return GK_OK;
}

static gk_status parse_and(parser *p, int *node)
{
    int right;

    GK_TRY(parse_factor(p, node));
    while (is(p, "and")) {
        GK_TRY(next(p));
        GK_TRY(parse_factor(p, &right));
        GK_TRY(add(p, (gk_where_node){.kind = GK_WHERE_AND, .left = *node, .right = right}, node));
    }
    return GK_OK;
}

static gk_status parse_or(parser *p, int *node)
{
    int right;

    GK_TRY(parse_and(p, node));
    while (is(p, "or")) {
        GK_TRY(next(p));
        GK_TRY(parse_and(p, &right));
        GK_TRY(add(p, (gk_where_node){.kind = GK_WHERE_OR, .left = *node, .right = right}, node));
    }
    return GK_OK;
}

gk_status gk_where_parse(gk_where *where, const char *text, const gk_cards *cards)
{
    parser p = {.where = where, .cards = cards, .text = text, .at = text};

    where->n = 0;
    GK_TRY(next(&p));
    GK_TRY(parse_or(&p, &where->root));
    return *p.at ? refuse(&p, "expected \"and\", \"or\" or the end") : GK_OK;
}

void gk_where_close(gk_where *where)
{
    for (int i = 0; i < where->n; i++) free(where->node[i].word);
    where->n = 0;
}

/* ----------------------------------------------------------------------------------- evaluation */

static bool satisfies(const gk_where_node *node, const gk_cards *cards, int run)
{
    const char *op = node->op, *text = gk_card_text(cards, run, node->column);

    if (!text || node->kind == GK_WHERE_THERE) return text;
    if (node->kind == GK_WHERE_WORDS) return (strcmp(text, node->word) == 0) == (*op == '=');
    double a = gk_card_real(cards, run, node->column);
    double b = node->other < 0 ? node->number : gk_card_real(cards, run, node->other);
    if (isnan(a) || isnan(b)) return false;
    if (*op == '<') return op[1] ? a <= b : a < b;
    if (*op == '>') return op[1] ? a >= b : a > b;
    return (a == b) == (*op == '=');
}

static bool holds(const gk_where *where, int i, const gk_cards *cards, int run)
{
    const gk_where_node *node = &where->node[i];

    switch (node->kind) {
    case GK_WHERE_AND:
        return holds(where, node->left, cards, run) && holds(where, node->right, cards, run);
    case GK_WHERE_OR:
        return holds(where, node->left, cards, run) || holds(where, node->right, cards, run);
    case GK_WHERE_NOT: return !holds(where, node->left, cards, run);
    case GK_WHERE_THERE:
    case GK_WHERE_NUMBERS:
    case GK_WHERE_WORDS: return satisfies(node, cards, run);
    }
    return false;
}

bool gk_where_holds(const gk_where *where, const gk_cards *cards, int run)
{
    return holds(where, where->root, cards, run);
}
