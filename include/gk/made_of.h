/* What a run or a sweep was made of: the files that its config names by path, kept in its directory
 * at its first start, so that it goes on as what it is wherever it is read from, after they were
 * changed and where they are gone.
 *
 *     DIR/made_of.json    [{"key": "task.split", "path": "ids.txt", "bytes": 1130, "sha256": "...",
 *                         "kept": "made_of/0-ids.txt"}], in the order in which they were met
 *     DIR/made_of/        their bytes
 *
 * Without such files there is neither. A relative path is looked for beside the config file that
 * names it, then from the working directory; one of --set from there alone; and a run's config.yaml
 * means what the run has kept. */
#ifndef GK_MADE_OF_H
#define GK_MADE_OF_H

#include "gk/config.h"

typedef struct gk_made_file {
    char key[16], path[GK_TEXT_MAX], sha256[GK_SHA256_HEX], kept[GK_PATH_MAX];
    int64_t bytes;
    bool checked; /* gk_made_of_check has found no difference */
} gk_made_file;

typedef struct gk_made_of {
    gk_made_file *file;
    int n;
} gk_made_of;

/* Of DIR/made_of.json; nothing where there is none. GK_EIO, GK_EDATA. Free in any case. */
gk_status gk_made_of_read(gk_made_of *made, const char *dir);
void gk_made_of_free(gk_made_of *made);

/* `of`: a run has one file for a key, whatever its path; a sweep may name several. */
enum gk_made_for { GK_MADE_RUN, GK_MADE_SWEEP };

/* GK_EUSAGE where a file of `config` that is still at its path is not the one that `dir` has kept:
 * the message tells the difference. */
gk_status gk_made_of_check(gk_made_of *made, const gk_config *config, const char *dir,
                           enum gk_made_for of);
/* Files of `config` are those that `dir` has kept, from here on. GK_EUSAGE: too long a path. */
gk_status gk_made_of_use(gk_config *config, const gk_made_of *made, const char *dir,
                         enum gk_made_for of);

/* Keeps the files of `config` that are there and that `made` does not know, in DIR/made_of and in
 * *made. GK_EIO. */
gk_status gk_made_of_add(gk_made_of *made, const gk_config *config, const char *dir);
/* DIR/made_of.json; nothing if there is no file. GK_EIO. */
gk_status gk_made_of_write(const gk_made_of *made, const char *dir);

/* The file of this key, which the config file `name` gives: of a run, what that has kept; else the
 * one beside it, if there is one. */
void gk_made_of_find(gk_config *config, enum gk_source source, const char *name);
void gk_made_of_beside(gk_config *config, enum gk_source source, const char *name);

#endif
