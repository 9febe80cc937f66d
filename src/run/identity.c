/* The text of an `owner` file, and what it says about a process that holds no lock. */
#include "run/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The start of a small file, up to its end or first line break; "-": it cannot be read. */
static void read_word(char *word, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, word, size - 1);

    if (fd >= 0) close(fd);
    word[n > 0 ? n : 0] = 0;
    word[strcspn(word, "\n")] = 0;
    if (!*word) snprintf(word, size, "-");
}

/* Start time of a process in clock ticks since boot; "0": there is no such process, or no /proc. */
static void read_start(char started[32], long pid)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_word(text, sizeof text, path);
    char *field = strrchr(text, ')'); /* the name before it may hold anything */
    for (int i = 0; field && i < 20; i++) field = strchr(field + 1, ' ');
    if (field)
        snprintf(started, 32, "%.*s", (int)strcspn(field + 1, " "), field + 1);
    else
        snprintf(started, 32, "0");
}

static void read_namespace(char namespace[48])
{
    ssize_t n = readlink("/proc/self/ns/pid", namespace, 47);

    namespace[n > 0 ? n : 0] = 0;
    if (n <= 0) snprintf(namespace, 48, "-");
}

static void read_boot(char boot[48]) { read_word(boot, 48, "/proc/sys/kernel/random/boot_id"); }

void gk_identity_print(char text[GK_IDENTITY_MAX], bool locked)
{
    static uint64_t id;
    char host[256] = "unknown", started[32], boot[48], namespace[48];
    const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");

    if (!id) id = gk_unique();
    gethostname(host, sizeof host - 1);
    read_start(started, getpid());
    read_boot(boot);
    read_namespace(namespace);
    snprintf(text, GK_IDENTITY_MAX,
             "host %s\npid %ld\nstarted %s\njob %.64s\nrestart %.16s\nboot %s\nnamespace %s\n"
             "id %016llx\nlock %s\n",
             host, (long)getpid(), started, job ? job : "-", restart ? restart : "0", boot,
             namespace, (unsigned long long)id, locked ? "held" : "none");
}

/* The value of the line "key value"; false: there is none. */
static bool take(char *value, size_t size, const char *text, const char *key)
{
    size_t n = strlen(key);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) != 0 || line[n] != ' ') continue;
        snprintf(value, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
        return *value != 0;
    }
    return false;
}

void gk_identity_parse(gk_identity *who, const char *text)
{
    char pid[32] = "", lock[16] = "";
    int64_t number = 0;

    *who = (gk_identity){.job = "-", .restart = "0", .boot = "-", .namespace = "-"};
    who->whole = take(who->host, sizeof who->host, text, "host") &&
                 take(pid, sizeof pid, text, "pid") && gk_parse_int(pid, &number) &&
                 take(who->started, sizeof who->started, text, "started");
    who->pid = (long)number;
    take(who->job, sizeof who->job, text, "job");
    take(who->restart, sizeof who->restart, text, "restart");
    take(who->boot, sizeof who->boot, text, "boot");
    take(who->namespace, sizeof who->namespace, text, "namespace");
    take(who->id, sizeof who->id, text, "id");
    bool ends = take(lock, sizeof lock, text, "lock") && text[strlen(text) - 1] == '\n';
    who->locked = ends && !strcmp(lock, "held");
    who->whole &= ends || !strstr(text, "\nboot"); /* grokc 0.1 had no more than five lines */
}

bool gk_identity_is_of_this_kernel(const gk_identity *who)
{
    char boot[48];

    read_boot(boot);
    return strcmp(boot, "-") != 0 && !strcmp(boot, who->boot);
}

/* A job that Slurm has put back into its queue has the same number and another restart count: its
 * former process is gone, on whichever host it was. */
static bool was_requeued(const gk_identity *who)
{
    const char *now = getenv("SLURM_JOB_ID"), *count = getenv("SLURM_RESTART_COUNT");

    return now && !strcmp(who->job, now) && strcmp(who->restart, count ? count : "0") != 0;
}

/* Can its pid be looked up from here? Files of grokc 0.1 name the host alone. */
static bool is_within_sight(const gk_identity *who)
{
    char host[256] = "", started[32], namespace[48];

    read_start(started, getpid());
    if (!strcmp(started, "0") || !strcmp(who->started, "0")) return false; /* without /proc */
    gethostname(host, sizeof host - 1);
    if (!strcmp(who->boot, "-")) return !strcmp(host, who->host);
    read_namespace(namespace);
    return gk_identity_is_of_this_kernel(who) && !strcmp(namespace, who->namespace);
}

gk_life gk_identity_life(const gk_identity *who, double silent)
{
    char started[32];

    if (was_requeued(who)) return GK_GONE;
    if (!is_within_sight(who)) return silent < GK_SILENT_SECONDS ? GK_SPEAKS : GK_GONE;
    read_start(started, who->pid);
    return strcmp(started, who->started) ? GK_GONE : GK_LIVES;
}
