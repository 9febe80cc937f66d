/* The handlers only set a flag; the training loop looks at it between steps. */
#include "gk/base.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t seen;

static void handle(int number)
{
    if (number == SIGINT && seen == SIGINT) _exit(130); /* a second Ctrl-C: at once */
    seen = number;
}

void gk_signal_install(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit: write fails with EFBIG */
}

int gk_signal_seen(void) { return (int)seen; }
