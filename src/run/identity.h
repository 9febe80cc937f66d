/* The text of an `owner` file, one "key value" a line: which process wrote it, and whether it still
 * lives as far as that can be told without a lock. */
#ifndef GK_RUN_IDENTITY_H
#define GK_RUN_IDENTITY_H

#include "gk/base.h"

/* After so long without a sign of life a process counts as gone. */
enum { GK_SILENT_SECONDS = 15 * 60, GK_IDENTITY_MAX = 2048 };

typedef struct gk_identity {
    char host[256];
    long pid;
    char started[32];          /* clock ticks since boot: tells a pid from its next bearer */
    char job[80], restart[32]; /* SLURM_JOB_ID, SLURM_RESTART_COUNT */
    char boot[48];             /* of the kernel; "-": not known, as in files of grokc 0.1 */
    char namespace[48];        /* of its pids; "-": not known */
    char id[24];               /* random: no two processes have the same text */
    bool locked;               /* it held a lock on the file */
    bool whole;                /* all lines are there; a torn one says nothing */
} gk_identity;

/* This process. */
void gk_identity_print(char text[GK_IDENTITY_MAX], bool locked);
void gk_identity_parse(gk_identity *who, const char *text);

/* Did it run on the kernel that runs now? Not known: no. */
bool gk_identity_is_of_this_kernel(const gk_identity *who);

typedef enum gk_life {
    GK_GONE,
    GK_LIVES,  /* the process is there */
    GK_SPEAKS, /* it cannot be looked up, but its last sign of life is young */
} gk_life;

/* `silent`: seconds since its last sign of life. */
gk_life gk_identity_life(const gk_identity *who, double silent);

#endif
