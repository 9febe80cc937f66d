/* Numbers out of a model, without changing it. A measure is a pure function from a snapshot to
 * columns of a row. */
#ifndef GK_MEASURE_H
#define GK_MEASURE_H

#include "gk/lens.h"

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
    char key_freqs[GK_KEYS_TEXT]; /* the quarter rule's set, "14,35,42"; "" while it has more than
                                     n/8 */
    char clusters[GK_KEYS_TEXT];  /* neurons above 85 percent by frequency, "14:54,35:111" */
    gk_text
        extra; /* ", \"sum_squares.embed.W_E\": 1.5 ...": columns that depend on the model; owned */
} gk_row;

#define FAMILY(name, when) void gk_measure_##name(gk_row *row, gk_snapshot *s);
#define COLUMN(name, when, help)
#include "gk/measures.def"
#undef FAMILY
#undef COLUMN

/* All columns NaN. */
void gk_row_start(gk_row *row, int64_t epoch);
void gk_row_free(gk_row *row); /* its text */

/* row->key_freqs: the quarter rule's set, if it has at most n/8 frequencies. */
void gk_measure_keys(gk_row *row, const gk_snapshot *s);
/* Every family up to `when` (GK_KEYED: rows; GK_FINAL: everything) at a taken snapshot, with its
 * key set. */
void gk_measure_all(gk_row *row, gk_snapshot *s, enum gk_when when);

/* The key set may be used online once three rows in a row had the same. */
typedef struct gk_key_watch {
    char last[GK_KEYS_TEXT];
    int times; /* rows in a row with that set */
} gk_key_watch;
void gk_key_watch_add(gk_key_watch *watch, const char *key_freqs);
bool gk_key_watch_ready(const gk_key_watch *watch);

void gk_keys_print(char text[GK_KEYS_TEXT], const int *key, int keys);
/* "14,35,42" -> ascending frequencies 1..K; GK_EUSAGE */
gk_status gk_keys_parse(int *key, int *keys, const char *text, int K);

/* The loss is NaN or infinite: the run ends as diverged. */
static inline bool gk_row_diverged(const gk_row *row) { return !(row->train_loss <= 1e300); }

/* One line of metrics.jsonl (online: *_online names, no FINAL columns) or final.jsonl, with its
 * newline, and back. A line that is not a row is GK_EDATA. Parsing leaves `extra` empty. */
void gk_row_print(gk_text *text, const gk_row *row, bool online);
gk_status gk_row_parse(gk_row *row, const char *line, size_t length);

const char *gk_measure_name(int i, const char **help); /* NULL past the last */

#endif
