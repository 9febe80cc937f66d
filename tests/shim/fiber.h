/* Stacks that can be left in the middle of a call and entered again, from the host's stack or
 * from one another. */
#ifndef GK_SHIM_FIBER_H
#define GK_SHIM_FIBER_H

struct fiber;

/* A fiber at the beginning of `run`, or one that was given back. `run` never returns and is
 * always the same. */
fiber *fiber_take(void (*run)());
void fiber_give(fiber *f); /* it left at a point from which it may go on with something new */
void fiber_kill(fiber *f); /* it never goes on: its frames are forgotten */

void fiber_enter(fiber *f); /* from the host's stack; returns when some fiber leaves */
void fiber_pass(fiber *to); /* from a fiber to another; returns when it is entered or passed to */
void fiber_leave();         /* from a fiber to the host's stack; returns likewise */

#endif
