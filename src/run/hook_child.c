/* The process behind a hook. */
#include "run/hook_child.h"

#include "gk/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void gk_nap(void) { nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); }

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Only calls that are allowed between fork and exec. */
static _Noreturn void be_child(const char *command, int in, int out, int err, pid_t parent)
{
    static const int numbers[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    sigset_t none;

    setpgid(0, 0);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) signal(numbers[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2 &&
        fcntl(0, F_SETFD, 0) == 0 && fcntl(1, F_SETFD, 0) == 0 && fcntl(2, F_SETFD, 0) == 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

bool gk_child_start(gk_child *child, const char *command, int err)
{
    int to[2], from[2];
    pid_t self = getpid();

    *child = (gk_child){.in = -1, .out = -1};
    setenv("PYTHONUNBUFFERED", "1", 0); /* else print() keeps its answers until the end */
    if (pipe2(to, O_CLOEXEC) != 0) return false;
    if (pipe2(from, O_CLOEXEC) != 0) {
        close(to[0]);
        close(to[1]);
        return false;
    }
    signal(SIGCHLD, SIG_DFL); /* ignored, it would leave nothing to wait for */
    pid_t pid = fork();
    if (pid == 0) be_child(command, to[0], from[1], err, self);
    int why = errno;
    close(to[0]);
    close(from[1]);
    *child = (gk_child){.pid = pid, .in = to[1], .out = from[0]};
    fcntl(child->in, F_SETFL, O_NONBLOCK);
    fcntl(child->out, F_SETFL, O_NONBLOCK);
    if (pid > 0) {
        setpgid(pid, pid); /* both sides do it: nobody has to wait */
        return true;
    }
    child->pid = 0;
    close_fd(&child->in);
    close_fd(&child->out);
    errno = why;
    return false;
}

bool gk_child_exits(gk_child *child, double seconds)
{
    double since = gk_seconds();
    siginfo_t info;

    for (;;) {
        info.si_pid = 0;
        int got = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
        child->exited = got != 0 || info.si_pid == child->pid;
        if (child->exited || gk_seconds() - since >= seconds) return child->exited;
        gk_nap();
    }
}

void gk_child_hang_up(gk_child *child) { close_fd(&child->in); }

int gk_child_end(gk_child *child)
{
    double since = gk_seconds();
    int status = 0;

    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &status, WNOHANG) == 0 && gk_seconds() - since < 1) gk_nap();
    child->pid = 0;
    close_fd(&child->in);
    close_fd(&child->out);
    return status;
}
