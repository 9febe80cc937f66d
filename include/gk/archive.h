/* Run directories, read: what their files say of a run, one run or many. Nothing is trusted and
 * nothing is written or locked; a run that is being trained may be read. What the files are is said
 * in gk/run.h, which writes them. */
#ifndef GK_ARCHIVE_H
#define GK_ARCHIVE_H

#include "gk/config.h"

#include <sys/stat.h>

struct json_t;

/* ---- run_files.c */

/* Errors: GK_EIO where a file cannot be opened or is no regular one, GK_EDATA where it does not say
 * what grokc writes there. */

bool gk_is_run(const char *dir);                    /* config.yaml, and a state or rows */
bool gk_run_has(const char *dir, const char *name); /* this file or folder */

typedef struct gk_run_state {
    bool there;        /* there is a file `state` */
    char line[512];    /* of the file `state`: "failed: no space left on device" */
    char word[64];     /* what stands before the colon: "failed" */
    struct stat stamp; /* of the file */
} gk_run_state;
gk_status gk_run_read_state(gk_run_state *state, const char *dir);
bool gk_run_is_finished(const gk_run_state *state); /* done or diverged */

/* holder.c: has a process this run now, as far as its file `owner` tells from here? A run whose
 * state is "running" and that nobody holds was killed. */
bool gk_run_is_held(const char *dir);

/* GK_EUSAGE as gk_config_load. */
gk_status gk_run_read_config(gk_config *config, const char *dir);

/* summary.json (with today's names), env.json or parent.json; release with json_decref. */
gk_status gk_run_read_json(struct json_t **json, const char *dir, const char *name);

/* The files that there is one of for an epoch. */
typedef enum gk_epoch_file {
    GK_EPOCH_WEIGHTS, /* checkpoints/00000100.safetensors */
    GK_EPOCH_STATE,   /* checkpoints/00000100.state.safetensors: kept for branches */
    GK_EPOCH_ARRAYS,  /* measures/00000100.safetensors */
    GK_EPOCH_HOOK     /* hook/00000100.safetensors: what run.hook is asked about */
} gk_epoch_file;
gk_status gk_epoch_path(char path[GK_PATH_MAX], const char *dir, gk_epoch_file file, int64_t epoch);
/* The epochs that there is one of, ascending; none where there is no folder. The caller frees
 * *epochs, NULL for none, in any case. */
gk_status gk_run_epochs(int64_t **epochs, int *n, const char *dir, gk_epoch_file file);

/* ---- row_file.c */

/* Rows, line after line: those of metrics.jsonl, parent.jsonl, final.jsonl, or the answers in
 * hook.jsonl. A last line without its end is being written: it is no row. Rows of older programs
 * come as today's (gk/renamed.h), so that a run which was gone on with reads as one. */

typedef struct gk_row_file {
    char path[GK_PATH_MAX];
    FILE *file;
    char *line; /* the current one, with its newline; grows */
    size_t room, length;
    int64_t number;        /* of the current line, from 1 */
    int64_t at, end, size; /* bytes before the current line, up to its end, of the file when it was
                              opened */
    int64_t epoch, before; /* of the current line, of the one before; -1: none */
    bool repeats;          /* hook.jsonl: an epoch may come again, or an earlier one */
    bool torn;             /* at the end: a line without its end was there */
} gk_row_file;

/* Close in any case. */
gk_status gk_row_file_open(gk_row_file *rows, const char *dir, const char *name);
/* *more: there was another one. GK_EDATA where a line is no row, or not after the one before. */
gk_status gk_row_file_next(gk_row_file *rows, bool *more);
void gk_row_file_close(gk_row_file *rows);

/* The last row of metrics.jsonl, without reading what is before; "" where there is none. */
gk_status gk_row_file_last(gk_text *line, const char *dir);

/* ---- row_table.c */

/* Rows as columns of numbers; null and texts are NaN. */

typedef struct gk_row_table {
    size_t n, room;
    int columns;
    char **name;
    double **value;
    struct json_t *last; /* the last row, NULL: none */
    int own;             /* columns of the rows themselves: what run.hook answered is behind them */
} gk_row_table;

/* Appends the rows of a file of the run; a missing file has none. */
gk_status gk_row_table_read(gk_row_table *table, const char *dir, const char *name);
/* Joins the answers of hook.jsonl to the rows of their epochs: once, behind all rows. */
gk_status gk_row_table_join(gk_row_table *table, const char *dir);
void gk_row_table_free(gk_row_table *table);
/* NULL: no row has a number there. */
const double *gk_row_table_column(const gk_row_table *table, const char *name);

/* ---- answers.c */

/* What run.hook answered, as columns of rows: hook.jsonl by epoch, where the last answer of an
 * epoch counts. A column is called as the hook calls it; "hook.NAME" where NAME already stands for
 * a column, a config key or a value of summary.json. Objects are "NAME.PART"; lists are left
 * out. */

typedef struct gk_answers {
    size_t n;
    int64_t *epoch; /* (n) ascending */
    char **line;    /* (n) the answers */
} gk_answers;

/* A run without hook.jsonl has no answers. Free them in any case. */
gk_status gk_answers_read(gk_answers *answers, const char *dir);
void gk_answers_free(gk_answers *answers);
const char *gk_answers_at(const gk_answers *answers, int64_t epoch);    /* NULL: none */
const char *gk_answers_up_to(const gk_answers *answers, int64_t epoch); /* the last until there */

/* The column of what a hook calls `name`. */
void gk_answer_column(gk_text *column, const char *name);
/* Calls put(user, column, value) for each single value of an answer up to the first failure; of an
 * answer that is no object, for none. */
typedef gk_status gk_answer_put(void *user, const char *column, const struct json_t *value);
gk_status gk_answer_values(const char *line, gk_answer_put *put, void *user);

#endif
