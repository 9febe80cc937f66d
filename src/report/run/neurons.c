/* Figures of neurons and heads: which frequency each neuron has, and maps over all pairs of
 * inputs. */
#include "report/run/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_maps[] =
    "the last row of a run writes these maps where the inputs are all pairs of a group of moderate "
    "size; there are none here (yet)";

enum { BINS = 20 };
static const double CLEAR = 0.85;

static double largest(const double *value, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) most = fmax(most, value[i]);
    return most;
}

/* Neurons by frequency: those with a clear one, and the others. */
static void clusters(gk_figure *f, const gk_run_data *d, const double *frequency, const double *fve,
                     size_t n)
{
    size_t K = (size_t)largest(frequency, n), kept = 0, all = gk_run_elements(d) / 2;
    double *k = gk_alloc(3 * (K + 1), sizeof *k), *clear = k + K + 1, *rest = clear + K + 1;

    for (size_t i = 0; i < n; i++)
        if (frequency[i] >= 1) (fve[i] > CLEAR ? clear : rest)[(size_t)frequency[i]]++;
    for (size_t i = 1; i <= K; i++)
        if (clear[i] + rest[i] > 0) {
            k[kept] = (double)i;
            clear[kept] = clear[i];
            rest[kept++] = rest[i];
        }
    gk_figure_block(f, f->title, (const char *[]){"k", "above 85 percent", "others"},
                    (const double *[]){k, clear, rest}, 3, kept);
    gk_text_add(&f->script,
                "set xlabel 'frequency k' offset 0,0.5\nset ylabel 'neurons'\nset yrange [0:*]\n"
                "set xrange [0:%zu]\nset style fill solid noborder\nset boxwidth 0.8\n"
                "set key tmargin center horizontal\nset grid noxtics\n"
                "plot data using 1:($2+$3) with boxes lt 7 title 'others', \\\n"
                " data using 1:2 with boxes lt 3 title 'above 85 percent'\n",
                (all > K ? all : K) + 1);
    free(k);
}

static void histogram(gk_figure *f, const double *fve, size_t n)
{
    double low[BINS], count[BINS] = {0};

    for (int i = 0; i < BINS; i++) low[i] = (i + 0.5) / BINS;
    for (size_t i = 0; i < n; i++)
        if (fve[i] >= 0) count[(int)fmin(fve[i] * BINS, BINS - 1)]++;
    gk_figure_block(f, f->title, (const char *[]){"fraction of variance", "neurons"},
                    (const double *[]){low, count}, 2, BINS);
    gk_text_add(
        &f->script,
        "set xlabel 'fraction of variance explained by one frequency'\nset ylabel 'neurons'\n"
        "set yrange [0:*]\nset xrange [0:1]\nset style fill solid noborder\n"
        "set boxwidth 0.045\nset grid noxtics\n"
        "set arrow from first 0.85, graph 0 to first 0.85, graph 1 nohead "
        "lc rgb ink dt 2\nplot data using 1:2 with boxes lt 3 notitle\n");
}

static gk_status kinds(gk_page *page, const gk_run_data *d, bool shares)
{
    gk_figure f;
    size_t n = 0, m = 0;
    double *frequency = gk_entry_reals(&d->arrays, "neuron_frequency", 1, &n),
           *fve = gk_entry_reals(&d->arrays, "neuron_fve", 1, &m);

    if (shares) {
        gk_figure_open(&f, "neuron-shares", "Variance of each neuron explained by one frequency");
        gk_text_add(&f.caption,
                    "Fraction of each neuron's variance over all inputs in the eight products of "
                    "cos and sin of its best frequency; the line is at 85 percent.");
    } else {
        gk_figure_open(&f, "neuron-clusters", "Neurons by frequency");
        gk_text_add(&f.caption,
                    "Each neuron of the last MLP counts for the frequency that explains most of "
                    "its variance.");
    }
    if (!frequency || !fve || n != m)
        gk_run_missing(&f.missing, d,
                       "the run has no such array (yet), or the model no neurons on a torus");
    else if (shares)
        histogram(&f, fve, n);
    else
        clusters(&f, d, frequency, fve, n);
    free(frequency);
    free(fve);
    return gk_page_figure(page, &f);
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

/* Of an mlp: a few neurons may do all the work. */
static gk_status neuron_norms(gk_page *page, const gk_run_data *d)
{
    gk_figure f;
    size_t n = 0;
    double *norm = gk_entry_reals(&d->arrays, "neuron_norms", 1, &n);

    if (!norm) return GK_OK;
    double *rank = gk_alloc(n, sizeof *rank);
    for (size_t i = 0; i < n; i++) rank[i] = (double)i + 1;
    qsort(norm, n, sizeof *norm, descending);
    gk_figure_open(&f, "neuron-norms", "Norm of each neuron's weights");
    gk_figure_curve(&f, f.title, "rank", "norm", rank, norm, n, GK_FIGURE_LOG);
    gk_text_add(&f.script,
                "set logscale x\nset xrange [1:%zu]\nset yrange [0:*]\nset xlabel 'rank of the "
                "neuron'\nset ylabel 'norm of its weights'\n"
                "plot data using 1:2 with linespoints pt 7 ps 0.3 lt 3 notitle\n",
                n > 1 ? n : 2);
    gk_text_add(
        &f.caption,
        "Each neuron's weights, largest first: a network that has found a sparse rule lives "
        "in a few neurons.");
    free(norm);
    free(rank);
    return gk_page_figure(page, &f);
}

/* ---- maps */

/* What the maps of one figure have in common. */
typedef struct maps {
    const double *value; /* (n,P,P) */
    size_t n, P;
    bool is_signed;
    double low, high; /* of all; used where `shared` */
    bool shared;
    const char *quantity; /* and its unit: the label of the colour bars */
} maps;

static void measure(maps *m)
{
    m->low = INFINITY;
    m->high = -INFINITY;
    for (size_t i = 0; i < m->n * m->P * m->P; i++) {
        m->low = fmin(m->low, m->value[i]);
        m->high = fmax(m->high, m->value[i]);
    }
    m->is_signed = m->low < -0.1 * m->high;
}

/* 0, 50, 100: three or four marks. */
static double mark_step(double range)
{
    static const double steps[] = {1,   2,    5,    10,   20,    50,    100,  200,
                                   500, 1000, 2000, 5000, 10000, 20000, 50000};
    size_t i = 0;

    while (i + 1 < sizeof steps / sizeof *steps && range / steps[i] > 5) i++;
    return steps[i];
}

/* Two maps side by side in a column of the page, larger ones below each other; each cell is so many
 * whole pixels. */
static gk_panels lay_out(const maps *m)
{
    enum { PAIR = 226, ALONE = 500 };
    int P = (int)m->P, cell = P <= PAIR ? PAIR / P : 1;

    if (cell == 1 && 2 * P <= ALONE) cell = 2;
    return (gk_panels){m->n, cell * P <= PAIR && m->n > 1 ? 2 : 1, cell * P, m->quantity};
}

static void draw_maps(gk_figure *f, maps *m, char (*title)[64])
{
    gk_panels panels = lay_out(m);

    measure(m);
    gk_figure_panels(f, &panels);
    f->exact = true;
    gk_text_add(&f->script,
                "set palette defined @%s\nunset grid\nset xrange [-0.5:%zu-0.5]\n"
                "set yrange [-0.5:%zu-0.5]\nset xtics %g\nset ytics %g\n",
                m->is_signed ? "signed" : "heat", m->P, m->P, mark_step((double)m->P),
                mark_step((double)m->P));
    for (size_t i = 0; i < m->n; i++) {
        const double *map = m->value + i * m->P * m->P;
        double high = m->shared ? m->high : largest(map, m->P * m->P),
               low = m->is_signed ? -(high = fmax(m->high, -m->low)) : fmin(m->low, 0);
        if (high > low)
            gk_text_add(&f->script, "set cbrange [%g:%g]\nset cbtics %g\n", low, high,
                        mark_step((high - low) * 1000) / 1000);
        int block = gk_figure_matrix(f, title[i], map, m->P, m->P);
        gk_figure_panel(f, &panels, i, "b", "a");
        gk_text_add(&f->script,
                    "set title '%s' offset 0,-0.6\nplot data index %d matrix with image notitle\n",
                    title[i], block);
    }
    gk_text_add(&f->script, "unset multiplot\n");
}

/* A (n,P,P) array of the last arrays; n 0: there is none. */
static double *read_maps(maps *m, const gk_run_data *d, const char *name)
{
    size_t count = 0;
    double *value = gk_entry_reals(&d->arrays, name, 3, &count);

    *m = (maps){.value = value};
    if (!value) return NULL;
    const gk_entry *entry = gk_tensors_find(&d->arrays, name);
    m->n = (size_t)entry->shape[0];
    m->P = (size_t)entry->shape[1];
    if (entry->shape[1] != entry->shape[2] || m->n > 64) m->n = 0;
    return value;
}

static gk_status attention(gk_page *page, const gk_run_data *d)
{
    char(*title)[64] = gk_alloc(64, sizeof *title);
    gk_figure f;
    maps m;
    double *value = read_maps(&m, d, "attention_first");

    gk_figure_open(&f, "attention", "Attention to the first operand a, by head");
    gk_text_add(
        &f.caption,
        "Fraction of each head's attention, where the result is read, that goes to the first "
        "operand a, for every pair (a, b). In trained networks it is periodic: "
        "heads mix the two numbers by sigmoid-like functions of cosines.");
    for (size_t h = 0; h < m.n; h++) snprintf(title[h], sizeof *title, "head %zu", h);
    m.shared = true;
    m.quantity = "fraction of the attention";
    if (m.n)
        draw_maps(&f, &m, title);
    else
        gk_run_missing(&f.missing, d, no_maps);
    free(value);
    free(title);
    return gk_page_figure(page, &f);
}

static gk_status activations(gk_page *page, const gk_run_data *d)
{
    char(*title)[64] = gk_alloc(64, sizeof *title);
    gk_figure f;
    maps m;
    size_t chosen = 0, n = 0, shares = 0;
    double *value = read_maps(&m, d, "neuron_maps"),
           *of = gk_entry_reals(&d->arrays, "neuron_map_of", 1, &chosen),
           *frequency = gk_entry_reals(&d->arrays, "neuron_frequency", 1, &n),
           *fve = gk_entry_reals(&d->arrays, "neuron_fve", 1, &shares);

    gk_figure_open(&f, "activations", "Activations of single neurons, by pair (a, b)");
    gk_text_add(
        &f.caption,
        "Activation for every pair (a, b) of the neurons that weigh most in the logits (of the "
        "clearest, if a norm stands in between), the key frequencies taking turns where "
        "the last row has any; k and percent: the frequency that explains most of the "
        "neuron's variance.");
    if (!of || chosen != m.n) m.n = 0;
    m.quantity = "activation";
    for (size_t i = 0; i < m.n; i++) {
        size_t neuron = (size_t)of[i];
        if (frequency && fve && neuron < n && neuron < shares)
            snprintf(title[i], sizeof *title, "neuron %zu: k = %.0f, %.0f %%", neuron,
                     frequency[neuron], 100 * fve[neuron]);
        else
            snprintf(title[i], sizeof *title, "neuron %zu", neuron);
    }
    if (m.n)
        draw_maps(&f, &m, title);
    else
        gk_run_missing(&f.missing, d, no_maps);
    free(value);
    free(of);
    free(frequency);
    free(fve);
    free(title);
    return gk_page_figure(page, &f);
}

gk_status gk_run_neurons(gk_page *page, gk_run_data *d)
{
    gk_page_section(page, "neurons", "Neurons and attention");
    GK_TRY(neuron_norms(page, d));
    GK_TRY(kinds(page, d, false));
    GK_TRY(kinds(page, d, true));
    GK_TRY(attention(page, d));
    return activations(page, d);
}
