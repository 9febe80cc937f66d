/* What the network does with every pair (u, v) of the torus, in the arrays of a run's last row:
 * how much each head attends to the first operand, and how strongly a few neurons fire. */
#include "gk/network.h"
#include "gk/run.h"

#include <stdlib.h>
#include <string.h>

enum { NEURONS = 6, BYTES_MAX = 768 << 10 };

static const double CLEAR = 0.85; /* share of a neuron's variance in one frequency, as neurons_85 */

/* attention_first (H,P,P): from the first scored position to the first token, in the last block. */
static void add_attention(gk_tensors_writer *w, gk_snapshot *s)
{
    const gk_lens *l = s->lens;
    const gk_activations *act = s->model->act;
    size_t H = (size_t)s->shape->H, T = (size_t)s->shape->T, inputs = (size_t)l->inputs;
    size_t row = H * (size_t)s->shape->S * T, block = (size_t)l->rows * row;
    double *prob = gk_alloc(block, sizeof *prob);
    float *map = gk_alloc(H * inputs, sizeof *map);

    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        size_t n = (size_t)rows;
        gk_forward_ops(s->plan, &s->plan->data->grid, first);
        gk_download_reals(s->be, prob, act->prob[s->shape->L - 1] + (size_t)s->slot * n * row,
                          n * row);
        for (size_t i = 0; i < n; i++)
            for (size_t h = 0; h < H; h++)
                map[h * inputs + (size_t)first + i] = (float)prob[i * row + h * (row / H)];
    }
    gk_writer_add(w, "attention_first", GK_F32_TYPE, 3, (const int64_t[]){(int64_t)H, l->P, l->P},
                  map);
    free(prob);
    free(map);
}

/* Sum of squares of a row of W_L: how much the neuron says about the logits. Where something is
 * between neurons and logits, how clear the neuron is. */
static double weight(const gk_snapshot *s, int neuron)
{
    size_t n = (size_t)s->lens->n;
    double square = 0;

    if (!s->w_l_neurons) return s->neuron_fve[neuron];
    const double *row = s->w_l + (size_t)neuron * n;
    for (size_t i = 0; i < n; i++) square += row[i] * row[i];
    return square;
}

/* The heaviest clear neuron of frequency k (0: any neuron) that is not taken yet; -1: none. */
static int heaviest(const gk_snapshot *s, int k, const bool *taken)
{
    double most = -1;
    int best = -1;

    for (int f = 0; f < s->shape->F; f++) {
        bool fits = !k || (s->neuron_k[f] == k && s->neuron_fve[f] > CLEAR);
        double this = fits && !taken[f] ? weight(s, f) : -1;
        if (this > most) {
            most = this;
            best = f;
        }
    }
    return best;
}

/* Key frequencies take turns; where they have no more neurons, the heaviest of all follow. */
static int choose(int64_t chosen[NEURONS], const gk_snapshot *s, int room)
{
    bool *taken = gk_alloc((size_t)s->shape->F, sizeof *taken);
    int n = 0;

    for (bool any = s->keys > 0; any;) {
        any = false;
        for (int i = 0; i < s->keys && n < room; i++) {
            int f = heaviest(s, s->key[i], taken);
            if (f < 0) continue;
            taken[f] = any = true;
            chosen[n++] = f;
        }
    }
    for (int f; n < room && (f = heaviest(s, 0, taken)) >= 0; n++) {
        taken[f] = true;
        chosen[n] = f;
    }
    free(taken);
    return n;
}

/* neuron_map_of (n): which neurons; neuron_maps (n,P,P): their activations. */
static void add_neurons(gk_tensors_writer *w, gk_snapshot *s, int room)
{
    gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, inputs = (size_t)l->inputs;
    int64_t chosen[NEURONS];
    int n = choose(chosen, s, room < NEURONS ? room : NEURONS);
    double *hidden = gk_alloc((size_t)l->rows * F, sizeof *hidden);
    float *map = gk_alloc((size_t)n * inputs, sizeof *map);

    for (int first = 0; first < l->inputs; first += l->rows) {
        int rows = l->inputs - first < l->rows ? l->inputs - first : l->rows;
        gk_lens_hidden(s, first, rows);
        gk_download_reals(s->be, hidden, l->hidden, (size_t)rows * F);
        for (size_t i = 0; i < (size_t)rows; i++)
            for (int j = 0; j < n; j++)
                map[(size_t)j * inputs + (size_t)first + i] =
                    (float)hidden[i * F + (size_t)chosen[j]];
    }
    gk_writer_add(w, "neuron_map_of", GK_I64_TYPE, 1, (const int64_t[]){n}, chosen);
    gk_writer_add(w, "neuron_maps", GK_F32_TYPE, 3, (const int64_t[]){n, l->P, l->P}, map);
    free(hidden);
    free(map);
}

void gk_arrays_maps(gk_tensors_writer *w, gk_snapshot *s)
{
    if (s->analysis->undefined || s->analysis->no_grid || !s->lens->inputs) return;
    size_t room = BYTES_MAX / ((size_t)s->lens->inputs * sizeof(float)),
           heads = (size_t)s->shape->H;
    if (s->lens->attention && heads <= room) {
        add_attention(w, s);
        room -= heads;
    }
    if (s->shape->F && room) add_neurons(w, s, (int)room);
}
