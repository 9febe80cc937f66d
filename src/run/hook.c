/* The hook of a run: questions and answers. Nothing here fails the run; functions return why the
 * hook has to end, or NULL. One question is on its way at a time and what comes between two answers
 * is limited: however the child behaves, an event costs a bounded time. */
#include "gk/hook.h"
#include "gk/archive.h"
#include "run/hook_answer.h"
#include "run/hook_child.h"
#include "run/hook_words.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN_MAX = 4, ANSWER_MAX = 1 << 20, CHUNK = 1 << 16 };

/* Seconds that the end of a run waits: for answers, for the end after that, and after TERM. */
typedef struct patience {
    double answers, end, term;
} patience;
static const patience calm = {10, 1, 1}, hurried = {0.5, 0.2, 0.2};

struct gk_hook {
    gk_child child; /* pid 0: the hook is over */
    int answers;    /* hook.jsonl, -1 */
    char *dir;      /* the run's, absolute */
    /* rows without an answer, oldest first; only the first has been sent */
    int64_t epoch[OPEN_MAX];
    int open;
    gk_text heard;     /* of its stdout, not taken in yet */
    size_t unanswered; /* bytes heard since the last answer */
    double hung_up;    /* clock: when its stdin was closed */
    bool told;         /* TERM was sent */
    bool chatted;
    gk_hook_words words;
};

/* ---- its end */

static void remove_file(const gk_run *run, int64_t epoch)
{
    char path[GK_PATH_MAX];

    if (gk_epoch_path(path, run->dir, GK_EPOCH_HOOK, epoch) == GK_OK) unlink(path);
}

/* All but the struct and the child, and all that is in the run's directory but hook.jsonl. */
static void discard(const gk_run *run, struct gk_hook *h)
{
    char folder[GK_PATH_MAX];

    if (gk_run_fence(run) == GK_OK) /* what is there now may be another process's */
        for (int i = 0; i < h->open; i++) remove_file(run, h->epoch[i]);
    if (gk_path(folder, "%s/hook", run->dir) == GK_OK) rmdir(folder);
    if (h->answers >= 0) close(h->answers);
    h->answers = -1;
    free(h->dir);
    h->dir = NULL;
    gk_text_free(&h->heard);
}

/* The hook is over. `why` NULL: because it ended. */
static void finish(gk_run *run, const char *why)
{
    struct gk_hook *h = run->hook;
    gk_text text = {0};
    int status = gk_child_end(&h->child);
    char line[160];

    if (why)
        gk_text_add(&text, "stopped: %s", why);
    else if (WIFEXITED(status))
        gk_text_add(&text, "ended with exit status %d", WEXITSTATUS(status));
    else
        gk_text_add(&text, "ended by signal %d", WTERMSIG(status));
    gk_hook_last_line(line, &h->words);
    gk_hook_blame(&h->words, "%s%s%s", text.data, *line ? ": " : "", line);
    gk_run_log(run, "hook: %s%s; rows answered: %lld, left out: %lld, skipped: %lld, open: %d",
               text.data, h->told ? " (not by itself)" : "", (long long)h->words.answered,
               (long long)h->words.left_out, (long long)h->words.skipped, h->open);
    gk_text_free(&text);
    discard(run, h);
}

/* ---- questions, answers */

/* The oldest open row's path. It goes in whole: the pipe is empty if the child reads at all. */
static const char *send_question(struct gk_hook *h)
{
    gk_text line = {0};

    gk_text_add(&line, "%s/hook/%08lld.safetensors\n", h->dir, (long long)h->epoch[0]);
    ssize_t n = write(h->child.in, line.data, line.length);
    bool whole = n >= 0 && (size_t)n == line.length;
    gk_text_free(&line);
    if (whole) return NULL;
    if (n < 0 && errno == EPIPE)
        return gk_child_exits(&h->child, 0.1) ? NULL : "it closed its stdin";
    return "it does not read its stdin";
}

/* One write, or nothing. */
static const char *append(const gk_run *run, const gk_text *line)
{
    const struct gk_hook *h = run->hook;

    if (gk_run_fence(run) != GK_OK) return "the directory is another process's";
    off_t end = lseek(h->answers, 0, SEEK_END);
    ssize_t n = write(h->answers, line->data, line->length);

    if (n >= 0 && (size_t)n == line->length) return NULL;
    return end < 0 || ftruncate(h->answers, end) != 0 ? "hook.jsonl is broken"
                                                      : "hook.jsonl cannot be written";
}

/* A column of an answer, for gk_answer_values. */
typedef struct wanted {
    const char *column;
    double value;
} wanted;

static gk_status look(void *user, const char *column, const json_t *value)
{
    wanted *w = user;

    if (!strcmp(column, w->column) && json_is_number(value)) w->value = json_number_value(value);
    return GK_OK;
}

/* The number that an answer (a line) has there; NaN: none. */
static double value_of(void *line, const char *column)
{
    wanted w = {column, (double)NAN};

    gk_answer_values(line, look, &w);
    return w.value;
}

/* `line` begins with "{". */
static const char *take_answer(gk_run *run, const char *line, size_t n, int64_t epoch)
{
    struct gk_hook *h = run->hook;
    gk_text row = {0};
    const char *why = NULL;
    char wrong[160];

    if (!gk_hook_answer(&row, line, n, epoch, &h->words.nulls, wrong)) {
        if (h->words.left_out++ == 0)
            gk_run_log(run, "hook: the answer to epoch %lld is left out: %s", (long long)epoch,
                       wrong);
        gk_hook_blame(&h->words, "the answer to epoch %lld is left out: %s", (long long)epoch,
                      wrong);
    } else if (!(why = append(run, &row))) {
        h->words.answered++;
        gk_stop_answer(&run->stop, value_of, row.data);
    }
    gk_text_free(&row);
    return why;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* A line without its end. */
static const char *take_line(gk_run *run, const char *line, size_t n)
{
    struct gk_hook *h = run->hook;

    for (; n && is_space(line[n - 1]); n--) continue;
    for (; n && is_space(*line); n--) line++;
    if (n == 0) return NULL;
    if (*line != '{') {
        if (!h->chatted) gk_run_log(run, "hook: its stdout has lines that are no objects; ignored");
        h->chatted = true;
        return NULL;
    }
    if (!h->open) return "it answered what it was not asked";
    const char *why = take_answer(run, line, n, h->epoch[0]);
    if (why) return why;
    remove_file(run, h->epoch[0]);
    h->unanswered = 0;
    h->open--;
    memmove(h->epoch, h->epoch + 1, (size_t)h->open * sizeof *h->epoch);
    return h->open ? send_question(h) : NULL;
}

/* Every whole line that has been heard; at the end of file, the rest too. */
static const char *take_lines(gk_run *run, bool rest)
{
    gk_text *heard = &run->hook->heard;
    const char *why = NULL;
    size_t at = 0;

    while (!why && at < heard->length) {
        const char *line = heard->data + at, *end = memchr(line, '\n', heard->length - at);
        if (!end && !rest) break;
        size_t n = end ? (size_t)(end - line) : heard->length - at;
        why = take_line(run, line, n);
        at += end ? n + 1 : n;
    }
    if (at) memmove(heard->data, heard->data + at, heard->length - at);
    heard->length -= at;
    return why;
}

/* All that is in the pipe now. */
static const char *take_in(gk_run *run)
{
    struct gk_hook *h = run->hook;
    char chunk[CHUNK];

    for (;;) {
        const char *why = NULL;
        ssize_t n = read(h->child.out, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN ? NULL : "its stdout cannot be read";
        if (n == 0) {
            why = take_lines(run, true);
            return why || gk_child_exits(&h->child, 0.1) ? why : "it closed its stdout";
        }
        h->unanswered += (size_t)n;
        gk_text_append(&h->heard, chunk, (size_t)n);
        if (memchr(chunk, '\n', (size_t)n)) why = take_lines(run, false);
        if (why) return why;
        if (h->unanswered > ANSWER_MAX) return "more than 1 MB of no answer";
    }
}

/* Looks after the hook; false if it is over. What it wrote before it exited is in the pipe. */
static bool tend(gk_run *run)
{
    struct gk_hook *h = run->hook;

    if (!h || !h->child.pid) return false;
    gk_child_exits(&h->child, 0);
    const char *why = take_in(run);
    if (why || h->child.exited) finish(run, why);
    return h->child.pid != 0;
}

/* ---- the four calls */

/* hook.jsonl, without the half line that a killed process may have left. */
static bool open_answers(const gk_run *run, struct gk_hook *h)
{
    enum { TAIL = ANSWER_MAX + CHUNK };
    char path[GK_PATH_MAX];

    if (gk_path(path, "%s/hook.jsonl", run->dir) != GK_OK) return false;
    h->answers = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    off_t end = h->answers < 0 ? -1 : lseek(h->answers, 0, SEEK_END);
    if (end <= 0) return end == 0;
    off_t from = end > TAIL ? end - TAIL : 0;
    char *tail = gk_alloc(TAIL, 1);
    ssize_t n = pread(h->answers, tail, TAIL, from);
    const char *last = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;
    off_t whole = last ? from + (last - tail) + 1 : from;
    free(tail);
    return n >= 0 && (whole == end || ftruncate(h->answers, whole) == 0);
}

void gk_hook_open(gk_run *run)
{
    const char *command = run->config.run.hook;
    char folder[GK_PATH_MAX];

    if (!*command) return;
    struct gk_hook *h = gk_alloc(1, sizeof *h);
    h->answers = -1;
    h->words.dir = run->dir;
    h->dir = realpath(run->dir, NULL);
    bool good = h->dir && gk_path(folder, "%s/hook", run->dir) == GK_OK &&
                (mkdir(folder, 0777) == 0 || errno == EEXIST) && open_answers(run, h);
    if (good && strchr(h->dir, '\n')) {
        errno = EINVAL; /* no line could hold its paths */
        good = false;
    }
    int log = good ? gk_hook_open_log(&h->words) : -1;
    good = log >= 0 && gk_child_start(&h->child, command, log);
    int error = errno;
    if (log >= 0) close(log);
    if (good) {
        gk_run_log(run, "hook: process %lld: %s", (long long)h->child.pid, command);
        run->hook = h;
        return;
    }
    gk_run_log(run, "hook: not started: %s", strerror(error));
    gk_text_add(&run->hook_said, "%s: the hook was not started: %s", run->dir, strerror(error));
    discard(run, h);
    free(h);
}

void gk_hook_hear(gk_run *run) { tend(run); }

bool gk_hook_ready(gk_run *run)
{
    if (run->hook) run->hook->words.rows++;
    if (!tend(run)) return false;
    if (run->hook->open < OPEN_MAX) return true;
    if (run->hook->words.skipped++ == 0)
        gk_run_log(run, "hook: epoch %lld is skipped: %d others wait for answers",
                   (long long)run->position.epoch, OPEN_MAX);
    gk_hook_blame(&run->hook->words,
                  "from epoch %lld on, rows are skipped while %d others wait for answers",
                  (long long)run->position.epoch, OPEN_MAX);
    return false;
}

void gk_hook_ask(gk_run *run, gk_status written)
{
    struct gk_hook *h = run->hook;
    int64_t epoch = run->position.epoch;

    if (written != GK_OK || gk_run_fence(run) != GK_OK) {
        if (h->words.skipped++ == 0)
            gk_run_log(run, "hook: epoch %lld is skipped: %s", (long long)epoch, gk_message());
        gk_hook_blame(&h->words, "epoch %lld is skipped: %s", (long long)epoch, gk_message());
        return;
    }
    h->epoch[h->open++] = epoch;
    const char *why = h->open == 1 ? send_question(h) : NULL;
    if (why || h->child.exited) finish(run, why);
}

/* Is there something to wait for? A hook without open rows gets its end of file. */
static bool wants_time(gk_run *run, double since, patience p)
{
    struct gk_hook *h = run->hook;

    if (!tend(run)) return false;
    if (h->told) return gk_seconds() - since < p.term;
    if (h->open) return gk_seconds() - since < p.answers;
    if (h->child.in >= 0) h->hung_up = gk_seconds();
    gk_child_hang_up(&h->child);
    return gk_seconds() - h->hung_up < p.end;
}

static void wait_for(gk_run *const *runs, int R, bool hurry)
{
    double since = gk_seconds();

    for (bool any = true; any;) {
        any = false;
        patience p = hurry || gk_signal_seen() ? hurried : calm;
        for (int r = 0; r < R; r++) any |= wants_time(runs[r], since, p);
        if (any) gk_nap();
    }
}

void gk_hook_close(gk_run *const *runs, int R, bool hurry)
{
    wait_for(runs, R, hurry);
    for (int r = 0; r < R; r++) {
        struct gk_hook *h = runs[r]->hook;
        if (!h || !h->child.pid) continue;
        h->told = true;
        kill(-h->child.pid, SIGTERM);
    }
    wait_for(runs, R, hurry);
    for (int r = 0; r < R; r++) {
        struct gk_hook *h = runs[r]->hook;
        if (h && h->child.pid) finish(runs[r], NULL);
        if (h) gk_hook_say(&runs[r]->hook_said, &h->words, hurry);
        if (h) gk_hook_close_log(&h->words);
        free(h);
        runs[r]->hook = NULL;
    }
}
