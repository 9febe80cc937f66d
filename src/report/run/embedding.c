/* Figures of the embedding: tokens on its principal components, and on the waves of the key
 * frequencies. */
#include "report/run/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MAX_HERE = 320, COMPONENTS = 4, CIRCLES = 4 };

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

/* A block: element and coordinates on `axes` axes (axes,D); *reach: the largest in size. */
static int coordinates(gk_figure *f, const char *title, const embedding *e, const double *axis,
                       size_t axes, double *reach)
{
    const char *names[1 + COMPONENTS] = {"element", "1", "2", "3", "4"};
    const double *column[1 + COMPONENTS];
    double *value = gk_alloc((1 + axes) * e->n, sizeof *value);

    for (size_t i = 0; i < e->n; i++) {
        value[i] = (double)i;
        for (size_t c = 0; c < axes; c++)
            for (size_t j = 0; j < e->D; j++)
                value[(c + 1) * e->n + i] += e->x[i * e->D + j] * axis[c * e->D + j];
    }
    *reach = 1e-30;
    for (size_t i = e->n; i < (1 + axes) * e->n; i++) *reach = fmax(*reach, fabs(value[i]));
    for (size_t c = 0; c <= axes; c++) column[c] = value + c * e->n;
    int block = gk_figure_block(f, title, names, column, (int)axes + 1, e->n);
    free(value);
    return block;
}

/* Points are seen on a light page and on a dark one: no end of the palette is near either. */
static void start_panels(gk_figure *f, size_t n)
{
    gk_figure_panels(f, n);
    gk_text_add(&f->script,
                "unset key\nset palette defined (0 '#2f6fd0', 1 '#9a8296', 2 '#e08a00')\n"
                "unset colorbox\n");
}

/* Both axes reach as far as the block of coordinates does. */
static void set_reach(gk_figure *f, double reach)
{
    double step = pow(10, floor(log10(reach)));

    step *= reach / step >= 5 ? 4 : reach / step >= 2 ? 2 : reach / step >= 1.2 ? 1 : 0.5;
    gk_text_add(&f->script, "set xrange [%g:%g]\nset yrange [%g:%g]\nset xtics %g\nset ytics %g\n",
                -1.08 * reach, 1.08 * reach, -1.08 * reach, 1.08 * reach, step, step);
}

/* Components 1 and 2, 3 and 4 side by side. */
static gk_status on_components(gk_page *page, const gk_run_data *d, const embedding *e,
                               const double *axis, const double *share, const char *name,
                               const char *title, const char *caption, const char *missing)
{
    double reach;
    char label[2][32];
    gk_figure f;

    gk_figure_open(&f, name, title);
    if (missing)
        gk_run_missing(&f.missing, d, missing);
    else {
        coordinates(&f, title, e, axis, COMPONENTS, &reach);
        start_panels(&f, COMPONENTS / 2);
        set_reach(&f, reach);
        for (int i = 0; i < COMPONENTS; i += 2) {
            for (int j = 0; j < 2; j++)
                snprintf(label[j], sizeof label[j], "component %d (%.0f %%)", i + j + 1,
                         100 * share[i + j]);
            gk_figure_panel(&f, COMPONENTS / 2, (size_t)i / 2, label[0], label[1]);
            gk_text_add(&f.script,
                        "plot data using %d:%d:1 with points pt 7 ps 0.5 lc palette notitle\n",
                        i + 2, i + 3);
        }
        gk_text_add(&f.script, "unset multiplot\n");
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
    int n = d->keys < CIRCLES ? d->keys : CIRCLES;
    double reach;
    gk_figure f;

    gk_figure_open(&f, "circles", "The embedding on the key frequencies");
    if (!missing && !n) missing = "there are no key frequencies";
    if (missing)
        gk_run_missing(&f.missing, d, missing);
    else {
        double *axis = gk_alloc(2 * e->D, sizeof *axis);
        start_panels(&f, (size_t)n);
        for (int i = 0; i < n; i++) {
            char title[64];
            snprintf(title, sizeof title, "k = %d", d->key[i]);
            wave(axis, e, d->key[i]);
            int block = coordinates(&f, title, e, axis, 2, &reach);
            set_reach(&f, reach);
            gk_figure_panel(&f, (size_t)n, (size_t)i, "cos", "sin");
            gk_text_add(
                &f.script,
                "set title '%s' offset 0,-0.6\n"
                "plot data index %d using 2:3:1 with points pt 7 ps 0.5 lc palette notitle\n",
                title, block);
        }
        gk_text_add(&f.script, "unset multiplot\n");
        free(axis);
    }
    gk_text_add(&f.caption,
                "Every number's embedding along the two directions that hold cos and sin of each "
                "key frequency: the numbers lie on circles and go round k times. Colour: the "
                "number%s.",
                d->keys > CIRCLES ? "; the first four frequencies" : "");
    return gk_page_figure(page, &f);
}

static gk_status draw(gk_page *page, const gk_run_data *d, const embedding *last,
                      const embedding *first)
{
    double share[COMPONENTS] = {0}, *axis = gk_alloc(COMPONENTS * (last->D + 1), sizeof *axis);
    bool found = last->x && components(axis, share, last);
    const char *why = !last->x ? "the run keeps no checkpoint with an embedding of a group (yet)"
                      : !found ? "the embedding is too wide, or not finite, for its components"
                               : NULL;

    gk_status status = on_components(page, d, last, axis, share, "embedding",
                                     "The embedding on its principal components",
                                     "Every number's embedding; in brackets the share of the "
                                     "variance. Colour: the number, blue to orange.",
                                     why);
    if (status == GK_OK) status = circles(page, d, last, last->x ? NULL : why);
    if (status == GK_OK)
        status =
            on_components(page, d, first, axis, share, "embedding-initial",
                          "The initial embedding on the final components",
                          "The same directions as above, before training: what is there from the "
                          "start. In brackets the shares of the final embedding.",
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

    gk_page_section(page, "embedding", "The embedding");
    if (d->n_checkpoints)
        status = read_embedding(&last, d, d->checkpoint_epochs[d->n_checkpoints - 1]);
    if (status == GK_OK && d->n_checkpoints > 1 && d->checkpoint_epochs[0] == 0)
        status = read_embedding(&first, d, 0);
    if (status == GK_OK) status = draw(page, d, &last, &first);
    free(last.x);
    free(first.x);
    return status;
}
