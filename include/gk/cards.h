/* Runs as lines of tables: what their directories say, as texts under the names of columns. For
 * `grokc ls`, `compare` and `gather`, and for reports. */
#ifndef GK_CARDS_H
#define GK_CARDS_H

#include "gk/archive.h"
#include "gk/stream.h"

/* ---- columns.c */

/* The columns of a table of texts, found out as data comes, and the values of the row that is being
 * filled. First the `fixed` ones, which are set by number, then those that are set by name. */

enum { GK_COLUMNS_MAX = 8192 };
typedef struct gk_columns {
    int n, fixed, guess; /* guess: names come in about the same order each time */
    bool frozen;         /* the header is written: no new ones */
    char **name;
    gk_text *value;
    bool *hidden; /* not written */
} gk_columns;

void gk_columns_fix(gk_columns *columns, const char *name);
/* The value under this name; NULL where it is new and may not be, or is a fixed one. */
gk_text *gk_columns_at(gk_columns *columns, const char *name);
/* Why it was NULL for `name` in the file `path`: GK_EDATA. */
gk_status gk_columns_refuse(const gk_columns *columns, const char *path, const char *name);
void gk_columns_clear(gk_columns *columns);      /* the values */
void gk_columns_cut(gk_columns *columns, int n); /* forgets all from the n-th on */
void gk_columns_free(gk_columns *columns);
/* A line of CSV: the names as gk_csv_names has them, the values. */
void gk_columns_write_names(gk_out *out, const gk_columns *columns);
void gk_columns_write_values(gk_out *out, const gk_columns *columns);

/* ---- csv_names.c */

/* What a column is called in CSV files, such that pandas (attributes, query) and SQL take it: lower
 * case, digits and "_" alone, no digit in front. optim.lr is optim_lr, squared_l2_norm.embed.W_E is
 * squared_l2_norm_embed_w_e, "events.test_loss < 0.1.crossed" test_loss_below_0_1. */
void gk_csv_name(gk_text *to, const char *name);
/* Those of n columns, no two alike: the later of two has _2 at its end. */
char **gk_csv_names(const char *const *name, int n);
void gk_csv_names_free(char **names);

/* ---- values.c */

/* What files say, put under the names of columns: {"events": {"test_loss < 0.1": {"crossed": 7}}}
 * is "events.test_loss < 0.1.crossed". A value that a column has already stays: the first place
 * where something is said counts. `path`: for messages. */

gk_status gk_columns_put_summary(gk_columns *columns, const char *path, struct json_t *summary);
/* A row of metrics.jsonl or final.jsonl, without what belongs to provisional key sets. */
gk_status gk_columns_put_row(gk_columns *columns, const char *path, struct json_t *row);
/* An answer of run.hook. */
gk_status gk_columns_put_answer(gk_columns *columns, const char *path, const char *answer);
/* The value of a config key in its shortest form; nothing: null. */
void gk_setting_text(gk_text *text, const gk_config *config, const gk_config_key *key);

/* ---- card.c, card_table.c */

/* Runs as cards: what their directories say of them, as a table of texts. For `grokc ls`, `grokc
 * compare` and reports of sweeps; finished runs, going and failed ones, wherever they lie. */

/* The columns that every table has, in this order; then all config keys; then, found out as runs
 * are read, the values of summary.json ("grok_epoch", "phases.memorisation_until"), those of the
 * last row, and the last answer of run.hook up to it. seed: S where task.split and model.init are
 * both "philox:S". state: "dead" where the file says running and nobody has the run.
 * epoch: of the last row. Where a run is not finished, what summary.json would say
 * if it ended there. */
enum { GK_CARD_RUN, GK_CARD_STATE, GK_CARD_EPOCH, GK_CARD_SEED, GK_CARD_CONFIG };

typedef struct gk_cards {
    gk_columns columns;
    int n;
    char ***value; /* value[run][column]: in the shortest exact form; NULL: null */
    int *width;    /* (n): how many columns were known when it was read */
    /* (n): which folder it is, whatever it is called. */
    struct gk_card_place {
        dev_t device;
        ino_t inode;
    } * place;
    int again;           /* runs that gk_cards_find met once more, and left out */
    gk_text first_again; /* "runs/link is runs/7": the first of them */
} gk_cards;

void gk_cards_open(gk_cards *cards);
void gk_cards_close(gk_cards *cards);

/* Reads the run in `dir`. What cannot be read stays null, with a warning: a damaged run is shown,
 * too. */
void gk_cards_add(gk_cards *cards, const char *dir);

/* All runs at `dir` and below, in the order of their names; symbolic links are followed, and a run
 * that can be reached in two ways is there once, under the first of its names. What cannot be read
 * below it is said and left out. GK_EIO where `dir` cannot be read. */
gk_status gk_cards_find(gk_cards *cards, const char *dir);

const char *gk_card_text(const gk_cards *cards, int run, int column);    /* NULL: null */
double gk_card_number(const gk_cards *cards, int run, const char *name); /* NaN: null, no such */
double gk_card_real(const gk_cards *cards, int run, int column);         /* NaN: no number */

/* Column of a name as people type it: in full, or the last part of one ("weight_decay"), config
 * keys first; also as it was called once (gk/renamed.h) or is in CSV files. GK_EUSAGE with the
 * nearest name. */
gk_status gk_cards_column(const gk_cards *cards, const char *name, int *column);
/* Does it hold numbers? Of config keys by their type, of others by what is there. */
bool gk_cards_numeric(const gk_cards *cards, int column);
/* The last part of a config key where no other key ends so; else the full name. */
const char *gk_cards_short_name(const gk_cards *cards, int column);
/* Config columns in which runs differ, device.* and run.resume_every left out, the seeds as one
 * column where every run has one. Returns how many; column: room for GK_CONFIG_KEYS + 1.
 * run: which of them (n); NULL: all. */
int gk_cards_differing(const gk_cards *cards, const int *run, int n, int *column);
/* Is the value the same in all of them? */
bool gk_cards_same(const gk_cards *cards, const int *run, int n, int column);

#endif
