/* The handlers only set a flag; the training loop looks at it between steps. */
#include "gk/base.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t seen;

/* One Ctrl-C may come twice: from the terminal and from a parent that passes it on. */
static const double TWICE = 0.2;

static void handle(int number)
{
    static volatile double first;
    double now = gk_seconds();

    if (number == SIGINT && seen == SIGINT) {
        if (now - first > TWICE) _exit(130); /* a second Ctrl-C: at once */
        return;
    }
    first = now;
    seen = number;
}

void gk_signal_install(void)
{
    static const int numbers[] = {SIGINT, SIGHUP, SIGTERM, SIGXCPU, SIGUSR1, SIGUSR2};
    struct sigaction action, before;

    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bool may_stay = numbers[i] == SIGINT || numbers[i] == SIGHUP;
        if (may_stay && sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
            continue;
        sigaction(numbers[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit: write fails with EFBIG */
}

int gk_signal_seen(void) { return (int)seen; }
