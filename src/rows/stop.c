/* Stop rules, fed row by row and answer by answer. */
#include "gk/stop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The message that there is no such column, and which one may have been meant. */
static gk_status refuse_column(const gk_tokens *at, const char *name)
{
    enum { MOST = 128 };
    const char *names[MOST], *help;
    gk_text problem = {0};
    int n = 0;

    while (n < MOST && (names[n] = gk_measure_name(n, &help))) n++;
    int near = gk_nearest(name, names, n);
    gk_text_add(&problem, "rows have no column \"%s\"", name);
    if (near >= 0) gk_text_add(&problem, "; did you mean \"%s\"?", names[near]);
    gk_text_add(&problem, " (grokc list measures; what run.hook answers is a column, too, but "
                          "there is no run.hook)");
    gk_status status = gk_tokens_refuse(at, problem.data);
    gk_text_free(&problem);
    return status;
}

static gk_status check_column(const gk_tokens *at, const char *name, bool hook)
{
    bool list = !strcmp(name, "key_freqs") || !strcmp(name, "clusters");
    if (gk_row_has(name) || (gk_is_other_column(name) && !list)) return GK_OK;
    if (gk_row_is_final(name))
        return gk_tokens_refuse(at, "this is measured at the end of a run alone");
    return hook ? GK_OK : refuse_column(at, name);
}

static gk_status add_when(gk_stop *stop, const char *text)
{
    gk_tokens tokens;

    GK_TRY(gk_tokens_open(&tokens, "run.stop_when", ",", text));
    for (;;) {
        gk_tokens start = tokens;
        if (stop->n == GK_STOP_RULES) return gk_tokens_refuse(&tokens, "these are too many");
        gk_stop_rule *rule = &stop->rule[stop->n++];
        rule->key = "run.stop_when";
        GK_TRY(gk_condition_take(&rule->condition, &tokens));
        GK_TRY(check_column(&start, rule->condition.column, stop->hook));
        if (!gk_tokens_is(&tokens, ",")) return GK_OK;
        GK_TRY(gk_tokens_next(&tokens));
    }
}

static void add(gk_stop *stop, const char *key, gk_condition condition)
{
    if (isnan(condition.value)) return;
    stop->rule[stop->n++] = (gk_stop_rule){.key = key, .condition = condition};
}

gk_status gk_stop_open(gk_stop *stop, const gk_config *c)
{
    *stop = (gk_stop){.hook = *c->run.hook};
    add(stop, "run.stop_test_loss", (gk_condition){"test_loss", "<", c->run.stop_test_loss, 1});
    add(stop, "run.stop_test_acc",
        (gk_condition){"test_acc", ">=", c->run.stop_test_acc, c->run.stop_rows});
    return *c->run.stop_when ? add_when(stop, c->run.stop_when) : GK_OK;
}

gk_status gk_stop_check(const gk_stop *stop, const gk_row *row)
{
    double value;

    for (int i = 0; i < stop->n && !stop->hook; i++)
        if (!gk_row_column(row, stop->rule[i].condition.column, &value))
            return gk_fail(GK_EUSAGE, "run.stop_when: the rows of this run have no column \"%s\"",
                           stop->rule[i].condition.column);
    return GK_OK;
}

static void count(gk_stop_rule *rule, double value)
{
    bool holds = gk_satisfies(value, rule->condition.op, rule->condition.value);

    rule->held = holds ? rule->held + 1 : 0;
}

void gk_stop_row(gk_stop *stop, const gk_row *row)
{
    double value;

    for (int i = 0; i < stop->n; i++) {
        gk_stop_rule *rule = &stop->rule[i];
        rule->answered = !gk_row_column(row, rule->condition.column, &value);
        if (!rule->answered) count(rule, value);
    }
}

void gk_stop_answer(gk_stop *stop, double (*value)(void *user, const char *column), void *user)
{
    for (int i = 0; i < stop->n; i++) {
        gk_stop_rule *rule = &stop->rule[i];
        if (rule->answered) count(rule, value(user, rule->condition.column));
    }
}

const char *gk_stop_reason(const gk_stop *stop)
{
    for (int i = 0; i < stop->n; i++)
        if (stop->rule[i].held >= stop->rule[i].condition.rows) return stop->rule[i].key;
    return NULL;
}
