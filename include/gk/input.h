/* Files that a user names on the command line: they may come through a pipe, and have a ~ that no
 * shell has expanded. Everything that belongs to a run is read as a regular file, by gk/base.h. */
#ifndef GK_INPUT_H
#define GK_INPUT_H

#include "gk/base.h"

/* gk_file_read for a regular file; of a pipe, a FIFO, a terminal or "-", which is stdin, everything
 * up to its end, however long that takes. More than `limit` bytes: error. */
gk_status gk_input_read(const char *path, size_t limit, char **data, size_t *size);

/* Has it a name of its own, after which a run can be called? Not "-", a pipe, or an open descriptor
 * such as /dev/fd/63. */
bool gk_input_has_name(const char *path);

/* What messages call it: "stdin" for "-", else the path. */
const char *gk_input_name(const char *path);

/* A config or sweep file as a user names it: `name` itself where it is there; else, of the configs
 * that were installed with the program, the one with this path or name (configs/quick.yaml,
 * quick.yaml, quick), which is said on stderr. GK_EUSAGE: neither, and where the installed ones
 * are. Of a program that was not installed: `name`. */
gk_status gk_input_find(char path[GK_PATH_MAX], const char *name);

/* GK_EUSAGE with advice where `path` begins with ~/, which only a shell expands. */
gk_status gk_input_check(const char *path);

#endif
