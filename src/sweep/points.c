/* From axes to points: the product, or draws from it. Each is a config, no two are the same. */
#include "sweep/axis.h"
#include "gk/renamed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Draws are of the stream GK_RNG_SWEEP; word 3 of the counter is the key, and 0 in other
 * streams. */
enum { SHOWN_KEYS = 6 };

/* What takes its next value alone: an axis, or axes that walk together. */
typedef struct walker {
    const gk_axis *first;
    int n; /* values; 0: draws between the ends */
} walker;

typedef struct plan {
    gk_sweep_file *f;
    walker walker[GK_SWEEP_KEYS];
    int walkers, of[GK_SWEEP_KEYS]; /* the walker of an axis */
} plan;

static void make_walkers(plan *p)
{
    for (int a = 0; a < p->f->axes; a++) {
        const gk_axis *axis = &p->f->axis[a];
        int w = 0;
        while (w < p->walkers && !(axis->zip && p->walker[w].first->zip == axis->zip)) w++;
        if (w == p->walkers) {
            bool draws = p->f->random_at && axis->form != GK_AXIS_LISTED && !axis->zip;
            p->walker[p->walkers++] = (walker){.first = axis, .n = draws ? 0 : axis->n};
        }
        p->of[a] = w;
    }
}

static gk_status too_many(const plan *p)
{
    gk_text factors = {0};

    for (int w = 0; w < p->walkers; w++)
        gk_text_add(&factors, "%s%d of %s", w ? " x " : "", p->walker[w].n,
                    gk_axis_name(p->walker[w].first->key));
    gk_status status = gk_reader_fail(&p->f->reader, 0,
                                      "%s are more than %d runs; random: {n: 200} takes some of "
                                      "them",
                                      factors.data, GK_SWEEP_POINTS_MAX);
    gk_text_free(&factors);
    return status;
}

static gk_status count_points(plan *p)
{
    int64_t n = 1;

    for (int w = 0; w < p->walkers && !p->f->random_at; w++) {
        n *= p->walker[w].n;
        if (n > GK_SWEEP_POINTS_MAX) return too_many(p);
    }
    if (p->f->random_at) n = p->f->random_n;
    if (n * p->f->axes > GK_SWEEP_VALUES_MAX)
        return gk_reader_fail(&p->f->reader, 0, "%d runs of %d swept keys are more than %d values",
                              (int)n, p->f->axes, GK_SWEEP_VALUES_MAX);
    p->f->sweep->n = (int)n;
    return GK_OK;
}

/* ---- draws */

/* 64 random bits of point i and the key. Its name counts, the first that it had, and not its
 * position in config.def: a sweep that was begun is drawn in the same way for ever. */
static uint64_t draw_bits(const plan *p, const gk_axis *axis, int i)
{
    const uint32_t key[2] = {(uint32_t)p->f->random_seed, (uint32_t)(p->f->random_seed >> 32)};
    uint32_t out[4], hash = 2166136261u; /* FNV-1a */

    for (const char *c = gk_first_key(gk_axis_name(axis->key)); *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    gk_philox(out, (const uint32_t[4]){(uint32_t)i, 0, GK_RNG_SWEEP, hash}, key);
    return (uint64_t)out[1] << 32 | out[0];
}

/* Uniform in [0, n). */
static uint64_t below(uint64_t n, uint64_t bits)
{
    __extension__ typedef unsigned __int128 uint128;

    return (uint64_t)((uint128)bits * n >> 64);
}

static gk_status draw_between(const plan *p, const gk_axis *axis, int i, char **value)
{
    uint64_t bits = draw_bits(p, axis, i);
    bool whole = !axis->key || axis->key->type == GK_KEY_INT;
    double low = strtod(axis->low, NULL), high = strtod(axis->high, NULL);
    long double u = (long double)(bits >> 11) * 0x1p-53L; /* [0, 1) */
    gk_text text = {0};
    int64_t first, last;

    if (axis->form == GK_AXIS_LOG) {
        long double from = logl(low), to = logl(high);
        double x = (double)expl(from + u * (to - from));
        gk_text_add_real(&text, whole ? round(x) : x);
    } else if (!whole) {
        gk_text_add_real(&text, (double)(low + u * ((long double)high - low)));
    } else if (gk_parse_int(axis->low, &first) && gk_parse_int(axis->high, &last)) {
        gk_text_add(&text, "%lld",
                    (long long)(first + (int64_t)below((uint64_t)(last - first) + 1, bits)));
    } else {
        return gk_reader_fail(&p->f->reader, axis->line, "%s: uniform draws below 2^63",
                              gk_axis_name(axis->key));
    }
    gk_status status = gk_sweep_canonical(p->f, axis->key, axis->line, text.data, false, value);
    gk_text_free(&text);
    return status;
}

/* ---- points */

/* Which value each walker shows at point i: the last one changes fastest. */
static void place(const plan *p, int i, int at[])
{
    for (int w = p->walkers - 1; w >= 0; w--) {
        int n = p->walker[w].n;
        if (p->f->random_at) {
            at[w] = (int)below((uint64_t)n, draw_bits(p, p->walker[w].first, i));
            continue;
        }
        at[w] = i % n;
        i /= n;
    }
}

static gk_status fill(plan *p)
{
    gk_sweep *sweep = p->f->sweep;
    int at[GK_SWEEP_KEYS];

    sweep->keys = p->f->axes;
    sweep->value = gk_alloc((size_t)sweep->n * (size_t)sweep->keys, sizeof *sweep->value);
    for (int a = 0; a < sweep->keys; a++) sweep->key[a] = gk_axis_name(p->f->axis[a].key);
    for (int i = 0; i < sweep->n; i++) {
        const char **row = sweep->value + (size_t)i * (size_t)sweep->keys;
        place(p, i, at);
        for (int a = 0; a < sweep->keys; a++) {
            const gk_axis *axis = &p->f->axis[a];
            char *drawn;
            if (p->walker[p->of[a]].n) {
                row[a] = axis->value[at[p->of[a]]];
                continue;
            }
            GK_TRY(draw_between(p, axis, i, &drawn));
            row[a] = drawn;
        }
    }
    return GK_OK;
}

/* "optim.lr=0.1, seed=3" */
static void add_point(gk_text *text, const gk_sweep *sweep, int i)
{
    for (int a = 0; a < sweep->keys && a < SHOWN_KEYS; a++)
        gk_text_add(text, "%s%s=%s", a ? ", " : "", sweep->key[a],
                    gk_show(sweep->value[(size_t)i * (size_t)sweep->keys + (size_t)a]).text);
    if (sweep->keys > SHOWN_KEYS) gk_text_add(text, ", ...");
}

/* What gk_config_check said of point i. */
static gk_status bad_point(const gk_sweep_file *f, int i)
{
    const gk_config_key *key = gk_reader_blamed();
    int line = key ? f->reader.place[key - gk_config_keys] : 0;
    gk_text point = {0};

    if (f->row_line)
        return gk_fail(GK_EUSAGE, "%s:%d: %s", f->points, f->row_line[i], gk_message());
    if (!f->axes) return gk_reader_fail(&f->reader, line, "%s", gk_message());
    add_point(&point, f->sweep, i);
    gk_status status =
        gk_reader_fail(&f->reader, line, "%s (run %d: %s)", gk_message(), i, point.data);
    gk_text_free(&point);
    return status;
}

static gk_status same_points(const gk_sweep_file *f, int i, int j)
{
    gk_text point = {0};
    gk_status status;

    add_point(&point, f->sweep, i);
    if (f->row_line)
        status = gk_fail(GK_EUSAGE, "%s:%d: the same run as in line %d: %s", f->points,
                         f->row_line[j], f->row_line[i], point.data);
    else
        status = gk_reader_fail(&f->reader, f->random_at, "runs %d and %d are the same: %s%s", i, j,
                                point.data,
                                f->random_at ? "; fewer runs, more values or another random.seed "
                                               "may keep them apart"
                                             : "");
    gk_text_free(&point);
    return status;
}

static uint64_t hash_row(const char *const *row, int keys)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a, the terminators too */

    for (int a = 0; a < keys; a++)
        for (const char *c = row[a];; c++) {
            hash = (hash ^ (unsigned char)*c) * 1099511628211u;
            if (!*c) break;
        }
    return hash;
}

static bool equal_rows(const char *const *a, const char *const *b, int keys)
{
    for (int k = 0; k < keys; k++)
        if (strcmp(a[k], b[k]) != 0) return false;
    return true;
}

static gk_status check_distinct(const gk_sweep_file *f)
{
    const gk_sweep *sweep = f->sweep;
    size_t keys = (size_t)sweep->keys, room = 2;
    gk_status status = GK_OK;

    while (room < 2 * (size_t)sweep->n) room *= 2;
    int *first = gk_alloc(room, sizeof *first); /* by hash: 1 + the point; 0: none */
    for (int i = 0; i < sweep->n && status == GK_OK; i++) {
        const char *const *row = sweep->value + (size_t)i * keys;
        size_t slot = hash_row(row, sweep->keys) & (room - 1);
        while (first[slot] &&
               !equal_rows(sweep->value + (size_t)(first[slot] - 1) * keys, row, sweep->keys))
            slot = (slot + 1) & (room - 1);
        if (first[slot]) status = same_points(f, first[slot] - 1, i);
        first[slot] = i + 1;
    }
    free(first);
    return status;
}

gk_status gk_sweep_expand(gk_sweep_file *f)
{
    plan p = {.f = f};

    make_walkers(&p);
    GK_TRY(count_points(&p));
    GK_TRY(fill(&p));
    for (int i = 0; i < f->sweep->n; i++)
        if (gk_sweep_config(&f->scratch, f->sweep, i) != GK_OK) return bad_point(f, i);
    return check_distinct(f);
}
