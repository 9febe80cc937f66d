/* What the parts of reading a sweep share: words.c reads what stands beside the groups, forms.c the
 * value of a key, points_csv.c a file of points; file.c holds them against each other, and points.c
 * makes points of the axes that come of it. */
#ifndef GK_SWEEP_AXIS_H
#define GK_SWEEP_AXIS_H

#include "gk/sweep.h"
#include "gk/reader.h"

/* A key that varies, and over what. */
typedef struct gk_axis {
    const gk_config_key *key; /* NULL: seed */
    int line;
    char **value; /* what it lists, as text; n = 0: random draws between the ends */
    int n;
    enum { GK_AXIS_LISTED, GK_AXIS_UNIFORM, GK_AXIS_LOG } form;
    const char *low, *high; /* the ends of UNIFORM and LOG */
    int zip;                /* axes of one number walk together; 0: alone */
} gk_axis;

typedef struct gk_sweep_file {
    gk_reader reader;
    gk_grammar grammar;
    gk_sweep *sweep;
    gk_config scratch; /* where values are tried */
    gk_axis axis[GK_SWEEP_KEYS];
    int axes;
    int zip[GK_CONFIG_KEYS + 1], zip_line[GK_CONFIG_KEYS + 1]; /* by number of the key */
    int zips;
    int zip_at, points_at, random_at, from_at; /* lines, 0: not given */
    int random_n;
    uint64_t random_seed;
    char points[GK_PATH_MAX];
    int *row_line; /* of the file of points */
} gk_sweep_file;

/* axis.c */
const char *gk_axis_name(const gk_config_key *key);                        /* "optim.lr", "seed" */
bool gk_axis_covers(const gk_config_key *key, const gk_config_key *given); /* a seed covers two */

gk_axis *gk_sweep_add_axis(gk_sweep_file *f, const gk_config_key *key, int line);
void gk_axis_add(gk_axis *axis, char *value);

/* The one way in which a value of the key is written: "0.001" for 1e-3. */
gk_status gk_sweep_canonical(gk_sweep_file *f, const gk_config_key *key, int place,
                             const char *value, bool quoted, char **out);

/* words.c: the grammar's `words` and `word`. */
enum { GK_SWEEP_WORDS = 4 };
extern const char *const gk_sweep_words[GK_SWEEP_WORDS];
gk_status gk_sweep_read_word(gk_reader *r, int word);

/* forms.c: the grammar's `form`. */
gk_status gk_sweep_read_form(gk_reader *r, const gk_config_key *key);

/* points_csv.c: f->points as axes that walk together. */
gk_status gk_sweep_read_csv(gk_sweep_file *f);

/* points.c: the points of the axes into f->sweep, each checked and no two the same. */
gk_status gk_sweep_expand(gk_sweep_file *f);

#endif
