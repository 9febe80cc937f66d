/* The first screen of a run's part: what was trained, what it learned, when, and how sure that
 * is. */
#include "report/run/data.h"
#include "gk/optimiser.h"

#include <math.h>
#include <string.h>

static void fact(gk_page *page, const char *name, gk_text *text)
{
    if (text->length) {
        gk_page_html(page, "<dt>%s</dt>", name);
        gk_text html = {0};
        gk_html_escape(&html, text->data);
        gk_page_html(page, "<dd>%s</dd>\n", html.data);
        gk_text_free(&html);
    }
    gk_text_free(text);
}

/* "1 layer", "4 layers" */
static void count(gk_text *text, double n, const char *one, const char *many)
{
    gk_html_epoch(text, n);
    gk_text_add(text, " %s", n == 1 ? one : many);
}

/* ---- trained */

/* Of operations whose words in config.def say too little; formula: what the frequencies are of. */
static const struct operation {
    int op;
    const char *words, *formula;
} operations[] = {
    {GK_OP_ADD, "addition", "a + b - c"},
    {GK_OP_SUBTRACT, "subtraction", "a - b - c"},
    {GK_OP_MULTIPLY, "multiplication", NULL},
    {GK_OP_DIVIDE, "division", NULL},
    {GK_OP_X2_Y2, "x^2 + y^2", NULL},
    {GK_OP_X2_XY_Y2, "x^2 + xy + y^2", NULL},
    {GK_OP_X2_XY_Y2_X, "x^2 + xy + y^2 + x", NULL},
    {GK_OP_X3_XY, "x^3 + xy", NULL},
    {GK_OP_X3_XY2_Y, "x^3 + xy^2 + y", NULL},
    {GK_OP_RANDOM, "random labels of pairs", NULL},
};

static const struct operation *operation(const gk_config *config)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (operations[i].op == config->task.op) return &operations[i];
    return NULL;
}

static void say_modular(gk_text *t, const gk_config *config)
{
    const struct operation *known = operation(config);
    char op[64];

    gk_config_pick(config, "task.op", op);
    gk_text_add(t, "%s modulo %lld", known ? known->words : op, (long long)config->task.p);
}

static void say_group(gk_text *t, const gk_config *config)
{
    char op[64];

    gk_config_pick(config, "task.group_op", op);
    gk_text_add(t, "%s in the group %s", op, config->task.group);
}

static void what_task(gk_text *t, const gk_config *config)
{
    static const struct {
        int task;
        void (*say)(gk_text *t, const gk_config *config);
    } words[] = {{GK_TASK_MODULAR, say_modular}, {GK_TASK_GROUP, say_group}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].task == config->task.name) {
            words[i].say(t, config);
            return;
        }
    gk_text_add(t, "the task \"%s\"", gk_tasks[config->task.name].name);
}

/* Pairs have a table of which a fraction is trained on; other tasks draw examples, some or without
 * end. */
static void what_examples(gk_text *t, const gk_run_data *d)
{
    double fraction = d->config.task.train_fraction,
           n = gk_config_number(&d->config, "task.examples");

    if (!gk_tasks[d->config.task.name].drawn) {
        if (fraction < 1) gk_text_add(t, ", on %g percent of all pairs", 100 * fraction);
    } else if (n > 0) {
        gk_text_add(t, ", on ");
        count(t, n, "example", "examples");
    } else
        gk_text_add(t, ", on fresh examples at every step");
}

static void what_model(gk_text *t, const gk_config *c)
{
    char kind[64], activation[64], norm[64];
    double layers = gk_config_number(c, "model.layers");

    gk_config_pick(c, "model.kind", kind);
    gk_config_pick(c, "model.activation", activation);
    gk_config_pick(c, "model.norm", norm);
    if (!strcmp(kind, "mlp")) {
        gk_text_add(t, "A network of one hidden layer (%lld %s neurons)", (long long)c->model.d_mlp,
                    activation);
        return;
    }
    gk_text_add(t, "A transformer (");
    count(t, layers, "layer", "layers");
    gk_text_add(t, ", width %lld, %lld heads of %lld", (long long)c->model.d_model,
                (long long)c->model.heads, (long long)c->model.d_head);
    if (c->model.d_mlp) gk_text_add(t, ", %lld %s neurons", (long long)c->model.d_mlp, activation);
    if (*norm && strcmp(norm, "none") != 0) gk_text_add(t, ", %s-layer norm", norm);
    gk_text_add(t, ")");
}

static void what_training(gk_text *t, const gk_run_data *d)
{
    double batch = gk_config_number(&d->config, "optim.batch");

    gk_text_add(t, ", %s, with %s, learning rate %g, weight decay %g, for ",
                batch > 0 ? "in minibatches" : "full batch",
                gk_optimisers[d->config.optim.name].name, d->config.optim.lr,
                d->config.optim.weight_decay);
    count(t, gk_run_epoch(d), "epoch", "epochs");
    if (!d->summary) gk_text_add(t, " so far");
    gk_text_add(t, ".");
}

static void trained(gk_text *t, const gk_run_data *d)
{
    what_model(t, &d->config);
    gk_text_add(t, " was trained on ");
    what_task(t, &d->config);
    what_examples(t, d);
    what_training(t, d);
}

/* ---- learned */

static const char *formula(const gk_run_data *d)
{
    const struct operation *known = operation(&d->config);

    return known && known->formula ? known->formula : "f(a,b) - c";
}

static void list_keys(gk_text *t, const gk_run_data *d)
{
    for (int i = 0; i < d->keys; i++)
        gk_text_add(t, "%s%d", !i ? "" : i + 1 < d->keys ? ", " : " and ", d->key[i]);
}

static void learned(gk_text *t, const gk_run_data *d)
{
    double fve = gk_run_number(d, "logit_fve"), test = gk_run_number(d, "test_loss"),
           accuracy = gk_run_number(d, "test_acc"), train = gk_run_number(d, "train_acc");
    const char *undefined = gk_run_undefined(d);

    if (d->keys) {
        gk_text_add(t, "%s of %s ", d->keys == 1 ? "A cosine" : "Cosines",
                    d->keys == 1 ? "frequency" : "frequencies");
        list_keys(t, d);
        gk_text_add(t, ", cos w_k(%s)", formula(d));
        if (isfinite(fve))
            gk_text_add(t, ", explaining %.1f percent of the logits' squares", 100 * fve);
        gk_text_add(t, ". ");
    } else if (undefined)
        gk_text_add(t, "Frequencies are not defined here: %s. ", undefined);
    else
        gk_text_add(t, "No small set of frequencies stands out%s. ", d->summary ? "" : " so far");
    if (isfinite(accuracy) && isfinite(test))
        gk_text_add(
            t,
            "It is right about %.4g percent of the test examples (loss %.3g) and %.4g percent "
            "of those it was trained on.",
            100 * accuracy, test, 100 * train);
}

/* ---- when */

static double event_epoch(const gk_run_data *d, const char *event)
{
    const json_t *epoch =
        json_object_get(json_object_get(json_object_get(d->summary, "events"), event), "crossed");

    return json_is_number(epoch) ? json_number_value(epoch) : GK_NULL;
}

static void when(gk_text *t, const gk_run_data *d)
{
    static const char *const words[] = {"memorisation until epoch ",
                                        "circuit formation until epoch ", "cleanup until epoch "};
    double known = event_epoch(d, "train_acc >= 0.99");
    int phases = 0;
    bool grokked = isfinite(d->grok);

    if (!d->summary) {
        gk_text_add(t, "The run has not ended: phases and the grok epoch are settled at its end.");
        return;
    }
    for (int i = 0; i < 3; i++) {
        if (!isfinite(d->phase[i])) continue;
        gk_text_add(t, "%s%s", phases++ ? ", " : "Phases: ", words[i]);
        gk_html_epoch(t, d->phase[i]);
    }
    if (grokked && isfinite(d->phase[1]) && !isfinite(d->phase[2]))
        gk_text_add(t, ", cleanup not settled when the run ended");
    if (phases) gk_text_add(t, ". ");
    if (isfinite(known)) {
        gk_text_add(t, "It knew 99 percent of the training examples at epoch ");
        gk_html_epoch(t, known);
        gk_text_add(t, grokked ? " and grokked at epoch " : ". ");
    } else if (grokked)
        gk_text_add(t, "It grokked at epoch ");
    if (grokked) {
        gk_html_epoch(t, d->grok);
        gk_text_add(t, ": from there on the test loss stays below 0.1.");
    } else
        gk_text_add(t, "It did not grok: the test loss does not stay below 0.1.");
}

/* ---- how sure */

static void sure(gk_text *t, const gk_run_data *d)
{
    double all = gk_run_number(d, "all_loss_p"), kept = gk_run_number(d, "restricted_all"),
           left = gk_run_number(d, "excluded_train"), train = gk_run_number(d, "train_loss_p"),
           wrong = gk_run_number(d, "control_operation"),
           others = gk_run_number(d, "control_random");

    if (isfinite(kept))
        gk_text_add(
            t,
            "Enough: the key frequencies' part of the logits alone has a loss of %.2g (all of "
            "the logits: %.2g). ",
            kept, all);
    if (isfinite(left))
        gk_text_add(t, "Needed: without that part the train loss is %.2g instead of %.2g. ", left,
                    train);
    if (isfinite(wrong) || isfinite(others)) {
        gk_text_add(t, "Controls: without as much of ");
        if (isfinite(wrong)) gk_text_add(t, "the wrong operation it is %.2g", wrong);
        if (isfinite(wrong) && isfinite(others)) gk_text_add(t, ", of ");
        if (isfinite(others)) gk_text_add(t, "other frequencies it is %.2g", others);
        gk_text_add(t, ". ");
    }
    if (t->length) gk_text_add(t, "More below, under Ablations.");
}

static void status_line(gk_page *page, const gk_run_data *d)
{
    gk_text epoch = {0};

    gk_html_epoch(&epoch, gk_run_epoch(d));
    if (!strncmp(d->state.line, "diverged", 8))
        gk_page_html(
            page,
            "<p class=\"warn\">The run diverged: at epoch %s its train loss was no longer a "
            "finite number.</p>\n",
            epoch.data);
    else if (strncmp(d->state.line, "done", 4) != 0) {
        gk_text state = {0};
        gk_html_escape(&state, d->state.line);
        gk_page_html(page, "<p class=\"note\">State: %s; epoch %s of ", state.data, epoch.data);
        gk_text_free(&epoch);
        gk_html_epoch(&epoch, (double)d->config.run.epochs);
        gk_page_html(page, "%s. What follows is provisional.</p>\n", epoch.data);
        gk_text_free(&state);
    }
    gk_text_free(&epoch);
}

void gk_run_top(gk_page *page, gk_run_data *d)
{
    gk_text text = {0};

    status_line(page, d);
    if (!d->rows.n) gk_page_paragraph(page, "The run has no row of measures yet.");
    gk_page_html(page, "<dl class=\"facts\">\n");
    trained(&text, d);
    fact(page, "What was trained", &text);
    if (d->rows.n) learned(&text, d);
    fact(page, "What it learned", &text);
    if (d->rows.n) when(&text, d);
    fact(page, "Phases and grok epoch", &text);
    sure(&text, d);
    fact(page, "Evidence", &text);
    gk_text_add(&text, "Configuration, commit and command stand at the end, under Reproduce.");
    fact(page, "Reproduce", &text);
    gk_page_html(page, "</dl>\n");
}
