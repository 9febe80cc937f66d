/* How a step is computed. The `ops` plan walks the network one op at a time and is general; the
 * `table` plan is an exact factoring of networks of one block or one hidden layer on pairs, with
 * about a ninth of the arithmetic (gk/table.h). They differ in rounding only. */
#ifndef GK_PLAN_H
#define GK_PLAN_H

#include "gk/data.h"
#include "gk/model.h"

/* What a step is made of beside the network: alike for all runs that train side by side. */
typedef struct gk_recipe {
    int loss;              /* enum gk_loss      */
    int form;              /* enum gk_loss_form, of cross-entropy */
    int optimiser;         /* enum gk_optimiser */
    bool noise;            /* a step computes its gradient at weights with noise on them */
    bool to_init;          /* weight decay pulls towards the initial weights */
    int biases, positions; /* of config.model: what is frozen */
} gk_recipe;

/* Whether two runs can share their steps: every member of the struct above has its term here. */
static inline bool gk_same_recipe(const gk_recipe *a, const gk_recipe *b)
{
    return a->loss == b->loss && a->form == b->form && a->optimiser == b->optimiser &&
           a->noise == b->noise && a->to_init == b->to_init && a->biases == b->biases &&
           a->positions == b->positions;
}

/* The recipe that a config asks for. */
gk_recipe gk_recipe_of(const gk_config *config);

typedef struct gk_plan {
    bool tables;
    gk_model *model;
    gk_data *data;
    gk_recipe recipe;
    gk_backend *be;
    gk_params noisy;  /* weights with this step's noise; without memory where there is none */
    gk_params anchor; /* initial weights that decay pulls towards; likewise */
    /* of the table plan */
    gk_table table; /* for training */
    /* Narrow and without b_out: for the forward pass over all inputs, which wants the residual
     * stream. */
    gk_table view;
    gk_real *product; /* (R,V,F) of an mlp on sums: W_E W_in, and its gradient */
    gk_pairs pairs;   /* the training set */
    double *row_loss; /* (R,B) */
    uint8_t *row_hit;
} gk_plan;

/* The plan that config.device.plan stands for, and why. GK_EUSAGE where it asks for one that
 * cannot be. */
gk_status gk_plan_choose(bool *tables, const char **why, const gk_config *config,
                         const gk_shape *shape);

/* Counting or real, after model and data; plan->tables and plan->recipe are set. */
void gk_plan_layout(gk_plan *plan, gk_model *model, gk_data *data, gk_arena *device);
/* What the plan needs of one run: its training examples in their order, and its initial weights
 * (packed) where recipe.to_init says so. */
void gk_plan_put(gk_plan *plan, int slot, const gk_task *task, const gk_analysis *analysis,
                 const gk_real *initial);

/* k updates of every active slot (full batch: k epochs). Looks at signals between updates; *done:
 * how many it did. Enqueues only: errors come out of be->sync. */
void gk_advance(gk_plan *plan, int64_t k, int64_t *done);

/* Gradients of the mean loss of the training set at the current weights, without dropout and
 * noise, into model->grads; train.sum gets loss and hits. */
void gk_gradients(gk_plan *plan);
/* The gradients that the next update goes by: of its examples, with its dropout and its noise on
 * the weights. */
void gk_step_gradients(gk_plan *plan);

/* The network over one block of a set: the rows from `first` on; the residual stream and attention
 * of the last block stay in the activations. Blocks in order, the first one resets set->sum. */
void gk_evaluate_block(gk_plan *plan, gk_set *set, int first);
/* The block by the ops plan, without its loss: all activations stay. */
void gk_forward_ops(gk_plan *plan, const gk_set *set, int first);

/* Loss and hits of a set at the current weights: sum (R,groups,2) on the host. */
void gk_evaluate(gk_plan *plan, gk_set *set, double *sum);

/* table.c: why the model has no tables, or a step cannot use them; NULL: it can. */
const char *gk_no_tables(const gk_config *config, const gk_shape *shape);
void gk_table_layout(gk_plan *plan, gk_arena *device);
void gk_table_put(gk_plan *plan, int slot, const gk_task *task, const gk_analysis *analysis);
void gk_table_gradients(gk_plan *plan);
/* The block's rows up to the MLP's pre-activations: into the model's activations. */
void gk_table_forward(gk_plan *plan, const int32_t *token, int rows, bool first);

#endif
