/* Conditions on runs, as in `grokc ls --where 'weight_decay<1 and state=done'`:
 *
 *     condition  = part { "or" part },  part = factor { "and" factor }
 *     factor     = "not" factor | "(" condition ")" | comparison
 *     comparison = NAME [(< | <= | > | >= | = | !=) VALUE]
 *
 * NAME is a column of gk/ls.h; VALUE a number, a word, or, beside numbers, another column. Either
 * may stand in quotes, and must where it has blanks or signs in it. Words only know = and !=. Null
 * satisfies no comparison, not even !=; NAME alone holds where it is not null. */
#ifndef GK_WHERE_H
#define GK_WHERE_H

#include "gk/cards.h"

enum { GK_WHERE_NODES = 256 };

typedef struct gk_where_node {
    enum {
        GK_WHERE_AND,
        GK_WHERE_OR,
        GK_WHERE_NOT,
        GK_WHERE_THERE,   /* column is not null */
        GK_WHERE_NUMBERS, /* column with `number`, or with `other` */
        GK_WHERE_WORDS    /* column with `word` */
    } kind;
    int left, right;   /* nodes */
    int column, other; /* other: -1: none */
    double number;
    char *word;
    char op[3];
} gk_where_node;

typedef struct gk_where {
    gk_where_node node[GK_WHERE_NODES];
    int n, root;
} gk_where;

/* GK_EUSAGE with the place and what is expected there. Close in any case. */
gk_status gk_where_parse(gk_where *where, const char *text, const gk_cards *cards);
void gk_where_close(gk_where *where);
bool gk_where_holds(const gk_where *where, const gk_cards *cards, int run);

#endif
