/* run.hook: a user's own measure, in any language. One child per run, `/bin/sh -c COMMAND` in a
 * process group of its own, in the directory where grokc was started:
 *
 *   stdin    for each row the absolute path of a fresh weights file, RUN/hook/00000100.safetensors,
 *            as one line; the end of file when the run ends
 *   stdout   one JSON object on one line for each path, at most 1 MB; it becomes the line
 *            {"epoch": 100, ...} of RUN/hook.jsonl, and the weights file is removed
 *   stderr   grokc's
 *
 * An object may name its "epoch"; one of another epoch is left out, and so is what is no JSON, such
 * as NaN. Lines that do not begin with "{" are ignored. Questions are sent one by one, and up to
 * four rows are open at a time: a row that comes while four are is skipped.
 *
 * A hook that misbehaves never harms the run. log.txt says what is wrong, and at worst the hook is
 * over. The run waits for it at its end only: ten seconds for answers, one for it to end by itself;
 * then its process group gets TERM, a second later KILL. After a signal that is less than a second
 * in all. A process that leaves the group is the user's own.
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

/* Ends the hooks of R runs, all at the same time. `hurry`: in less than a second. */
void gk_hook_close(gk_run *const *runs, int R, bool hurry);

#endif
