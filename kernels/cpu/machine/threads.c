/* The pool. A step is about 40 jobs of 20 us to 5 ms, one right after the other: a worker that
 * finds nothing to do spins for SPIN seconds, which costs nothing while a step runs, and then
 * sleeps on a condition.
 *
 * `turn` is odd while a job is open, and every job has its own. A worker enters a job by adding
 * itself to `inside` and then looking whether the job is still open; the caller ends a job by
 * closing it and then waiting until nobody is inside. Both orders are sequentially consistent, so
 * one of the two sees the other: the fields of a job change only while nobody can read them. */
#include "cpu/machine/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const double SPIN = 30e-6;
enum { STACK_BYTES = 1 << 20, LINE = 64, PAUSES = 16, THREADS_MAX = 1024 };

struct cpu_pool {
    int threads, workers; /* workers: those that were started */
    double spin;
    pthread_t *worker;

    cpu_chunk *chunk; /* the open job */
    const void *job;
    int n;

    _Alignas(LINE) atomic_int next; /* the first chunk that nobody has taken */
    _Alignas(LINE) atomic_uint turn;
    _Alignas(LINE) atomic_int inside;
    _Alignas(LINE) atomic_int sleepers;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the condition; guards nothing else */
    pthread_cond_t wake;
};

static void breathe(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void take_chunks(cpu_pool *pool)
{
    for (int i; (i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < pool->n;)
        pool->chunk(pool->job, i);
}

/* Is there something new for a worker that has seen `turn` last? */
static bool is_called(cpu_pool *pool, unsigned seen)
{
    unsigned turn = atomic_load(&pool->turn);

    return (turn & 1 && turn != seen) || atomic_load(&pool->stop);
}

static void await_call(cpu_pool *pool, unsigned seen)
{
    double start = gk_seconds();

    do {
        for (int i = 0; i < PAUSES; i++) {
            if (is_called(pool, seen)) return;
            breathe();
        }
    } while (gk_seconds() - start < pool->spin);
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!is_called(pool, seen)) pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *pool_)
{
    cpu_pool *pool = pool_;
    unsigned seen = 0;

    for (;;) {
        await_call(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        seen = atomic_load(&pool->turn);
        atomic_fetch_add(&pool->inside, 1);
        if (seen & 1 && atomic_load(&pool->turn) == seen) take_chunks(pool);
        atomic_fetch_sub(&pool->inside, 1);
    }
}

static void wake_sleepers(cpu_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void share_chunks(cpu_pool *pool, int n, cpu_chunk *chunk, const void *job)
{
    pool->chunk = chunk;
    pool->job = job;
    pool->n = n;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_fetch_add(&pool->turn, 1); /* open */
    wake_sleepers(pool);
    take_chunks(pool);
    atomic_fetch_add(&pool->turn, 1); /* closed */
    for (int i = 0; atomic_load(&pool->inside) != 0; i++) {
        if (i < PAUSES * PAUSES)
            breathe();
        else
            sched_yield(); /* a worker may be waiting for this very core */
    }
}

void cpu_pool_run(cpu_pool *pool, int n, cpu_chunk *chunk, const void *job)
{
    if (pool->workers == 0 || n <= 1) {
        for (int i = 0; i < n; i++) chunk(job, i);
    } else {
        share_chunks(pool, n, chunk, job);
    }
}

/* Signals are for the thread that called: the handlers belong to the program. */
static gk_status start_workers(cpu_pool *pool)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);

    if (error) return gk_fail(GK_EMEM, "cannot start threads: %s", strerror(error));
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!error && pool->workers < pool->threads - 1) {
        error = pthread_create(&pool->worker[pool->workers], &attributes, work, pool);
        if (!error) pool->workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (!error) return GK_OK;
    return gk_fail(GK_EMEM, "cannot start %d threads: %s; give device.threads", pool->threads,
                   strerror(error));
}

gk_status cpu_pool_open(cpu_pool **out, int threads)
{
    cpu_pool *pool;
    int cores = gk_cores_allowed().n;
    gk_status status;

    *out = NULL;
    if (threads == 0) threads = cores;
    if (threads < 0 || threads > THREADS_MAX)
        return gk_fail(GK_EUSAGE, "%d threads: give 0 (all cores) to %d", threads, THREADS_MAX);
    pool = aligned_alloc(LINE, sizeof *pool);
    if (!pool) return gk_fail(GK_EMEM, "out of memory");
    memset(pool, 0, sizeof *pool);
    pool->threads = threads;
    pool->spin = threads > cores ? 0 : SPIN; /* more threads than cores: do not stand in the way */
    pool->worker = gk_alloc(threads, sizeof *pool->worker);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    status = start_workers(pool);
    if (status == GK_OK)
        *out = pool;
    else
        cpu_pool_close(pool);
    return status;
}

void cpu_pool_close(cpu_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->stop, true);
    wake_sleepers(pool);
    for (int i = 0; i < pool->workers; i++) pthread_join(pool->worker[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->worker);
    free(pool);
}

int cpu_pool_threads(const cpu_pool *pool) { return pool->threads; }
