/* Runs the table of src/verify/cases.c on a backend and on the one it is held to. */
#include "gk/verify.h"
#include "verify/trial.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RUNS = 3 };

int gk_verify_cases(void)
{
    int n = 0;

    while (gk_op_cases[n].op) n++;
    return n;
}

double gk_verify_limit(double c, double length)
{
    return c * (sizeof(gk_real) == sizeof(float) ? FLT_EPSILON : DBL_EPSILON) * sqrt(length);
}

/* The shape is "m 3 n 113 beta 1" from the names "m n beta". */
void gk_verify_name(gk_verify_result *result, int i)
{
    const gk_op_case *c = &gk_op_cases[i];
    const char *name = c->names;
    size_t at = 0;

    *result = (gk_verify_result){0};
    snprintf(result->op, sizeof result->op, "%s", c->op);
    for (int k = 0; *name && at < sizeof result->shape; k++) {
        int length = (int)strcspn(name, " ");

        at += snprintf(result->shape + at, sizeof result->shape - at, "%s%.*s %d", k ? " " : "",
                       length, name, c->size[k]);
        name += length + (name[length] == ' ');
    }
}

/* The output that comes nearest to its limit, or is the first beyond it. */
static const char *errors(gk_verify_result *result, const gk_trial *t, const gk_trial *ref)
{
    double nearest = -1;

    for (int k = 0; k < t->n; k++) {
        double limit = t->array[k].limit, error = gk_trial_error(t, ref, k);
        double share = limit > 0 ? error / limit : error;

        if (t->array[k].compare == GK_INPUT) continue;
        if (share > nearest || isnan(share)) {
            nearest = share;
            result->error = error;
            result->limit = limit;
        }
        if (isnan(error)) return "has a NaN where ref has none, or none where ref has one";
        if (!(error <= limit)) return "differs from ref";
    }
    return NULL;
}

/* The runs one at a time against the same runs side by side. */
static const char *alone(const gk_trial *t)
{
    const char *problem = NULL;

    for (int r = 0; r < RUNS && !problem; r++) {
        gk_trial one;

        gk_trial_run(&one, t->op_case, t->be, r, 1, 1);
        problem = gk_trial_check(&one);
        if (!problem && !gk_trial_same(t, r, &one, 0))
            problem = "a run's result depends on the runs beside it";
        gk_trial_close(&one);
    }
    return problem;
}

void gk_verify(gk_verify_result *result, int i, gk_backend *be, gk_backend *ref)
{
    gk_trial expected, got;

    gk_verify_name(result, i);
    gk_trial_run(&expected, &gk_op_cases[i], ref, 0, RUNS, 1);
    gk_trial_run(&got, &gk_op_cases[i], be, 0, RUNS, 1);
    result->problem = expected.problem ? expected.problem : gk_trial_check(&got);
    if (!result->problem) result->problem = errors(result, &got, &expected);
    if (!result->problem) result->problem = alone(&got);
    gk_trial_close(&expected);
    gk_trial_close(&got);
}

double gk_verify_time(int i, gk_backend *be, int R, int calls)
{
    gk_trial t;

    gk_trial_run(&t, &gk_op_cases[i], be, 0, R, calls);
    gk_trial_close(&t);
    return t.problem ? -1 : t.seconds;
}
