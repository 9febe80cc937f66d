/* Figures of the embedding: tokens on its principal components, and on the Fourier modes of
 * the key frequencies. */
#include "report/run/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_HERE = 320, COMPONENTS = 4, PAIRS = COMPONENTS / 2 };

/* Embeddings of the group's elements, in the order of the group, less their mean. */
typedef struct embedding {
    size_t n, D;
    double *x; /* (n,D); NULL: there is none */
} embedding;

/* Which token stands for which element: as the arrays say, or as it is for + and -; NULL: not
 * known. */
static double *tokens_of(const gk_run_data *d, size_t V, size_t *n)
{
    double *token = gk_entry_reals(&d->arrays, "element_class", 1, n);

    if (!token && gk_run_elements(d) == (size_t)d->config.task.p) {
        token = gk_alloc(*n = gk_run_elements(d), sizeof *token);
        for (size_t i = 0; i < *n; i++) token[i] = (double)i;
    }
    for (size_t i = 0; token && i < *n; i++)
        if (!(token[i] >= 0 && token[i] < (double)V)) {
            free(token);
            return NULL;
        }
    return token;
}

static void centre(embedding *e)
{
    for (size_t j = 0; j < e->D; j++) {
        double mean = 0;
        for (size_t i = 0; i < e->n; i++) mean += e->x[i * e->D + j] / (double)e->n;
        for (size_t i = 0; i < e->n; i++) e->x[i * e->D + j] -= mean;
    }
}

static gk_status read_embedding(embedding *e, const gk_run_data *d, int64_t epoch)
{
    gk_tensors_file file;
    double *w_e, *token;
    size_t count, n = 0;

    *e = (embedding){0};
    GK_TRY(gk_run_load(&file, d, GK_EPOCH_WEIGHTS, epoch));
    w_e = gk_entry_reals(&file, "embed.W_E", 2, &count);
    if (w_e) {
        const gk_entry *entry = gk_tensors_find(&file, "embed.W_E");
        size_t V = (size_t)entry->shape[0];
        e->D = (size_t)entry->shape[1];
        if ((token = tokens_of(d, V, &n))) {
            e->n = n;
            e->x = gk_alloc(n * e->D, sizeof *e->x);
            for (size_t i = 0; i < n; i++)
                memcpy(e->x + i * e->D, w_e + (size_t)token[i] * e->D, e->D * sizeof *e->x);
            centre(e);
        }
        free(token);
    }
    free(w_e);
    gk_tensors_close(&file);
    return GK_OK;
}

/* axis (COMPONENTS,D) of unit length, share (COMPONENTS) of the sum of squares. */
static bool components(double *axis, double *share, const embedding *e)
{
    size_t D = e->D;
    double all = 0;

    if (D > SIZE_MAX_HERE || D < COMPONENTS || e->n < COMPONENTS) return false;
    double *a = gk_alloc(2 * D * D + D, sizeof *a), *vector = a + D * D, *value = vector + D * D;
    for (size_t i = 0; i < e->n; i++)
        for (size_t j = 0; j < D; j++)
            for (size_t k = 0; k < D; k++) a[j * D + k] += e->x[i * D + j] * e->x[i * D + k];
    for (size_t j = 0; j < D; j++) all += a[j * D + j];
    bool finite = isfinite(all) && all > 0;
    if (finite) gk_eigen(value, vector, a, (int)D);
    memcpy(axis, vector, COMPONENTS * D * sizeof *axis);
    for (int i = 0; i < COMPONENTS; i++) share[i] = value[i] / all;
    free(a);
    return finite;
}

/* Elements on up to COMPONENTS axes: (axes,n). The caller frees. */
static double *project(const embedding *e, const double *axis, size_t axes)
{
    double *value = gk_alloc(axes * e->n, sizeof *value);

    for (size_t c = 0; c < axes; c++)
        for (size_t i = 0; i < e->n; i++)
            for (size_t j = 0; j < e->D; j++)
                value[c * e->n + i] += e->x[i * e->D + j] * axis[c * e->D + j];
    return value;
}

/* The frequency of which there is most in two coordinates x (2,n). */
static size_t strongest(const double *x, size_t n)
{
    double most = -1;
    size_t best = 1;

    for (size_t k = 1; 2 * k <= n; k++) {
        double power = 0;
        for (int c = 0; c < 2; c++) {
            double re = 0, im = 0;
            for (size_t i = 0; i < n; i++) {
                double angle = 2 * M_PI * (double)(k * i % n) / (double)n;
                re += x[(size_t)c * n + i] * cos(angle);
                im += x[(size_t)c * n + i] * sin(angle);
            }
            power += re * re + im * im;
        }
        if (power > most) {
            most = power;
            best = k;
        }
    }
    return best;
}

/* A block of two coordinates x (2,n) of the elements a, and k a mod n, which is their colour:
 * points that follow each other at frequency k have neighbouring colours. *reach grows to
 * the largest coordinate. */
static int coordinates(gk_figure *f, const char *title, const double *x, size_t n, size_t k,
                       double *reach)
{
    double *element = gk_alloc(2 * n, sizeof *element), *turn = element + n;
    double near = INFINITY, far = 0;

    for (size_t i = 0; i < n; i++) {
        near = fmin(near, hypot(x[i], x[n + i]));
        far = fmax(far, hypot(x[i], x[n + i]));
        element[i] = (double)i;
        turn[i] = (double)(k * i % n);
        *reach = fmax(*reach, fmax(fabs(x[i]), fabs(x[n + i])));
    }
    gk_text_add(&f->seen, "%s%s: %zu points, %.2g to %.2g from the centre.",
                f->seen.length ? " " : "", title, n, near, far);
    int block = gk_figure_block(f, title, (const char *[]){"element a", "x", "y", "k a mod n"},
                                (const double *[]){element, x, x + n, turn}, 4, n);
    free(element);
    return block;
}

/* Points are seen on a light page and on a dark one: all colours of the cycle are equally light. */
static void start_panels(gk_figure *f, const gk_panels *panels, size_t n)
{
    gk_figure_panels(f, panels);
    gk_text_add(&f->script,
                "unset key\nset palette defined @cycle\nset cbrange [0:%zu]\n"
                "unset colorbox\n",
                n);
}

/* Both axes reach as far as the block of coordinates does. */
static void set_reach(gk_figure *f, double reach)
{
    reach = fmax(reach, 1e-30);
    double step = pow(10, floor(log10(reach)));

    step *= reach / step >= 5 ? 4 : reach / step >= 2 ? 2 : reach / step >= 1.2 ? 1 : 0.5;
    gk_text_add(&f->script, "set xrange [%g:%g]\nset yrange [%g:%g]\nset xtics %g\nset ytics %g\n",
                -1.08 * reach, 1.08 * reach, -1.08 * reach, 1.08 * reach, step, step);
}

static void plot_points(gk_figure *f, const char *title, int block)
{
    gk_text_add(&f->script,
                "set title '%s' offset 0,-0.6\n"
                "plot data index %d using 2:3:4 with points pt 7 ps 0.5 lc palette notitle\n",
                title, block);
}

/* Components 1 and 2, 3 and 4 side by side. */
typedef struct on_axes {
    const double *axis, *share; /* (COMPONENTS,D), (COMPONENTS) */
    size_t k[PAIRS];            /* whose turns are the colours of each pair */
} on_axes;

static gk_status on_components(gk_page *page, const gk_run_data *d, const embedding *e,
                               const on_axes *on, const char *name, const char *title,
                               const char *caption, const char *missing)
{
    const gk_panels panels = {.n = PAIRS, .across = 2, .side = 172};
    gk_figure f;

    gk_figure_open(&f, name, title);
    if (missing)
        gk_run_missing(&f.missing, d, missing);
    else {
        double *x = project(e, on->axis, COMPONENTS), reach = 0;
        int block[PAIRS];
        start_panels(&f, &panels, e->n);
        for (size_t i = 0; i < PAIRS; i++) {
            char pair[48];
            snprintf(pair, sizeof pair, "components %zu and %zu", 2 * i + 1, 2 * i + 2);
            block[i] = coordinates(&f, pair, x + 2 * i * e->n, e->n, on->k[i], &reach);
        }
        set_reach(&f, reach);
        for (size_t i = 0; i < PAIRS; i++) {
            char label[2][32], colour[32];
            for (size_t j = 0; j < 2; j++)
                snprintf(label[j], sizeof label[j], "component %zu (%.0f %%)", 2 * i + j + 1,
                         100 * on->share[2 * i + j]);
            snprintf(colour, sizeof colour, "colour: k = %zu", on->k[i]);
            gk_figure_panel(&f, &panels, i, label[0], label[1]);
            plot_points(&f, colour, block[i]);
        }
        gk_text_add(&f.script, "unset multiplot\n");
        free(x);
    }
    gk_text_add(&f.caption, "%s", caption);
    return gk_page_figure(page, &f);
}

/* wave (2,D): the directions in which the embedding holds cos and sin of 2 pi k e / n, of unit
 * length. */
static void wave(double *axis, const embedding *e, int k)
{
    memset(axis, 0, 2 * e->D * sizeof *axis);
    for (int part = 0; part < 2; part++) {
        double square = 0, *u = axis + (size_t)part * e->D;
        for (size_t i = 0; i < e->n; i++) {
            double angle = 2 * M_PI * (double)((size_t)k * i % e->n) / (double)e->n,
                   factor = part ? sin(angle) : cos(angle);
            for (size_t j = 0; j < e->D; j++) u[j] += factor * e->x[i * e->D + j];
        }
        for (size_t j = 0; j < e->D; j++) square += u[j] * u[j];
        for (size_t j = 0; j < e->D && square > 0; j++) u[j] /= sqrt(square);
    }
}

static gk_status circles(gk_page *page, const gk_run_data *d, const embedding *e,
                         const char *missing)
{
    const gk_panels panels = {.n = (size_t)d->keys, .across = 2, .side = 172};
    gk_figure f;

    gk_figure_open(&f, "circles", "Embedding on the key frequencies");
    if (!missing && !d->keys) missing = "there are no key frequencies";
    if (missing)
        gk_run_missing(&f.missing, d, missing);
    else {
        double *axis = gk_alloc(2 * e->D, sizeof *axis);
        start_panels(&f, &panels, e->n);
        for (int i = 0; i < d->keys; i++) {
            char title[64];
            double reach = 0;
            snprintf(title, sizeof title, "k = %d", d->key[i]);
            wave(axis, e, d->key[i]);
            double *x = project(e, axis, 2);
            int block = coordinates(&f, title, x, e->n, (size_t)d->key[i], &reach);
            set_reach(&f, reach);
            gk_figure_panel(&f, &panels, (size_t)i, "cos", "sin");
            plot_points(&f, title, block);
            free(x);
        }
        gk_text_add(&f.script, "unset multiplot\n");
        free(axis);
    }
    gk_text_add(&f.caption,
                "Every number's embedding along the two directions that hold cos and sin of each "
                "key frequency: the numbers a lie on circles and go round k times. Colour: k a mod "
                "%zu on a circle of colours, which goes round once where the order is right.",
                e->n);
    return gk_page_figure(page, &f);
}

static gk_status draw(gk_page *page, const gk_run_data *d, const embedding *last,
                      const embedding *first)
{
    double share[COMPONENTS] = {0}, *axis = gk_alloc(COMPONENTS * (last->D + 1), sizeof *axis);
    bool found = last->x && components(axis, share, last);
    on_axes on = {.axis = axis, .share = share};
    const char *why = !last->x ? "the run keeps no checkpoint with an embedding of a group (yet)"
                      : !found ? "the embedding is too wide, or not finite, for its components"
                               : NULL;

    if (!why) {
        double *x = project(last, axis, COMPONENTS);
        for (size_t i = 0; i < PAIRS; i++) on.k[i] = strongest(x + 2 * i * last->n, last->n);
        free(x);
    }
    gk_status status = on_components(
        page, d, last, &on, "embedding", "Embedding on its principal components",
        "Every number's embedding; in brackets the fraction of the variance. Colour: k a of the "
        "number "
        "a on a circle of colours, k being the frequency of which there is most in the two.",
        why);
    if (status == GK_OK) status = circles(page, d, last, last->x ? NULL : why);
    if (status == GK_OK)
        status = on_components(page, d, first, &on, "embedding-initial",
                               "Initial embedding on the final principal components",
                               "The same directions and colours as above, before training: what is "
                               "there from the start. In brackets the fractions of the final "
                               "embedding.",
                               why        ? why
                               : first->x ? NULL
                                          : "the checkpoint of epoch 0 is not kept");
    free(axis);
    return status;
}

gk_status gk_run_embedding(gk_page *page, gk_run_data *d)
{
    embedding last = {0}, first = {0};
    gk_status status = GK_OK;

    gk_page_section(page, "embedding", "Embedding");
    if (d->n_checkpoints)
        status = read_embedding(&last, d, d->checkpoint_epochs[d->n_checkpoints - 1]);
    if (status == GK_OK && d->n_checkpoints > 1 && d->checkpoint_epochs[0] == 0)
        status = read_embedding(&first, d, 0);
    if (status == GK_OK) status = draw(page, d, &last, &first);
    free(last.x);
    free(first.x);
    return status;
}
