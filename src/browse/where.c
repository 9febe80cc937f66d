/* Recursive descent over the text; the tree is an array. */
#include "browse/where.h"
#include "gk/condition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 50 };

typedef struct parser {
    gk_where *where;
    const gk_cards *cards;
    gk_tokens tokens;
    int depth;
} parser;

static gk_status refuse(const parser *p, const char *problem)
{
    return gk_tokens_refuse(&p->tokens, problem);
}

static gk_status next(parser *p) { return gk_tokens_next(&p->tokens); }

static bool is(const parser *p, const char *token) { return gk_tokens_is(&p->tokens, token); }

static gk_status take_word(parser *p, char **word, const char *expected)
{
    if (is(p, "and") || is(p, "or") || is(p, "not")) return refuse(p, expected);
    return gk_tokens_take_word(&p->tokens, word, expected);
}

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

static gk_status find_column(parser *p, const char *at, const char *name, int *column)
{
    if (gk_cards_column(p->cards, name, column) == GK_OK) return GK_OK;
    gk_text problem = {0};
    gk_text_add(&problem, "%s", gk_message());
    p->tokens.at = at;
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
        p->tokens.at = at;
        return refuse(p, "null satisfies no comparison; \"not NAME\" is where NAME is null");
    }
    if (!gk_cards_numeric(p->cards, node->column)) {
        node->kind = GK_WHERE_WORDS;
        node->word = word;
        p->tokens.at = order ? at : p->tokens.at;
        return order ? refuse(p, "words have no order: compare them by = or !=") : GK_OK;
    }
    node->kind = GK_WHERE_NUMBERS;
    if (!gk_parse_real(word, &node->number)) GK_TRY(find_column(p, at, word, &node->other));
    if (node->other < 0 || gk_cards_numeric(p->cards, node->other)) return GK_OK;
    p->tokens.at = at;
    return refuse(p, "a number is expected here, and this column holds words");
}

static gk_status parse_comparison(parser *p, int *node)
{
    gk_where_node new = {.kind = GK_WHERE_THERE};
    const char *at = p->tokens.at;
    char *name = NULL, *value = NULL;

    gk_status status = take_word(p, &name, "expected a comparison, such as weight_decay<1");
    if (status == GK_OK) status = find_column(p, at, name, &new.column);
    free(name);
    GK_TRY(status);
    if (!p->tokens.length || !strchr("<>=!", *p->tokens.at)) return add(p, new, node);
    GK_TRY(gk_tokens_take_operator(&p->tokens, new.op));
    at = p->tokens.at;
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
    parser p = {.where = where, .cards = cards};

    where->n = 0;
    GK_TRY(gk_tokens_open(&p.tokens, "--where", "()", text));
    GK_TRY(parse_or(&p, &where->root));
    return *p.tokens.at ? refuse(&p, "expected \"and\", \"or\" or the end") : GK_OK;
}

void gk_where_close(gk_where *where)
{
    for (int i = 0; i < where->n; i++) free(where->node[i].word);
    where->n = 0;
}

/* ---- evaluation */

static bool satisfies(const gk_where_node *node, const gk_cards *cards, int run)
{
    const char *op = node->op, *text = gk_card_text(cards, run, node->column);

    if (!text || node->kind == GK_WHERE_THERE) return text;
    if (node->kind == GK_WHERE_WORDS) return (strcmp(text, node->word) == 0) == (*op == '=');
    double a = gk_card_real(cards, run, node->column);
    double b = node->other < 0 ? node->number : gk_card_real(cards, run, node->other);
    return gk_satisfies(a, op, b);
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
