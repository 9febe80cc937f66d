/* The two scripts of a sweep on Slurm. What a task lives through: USR1 a minute before its time is
 * up, TERM when it is cancelled, preempted or requeued by hand. The trainer answers both with a
 * resume point and exit code 75. After USR1 the script puts its task back into the queue; after
 * TERM that is Slurm's business, which knows whether the task was cancelled. */
#include "gk/slurm.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { RESTARTS = 100, SAID_MAX = 2048 };

static bool is_plain(const char *text)
{
    return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789_./,:+-%@=")];
}

/* One word for the shell. */
static void add_word(gk_text *script, const char *word)
{
    if (is_plain(word)) {
        gk_text_add(script, "%s", word);
        return;
    }
    gk_text_add(script, "'");
    for (; *word; word++)
        *word == '\'' ? gk_text_add(script, "'\\''") : gk_text_append(script, word, 1);
    gk_text_add(script, "'");
}

/* One word for sbatch, which knows quotes, and backslashes for what is not a blank. */
static void add_quoted(gk_text *script, const char *word)
{
    const char *quote = is_plain(word) ? "" : "\"";

    gk_text_add(script, "%s", quote);
    for (; *word; word++) gk_text_add(script, strchr("\"\\", *word) ? "\\%c" : "%c", *word);
    gk_text_add(script, "%s", quote);
}

static void add_option(gk_text *script, const char *name, const char *value)
{
    if (!value) return;
    gk_text_add(script, "#SBATCH --%s=", name);
    add_quoted(script, value);
    gk_text_add(script, "\n");
}

/* DIR/slurm/NAME for sbatch, to which % is the start of a pattern. */
static void add_output(gk_text *script, const char *dir, const char *name)
{
    gk_text doubled = {0};

    for (; *dir; dir++) gk_text_add(&doubled, *dir == '%' ? "%%%%" : "%c", *dir);
    gk_text_add(&doubled, "/slurm/%s", name);
    add_option(script, "output", doubled.data);
    gk_text_free(&doubled);
}

static gk_status check_text(const char *what, const char *text)
{
    for (const char *c = text ? text : ""; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return gk_fail(GK_EUSAGE,
                           "%s has a newline or another control character (byte %d of \"%.40s\"): "
                           "that cannot be in a script for Slurm",
                           what, (int)(c - text) + 1, text);
    return GK_OK;
}

static gk_status check(const gk_slurm *o)
{
    const struct {
        const char *what, *text;
    } texts[] = {{"the path of grokc", o->program},
                 {"the path of the sweep file", o->file},
                 {"the sweep directory", o->dir},
                 {"the working directory", o->where},
                 {"--partition", o->partition},
                 {"--time", o->time},
                 {"--gres", o->gres},
                 {"--account", o->account}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        GK_TRY(check_text(texts[i].what, texts[i].text));
    for (int i = 0; i < o->arguments; i++)
        GK_TRY(check_text("an argument of the sweep", o->argument[i]));
    for (int i = 0; i < o->sbatches; i++) {
        GK_TRY(check_text("--sbatch", o->sbatch[i]));
        if (*o->sbatch[i] != '-')
            return gk_fail(GK_EUSAGE, "--sbatch \"%s\": expects an option of sbatch, as in %s",
                           o->sbatch[i], "--sbatch --mem=8G");
    }
    if (strchr(o->dir, '\\') || strchr(o->where, '\\'))
        return gk_fail(GK_EUSAGE, "%s/%s: Slurm takes no backslash in the path of an output file",
                       o->where, o->dir);
    if (o->shards < 1) return gk_fail(GK_EUSAGE, "a sweep in %d shards", o->shards);
    return GK_OK;
}

static void add_head(gk_text *script, const gk_slurm *o, const char *suffix, const char *output)
{
    const char *slash = strrchr(o->dir, '/');
    gk_text name = {0};

    gk_text_add(&name, "%s%s", slash && slash[1] ? slash + 1 : o->dir, suffix);
    gk_text_add(script, "#!/bin/bash\n");
    add_option(script, "job-name", name.data);
    add_option(script, "chdir", o->where);
    add_output(script, o->dir, output);
    add_option(script, "partition", o->partition);
    add_option(script, "account", o->account);
    add_option(script, "time", o->time);
    gk_text_free(&name);
}

static void add_command(gk_text *script, const gk_slurm *o)
{
    add_word(script, o->program);
    gk_text_add(script, " sweep ");
    add_word(script, o->file);
    for (int i = 0; i < o->arguments; i++) {
        gk_text_add(script, " ");
        add_word(script, o->argument[i]);
    }
    gk_text_add(script, " \\\n    --out ");
    add_word(script, o->dir);
    gk_text_add(script, " --shard \"$SLURM_ARRAY_TASK_ID/$shards\" &\n");
}

static const char body_before[] =
    "# A task of a sweep: shard i of the runs. Once more: sbatch --array=3,7 and this file.\n"
    "set -u\n"
    "shards=%d         # not --array's business: what a shard is must not change\n"
    "restarts=%d    # a task that was restarted so often stays where it is\n"
    "\n"
    "trainer='' last='' time_is_up=no\n"
    "pass_on() {\n"
    "    last=$1\n"
    "    [[ $1 != USR1 ]] || time_is_up=yes\n"
    "    [[ -z $trainer ]] || kill -s \"$1\" \"$trainer\" 2>/dev/null\n"
    "}\n"
    "trap 'pass_on USR1' USR1\n"
    "trap 'pass_on TERM' TERM\n"
    "\n";

static const char body_after[] =
    "trainer=$!\n"
    "[[ -z $last ]] || pass_on \"$last\"\n"
    "while last=''; do      # a signal ends wait, not the trainer\n"
    "    wait \"$trainer\"\n"
    "    code=$?\n"
    "    [[ -n $last ]] || break\n"
    "done\n"
    "\n"
    "# 75: there is a resume point. Without time_is_up Slurm ended it, and requeues it or does "
    "not.\n"
    "[[ $code = 75 && $time_is_up = yes ]] || exit \"$code\"\n"
    "if ((${SLURM_RESTART_COUNT:-0} >= restarts)); then\n"
    "    echo \"restarted $SLURM_RESTART_COUNT times: not again\" >&2\n"
    "    exit \"$code\"\n"
    "fi\n"
    "scontrol requeue \"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\"\n"
    "exit \"$code\"\n";

gk_status gk_slurm_script(gk_text *script, const gk_slurm *options)
{
    GK_TRY(check(options));
    add_head(script, options, "", "%A_%a.out");
    add_option(script, "gres", options->gres);
    gk_text_add(script,
                "#SBATCH --array=0-%d\n"
                "#SBATCH --requeue\n"
                "#SBATCH --open-mode=append\n"
                "#SBATCH --signal=B:USR1@60\n",
                options->shards - 1);
    for (int i = 0; i < options->sbatches; i++)
        gk_text_add(script, "#SBATCH %s\n", options->sbatch[i]);
    gk_text_add(script, body_before, options->shards, RESTARTS);
    add_command(script, options);
    gk_text_add(script, "%s", body_after);
    return GK_OK;
}

gk_status gk_slurm_gather_script(gk_text *script, const gk_slurm *options)
{
    GK_TRY(check(options));
    add_head(script, options, "-gather", "gather-%j.out");
    gk_text_add(script, "# The finished runs of a sweep as tables.\n");
    gk_text_add(script, "set -u\nexec ");
    add_word(script, options->program);
    gk_text_add(script, " gather ");
    add_word(script, options->dir);
    gk_text_add(script, "\n");
    return GK_OK;
}

/* ---- sbatch */

static gk_status write_script(char path[GK_PATH_MAX], const gk_slurm *options, const char *name,
                              gk_status (*make)(gk_text *, const gk_slurm *))
{
    char folder[GK_PATH_MAX];
    gk_text script = {0};

    GK_TRY(gk_path(folder, "%s/slurm", options->dir));
    GK_TRY(gk_path(path, "%s/%s", folder, name));
    gk_status status = make(&script, options);
    if (status == GK_OK) status = gk_make_directories(folder);
    if (status == GK_OK) status = gk_file_replace(path, script.data, script.length);
    gk_text_free(&script);
    return status;
}

/* What a program left in a file in memory, without the newline at its end. */
static void read_back(char said[SAID_MAX], int fd)
{
    ssize_t n = pread(fd, said, SAID_MAX - 1, 0);

    while (n > 0 && (said[n - 1] == '\n' || said[n - 1] == ' ')) n--;
    said[n > 0 ? n : 0] = 0;
}

/* Runs sbatch to its end. *code: its exit code, 127 where it cannot be started. */
static gk_status run_sbatch(char *const *argv, int *code, char out[SAID_MAX], char err[SAID_MAX])
{
    int fd[2] = {memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC)}, status = 0;
    posix_spawn_file_actions_t actions;
    pid_t pid;

    if (fd[0] < 0 || fd[1] < 0) return gk_fail(GK_EIO, "memfd_create: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd[0], 1);
    posix_spawn_file_actions_adddup2(&actions, fd[1], 2);
    int why = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    while (why == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    read_back(out, fd[0]);
    read_back(err, fd[1]);
    close(fd[0]);
    close(fd[1]);
    *code = why || !WIFEXITED(status) ? 127 : WEXITSTATUS(status);
    if (why == 0) return GK_OK;
    return gk_fail(GK_EIO, "%s: %s", argv[0], strerror(why));
}

/* The job's id: all that --parsable prints, or what stands before ";cluster". */
static bool take_id(char id[32], const char *out)
{
    size_t n = strspn(out, "0123456789");

    if (n == 0 || n > 31 || (out[n] && out[n] != ';')) return false;
    snprintf(id, 32, "%.*s", (int)n, out);
    return true;
}

/* after: "" or the job that must have ended before. */
static gk_status submit(char id[32], const char *script, const char *after)
{
    char out[SAID_MAX], err[SAID_MAX], dependency[64];
    gk_text command = {0};
    int code;

    snprintf(dependency, sizeof dependency, "--dependency=afterany:%s", after);
    const char *argv[] = {"sbatch", "--parsable", *after ? dependency : script,
                          *after ? script : NULL, NULL};
    gk_text_add(&command, "sbatch %s%s", *after ? dependency : "", *after ? " " : "");
    add_word(&command, script);
    gk_status status = run_sbatch((char *const *)argv, &code, out, err);
    if (status != GK_OK)
        status = gk_fail(GK_EIO,
                         "sbatch is not here (%s); the script is written: on a machine that "
                         "submits to Slurm, in this folder, type: %s",
                         gk_message(), command.data);
    else if (code != 0 || !take_id(id, out))
        status = gk_fail(GK_EIO,
                         "sbatch did not take %s (exit code %d): %s; change the options "
                         "(--partition, --account, --time, --gres, --shards, --sbatch for all "
                         "others) or the script, and type: %s",
                         script, code, *err ? err : out, command.data);
    gk_text_free(&command);
    return status;
}

gk_status gk_slurm_submit(gk_text *said, const gk_slurm *options)
{
    char sweep[GK_PATH_MAX], gather[GK_PATH_MAX], id[32], second[32];

    GK_TRY(write_script(sweep, options, "sweep.sh", gk_slurm_script));
    GK_TRY(write_script(gather, options, "gather.sh", gk_slurm_gather_script));
    GK_TRY(submit(id, sweep, ""));
    gk_text_add(said, "job %s: %d tasks, %s\n", id, options->shards, sweep);
    gk_status status = submit(second, gather, id);
    if (status == GK_OK)
        gk_text_add(said, "job %s: gathers when they have ended, %s\n", second, gather);
    return status;
}
