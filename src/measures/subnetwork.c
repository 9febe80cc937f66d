/* The smallest part of a one-output mlp that predicts as it does: its neurons with the largest
 * input weights, as few as give every training example the sign that all neurons together give it;
 * and how many test examples get their sign from these alone. Merrill, Tsilivis & Shukla 2023, who
 * ask for the same accuracy instead of the same signs. */
#include "measures/parts.h"
#include "gk/blocks.h"

#include <math.h>
#include <stdlib.h>

typedef struct neuron {
    double norm;
    int f;
} neuron;

static int by_norm(const void *a, const void *b)
{
    const neuron *x = a, *y = b;

    if (x->norm != y->norm) return x->norm < y->norm ? 1 : -1;
    return x->f - y->f;
}

void gk_neuron_norms(double *norm, const gk_snapshot *s)
{
    const gk_real *w_in = gk_snapshot_tensor(s, "mlp.W_in", 0);
    size_t F = (size_t)s->shape->F, inputs = (size_t)gk_mlp_inputs(s->shape);

    for (size_t f = 0; f < F; f++) norm[f] = 0;
    for (size_t i = 0; i < inputs * F; i++) norm[i % F] += (double)w_in[i] * (double)w_in[i];
    for (size_t f = 0; f < F; f++) norm[f] = sqrt(norm[f]);
}

static neuron *sorted_neurons(const gk_snapshot *s)
{
    size_t F = (size_t)s->shape->F;
    double *norm = gk_alloc(F, sizeof *norm);
    neuron *list = gk_alloc(F, sizeof *list);

    gk_neuron_norms(norm, s);
    for (size_t f = 0; f < F; f++) list[f] = (neuron){norm[f], (int)f};
    qsort(list, F, sizeof *list, by_norm);
    free(norm);
    return list;
}

/* differ[k] += 1 where the first k neurons give another sign than all of them. */
static void compare(double *differ, const neuron *list, const double *h, const gk_real *w_u,
                    double b_u, int F)
{
    double all = b_u, part = b_u;

    for (int i = 0; i < F; i++) all += h[list[i].f] * (double)w_u[list[i].f];
    for (int k = 0; k <= F; k++) {
        differ[k] += (part > 0) != (all > 0);
        if (k < F) part += h[list[k].f] * (double)w_u[list[k].f];
    }
}

/* differ (R,2,F+1): training and test examples, of each run. */
static void compare_rows(double *differ, const gk_snapshot *s, int R, neuron *const *list)
{
    const gk_set *set = &s->plan->data->rest;
    size_t width = (size_t)s->shape->F;
    double *h = gk_alloc((size_t)s->lens->rows * width, sizeof *h);

    for (gk_row_block b = gk_set_blocks(s->lens, set); gk_block_next(&b);) {
        const gk_real *hidden = gk_block_activations(s, set, b)->h[s->shape->L - 1];
        for (int r = 0; r < R; r++) {
            const gk_real *w_u = gk_snapshot_tensor(&s[r], "unembed.W_U", 0),
                          *b_u = gk_snapshot_tensor(&s[r], "unembed.b_U", 0);
            gk_activations_read(h, &s[r], hidden, b.rows, width);
            for (int i = 0; i < b.rows; i++) {
                bool test = s[r].analysis->group[b.first + i] != GK_ROWS_TRAIN;
                compare(differ + (2 * (size_t)r + test) * (width + 1), list[r],
                        h + (size_t)i * width, w_u, b_u ? (double)*b_u : 0, s->shape->F);
            }
        }
    }
    free(h);
}

/* The columns of one run; differ (2,F+1). */
static void print(gk_row *row, const gk_snapshot *s, const double *differ)
{
    const double *rows = s->rows;
    double test = rows[GK_ROWS_COMMUTED] + rows[GK_ROWS_UNCOMMUTED];
    int F = s->shape->F, k = 0;

    while (k < F && differ[k] > 0) k++;
    gk_text_add(&row->extra, ", \"subnetwork\": %d, \"subnetwork_test\": ", k);
    gk_text_add_real(&row->extra, test > 0 ? 1 - differ[F + 1 + k] / test : GK_NULL);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    size_t cells = 2 * ((size_t)s->shape->F + 1);

    (void)found;
    if (s->shape->kind != GK_MLP || s->shape->C != 1 || s->analysis->stream) return;
    neuron **list = gk_alloc((size_t)R, sizeof(void *));
    double *differ = gk_alloc((size_t)R * cells, sizeof *differ);
    for (int r = 0; r < R; r++) list[r] = sorted_neurons(&s[r]);
    compare_rows(differ, s, R, list);
    for (int r = 0; r < R; r++) {
        print(&row[r], &s[r], differ + (size_t)r * cells);
        free(list[r]);
    }
    free(list);
    free(differ);
}

const gk_family gk_family_subnetwork = {.measure = measure};
