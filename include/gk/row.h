/* A row: what one measured epoch came to, as numbers in memory and as a line of metrics.jsonl or
 * final.jsonl. The columns are measures.def; who fills them is src/measures/. Needs no model, no
 * device and no run. */
#ifndef GK_ROW_H
#define GK_ROW_H

#include "gk/base.h"

struct json_t;

enum { GK_KEYS_TEXT = 4096 };

/* When a column or family is computed; see measures.def. */
enum gk_when { GK_ROW, GK_KEYED, GK_FINAL };

typedef struct gk_row {
    int64_t epoch; /* updates done before it */
#define FAMILY(name, when)
#define COLUMN(name, when, help) double name;
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN
    bool no_training_set; /* measured weights of which no data are known: no loss to diverge */
    /* The quarter rule's set, "14,35,42"; "" while it has more than n/8 frequencies. */
    char key_freqs[GK_KEYS_TEXT];
    /* Neurons above 85 percent by frequency, "14:54,35:111". */
    char clusters[GK_KEYS_TEXT];
    /* Columns that depend on the model, ", \"squared_l2_norm.embed.W_E\": 1.5 ..."; owned. */
    gk_text extra;
} gk_row;

/* All columns NaN. */
void gk_row_start(gk_row *row, int64_t epoch);
void gk_row_free(gk_row *row); /* its text */

/* The loss is NaN or infinite: the run ends as diverged. */
static inline bool gk_row_diverged(const gk_row *row)
{
    return !row->no_training_set && !(row->train_loss <= 1e300);
}

/* Frequencies and clusters as JSON: "14,35" is [14, 35], "14:54,35:111" [[14, 54], [35, 111]], ""
 * null; and back, added to `list`. false: this is no such list. */
void gk_list_print(gk_text *json, const char *list);
bool gk_list_text(gk_text *list, const struct json_t *json);

/* JSON of older programs as this one writes it: today's names (gk/renamed.h), and lists where there
 * were texts. false: nothing is older here, `now` stays as it was. The text is not trusted; what is
 * no JSON stays none. */
bool gk_older_json(gk_text *now, const char *json, size_t length);

/* One line of metrics.jsonl (online: *_online names, no FINAL columns) or final.jsonl, with its
 * newline, and back, its `extra` too; rows of older programs as well. A line that is not a row is
 * GK_EDATA, and leaves nothing to free. */
void gk_row_print(gk_text *text, const gk_row *row, bool online);
gk_status gk_row_parse(gk_row *row, const char *line, size_t length);

/* The i-th column of measures.def and what it is; NULL past the last. */
const char *gk_measure_name(int i, const char **help);
/* Column i of columns.def, "epoch", "attention_eq.HEAD" ...; NULL past the last. */
const char *gk_other_column(int i, const char **help);
bool gk_is_other_column(const char *name); /* "attention_eq.0" is */

/* A number of a row by the name of its column: "epoch", one of measures.def (of KEYED ones
 * NAME_online is the same), or one of `extra`. NaN where it is null; false: there is no such
 * column. */
bool gk_row_column(const gk_row *row, const char *name, double *value);
/* Do the rows of metrics.jsonl have this column, whatever the model? Or has final.jsonl alone? */
bool gk_row_has(const char *name);
bool gk_row_is_final(const char *name);

/* The key set may be used online once three rows in a row had the same. */
typedef struct gk_key_watch {
    char last[GK_KEYS_TEXT];
    int times; /* rows in a row with that set */
} gk_key_watch;
void gk_key_watch_add(gk_key_watch *watch, const char *key_freqs);
bool gk_key_watch_ready(const gk_key_watch *watch);

/* {14, 35, 42} -> "14,35,42" */
void gk_keys_print(char text[GK_KEYS_TEXT], const int *key, int keys);
/* "14,35,42" -> ascending frequencies 1..K; GK_EUSAGE */
gk_status gk_keys_parse(int *key, int *keys, const char *text, int K);

#endif
