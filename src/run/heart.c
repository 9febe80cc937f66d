/* The thread behind the signs of life: it beats whatever the process is at, however long that
 * takes, and stops when the process is stopped. */
#include "run/heart.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

enum { BEAT_SECONDS = 60, STACK_BYTES = 1 << 18 };

static struct {
    pthread_mutex_t lock;
    gk_beating *first;
    bool beats;
} heart = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *beat(void *nothing)
{
    for (;;) {
        nanosleep(&(struct timespec){.tv_sec = BEAT_SECONDS}, NULL);
        pthread_mutex_lock(&heart.lock);
        for (const gk_beating *f = heart.first; f; f = f->next) futimens(f->fd, NULL);
        pthread_mutex_unlock(&heart.lock);
    }
    return nothing;
}

/* Signals are for the main thread. */
static void start(void)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    heart.beats = pthread_create(&thread, &attributes, beat, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

bool gk_heart_add(gk_beating *file)
{
    pthread_mutex_lock(&heart.lock);
    if (!heart.beats) start();
    bool beats = heart.beats;
    file->next = heart.first;
    heart.first = file;
    pthread_mutex_unlock(&heart.lock);
    return beats;
}

void gk_heart_remove(const gk_beating *file)
{
    pthread_mutex_lock(&heart.lock);
    for (gk_beating **at = &heart.first; *at; at = &(*at)->next) {
        if (*at != file) continue;
        *at = file->next;
        break;
    }
    pthread_mutex_unlock(&heart.lock);
}
