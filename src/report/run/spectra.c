/* Figures of the last arrays: what embedding, neurons and logits look like in the Fourier basis. */
#include "report/run/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char no_arrays[] = "the run has kept no such array (yet): the last row writes them, "
                                "run.arrays_at earlier ones; some tasks and models have none";

static void frequency_axis(gk_figure *f, size_t K)
{
    gk_text_add(&f->script, "set xrange [0:%zu]\nset xlabel 'frequency k' offset 0,0.5\n", K + 1);
    gk_text_add(&f->script, "set yrange [0:*]\nset grid noxtics\nset style fill solid noborder\n");
}

/* norms (n): constant, cos 1, sin 1, ... as bars side by side. */
static gk_status norms(gk_page *page, const gk_run_data *d, const char *array, const char *name,
                       const char *title, const char *caption)
{
    gk_figure f;
    size_t n = 0;
    double *value = gk_entry_reals(&d->arrays, array, 1, &n);

    gk_figure_open(&f, name, title);
    if (value) {
        size_t K = n / 2;
        double *k = gk_alloc(3 * (K + 1), sizeof *k), *cosine = k + K + 1, *sine = cosine + K + 1;
        for (size_t i = 0; i < K; i++) {
            k[i] = (double)i + 1;
            cosine[i] = value[2 * i + 1];
            sine[i] = 2 * i + 2 < n ? value[2 * i + 2] : GK_FIGURE_GAP;
        }
        gk_figure_block(&f, title, (const char *[]){"k", "cos", "sin"},
                        (const double *[]){k, cosine, sine}, 3, K);
        frequency_axis(&f, K);
        gk_text_add(&f.script,
                    "set ylabel 'norm'\nset boxwidth 0.42\nset key bmargin center horizontal\n"
                    "plot data using ($1-0.22):2 with boxes lt 1 title 'cos', \\\n"
                    " data using ($1+0.22):3 with boxes lt 2 title 'sin'\n");
        free(k);
    } else
        gk_run_missing(&f.missing, d, no_arrays);
    gk_text_add(&f.caption, "%s The constant is left out.", caption);
    free(value);
    return gk_page_figure(page, &f);
}

/* value (K) as one bar per frequency. */
/* A loss spans powers of ten (log), where it is positive; else bars stand on zero. */
static void bar_axis(gk_figure *f, const double *value, size_t K, bool log)
{
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < K; i++) {
        low = fmin(low, value[i]);
        high = fmax(high, value[i]);
    }
    if (log && low > 0 && isfinite(high)) {
        gk_text_add(&f->script, "set format y '10^{%%T}'\n");
        gk_figure_log_axis(f, 'y', low / 2, high * 2);
    } else
        gk_text_add(&f->script, "set yrange [%g:*]\nset xzeroaxis lt 1 lc rgb faint\n",
                    low < -0.02 * high ? 1.05 * low : 0);
}

static gk_status bars(gk_page *page, const gk_run_data *d, const char *array, const char *name,
                      const char *title, const char *label, bool log, const char *caption)
{
    gk_figure f;
    size_t K = 0;
    double *value = gk_entry_reals(&d->arrays, array, 1, &K);

    gk_figure_open(&f, name, title);
    if (value) {
        double *k = gk_alloc(K, sizeof *k);
        for (size_t i = 0; i < K; i++) k[i] = (double)i + 1;
        gk_figure_block(&f, title, (const char *[]){"k", label}, (const double *[]){k, value}, 2,
                        K);
        frequency_axis(&f, K);
        bar_axis(&f, value, K, log);
        gk_text_add(&f.script,
                    "set boxwidth 0.8\nset ylabel '%s'\nplot data using 1:2 with boxes lt 1 "
                    "notitle\n",
                    label);
        free(k);
    } else
        gk_run_missing(&f.missing, d, no_arrays);
    gk_text_add(&f.caption, "%s", caption);
    free(value);
    return gk_page_figure(page, &f);
}

enum { MARK = 3 }; /* frequencies nearer than that would write over each other */

/* The key frequencies as marks of an axis on which components are 0: constant, 2k-1: cos k, 2k:
 * sin k. */
static void component_marks(gk_figure *f, const gk_run_data *d, const char *axis)
{
    int before = -MARK;

    gk_text_add(&f->script, "set %stics (", axis);
    for (int i = 0; i < d->keys; i++) {
        if (d->key[i] - before < MARK) continue;
        gk_text_add(&f->script, "%s'%d' %g", before < 0 ? "" : ", ", d->key[i],
                    2 * d->key[i] - 0.5);
        before = d->key[i];
    }
    gk_text_add(&f->script, ")\n");
}

static gk_status logits(gk_page *page, const gk_run_data *d)
{
    gk_figure f;
    size_t count = 0, n;
    double *value = gk_entry_reals(&d->arrays, "logits_fourier2d_norms", 2, &count);

    gk_figure_open(&f, "logits-2d", "Logits over pairs (a, b) in the 2-D Fourier basis");
    f.height = 382;
    if (value) {
        n = (size_t)llround(sqrt((double)count));
        value[0] = 0; /* the mean, which no answer depends on */
        int block = gk_figure_matrix(&f, f.title, value, n, n);
        component_marks(&f, d, "x");
        component_marks(&f, d, "y");
        gk_text_add(
            &f.script,
            "set palette defined @heat\nset xrange [-0.5:%zu-0.5]\nset yrange [-0.5:%zu-0.5]\n"
            "set xlabel 'frequency over b' offset 0,0.5\nset ylabel 'frequency over a' offset 1,0\n"
            "set lmargin at screen 0.15\nset rmargin at screen 0.82\nset bmargin at screen 0.15\n"
            "set tmargin at screen 0.96\nunset grid\nset border 15\n"
            "plot data index %d matrix with image notitle\n",
            n, n, block);
    } else
        gk_run_missing(&f.missing, d, no_arrays);
    gk_text_add(&f.caption,
                "Norm over the answers of every product of a wave over a and one over b; cos k "
                "and sin k lie side by side, key frequencies are marked. A network that "
                "computes with cos w_k(a + b) has a few bright squares on the diagonal.");
    free(value);
    return gk_page_figure(page, &f);
}

gk_status gk_run_spectra(gk_page *page, gk_run_data *d)
{
    gk_page_section(page, "fourier", "In the Fourier basis");
    GK_TRY(norms(page, d, "w_e_fourier_norms", "w-e-norms", "Embedding W_E by frequency",
                 "Norm of each wave over the tokens in the embedding."));
    GK_TRY(
        norms(page, d, "w_l_fourier_norms", "w-l-norms", "Neurons to logits, W_L, by frequency",
              "Norm of each wave over the answers in W_L = W_out W_U; those above a quarter of the "
              "largest are the key frequencies."));
    GK_TRY(logits(page, d));
    GK_TRY(bars(page, d, "cosine_similarity", "cosine-similarity", "Cosines in the logits",
                "cosine similarity", false,
                "Cosine similarity of cos w_k(f(a,b) - c) and the logits by frequency; its "
                "square is the share of the logits' squares."));
    return bars(page, d, "excluded_by_frequency", "excluded-last", "Excluded loss by frequency",
                "train loss (nats)", true,
                "Train loss without one frequency: high where the network relies on it; the others "
                "show the loss of the whole network.");
}
