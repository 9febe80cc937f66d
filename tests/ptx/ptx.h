/* The host shim's device as an interpreter of PTX: launches run what nvcc made of a kernel, not
 * the kernel's C++ (tests/shim/control.h has the rest of what tests tell the shim). Checked are
 * bounds and alignment of every access, the members of .sync operations, barriers, races, shared
 * memory that nobody wrote. Says nothing about time, nor about what ptxas makes of the PTX. */
#ifndef GK_PTX_H
#define GK_PTX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Launches run the kernels of all *.ptx in `folder` from now on. Number of kernels; -1, and a
 * message on stderr: the folder or a text is wrong. */
int gk_ptx_open(const char *folder);
/* On from the start. */
void gk_ptx_look_for_races(int on);
/* Counts launches from now on, from nothing; off from the start. */
void gk_ptx_count(int on);

#ifdef __cplusplus
}
#endif

#endif
