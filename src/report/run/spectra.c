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
    gk_text_add(&f->script, "set grid noxtics\nset style fill solid noborder\nset boxwidth 0.8\n"
                            "set key tmargin center horizontal\n");
}

/* "Largest: k = 14 (3.2), ..., then 29 (1.1), which is not key." */
static void tell_largest(gk_figure *f, const gk_run_data *d, const double *value, size_t K)
{
    enum { TOLD = 8 };
    bool *told = gk_alloc(K + 1, sizeof *told);

    gk_text_add(&f->seen, "Largest:");
    for (int i = 0; i < TOLD; i++) {
        size_t best = 0;
        for (size_t k = 1; k <= K; k++)
            if (!told[k] && isfinite(value[k - 1]) && (!best || value[k - 1] > value[best - 1]))
                best = k;
        if (!best) break;
        told[best] = true;
        gk_text_add(&f->seen, "%s k = %zu (%.3g%s)", i ? "," : "", best, value[best - 1],
                    gk_run_is_key(d, best) ? ", key" : "");
    }
    gk_text_add(&f->seen, ".");
    free(told);
}

/* value (K): a block of the key frequencies' and of the others'. */
static int split_block(gk_figure *f, const gk_run_data *d, const double *value, size_t K)
{
    double *k = gk_alloc(3 * K, sizeof *k), *key = k + K, *other = key + K;

    for (size_t i = 0; i < K; i++) {
        bool is_key = gk_run_is_key(d, i + 1);
        k[i] = (double)i + 1;
        key[i] = is_key ? value[i] : GK_FIGURE_GAP;
        other[i] = is_key ? GK_FIGURE_GAP : value[i];
    }
    tell_largest(f, d, value, K);
    int block = gk_figure_block(f, f->title, (const char *[]){"k", "key frequencies", "others"},
                                (const double *[]){k, key, other}, 3, K);
    free(k);
    return block;
}

/* `with`: gnuplot's style of both. */
static void plot_split(gk_figure *f, const gk_run_data *d, int block, const char *with)
{
    if (d->keys)
        gk_text_add(&f->script,
                    "plot data index %d using 1:3 with %s lt 7 title 'others', \\\n"
                    " data index %d using 1:2 with %s lt 2 title 'key frequencies'",
                    block, with, block, with);
    else
        gk_text_add(&f->script, "plot data index %d using 1:3 with %s lt 1 notitle", block, with);
}

/* What is above the line and not key. */
static void name_others(gk_text *caption, const gk_run_data *d, const double *value, size_t K,
                        double line)
{
    int n = 0;

    for (size_t k = 1; k <= K && d->keys; k++)
        if (value[k - 1] > line && !gk_run_is_key(d, k))
            gk_text_add(caption, "%s%zu", n++ ? ", " : " Above the line here, and not key: ", k);
    if (n) gk_text_add(caption, ".");
}

/* An array (n): constant, cos 1, sin 1, ... as a norm for each frequency. */
static gk_status norms(gk_page *page, const gk_run_data *d, const char *array, const char *name,
                       const char *title, const char *caption)
{
    gk_figure f;
    size_t n = 0;
    double *value = gk_entry_reals(&d->arrays, array, 1, &n), largest = 0;

    gk_figure_open(&f, name, title);
    gk_text_add(&f.caption, "%s The constant is left out.", caption);
    if (value) {
        size_t K = n / 2;
        for (size_t i = 0; i < K; i++) {
            value[i] = 2 * i + 2 < n ? hypot(value[2 * i + 1], value[2 * i + 2]) : value[2 * i + 1];
            largest = fmax(largest, value[i]);
        }
        frequency_axis(&f, K);
        int block = split_block(&f, d, value, K);
        gk_text_add(&f.script, "set yrange [0:*]\nset ylabel 'norm'\n");
        plot_split(&f, d, block, "boxes");
        gk_text_add(&f.script, ", \\\n %g with lines lc rgb ink dt 2 title '1/4 of the largest'\n",
                    largest / 4);
        name_others(&f.caption, d, value, K, largest / 4);
    } else
        gk_run_missing(&f.missing, d, no_arrays);
    free(value);
    return gk_page_figure(page, &f);
}

/* The squares of cosine similarities are fractions of the logits' squares: they add up. */
static gk_status fractions(gk_page *page, const gk_run_data *d)
{
    gk_figure f;
    size_t K = 0;
    double *value = gk_entry_reals(&d->arrays, "cosine_similarity", 1, &K), all = 0, key = 0;

    gk_figure_open(&f, "cosine-similarity", "Fraction of the logits explained, by frequency");
    gk_text_add(
        &f.caption,
        "Uncentred fraction of variance explained, in percent: of the logits' squares, what "
        "cos w_k(f(a,b) - c) holds, by frequency; the bars add up.");
    if (value) {
        for (size_t i = 0; i < K; i++) {
            value[i] *= 100 * value[i];
            if (isfinite(value[i])) all += value[i];
            if (isfinite(value[i]) && gk_run_is_key(d, i + 1)) key += value[i];
        }
        frequency_axis(&f, K);
        int block = split_block(&f, d, value, K);
        gk_text_add(&f.script, "set yrange [0:*]\nset ylabel 'percent explained'\n");
        plot_split(&f, d, block, "boxes");
        gk_text_add(&f.script, "\n");
        gk_text_add(&f.caption, " All of them: %.1f percent", all);
        if (d->keys) gk_text_add(&f.caption, ", the key frequencies: %.1f percent", key);
        gk_text_add(&f.caption, ".");
    } else
        gk_run_missing(&f.missing, d, no_arrays);
    free(value);
    return gk_page_figure(page, &f);
}

/* A loss spans powers of ten, where no bar has a foot to stand on: points, and a line for the whole
 * network. */
static void loss_axis(gk_figure *f, const double *value, size_t K, double whole)
{
    double low = whole > 0 ? whole : INFINITY, high = low < INFINITY ? whole : 0;

    for (size_t i = 0; i < K; i++) {
        if (!isfinite(value[i])) continue;
        low = fmin(low, value[i]);
        high = fmax(high, value[i]);
    }
    if (!(low > 0) || !isfinite(low)) return;
    gk_text_add(&f->script, "set format y '10^{%%T}'\n");
    gk_figure_log_axis(f, 'y', low / 2, high * 2);
}

static gk_status excluded(gk_page *page, const gk_run_data *d)
{
    gk_figure f;
    size_t K = 0;
    double *value = gk_entry_reals(&d->arrays, "excluded_by_frequency", 1, &K),
           whole = gk_run_number(d, "train_loss_p");

    gk_figure_open(&f, "excluded-last", "Excluded loss by frequency");
    gk_text_add(&f.caption,
                "Train loss without one frequency: high where the network relies on it; "
                "the others show the loss of the whole network.");
    if (value) {
        frequency_axis(&f, K);
        int block = split_block(&f, d, value, K);
        loss_axis(&f, value, K, whole);
        gk_text_add(&f.script, "set ylabel 'train loss (nats)'\n");
        plot_split(&f, d, block, "points pt 7 ps 0.6");
        if (whole > 0)
            gk_text_add(&f.script, ", \\\n %g with lines lc rgb ink dt 2 title 'whole network'",
                        whole);
        gk_text_add(&f.script, "\n");
    } else
        gk_run_missing(&f.missing, d, no_arrays);
    free(value);
    return gk_page_figure(page, &f);
}

enum { LEVELS = 4, MARK = 17 }; /* rows of marks; pixels that a mark needs */

/* The rows in which the marks of the key frequencies stand, so that none writes over another;
 * returns how many rows there are. */
static int stagger(int level[64], const gk_run_data *d, double pixels)
{
    double before[LEVELS];
    int rows = 1;

    for (int i = 0; i < LEVELS; i++) before[i] = -INFINITY;
    for (int i = 0; i < d->keys; i++) {
        double at = pixels * d->key[i];
        int row = 0;
        while (row + 1 < LEVELS && at - before[row] < MARK) row++;
        before[row] = at;
        level[i] = row;
        if (row + 1 > rows) rows = row + 1;
    }
    return rows;
}

/* The key frequencies as marks of an axis on which components are 0: constant, 2k-1: cos k, 2k:
 * sin k. A mark of a further row is moved outward by line ends (x) or spaces (y). */
static void component_marks(gk_figure *f, const gk_run_data *d, const char *axis, const int *level)
{
    gk_text_add(&f->script, "set %stics (", axis);
    for (int i = 0; i < d->keys; i++) {
        gk_text_add(&f->script, "%s\"", i ? ", " : "");
        for (int row = 0; row < level[i] && *axis == 'x'; row++) gk_text_add(&f->script, "\\n");
        gk_text_add(&f->script, "%d", d->key[i]);
        for (int row = 0; row < level[i] && *axis == 'y'; row++)
            gk_text_add(&f->script, "\u2007\u2007\u2007\u2007");
        gk_text_add(&f->script, "\" %g", 2 * d->key[i] - 0.5);
    }
    gk_text_add(&f->script, ")\n");
}

static void draw_logits(gk_figure *f, const gk_run_data *d, const double *value, size_t n)
{
    enum { SIDE = 340, LEFT = 46, ROW = 24, TOP = 10, BOTTOM = 40, LINE = 16, RIGHT = 108 };
    int cell = n < SIDE ? SIDE / (int)n : 1, side = cell * (int)n, level[64];
    int rows = stagger(level, d, 2 * cell);
    double left = LEFT + ROW * rows;

    f->exact = true;
    f->width = (int)left + side + RIGHT;
    f->height = TOP + side + BOTTOM + LINE * (rows - 1);
    int block = gk_figure_matrix(f, f->title, value, n, n);
    component_marks(f, d, "x", level);
    component_marks(f, d, "y", level);
    gk_figure_place(f, left, TOP, side, side);
    gk_text_add(&f->script,
                "set palette defined @heat\nset xrange [-0.5:%zu-0.5]\nset yrange [-0.5:%zu-0.5]\n"
                "set cblabel 'norm (logits)'\n"
                "set label 2 'frequency over b' at graph 0.5,screen %.4f center textcolor rgb ink\n"
                "set label 1 'frequency over a' at screen %.4f,graph 0.5 center rotate "
                "textcolor rgb ink\n"
                "set colorbox vertical user origin screen %.6f,%.6f size screen %.6f,%.6f\n"
                "unset grid\nset border 15\nplot data index %d matrix with image notitle\n",
                n, n, 10.0 / f->height, 12.0 / f->width, (left + side + 12) / f->width,
                1 - (double)(TOP + side) / f->height, 12.0 / f->width, (double)side / f->height,
                block);
}

static gk_status logits(gk_page *page, const gk_run_data *d)
{
    gk_figure f;
    size_t count = 0;
    double *value = gk_entry_reals(&d->arrays, "logits_fourier2d_norms", 2, &count);

    gk_figure_open(&f, "logits-2d", "Logits over pairs (a, b) in the 2-D Fourier basis");
    if (value) {
        value[0] = 0; /* the mean, which no class depends on */
        draw_logits(&f, d, value, (size_t)llround(sqrt((double)count)));
    } else
        gk_run_missing(&f.missing, d, no_arrays);
    gk_text_add(&f.caption,
                "Norm over the classes of every product of a Fourier mode of a and one of b; cos k "
                "and sin k lie side by side, all key frequencies are marked. A network that "
                "computes with cos w_k(a + b) has a few bright squares on the diagonal.");
    free(value);
    return gk_page_figure(page, &f);
}

gk_status gk_run_spectra(gk_page *page, gk_run_data *d)
{
    gk_page_section(page, "fourier", "Fourier spectra");
    GK_TRY(norms(page, d, "w_e_fourier_norms", "w-e-norms",
                 "Norm of the embedding W_E by frequency",
                 "Norm of the embedding's Fourier modes over the tokens, both of each frequency."));
    GK_TRY(norms(page, d, "w_l_fourier_norms", "w-l-norms",
                 "Norm of the neuron-logit map W_L by frequency",
                 "Norm of the Fourier modes over the classes of W_L = W_out W_U, both of each "
                 "frequency; those "
                 "above the line are the key frequencies, if they are few (the quarter rule)."));
    GK_TRY(logits(page, d));
    GK_TRY(fractions(page, d));
    return excluded(page, d);
}
