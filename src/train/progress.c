/* The progress line, in tqdm's habit, as wide as the terminal is at this moment:
 * epoch 400/3000 13%|#         | train 0.0078 test 4.4 acc 52% [00:11<01:12, 36 ep/s] cleanup */
#include "gk/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Can lines be rewritten on stderr? */
static bool is_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
}

void gk_progress_open(gk_progress *progress, gk_progress_style style)
{
    if (style == GK_PROGRESS_AUTO) style = is_terminal() ? GK_PROGRESS_BAR : GK_PROGRESS_PLAIN;
    *progress = (gk_progress){.style = style};
}

bool gk_progress_due(const gk_progress *progress, bool last)
{
    switch (progress->style) {
    case GK_PROGRESS_BAR: return last || gk_seconds() - progress->last >= 0.1;
    case GK_PROGRESS_PLAIN:
        return last ? progress->shown : !progress->shown || gk_seconds() - progress->last >= 10;
    default: return false;
    }
}

/* "01:05", "1:00:00"; "?" where the time is unknown. */
static void clock_text(char text[32], double seconds)
{
    long s = seconds >= 0 && seconds < 3e6 ? (long)(seconds + 0.5) : -1;

    if (s < 0)
        snprintf(text, 32, "?");
    else if (s < 3600)
        snprintf(text, 32, "%02ld:%02ld", s / 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

enum { WITHOUT_BAR = 1, WITHOUT_PHASE, WITHOUT_RATE, WITHOUT_CLOCKS };

/* Its length. */
static int print(char *text, const gk_progress_line *line, int without)
{
    const char *bar = without >= WITHOUT_BAR ? "" : line->bar;
    const char *phase = without >= WITHOUT_PHASE ? "" : line->phase;
    char spent[32], left[32], rate[64] = "";

    if (without >= WITHOUT_CLOCKS)
        return snprintf(text, GK_PROGRESS_LINE, "%s %s", line->head, line->numbers);
    clock_text(spent, line->spent);
    clock_text(left, line->left);
    if (line->rate >= 0 && without < WITHOUT_RATE)
        snprintf(rate, sizeof rate, ", %.4g %s", line->rate, line->unit);
    return snprintf(text, GK_PROGRESS_LINE, "%s%s%s%s %s%s[%s<%s%s]%s%s", line->head,
                    *bar ? "|" : "", bar, *bar ? "|" : "", line->numbers, *line->numbers ? " " : "",
                    spent, left, rate, *phase ? " " : "", phase);
}

void gk_progress_fit(char *text, int most, const gk_progress_line *line)
{
    for (int without = 0; without <= WITHOUT_CLOCKS; without++)
        if (print(text, line, without) <= most || most == 0) return;
    while (most > 0 && text[most] != ' ') most--; /* half a number is another number */
    text[most] = 0;
}

void gk_progress_print(gk_progress *progress, const gk_progress_line *line, bool last)
{
    bool bar = progress->style == GK_PROGRESS_BAR;
    char text[GK_PROGRESS_LINE];

    /* a terminal that has its last column filled may begin a new line */
    int width = bar || isatty(STDERR_FILENO) ? gk_terminal_width(STDERR_FILENO) : 0;
    int most = width > 1 ? width - 1 : width;
    gk_progress_fit(text, most, line);
    progress->last = gk_seconds();
    progress->shown = true;
    progress->open = bar && !last;
    fprintf(stderr, "%s%s%s%s", bar ? "\r" : "", text, bar ? "\033[K" : "",
            progress->open ? "" : "\n");
}

void gk_progress_end(gk_progress *progress)
{
    if (progress->open) fputc('\n', stderr);
    progress->open = false;
}

void gk_progress_bar(char bar[11], int percent)
{
    memset(bar, ' ', 10);
    memset(bar, '#', (size_t)(percent < 0 ? 0 : percent > 100 ? 10 : percent / 10));
    bar[10] = 0;
}
