/* What the network does with every pair (u, v) of the torus, in the arrays of a run's last row:
 * how much each head attends to the first operand, and how strongly a few neurons fire. */
#include "measures/parts.h"
#include "gk/blocks.h"

#include <stdlib.h>
#include <string.h>

enum { NEURONS = 6, BYTES_MAX = 768 << 10 };

/* attention_first (H,P,P): from the first scored position to the first token, in the last block. */
static void add_attention(gk_tensors_writer *w, const gk_snapshot *s)
{
    const gk_lens *l = s->lens;
    size_t H = (size_t)s->shape->H, T = (size_t)s->shape->T, inputs = (size_t)l->inputs;
    size_t row = H * (size_t)s->shape->S * T;
    double *prob = gk_alloc((size_t)l->rows * row, sizeof *prob);
    float *map = gk_alloc(H * inputs, sizeof *map);

    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        const gk_activations *act = gk_block_activations(s, &s->plan->data->grid, b);
        gk_activations_read(prob, s, act->prob[s->shape->L - 1], b.rows, row);
        for (int i = 0; i < b.rows; i++)
            for (size_t h = 0; h < H; h++)
                map[h * inputs + (size_t)(b.first + i)] =
                    (float)prob[(size_t)i * row + h * (row / H)];
    }
    gk_array_add(w, "attention_first", GK_F32_TYPE, 3, (const int64_t[]){(int64_t)H, l->P, l->P},
                 map);
    free(prob);
    free(map);
}

/* Sum of squares of a row of W_L: how much the neuron says about the logits. Where something is
 * between neurons and logits, how clear the neuron is. */
static double weight(const gk_snapshot *s, const gk_neurons *neurons, int neuron)
{
    size_t n = (size_t)s->lens->n;
    double square = 0;

    if (!s->w_l_neurons) return neurons->fve[neuron];
    const double *row = s->w_l + (size_t)neuron * n;
    for (size_t i = 0; i < n; i++) square += row[i] * row[i];
    return square;
}

/* The heaviest clear neuron of frequency k (0: any neuron) that is not taken yet; -1: none. */
static int heaviest(const gk_snapshot *s, const gk_neurons *neurons, int k, const bool *taken)
{
    double most = -1;
    int best = -1;

    for (int f = 0; f < s->shape->F; f++) {
        bool fits = !k || (neurons->k[f] == k && gk_is_clear(neurons, f));
        double this = fits && !taken[f] ? weight(s, neurons, f) : -1;
        if (this > most) {
            most = this;
            best = f;
        }
    }
    return best;
}

/* Key frequencies take turns; where they have no more neurons, the heaviest of all follow. */
static int choose(int64_t chosen[NEURONS], const gk_snapshot *s, const gk_neurons *neurons,
                  int room)
{
    bool *taken = gk_alloc((size_t)s->shape->F, sizeof *taken);
    int n = 0;

    for (bool any = s->keys > 0; any;) {
        any = false;
        for (int i = 0; i < s->keys && n < room; i++) {
            int f = heaviest(s, neurons, s->key[i], taken);
            if (f < 0) continue;
            taken[f] = any = true;
            chosen[n++] = f;
        }
    }
    for (int f; n < room && (f = heaviest(s, neurons, 0, taken)) >= 0; n++) {
        taken[f] = true;
        chosen[n] = f;
    }
    free(taken);
    return n;
}

static gk_real *take_hidden(gk_lens *l)
{
    return gk_scratch_reals(l, (size_t)l->rows * (size_t)l->shape.F);
}

void gk_arrays_maps_layout(gk_lens *l)
{
    if (l->P) take_hidden(l);
}

/* map (n,inputs): activations of the chosen neurons. */
static void read_neurons(float *map, const int64_t *chosen, int n, const gk_snapshot *s)
{
    gk_lens *l = s->lens;
    size_t F = (size_t)s->shape->F, inputs = (size_t)l->inputs, mark = gk_scratch_mark(l);
    gk_real *hidden = take_hidden(l);
    double *host = gk_alloc((size_t)l->rows * F, sizeof *host);

    for (gk_row_block b = gk_blocks(l); gk_block_next(&b);) {
        gk_block_hidden(hidden, s, 1, b);
        gk_download_reals(s->be, host, hidden, (size_t)b.rows * F);
        for (size_t i = 0; i < (size_t)b.rows; i++)
            for (int j = 0; j < n; j++)
                map[(size_t)j * inputs + (size_t)b.first + i] =
                    (float)host[i * F + (size_t)chosen[j]];
    }
    gk_scratch_release(l, mark);
    free(host);
}

/* neuron_map_of (n): which neurons; neuron_maps (n,P,P): their activations. */
static void add_neurons(gk_tensors_writer *w, const gk_snapshot *s, const gk_neurons *neurons,
                        int room)
{
    int64_t chosen[NEURONS];
    int n = choose(chosen, s, neurons, room < NEURONS ? room : NEURONS), P = s->lens->P;
    float *map = gk_alloc((size_t)n * (size_t)s->lens->inputs, sizeof *map);

    read_neurons(map, chosen, n, s);
    gk_array_add(w, "neuron_map_of", GK_I64_TYPE, 1, (const int64_t[]){n}, chosen);
    gk_array_add(w, "neuron_maps", GK_F32_TYPE, 3, (const int64_t[]){n, P, P}, map);
    free(map);
}

void gk_arrays_maps(gk_tensors_writer *w, const gk_snapshot *s, gk_findings *found)
{
    if (s->analysis->undefined || s->analysis->no_grid || !s->lens->inputs) return;
    size_t room = BYTES_MAX / ((size_t)s->lens->inputs * sizeof(float)),
           heads = (size_t)s->shape->H;
    if (s->lens->attention && heads <= room) {
        add_attention(w, s);
        room -= heads;
    }
    if (!s->shape->F || !room) return;
    gk_find_neurons(found, s, 1);
    add_neurons(w, s, &found->neurons, (int)room);
}
