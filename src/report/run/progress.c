/* Figures of the progress measures: what the circuit explains, and how much is left without it. */
#include "report/run/over_epochs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows with the final key set where there are some, else those with the set of their own epoch. */
static const gk_row_table *keyed(const gk_run_data *d)
{
    return d->finals.n > 2 ? &d->finals : &d->rows;
}

static void add_keyed(gk_curves *c, const char *name, const char *title, const char *style)
{
    char column[128];

    snprintf(column, sizeof column, "%s%s", name, c->rows == &c->data->finals ? "" : "_online");
    gk_curves_add(c, column, title, style);
}

static const char no_keys[] =
    "there is no set of key frequencies with these measures (yet): early on too many frequencies "
    "are strong, and some tasks and models have none";

static gk_status restricted(gk_page *page, const gk_run_data *d, const gk_projections *p)
{
    char style[GK_CURVE_STYLE];
    gk_curves c;

    gk_curves_start(&c, d, keyed(d), "restricted", "Restricted loss", GK_FIGURE_LINEAR);
    if (p->n)
        gk_curves_add_points(&c, "restricted", "with lines lt 3 lw 2", p->epoch, p->restricted,
                             p->n);
    else
        add_keyed(&c, "restricted_all", "restricted", gk_curves_lines(&c, style, 3));
    bool any = c.n > 0;
    add_keyed(&c, "const8_all", "8 products", "with lines lt 5 dt 2");
    add_keyed(&c, "cosine_loss", "cosines", "with lines lt 4 dt 3");
    c.rows = &d->rows;
    if (any) gk_curves_add(&c, "test_loss_p", "test loss", "with lines lt 2 lw 1.2");
    gk_text_add(&c.f.script, "set logscale y\nset format y '10^{%%T}'\nset ylabel 'loss (nats)'\n");
    gk_text_add(
        &c.f.caption,
        "Loss of the key frequencies' part of the logits alone%s (8 products: with all products of "
        "cosines and sines of a frequency; cosines: only cos w_k(f - c)). It falls before the test "
        "loss does: the circuit is there while memorised parts still drown it out.",
        p->n || c.rows == &d->finals ? ", with the final key set" : "");
    return gk_curves_finish(&c, page, no_keys);
}

static gk_status excluded(gk_page *page, const gk_run_data *d)
{
    char style[GK_CURVE_STYLE];
    gk_curves c;

    gk_curves_start(&c, d, keyed(d), "excluded", "Excluded loss and its controls",
                    GK_FIGURE_LINEAR);
    add_keyed(&c, "excluded_train", "excluded", gk_curves_lines(&c, style, 2));
    add_keyed(&c, "excluded_fitted", "fitted on train", "with lines lt 5 dt 2");
    add_keyed(&c, "excluded_cosines", "cosines", "with lines lt 4 dt 3");
    add_keyed(&c, "control_operation", "wrong operation", "with linespoints lt 1 lw 1 pt 2 ps 0.4");
    add_keyed(&c, "control_random", "other frequencies", "with linespoints lt 6 lw 1 pt 4 ps 0.4");
    bool any = c.n > 0;
    c.rows = &d->rows;
    if (any) gk_curves_add(&c, "train_loss_p", "train loss", "with lines lt 7 lw 1.2");
    gk_text_add(&c.f.script, "set logscale y\nset format y '10^{%%T}'\n"
                             "set ylabel 'train loss (nats)'\n");
    gk_text_add(
        &c.f.caption,
        "Train loss after the key frequencies' part of the logits is taken away, on a logarithmic "
        "axis. It rises as the network comes to rely on the circuit; the controls, which take away "
        "as much that should not matter, stay at the train loss.");
    return gk_curves_finish(&c, page, no_keys);
}

static gk_status gini(gk_page *page, const gk_run_data *d)
{
    char style[GK_CURVE_STYLE];
    gk_curves c;

    gk_curves_start(&c, d, &d->rows, "gini", "Sparsity in the Fourier basis", GK_FIGURE_LINEAR);
    gk_curves_add(&c, "gini_w_e", "W_E", gk_curves_lines(&c, style, 1));
    gk_curves_add(&c, "gini_w_l", "W_L", gk_curves_lines(&c, style, 2));
    gk_text_add(&c.f.script, "set yrange [0:1]\nset ylabel 'Gini coefficient'\n");
    gk_text_add(&c.f.caption,
                "Gini coefficient of the norms by frequency of the embedding W_E and of "
                "W_L, from neurons to logits: 0, all alike; 1, a single frequency.");
    return gk_curves_finish(&c, page, "the task or the model has no Fourier basis of embeddings");
}

/* ---- by key frequency */

/* value (keys,n): one array of the files of measures/ over their epochs, at the key frequencies. */
static gk_status over_epochs(double **value, double **epoch, size_t *n, const gk_run_data *d,
                             const char *name)
{
    size_t files = (size_t)d->n_arrays;

    *value = gk_alloc((size_t)d->keys * files + 1, sizeof **value);
    *epoch = gk_alloc(files + 1, sizeof **epoch);
    for (*n = 0; *n < files; ++*n) {
        gk_tensors_file file;
        size_t count;
        (*epoch)[*n] = (double)d->array_epochs[*n];
        GK_TRY(gk_run_load(&file, d, GK_EPOCH_ARRAYS, d->array_epochs[*n]));
        double *array = gk_entry_reals(&file, name, 1, &count);
        for (int i = 0; i < d->keys; i++)
            (*value)[(size_t)i * files + *n] =
                array && (size_t)d->key[i] <= count ? array[d->key[i] - 1] : GK_NULL;
        free(array);
        gk_tensors_close(&file);
    }
    return GK_OK;
}

static void add_frequencies(gk_curves *c, const gk_run_data *d, const double *epoch,
                            const double *value, size_t stride, size_t n)
{
    char title[32], style[GK_CURVE_STYLE];

    for (int i = 0; i < d->keys; i++) {
        snprintf(title, sizeof title, "k = %d", d->key[i]);
        snprintf(style, sizeof style, "with %s lt %d dt %d",
                 n > 60 ? "lines" : "linespoints pt 7 ps 0.4", i % 8 + 1, i / 8 + 1);
        gk_curves_add_points(c, title, style, epoch, value + (size_t)i * stride, n);
    }
}

/* An axis from 0 where what lies below is rounding. */
static const char *from_zero(const double *value, size_t stride, size_t n, int keys)
{
    double low = 0, high = 0;

    for (int k = 0; k < keys; k++)
        for (size_t i = 0; i < n; i++) {
            low = fmin(low, value[(size_t)k * stride + i]);
            high = fmax(high, value[(size_t)k * stride + i]);
        }
    return low > -0.02 * high ? "set yrange [0:*]\n" : "";
}

static gk_status cosines(gk_page *page, const gk_run_data *d, const gk_projections *p)
{
    double *value = NULL, *epoch = NULL;
    gk_curves c;
    size_t n = 0;
    gk_status status = GK_OK;

    gk_curves_start(&c, d, &d->rows, "cosines", "Cosines of the key frequencies in the logits",
                    GK_FIGURE_LINEAR);
    if (p->n)
        add_frequencies(&c, d, p->epoch, p->cosine, p->stride, p->n);
    else if (d->n_arrays > 1 && d->keys) {
        status = over_epochs(&value, &epoch, &n, d, "cosine_similarity");
        if (status == GK_OK) add_frequencies(&c, d, epoch, value, n, n);
    }
    gk_text_add(&c.f.script, "%s",
                p->n    ? from_zero(p->cosine, p->stride, p->n, d->keys)
                : value ? from_zero(value, n, n, d->keys)
                        : "");
    free(value);
    free(epoch);
    gk_text_add(&c.f.script, "set ylabel '%s'\n",
                p->n ? "amplitude (logits)" : "cosine similarity");
    gk_text_add(
        &c.f.caption,
        "%s of cos w_k(f(a,b) - c) in the logits by key frequency k; w_k = 2 pi k / n. This is "
        "the circuit growing.",
        p->n ? "Amplitude" : "Cosine similarity");
    gk_status drawn = gk_curves_finish(
        &c, page,
        d->keys ? "only projections.bin and arrays along the way (run.arrays_at) tell it"
                : no_keys);
    return status == GK_OK ? drawn : status;
}

static gk_status excluded_by_frequency(gk_page *page, const gk_run_data *d)
{
    double *value, *epoch;
    size_t n;
    gk_curves c;
    gk_status status = GK_OK;

    gk_curves_start(&c, d, &d->rows, "excluded-by-frequency",
                    "Excluded loss by key frequency over epochs", GK_FIGURE_LINEAR);
    if (d->n_arrays > 2 && d->keys) {
        status = over_epochs(&value, &epoch, &n, d, "excluded_by_frequency");
        if (status == GK_OK) add_frequencies(&c, d, epoch, value, n, n);
        free(value);
        free(epoch);
    }
    gk_text_add(&c.f.script,
                "set logscale y\nset format y '10^{%%T}'\nset ylabel 'train loss (nats)'\n");
    gk_text_add(&c.f.caption, "Train loss without one key frequency at a time.");
    gk_status drawn = gk_curves_finish(&c, page,
                                       d->keys ? "the run kept arrays of fewer than three epochs; "
                                                 "run.arrays_at keeps more"
                                               : no_keys);
    return status == GK_OK ? drawn : status;
}

gk_status gk_run_progress(gk_page *page, gk_run_data *d)
{
    gk_projections p;

    gk_page_section(page, "progress", "Progress measures");
    GK_TRY(gk_projections_read(&p, d));
    gk_status status = restricted(page, d, &p);
    if (status == GK_OK) status = excluded(page, d);
    if (status == GK_OK) status = cosines(page, d, &p);
    if (status == GK_OK) status = gini(page, d);
    if (status == GK_OK) status = excluded_by_frequency(page, d);
    gk_projections_free(&p);
    return status;
}
