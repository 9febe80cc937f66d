/* The rules that end a run before run.epochs: run.stop_test_loss, run.stop_test_acc, run.stop_when.
 * A rule is a condition on one column, and ends the run at the row where it has held for as many
 * rows in a row as it asks for.
 *
 * A column that is none of the row's is one that run.hook answers, where there is a hook. Answers
 * come when they come: at each row, a rule looks at the last one that has been taken in by then,
 * and `for N` counts answers. So where such a rule ends a run is not the same on every rerun, as
 * hook.jsonl is not; and a run that goes on from its resume point counts anew. Everything else is a
 * function of metrics.jsonl, and of the parent's rows before a branch. */
#ifndef GK_STOP_H
#define GK_STOP_H

#include "gk/condition.h"
#include "gk/config.h"
#include "gk/row.h"

enum { GK_STOP_RULES = 18 };

typedef struct gk_stop_rule {
    const char *key; /* whose rule it is: "run.stop_when" */
    gk_condition condition;
    bool answered; /* a column of the hook's */
    int64_t held;  /* rows, or answers, in a row in which it held, up to the last one */
} gk_stop_rule;

typedef struct gk_stop {
    gk_stop_rule rule[GK_STOP_RULES];
    int n;
    bool hook; /* there is one */
} gk_stop;

/* The rules of a config, none of which has held. GK_EUSAGE where run.stop_when cannot be read, or
 * names what is no column of a row and no hook is there to answer it. */
gk_status gk_stop_open(gk_stop *stop, const gk_config *config);
/* Some columns exist for some models alone: GK_EUSAGE where this row has one of them not that a
 * rule names. For the first row of a run. */
gk_status gk_stop_check(const gk_stop *stop, const gk_row *row);
/* The next row. */
void gk_stop_row(gk_stop *stop, const gk_row *row);
/* The next answer of the hook: value(user, column), NaN for what is not in it or is no number. */
void gk_stop_answer(gk_stop *stop, double (*value)(void *user, const char *column), void *user);
/* The key of the first rule that ends the run here, or NULL. */
const char *gk_stop_reason(const gk_stop *stop);

#endif
