/* Conditions as users write them, word by word, and the plainest of them: a column beside a number.
 * `grokc ls --where` and run.stop_when are made of these words; summary.json's events are such
 * conditions. */
#ifndef GK_CONDITION_H
#define GK_CONDITION_H

#include "gk/base.h"

/* A text, one token after the other: words, words in quotes, comparisons (< <= > >= = == !=), and
 * marks of one character. */
typedef struct gk_tokens {
    const char *what;      /* whose text it is, for messages: "--where" */
    const char *marks;     /* the marks: "()" */
    const char *text, *at; /* at: the current token */
    size_t length;         /* of it, quotes included; 0 at the end */
} gk_tokens;

/* At the first token; on to the next one. GK_EUSAGE where a quote is not closed. */
gk_status gk_tokens_open(gk_tokens *tokens, const char *what, const char *marks, const char *text);
gk_status gk_tokens_next(gk_tokens *tokens);
bool gk_tokens_is(const gk_tokens *tokens, const char *token);
bool gk_tokens_is_quoted(const gk_tokens *tokens);
/* A word, with or without quotes. */
bool gk_tokens_is_word(const gk_tokens *tokens);
/* The current word without its quotes, which the caller frees whatever comes back, and on to the
 * next token; or the comparison, "=" for "==". GK_EUSAGE with `expected` where it is none. */
gk_status gk_tokens_take_word(gk_tokens *tokens, char **word, const char *expected);
gk_status gk_tokens_take_operator(gk_tokens *tokens, char op[3]);
/* GK_EUSAGE: the problem, the text, and the place of the current token in it. */
gk_status gk_tokens_refuse(const gk_tokens *tokens, const char *problem);

/* a OP b; NaN satisfies nothing, not even !=. */
bool gk_satisfies(double a, const char op[3], double b);

enum { GK_COLUMN_MAX = 128 };

typedef struct gk_condition {
    char column[GK_COLUMN_MAX];
    char op[3];
    double value;
    int64_t rows; /* it has to hold for so many rows in a row */
} gk_condition;

/* COLUMN OP VALUE [for N], then a comma or the end, of `tokens` whose mark is the comma.
 * GK_EUSAGE. */
gk_status gk_condition_take(gk_condition *condition, gk_tokens *tokens);
/* "test_loss < 0.001", "test_acc >= 0.99 for 3" */
void gk_condition_print(gk_text *text, const gk_condition *condition);

#endif
