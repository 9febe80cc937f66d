/* Models with known answers, without training: logits = sum over k of size_k cos w_k(f(input) - c),
 * planted behind the network's back into what the lens keeps. */
#ifndef GK_TEST_PLANT_H
#define GK_TEST_PLANT_H

#include "lib/support.h"

static const double RELATIVE = sizeof(gk_real) == 8 ? 1e-9 : 3e-5;

enum { PER_KEY = 8 }; /* neurons for each frequency */

typedef struct plant {
    const char *op; /* and, after a space, another assignment */
    int p, n;       /* n: elements of its group */
    int k[3], keys;
    bool mlp;
} plant;

static const double size[3] = {3, 2.5, 2};

static inline double angle(int k, int e, int n) { return 2 * M_PI * (k * e % n) / n; }

/* Mean loss of a share of the planted logits without frequency k[without]; the same at every
 * input. */
static inline double loss_of_share(const plant *t, int without, double share)
{
    double sum = 0;

    for (int c = 1; c < t->n; c++) {
        double gap = 0;
        for (int i = 0; i < t->keys; i++)
            if (i != without) gap += share * size[i] * (cos(angle(t->k[i], c, t->n)) - 1);
        sum += exp(gap);
    }
    return log1p(sum);
}

static inline double loss_of(const plant *t, int without) { return loss_of_share(t, without, 1); }

static inline gk_real *tensor(gk_batch *b, const char *name)
{
    for (int i = 0; i < b->model.n_tensors; i++) {
        const char *whole = b->model.tensor[i].name, *end = whole + strlen(whole) - strlen(name);
        if (end >= whole && !strcmp(end, name)) return b->stage.params + b->model.tensor[i].packed;
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static inline void open_plant(lab *l, const plant *t, int D, int outputs)
{
    gk_config c;
    char set[5][64], corrupt[64] = "task.label_noise=0";

    snprintf(set[0], 64, "task.op=%.*s", (int)strcspn(t->op, " "), t->op);
    if (strchr(t->op, ' ')) snprintf(corrupt, 64, "%s", strchr(t->op, ' ') + 1);
    snprintf(set[1], 64, "task.p=%d", t->p);
    snprintf(set[2], 64, "model.d_model=%d", D);
    snprintf(set[3], 64, "model.d_mlp=%d", t->mlp ? D : 0);
    snprintf(set[4], 64, "model.outputs=%d", outputs);
    CONFIG(&c, set[0], set[1], set[2], set[3], set[4], "model.heads=2", "model.d_head=2",
           "task.train_fraction=0.4", corrupt);
    lab_open(l, &c, 1, "ref", 1);
    assert_int_equal(l->batch.analysis->n, t->n);
}

static inline void put_diagonal(gk_real *to, int D, double x)
{
    for (int i = 0; i < D * D; i++) to[i] = (gk_real)(i % D == i / D ? x : 0);
}

static inline void put_identity(gk_real *to, int D) { put_diagonal(to, D, 1); }

/* Directions 2i and 2i + 1 of the residual stream hold cos and sin of w f(input); W_U reads
 * them. */
static inline void sow(lab *l, const plant *t)
{
    gk_batch *b = &l->batch;
    const gk_analysis *a = b->analysis;
    int D = b->lens.shape.D, C = b->lens.shape.C;
    gk_real *w_u = tensor(b, "unembed.W_U");

    for (int i = 0; i < D * C; i++) w_u[i] = 0;
    for (int i = 0; i < 2 * t->keys; i++)
        for (int e = 0; e < t->n; e++) {
            double x = angle(t->k[i / 2], e, t->n);
            w_u[i * C + a->column[e]] = (gk_real)(i % 2 ? sin(x) : cos(x));
        }
    gk_batch_put(b, 0);
    gk_batch_observe(b);
    for (int row = 0; row < a->inputs; row++)
        for (int i = 0; i < D; i++) {
            double x = i < 2 * t->keys ? angle(t->k[i / 2], a->value[row], t->n) : 0;
            b->lens.out[row * D + i] =
                (gk_real)(i < 2 * t->keys ? size[i / 2] * (i % 2 ? sin(x) : cos(x)) : 0);
        }
}

/* Products of {cos, sin}(ku) and {cos, sin}(kv): cc, ss, sc, cs */
static inline double product(int part, double u, double v)
{
    return (part % 3 ? sin(u) : cos(u)) * (part == 0 || part == 2 ? cos(v) : sin(v));
}

/* A neuron at an input, into all that the lens keeps of it. */
static inline void add_neuron(gk_lens *l, int row, int f, double x)
{
    int F = l->shape.F, P = l->P,
        at[] = {row / P, row % P, (row / P + row % P) % P, (row / P - row % P + P) % P};

    for (int t = 0; t < 4; t++) l->neuron_sum[(t * P + at[t]) * F + f] += (gk_real)x;
    l->neuron_moments[f] += x;
    l->neuron_moments[F + f] += x * x;
}

/* The same logits from neurons 1 +- product, half of them through the skip connection: the residual
 * stream holds half of each neuron, W_in doubles it, W_out halves it. cos k(u + v) is cc - ss, sin
 * k(u + v) is sc + cs; for u - v the signs of ss and cs turn. The ones cancel. */
static inline void sow_neurons(lab *l, const plant *t)
{
    gk_batch *b = &l->batch;
    const gk_analysis *a = b->analysis;
    int D = b->lens.shape.D, C = b->lens.shape.C, P = a->P, n = t->n;
    bool sums = a->value[P + 1] == 2; /* f(1, 1) */
    gk_real *w_u = tensor(b, "unembed.W_U");

    assert_int_equal(P, n);
    assert_int_equal(D, PER_KEY * t->keys);
    put_diagonal(tensor(b, "mlp.W_in"), D, 2);
    put_diagonal(tensor(b, "mlp.W_out"), D, 0.5);
    for (int i = 0; i < D * C; i++) w_u[i] = 0;
    for (int i = 0; i < D; i++)
        for (int e = 0; e < n; e++) {
            int part = i % PER_KEY / 2, turned = (part == 1 && sums) || (part == 3 && !sums);
            double x = angle(t->k[i / PER_KEY], e, n);
            double weight = (part < 2 ? cos(x) : sin(x)) * (turned != i % 2 ? -1 : 1) / 2;
            w_u[i * C + a->column[e]] = (gk_real)weight;
        }
    gk_batch_put(b, 0);
    gk_batch_observe(b);
    memset(b->lens.neuron_sum, 0, (size_t)(4 * P * D) * sizeof(gk_real));
    memset(b->lens.neuron_moments, 0, (size_t)(2 * D) * sizeof(double));
    for (int row = 0; row < a->inputs; row++)
        for (int i = 0; i < D; i++) {
            int k = t->k[i / PER_KEY];
            double x = product(i % PER_KEY / 2, angle(k, row / P, n), angle(k, row % P, n));
            double neuron = size[i / PER_KEY] * (i % 2 ? 1 - x : 1 + x);
            b->lens.mid[row * D + i] = (gk_real)(neuron / 2);
            b->lens.out[row * D + i] = (gk_real)neuron;
            add_neuron(&b->lens, row, i, neuron);
        }
}

#endif
