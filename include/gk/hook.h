/* run.hook: a user's own measure, in any language. One child per run, `/bin/sh -c COMMAND` in a
 * process group of its own, in the directory where grokc was started:
 *
 *   stdin    for each row the absolute path of a fresh weights file, RUN/hook/00000100.safetensors,
 *            as one line; the end of file when the run ends
 *   stdout   one JSON object on one line for each path, at most 1 MB; it becomes the line
 *            {"epoch": 100, ...} of RUN/hook.jsonl, and the weights file is removed
 *   stderr   is kept in RUN/hook.log
 *
 * An object may name its "epoch"; one of another epoch is left out, and so is what is no JSON. NaN
 * and infinities, which JSON does not have, become null. Lines that do not begin with "{" are
 * ignored. Questions are sent one by one, and up to four rows are open at a time: a row that comes
 * while four are is skipped.
 *
 * A hook that misbehaves never harms the run. log.txt says what is wrong, and at worst the hook is
 * over; when the run ends, the terminal is told how many rows were answered and what went wrong
 * first. The run waits for it at its end only: ten seconds for answers, one for it to end by
 * itself; then its process group gets TERM, a second later KILL. After a signal that is less than
 * a second in all. A process that leaves the group is the user's own.
 *
 * run.stop_when may name what it answers: gk/stop.h.
 *
 * hook.jsonl is not among the files that are the same on every rerun. A run that goes on starts its
 * hook anew, from its resume point on, and appends: an epoch may be there twice (the last one
 * counts) or not at all, where the run was stopped before the answer came. --fresh removes it. */
#ifndef GK_HOOK_H
#define GK_HOOK_H

#include "gk/run.h"

/* Starts run.hook, if there is one, for an opened run; if it cannot, log.txt says why. */
void gk_hook_open(gk_run *run);

/* Takes in what has been answered: into hook.jsonl, and to the stop rules (gk/stop.h). */
void gk_hook_hear(gk_run *run);
/* The same. May this row be asked? */
bool gk_hook_ready(gk_run *run);

/* Asks about the row of run->position.epoch, where gk_hook_ready said yes. Its weights lie at
 * gk_epoch_path(path, dir, GK_EPOCH_HOOK, epoch), or `written` says that they could not be written
 * (gk_message(): why) and the row is skipped. */
void gk_hook_ask(gk_run *run, gk_status written);

/* hook_checkpoints.c: the answers of a command about n weights files, those of epochs of the run
 * `dir` (NULL: of no run), on stdout and in DIR/hook.jsonl, which it owns meanwhile. It is waited
 * for as long as it takes, and its stderr is grokc's. GK_EDATA: not all have an answer; GK_EBUSY:
 * the run is another process's; GK_STOPPED, GK_EIO. */
gk_status gk_hook_checkpoints(const char *dir, const char *command, const char *const *path,
                              const int64_t *epoch, int n);

/* Ends the hooks of R runs, all at the same time. `hurry`: in less than a second. */
void gk_hook_close(gk_run *const *runs, int R, bool hurry);

#endif
