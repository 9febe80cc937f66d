/* How many cores this process may use, and what they are called. */
#include "cpu/cpu.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The text of a small file up to its first line break; "" where there is none. */
static void first_line(char line[GK_PATH_MAX], const char *path)
{
    FILE *file = fopen(path, "r");

    if (!file || !fgets(line, GK_PATH_MAX, file)) line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    if (file) fclose(file);
}

/* "200000 100000" in cpu.max: 200 ms of every 100 ms, two cores. "max 100000": no limit. */
static double quota_of(const char *folder)
{
    char path[GK_PATH_MAX], line[GK_PATH_MAX];
    double quota, period;

    if (gk_path(path, "%s/cpu.max", folder) != GK_OK) return HUGE_VAL;
    first_line(line, path);
    return sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : HUGE_VAL;
}

/* The tightest quota of this process' cgroup (version 2) and of those above it. */
static double cgroup_cores(void)
{
    static const char root[] = "/sys/fs/cgroup";
    char line[GK_PATH_MAX], folder[GK_PATH_MAX], *end;
    double cores = quota_of(root);

    first_line(line, "/proc/self/cgroup");
    if (strncmp(line, "0::/", 4) != 0 || gk_path(folder, "%s%s", root, line + 3) != GK_OK)
        return cores;
    while ((end = strrchr(folder, '/')) && strlen(folder) > strlen(root)) {
        cores = fmin(cores, quota_of(folder));
        *end = 0;
    }
    return cores;
}

int cpu_cores(void)
{
    cpu_set_t set;
    double cores = sched_getaffinity(0, sizeof set, &set) == 0
                       ? CPU_COUNT(&set)
                       : (double)sysconf(_SC_NPROCESSORS_ONLN);

    return (int)fmax(1, fmin(cores, ceil(cgroup_cores())));
}

void cpu_model(char name[CPU_NAME_MAX])
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    snprintf(name, CPU_NAME_MAX, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += strspn(value, ": \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(name, CPU_NAME_MAX, "%.*s", CPU_NAME_MAX - 1, value);
        break;
    }
    if (file) fclose(file);
}
