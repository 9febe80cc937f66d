/* Runs as cards: what their directories say of them, as a table of texts. For `grokc ls`, `grokc
 * compare` and reports of sweeps; finished runs, going and failed ones, wherever they lie. */
#ifndef GK_CARD_H
#define GK_CARD_H

#include "gather/parts.h"

/* The columns that every table has, in this order; then all config keys; then, found out as runs
 * are read, the values of summary.json ("grok_epoch", "phases.memorisation_until") and of the last
 * row. seed: S where task.split and model.init are both "philox:S". epoch: of the last row.
 * Where a run is not finished, what summary.json would say if it ended there. */
enum { GK_CARD_RUN, GK_CARD_STATE, GK_CARD_EPOCH, GK_CARD_SEED, GK_CARD_CONFIG };

typedef struct gk_cards {
    gk_columns columns;
    int n;
    char ***value; /* value[run][column]: in the shortest exact form; NULL: null */
    int *width;    /* (n): how many columns were known when it was read */
} gk_cards;

void gk_cards_open(gk_cards *cards);
void gk_cards_close(gk_cards *cards);

/* Reads the run in `dir`. What cannot be read stays null, with a warning: a damaged run is shown,
 * too. */
void gk_cards_add(gk_cards *cards, const char *dir);
bool gk_card_is_run(const char *dir); /* config.yaml, and a state or rows */

/* All runs at `dir` and below, in the order of their names; symbolic links below it are not
 * followed. GK_EIO where `dir` cannot be read. */
gk_status gk_cards_find(gk_cards *cards, const char *dir);

const char *gk_card_text(const gk_cards *cards, int run, int column);    /* NULL: null */
double gk_card_number(const gk_cards *cards, int run, const char *name); /* NaN: null, no such */
double gk_card_real(const gk_cards *cards, int run, int column);         /* NaN: no number */

/* Column of a name as people type it: in full, or the last part of one ("weight_decay"), config
 * keys first. GK_EUSAGE with the nearest name. */
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
