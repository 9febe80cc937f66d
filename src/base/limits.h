/* What is read to find out how much of the machine is this process's; for limits.c and its tests.
 * `root` is put before every path: "" is the machine itself. */
#ifndef GK_BASE_LIMITS_H
#define GK_BASE_LIMITS_H

#include "gk/base.h"

/* Cores that the tightest quota of this process's cgroup and those above it allows; infinity: no
 * quota. Version 1 or 2 of cgroups. */
double gk_cgroup_cores(const char *root, int version);
/* Bytes that are left under the tightest limit; infinity: no limit. */
double gk_cgroup_memory(const char *root, int version);
/* The number at the start of a variable ("4,2" is 4); infinity: not set, or no count. */
double gk_variable_cores(const char *name);

#endif
