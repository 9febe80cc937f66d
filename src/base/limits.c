/* How many cores and how much memory this process may use: the least of what limits it. */
#include "base/limits.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a controller's folders are usually mounted: version 2 alone, or beside version 1. */
static const char *const unified[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL},
                         *const cpu[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", NULL},
                         *const memory[] = {"/sys/fs/cgroup/memory", NULL};

/* Does "cpu,cpuacct" name the controller? Version 2's list is empty. */
static bool names(const char *list, const char *controller)
{
    size_t n = strlen(controller);

    for (const char *word = list;; word++) {
        size_t length = strcspn(word, ",");
        if (length == n && !strncmp(word, controller, n)) return true;
        word += length;
        if (!*word) return false;
    }
}

/* This process's cgroup, from the line "4:cpu,cpuacct:/job_7" of /proc/self/cgroup; "" where there
 * is none, or where it lies outside of what is mounted here ("/../x", in a container). */
static void find_own(char path[GK_PATH_MAX], const char *root, const char *controller)
{
    char line[GK_PATH_MAX];

    path[0] = 0;
    if (gk_path(line, "%s/proc/self/cgroup", root) != GK_OK) return;
    FILE *file = fopen(line, "r");
    while (file && fgets(line, sizeof line, file)) {
        char *list = strchr(line, ':'), *end = list ? strchr(list + 1, ':') : NULL;
        if (!end) continue;
        *end = 0;
        if (!names(list + 1, controller)) continue;
        end[1 + strcspn(end + 1, "\n")] = 0;
        snprintf(path, GK_PATH_MAX, "%s", strncmp(end + 1, "/..", 3) ? end + 1 : "");
        break;
    }
    if (file) fclose(file);
}

/* A whole file of numbers and words; false: it is not there. */
static bool read_small(char text[4096], const char *folder, const char *name)
{
    char path[GK_PATH_MAX];

    if (gk_path(path, "%s/%s", folder, name) != GK_OK) return false;
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, 4095, file) : 0;
    text[n] = 0;
    if (file) fclose(file);
    return n > 0;
}

/* Infinity where there is no file or no number in it, as in "max" and, for a quota, -1. */
static double number_in(const char *folder, const char *name)
{
    char text[4096], *end;

    if (!read_small(text, folder, name)) return HUGE_VAL;
    double value = strtod(text, &end);
    return end == text || value < 0 ? HUGE_VAL : value;
}

/* "200000 100000" in cpu.max: 200 ms of every 100 ms, two cores. */
static double quota_2(const char *folder)
{
    char text[4096];
    double quota, period;

    if (!read_small(text, folder, "cpu.max")) return HUGE_VAL;
    return sscanf(text, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : HUGE_VAL;
}

static double quota_1(const char *folder)
{
    double quota = number_in(folder, "cpu.cfs_quota_us"),
           period = number_in(folder, "cpu.cfs_period_us");

    return period > 0 && isfinite(period) ? quota / period : HUGE_VAL;
}

/* What a limit leaves: cached files that nobody uses make room when it is needed. */
static double left(const char *folder, double limit, const char *used, const char *cached)
{
    char text[4096];
    double reclaimable = 0, now = number_in(folder, used);
    const char *line = read_small(text, folder, "memory.stat") ? strstr(text, cached) : NULL;

    if (!isfinite(limit)) return limit;
    if (line) reclaimable = strtod(line + strlen(cached), NULL);
    return fmax(0, limit - (isfinite(now) ? fmax(0, now - reclaimable) : 0));
}

static double memory_2(const char *folder)
{
    double limit = fmin(number_in(folder, "memory.max"), number_in(folder, "memory.high"));

    return left(folder, limit, "memory.current", "\ninactive_file ");
}

/* Without a limit, version 1 shows one of nearly 2^63 bytes. */
static double memory_1(const char *folder)
{
    double limit = number_in(folder, "memory.limit_in_bytes");

    if (limit > 0x1p62) limit = HUGE_VAL;
    return left(folder, limit, "memory.usage_in_bytes", "\ntotal_inactive_file ");
}

/* The least of `value` over this process's cgroup and all those above it, in the first folder that
 * is mounted. */
static double tightest(const char *root, const char *const *mounts, const char *controller,
                       double (*value)(const char *folder))
{
    char own[GK_PATH_MAX], base[GK_PATH_MAX], folder[GK_PATH_MAX];
    double least = HUGE_VAL;

    find_own(own, root, controller);
    for (; *mounts; mounts++) {
        if (gk_path(base, "%s%s", root, *mounts) != GK_OK ||
            gk_path(folder, "%s%s", base, own) != GK_OK)
            continue;
        least = fmin(least, value(base));
        for (char *end; strlen(folder) > strlen(base) && (end = strrchr(folder, '/')); *end = 0)
            least = fmin(least, value(folder));
    }
    return least;
}

double gk_cgroup_cores(const char *root, int version)
{
    return version == 2 ? tightest(root, unified, "", quota_2)
                        : tightest(root, cpu, "cpu", quota_1);
}

double gk_cgroup_memory(const char *root, int version)
{
    return version == 2 ? tightest(root, unified, "", memory_2)
                        : tightest(root, memory, "memory", memory_1);
}

double gk_variable_cores(const char *name)
{
    const char *text = getenv(name);
    char *end;

    if (!text) return HUGE_VAL;
    long n = strtol(text, &end, 10);
    return end > text && n > 0 && (!*end || *end == ',') ? (double)n : HUGE_VAL;
}

/* Cores of the affinity mask, however many the machine has. */
static double affinity(void)
{
    for (int most = 1024; most <= 1 << 20; most *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)most);
        size_t size = CPU_ALLOC_SIZE((size_t)most);
        if (!set) break;
        bool fits = sched_getaffinity(0, size, set) == 0;
        int n = fits ? CPU_COUNT_S(size, set) : 0;
        bool larger = !fits && errno == EINVAL;
        CPU_FREE(set);
        if (fits) return n;
        if (!larger) break;
    }
    return (double)sysconf(_SC_NPROCESSORS_ONLN);
}

gk_cores gk_cores_allowed(void)
{
    const struct {
        const char *name;
        double cores;
    } limit[] = {{"affinity", affinity()},
                 {"cgroup v2", ceil(gk_cgroup_cores("", 2))},
                 {"cgroup v1", ceil(gk_cgroup_cores("", 1))},
                 {"SLURM_CPUS_PER_TASK", gk_variable_cores("SLURM_CPUS_PER_TASK")},
                 {"OMP_NUM_THREADS", gk_variable_cores("OMP_NUM_THREADS")}};
    size_t least = 0;

    for (size_t i = 1; i < sizeof limit / sizeof *limit; i++)
        if (limit[i].cores < limit[least].cores) least = i;
    return (gk_cores){(int)fmax(1, limit[least].cores), limit[least].name};
}

gk_memory gk_memory_free(void)
{
    long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    double host = pages > 0 && page > 0 ? (double)pages * (double)page : 0x1p30;
    double two = gk_cgroup_memory("", 2), one = gk_cgroup_memory("", 1), group = fmin(one, two);

    if (group >= host) return (gk_memory){(size_t)host, "host"};
    return (gk_memory){(size_t)group, two <= one ? "cgroup v2" : "cgroup v1"};
}
