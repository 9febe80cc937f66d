/* Phase diagrams: a map over two numeric axes, one for each combination of the other axes. */
#include "report/sweep/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAPS = 4,
    WRITTEN = 144
}; /* maps of a report; tiles that still have room for their number */

typedef struct map {
    const gk_sweep_data *d;
    const gk_sweep_axis *x, *y;
    int cell;      /* of the map: the other axes stand as they do there */
    int *at;       /* (y->n,x->n) the cell of each tile, -1: none */
    double *value; /* of each tile */
    double low, high;
} map;

/* The two numeric axes with the most values; of equal ones the first. */
static bool choose_axes(map *m)
{
    for (int a = 0; a < m->d->axes; a++) {
        const gk_sweep_axis *axis = &m->d->axis[a];
        if (!axis->numeric) continue;
        if (!m->x || axis->n > m->x->n) {
            m->y = m->x;
            m->x = axis;
        } else if (!m->y || axis->n > m->y->n)
            m->y = axis;
    }
    return m->y != NULL;
}

static bool in_map(const map *m, int cell)
{
    for (int k = 0; k < m->d->axes; k++)
        if (&m->d->axis[k] != m->x && &m->d->axis[k] != m->y &&
            m->d->cell[cell].position[k] != m->d->cell[m->cell].position[k])
            return false;
    return true;
}

static void fill(map *m, bool share)
{
    int n = m->x->n * m->y->n;

    m->low = INFINITY, m->high = -INFINITY;
    for (int i = 0; i < n; i++) m->at[i] = -1, m->value[i] = GK_FIGURE_GAP;
    for (int c = 0; c < m->d->cells; c++) {
        const gk_sweep_cell *cell = &m->d->cell[c];
        int i = cell->position[m->y - m->d->axis] * m->x->n + cell->position[m->x - m->d->axis];
        if (!in_map(m, c)) continue;
        double value = share ? 100 * cell->share.value : fmax(cell->grok.value, 1);
        if (!share && isnan(cell->grok.value)) value = GK_FIGURE_GAP;
        m->at[i] = c;
        m->value[i] = value;
        m->low = fmin(m->low, value); /* the one that is a number */
        m->high = fmax(m->high, value);
    }
}

/* Words on light tiles are dark, on dark ones light: `heat` goes from dark to light. */
static const char *ink_on(const map *m, double value, bool share)
{
    if (isnan(value)) return "ink";
    double place = share              ? value / 100
                   : m->high > m->low ? log(value / m->low) / log(m->high / m->low)
                                      : 0.5;
    return place > 0.6 ? "'#000000'" : "'#ffffff'";
}

static void add_words(gk_figure *f, const map *m, bool share)
{
    for (int i = 0; i < m->x->n * m->y->n; i++) {
        gk_text words = {0};
        if (m->at[i] < 0) continue;
        const gk_sweep_cell *cell = &m->d->cell[m->at[i]];
        if (!share && !isnan(m->value[i]))
            gk_html_epoch(&words, m->value[i]);
        else
            gk_text_add(&words, "%d/%d", cell->grokked, cell->begun);
        gk_text_add(&f->script, "set label '%s' at %d,%d center front tc rgb %s font small\n",
                    words.data, i % m->x->n, i / m->x->n, ink_on(m, m->value[i], share));
        gk_text_free(&words);
    }
}

static void set_tics(gk_figure *f, const char *which, const gk_sweep_axis *axis)
{
    int step = (axis->n + 11) / 12;

    gk_text_add(&f->script, "set %slabel ", which);
    gk_figure_quote(&f->script, axis->label);
    gk_text_add(&f->script, " noenhanced\nset %srange [-0.5:%g]\nset %stics scale 0 (", which,
                axis->n - 0.5, which);
    for (int i = 0; i < axis->n; i += step) {
        gk_text_add(&f->script, "%s'", i ? ", " : "");
        gk_sweep_add_value(&f->script, axis, i);
        gk_text_add(&f->script, "' %d", i);
    }
    gk_text_add(&f->script, ")\n");
}

/* A logarithmic scale of epochs, written at its ends and between them. */
static void set_colours(gk_figure *f, double low, double high)
{
    gk_text_add(&f->script, "set logscale cb\nset cbrange [%g:%g]\nset cblabel 'epoch'\n", low,
                high);
    for (int i = 0; i <= 3; i++) {
        double value = low * pow(high / low, i / 3.0);
        gk_text_add(&f->script, "%s'", i ? ", " : "set cbtics (");
        gk_html_epoch(&f->script, value);
        gk_text_add(&f->script, "' %g", value);
    }
    gk_text_add(&f->script, ")\n");
}

/* What the other axes are, in this map. */
static void add_others(gk_text *text, const map *m)
{
    for (int k = 0; k < m->d->axes; k++) {
        const gk_sweep_axis *axis = &m->d->axis[k];
        if (axis == m->x || axis == m->y) continue;
        gk_text_add(text, "%s%s %.40s", text->length ? ", " : "", axis->label,
                    axis->value[m->d->cell[m->cell].position[k]]);
    }
}

static gk_status draw(gk_page *page, map *m, int number, bool share)
{
    gk_text others = {0}, title = {0};
    char name[48];
    gk_figure f;

    fill(m, share);
    add_others(&others, m);
    snprintf(name, sizeof name, number ? "%s-%d" : "%s", share ? "share-map" : "grok-map", number);
    gk_text_add(&title, "%s%s%s", share ? "Fraction of runs that grokked" : "Median grok epoch",
                others.length ? ": " : "", others.length ? others.data : "");
    gk_figure_open(&f, name, title.data);
    f.height = 360;
    if (!share && !isfinite(m->low))
        gk_text_add(&f.missing, "in no cell half of the runs have grokked%s%s",
                    others.length ? " with " : "", others.length ? others.data : "");
    if (share && !isfinite(m->low)) gk_text_add(&f.missing, "no run has a row yet");
    int block = gk_figure_matrix(&f, title.data, m->value, (size_t)m->y->n, (size_t)m->x->n);
    set_tics(&f, "x", m->x);
    set_tics(&f, "y", m->y);
    if (m->x->n * m->y->n <= WRITTEN) add_words(&f, m, share);
    gk_text_add(&f.script,
                "unset grid\nset palette defined @heat\nset style fill solid noborder\n");
    if (share)
        gk_text_add(&f.script, "set cbrange [0:100]\nset cblabel 'grokked (percent)'\n");
    else
        set_colours(&f, m->low, m->high > m->low ? m->high : 2 * m->low);
    gk_text_add(&f.script,
                "set colorbox user origin screen 0.79,0.2 size screen 0.025,0.66\nset rmargin at "
                "screen 0.77\nplot data index %d matrix using ($3==$3?NaN:$1):2:(0.49):(0.49) with "
                "boxxyerror fc rgb faint notitle, data index %d matrix using "
                "($3==$3?$1:NaN):2:(0.49):(0.49):3 with boxxyerror fc palette notitle\n",
                block, block);
    gk_text_add(&f.caption, "%s",
                share
                    ? "Of the runs of a cell that have begun, those whose test loss is below 0.1 "
                      "to their end."
                    : "Kaplan-Meier median over the seeds of a cell, on a logarithmic scale. Where "
                      "fewer than half have grokked there is none: the number is how many did.");
    gk_status status = gk_page_figure(page, &f);
    gk_text_free(&others);
    gk_text_free(&title);
    return status;
}

static gk_status draw_all(gk_page *page, map *m)
{
    bool *done = gk_alloc((size_t)m->d->cells, sizeof *done);
    gk_status status = GK_OK;
    int n = 0;

    for (int c = 0; c < m->d->cells && status == GK_OK; c++) {
        m->cell = c;
        if (!done[c] && n++ < MAPS) {
            status = draw(page, m, n - 1, false);
            if (status == GK_OK) status = draw(page, m, n - 1, true);
        }
        for (int other = c; other < m->d->cells; other++) done[other] |= in_map(m, other);
    }
    free(done);
    if (n > MAPS)
        gk_page_paragraph(page, "The first %d of %d combinations of the other axes are drawn.",
                          MAPS, n);
    return status;
}

gk_status gk_sweep_phases(gk_page *page, const gk_sweep_data *d)
{
    map m = {.d = d};

    if (!choose_axes(&m)) {
        gk_figure f;
        gk_figure_open(&f, "grok-map", "Phase diagram");
        gk_text_add(&f.missing, "it needs two numeric axes; this sweep has %s",
                    m.x ? "one" : "none");
        return gk_page_figure(page, &f);
    }
    size_t n = (size_t)m.x->n * (size_t)m.y->n;
    m.at = gk_alloc(n, sizeof *m.at);
    m.value = gk_alloc(n, sizeof *m.value);
    gk_status status = draw_all(page, &m);
    free(m.at);
    free(m.value);
    return status;
}
