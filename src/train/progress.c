/* The progress line, in tqdm's habit:
 * epoch 12400/50000 25%|##        | train 1.1e-07 test 3.2e-06 acc 100% [00:50<02:31, 248 ep/s]
 * memorised */
#include "gk/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool gk_is_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
}

void gk_progress_start(gk_progress *progress, int64_t epoch)
{
    *progress = (gk_progress){.terminal = gk_is_terminal(), .start = gk_seconds(), .from = epoch};
}

void gk_clock_text(char text[32], double seconds)
{
    long s = seconds < 0 || seconds > 3e6 ? -1 : (long)(seconds + 0.5);

    if (s < 0)
        snprintf(text, 32, "?");
    else if (s < 3600)
        snprintf(text, 32, "%02ld:%02ld", s / 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

void gk_progress_show(gk_progress *progress, const gk_run *run, int64_t epoch, bool last)
{
    double now = gk_seconds(), spent = now - progress->start;
    int64_t epochs = run->config.run.epochs, done = epoch - progress->from;

    if (!last && now - progress->last < (progress->terminal ? 0.1 : 10)) return;
    if (last && !progress->shown && !progress->terminal) return;
    progress->last = now;
    progress->shown = true;
    char spent_text[32], left_text[32], bar[11] = "          ", numbers[96] = "";
    double rate = spent > 0 ? (double)done / spent : 0;
    int percent = epochs ? (int)(100 * epoch / epochs) : 100;
    gk_clock_text(spent_text, spent);
    gk_clock_text(left_text, rate > 0 ? (double)(epochs - epoch) / rate : -1);
    memset(bar, '#', (size_t)(percent / 10));
    const gk_row *row = &run->events.last;
    if (run->events.rows) /* a branch may begin between two rows */
        snprintf(numbers, sizeof numbers, "train %.2g test %.2g acc %.0f%% ", row->train_loss,
                 row->test_loss, 100 * row->test_acc);
    fprintf(stderr, "%sepoch %lld/%lld %d%%|%s| %s[%s<%s, %.4g ep/s] %s%s",
            progress->terminal ? "\r" : "", (long long)epoch, (long long)epochs, percent, bar,
            numbers, spent_text, left_text, rate, gk_events_phase(&run->events),
            progress->terminal ? (last ? "\033[K\n" : "\033[K") : "\n");
}
