/* gnuplot as a child: scripts in, SVG out. It gets a time limit, its own process group and no
 * terminal, so that nothing it does can hold up or end a run that is being trained. */
#include "report/page/colours.h"
#include "report/page/figure.h"
#include "report/page/svg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SVG_LIMIT = 64 << 20 };
static const double SECONDS = 60; /* that a drawing may take */

static const char prologue[] =
    "set encoding utf8\n"
    "faint = '#b0888888'\n"
    "signed = \"(-1 '#004c78', -0.5 '#5aa2cf', 0 '#ffffff', 0.5 '#f0965a', 1 '#8f3f00')\"\n"
    "heat = \"(0 '#440154', 1 '#3b528b', 2 '#21918c', 3 '#5ec962', 4 '#fde725')\"\n"
    "cycle = \"(0 '#c25e52', 1 '#b86a1f', 2 '#a07a00', 3 '#798a1d', 4 '#3f9552', 5 '#009881', "
    "6 '#0094a9', 7 '#1289c4', 8 '#607bce', 9 '#8b6dc3', 10 '#aa61a6', 11 '#bc5b7f', "
    "12 '#c25e52')\"\n"
    "set border 3 lc rgb ink lw 0.8\n"
    "set tics nomirror out scale 0.5 textcolor rgb ink\n"
    "set grid xtics ytics lt 1 lc rgb faint lw 0.6\n"
    "set key noenhanced textcolor rgb ink samplen 2 spacing 1.1 reverse Left\n"
    "set xlabel textcolor rgb ink\n"
    "set ylabel textcolor rgb ink\n"
    "set cblabel textcolor rgb ink\n"
    "set title textcolor rgb ink noenhanced\n";

/* ---- child */

/* What it says on stderr, until it closes that or its time is up. */
static bool listen_to(int fd, gk_text *words)
{
    double since = gk_seconds(), left;

    while ((left = SECONDS - (gk_seconds() - since)) > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        char some[1024];
        int ready = poll(&wait, 1, (int)(left * 1000) + 1);
        if (ready <= 0) continue;
        ssize_t n = read(fd, some, sizeof some);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        if (words->length < 4096) gk_text_append(words, some, (size_t)n);
    }
    return false;
}

/* 0 or an errno of why it could not be started. */
static int start(pid_t *pid, int error, const char *dir, char *script)
{
    char *const words[] = {(char[]){"gnuplot"}, (char[]){"-d"}, script, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addchdir_np(&actions, dir);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, error, 2);
    int failed = posix_spawnp(pid, words[0], &actions, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

/* Runs a script in the folder. false: gnuplot is not there (drawing->trouble). *words: its
 * complaints. */
static bool run_gnuplot(gk_drawing *d, char *script, bool *done, gk_text *words)
{
    int ends[2], status = 0;
    pid_t pid;

    *done = false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(d->trouble, sizeof d->trouble, "no pipe for gnuplot: %s", strerror(errno));
        return false;
    }
    signal(SIGCHLD, SIG_DFL); /* ignored, it would leave nothing to wait for */
    int failed = start(&pid, ends[1], d->dir, script);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        snprintf(d->trouble, sizeof d->trouble,
                 "gnuplot cannot be started (%s); `apt-get install gnuplot-nox` gets it",
                 strerror(failed));
        return false;
    }
    bool ended = listen_to(ends[0], words);
    if (!ended) {
        kill(-pid, SIGKILL);
        gk_text_add(words, "it took more than %g seconds", SECONDS);
    }
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    *done = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ended || !WIFEXITED(status) || WEXITSTATUS(status) != 127) return true;
    snprintf(d->trouble, sizeof d->trouble,
             "there is no program gnuplot; `apt-get install gnuplot-nox` gets it");
    return false;
}

/* ---- the folder */

gk_status gk_drawing_open(gk_drawing *d, const char *dir)
{
    const char *temporary = getenv("TMPDIR");

    *d = (gk_drawing){.keep = dir != NULL};
    if (dir) {
        GK_TRY(gk_path(d->dir, "%s", dir));
        return gk_make_directories(d->dir);
    }
    GK_TRY(gk_path(d->dir, "%s/grokc-report-XXXXXX", temporary && *temporary ? temporary : "/tmp"));
    if (mkdtemp(d->dir)) return GK_OK;
    d->dir[0] = 0;
    return gk_fail(GK_EIO, "cannot make a temporary folder for figures: %s; is TMPDIR writable?",
                   strerror(errno));
}

/* A temporary folder holds nothing but files of ours. */
void gk_drawing_close(gk_drawing *d)
{
    DIR *folder = d->keep || !*d->dir ? NULL : opendir(d->dir);
    struct dirent *entry;

    if (!folder) return;
    while ((entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(d->dir);
    d->dir[0] = 0;
}

/* The whole script: what a reader who runs it again needs, and nothing else. */
static void write_script(gk_text *text, const gk_figure *f, const char *name, bool keep)
{
    gk_text_add(text, "# %s\n", f->title);
    if (keep) gk_text_add(text, "# `gnuplot %s.gp` draws %s.svg and %s.pdf.\n", name, name, name);
    gk_text_add(text,
                "reset\nif (!exists('format')) { format = 'svg' }\n"
                "if (format eq 'svg') { set terminal svg size %d,%d dynamic standalone enhanced "
                "font 'sans-serif,13'; ink = '" GK_SVG_INK "'; small = ',11' }\n",
                f->width, f->height);
    if (keep)
        gk_text_add(text,
                    "if (format eq 'pdf') { set terminal pdfcairo size %.2fin,%.2fin enhanced font "
                    "'sans-serif,9'; ink = 'black'; small = ',8' }\n",
                    f->width / 100.0, f->height / 100.0);
    gk_text_add(text, "data = '%s.dat'\nset output '%s.' . format\n", name, name);
    for (int i = 0; i < GK_COLOURS; i++)
        gk_text_add(text, "set linetype %d lc rgb '#%02x%02x%02x' lw 1.6\n", i + 1,
                    gk_colours[i].red, gk_colours[i].green, gk_colours[i].blue);
    gk_text_add(text, "%s\n%s\nunset output\n", prologue, f->script.data ? f->script.data : "");
    if (keep) gk_text_add(text, "if (format eq 'svg') { format = 'pdf'; load '%s.gp' }\n", name);
}

static gk_status save(const gk_drawing *d, const char *name, const char *kind, const gk_text *text)
{
    char path[GK_PATH_MAX];

    GK_TRY(gk_path(path, "%s/%s.%s", d->dir, name, kind));
    return gk_file_replace(path, text->data ? text->data : "", text->length);
}

static gk_status draw(gk_text *svg, gk_drawing *d, const gk_figure *f, const char *name)
{
    char path[GK_PATH_MAX], script[128], *text;
    gk_text words = {0};
    size_t size;
    bool done;

    if (snprintf(script, sizeof script, "%s.gp", name) >= (int)sizeof script)
        return gk_fail(GK_EUSAGE, "figure %s: its name is too long", name);
    if (*d->trouble || !run_gnuplot(d, script, &done, &words)) return GK_OK;
    gk_status status = GK_OK;
    if (!done)
        status = gk_fail(GK_EDATA, "gnuplot could not draw figure %s: %.1000s", name,
                         words.data ? words.data : "it said nothing");
    gk_text_free(&words);
    GK_TRY(status);
    GK_TRY(gk_path(path, "%s/%s.svg", d->dir, name));
    GK_TRY(gk_file_read(path, SVG_LIMIT, &text, &size));
    gk_svg_inline(svg, text, name, f->title, f->seen.data ? f->seen.data : "");
    free(text);
    return GK_OK;
}

gk_status gk_drawing_svg(gk_text *svg, gk_drawing *d, const gk_figure *f, const char *name)
{
    gk_text script = {0};

    write_script(&script, f, name, d->keep);
    gk_status status = save(d, name, "gp", &script);
    gk_text_free(&script);
    GK_TRY(status);
    GK_TRY(save(d, name, "dat", &f->data));
    return draw(svg, d, f, name);
}
