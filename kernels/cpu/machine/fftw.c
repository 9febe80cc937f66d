/* FFTW behind a few lines. FFTW_ESTIMATE and nothing remembered from before: the same plan, and the
 * same bits, at every start; FFTW_UNALIGNED: wherever the arrays lie. */
#include "cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef GK_FFT_NONE

bool cpu_fft_suits(int P, int Q) { return P < 0 && Q < 0; }
void cpu_fft_close(gk_backend *be) { (void)be; }
void cpu_fft_name(char name[CPU_NAME_MAX]) { snprintf(name, CPU_NAME_MAX, "none"); }

void cpu_fft_plan(gk_backend *be, int P, int Q, int cols, int width)
{
    (void)be, (void)P, (void)Q, (void)cols, (void)width;
}

void cpu_fft_columns(gk_backend *be, gk_real *out, const gk_real *in, int P, int Q, int cols,
                     int width)
{
    (void)be, (void)out, (void)in, (void)P, (void)Q, (void)cols, (void)width;
    GK_CHECK(false); /* a build without FFTW has no use for it */
}

#else
#include <fftw3.h>

#include <pthread.h>

struct cpu_fft {
    int P, Q, cols, width;
    fftwf_plan plan;
    cpu_fft *next;
};

static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER; /* the process has one */

static bool has_small_factors(int n)
{
    for (int f = 2; f <= 13; f++) {
        while (n % f == 0) n /= f;
    }
    return n == 1;
}

bool cpu_fft_suits(int P, int Q) { return has_small_factors(P) && has_small_factors(Q); }

static cpu_fft *find(gk_backend *be, int P, int Q, int cols, int width)
{
    cpu_fft *f = cpu_state_of(be)->fft;

    while (f && !(f->P == P && f->Q == Q && f->cols == cols && f->width == width)) f = f->next;
    return f;
}

/* ESTIMATE does not look at the arrays: two that are not the same will do. */
void cpu_fft_plan(gk_backend *be, int P, int Q, int cols, int width)
{
    cpu_state *s = cpu_state_of(be);
    int size[2] = {P, Q};
    fftwf_complex out[1];
    float in[1];

    if (find(be, P, Q, cols, width)) return;
    cpu_fft *f = gk_alloc(1, sizeof *f);
    *f = (cpu_fft){P, Q, cols, width, NULL, s->fft};
    pthread_mutex_lock(&planner);
    fftwf_forget_wisdom();
    f->plan = fftwf_plan_many_dft_r2c(2, size, width, in, NULL, cols, 1, out, NULL, cols, 1,
                                      FFTW_ESTIMATE | FFTW_UNALIGNED);
    pthread_mutex_unlock(&planner);
    GK_CHECK(f->plan);
    s->fft = f;
}

/* The input stays as it is, as it does in all of FFTW's out-of-place transforms of real data. */
void cpu_fft_columns(gk_backend *be, gk_real *out, const gk_real *in, int P, int Q, int cols,
                     int width)
{
    fftwf_execute_dft_r2c(find(be, P, Q, cols, width)->plan, (gk_real *)in, (fftwf_complex *)out);
}

void cpu_fft_close(gk_backend *be)
{
    cpu_state *s = cpu_state_of(be);

    pthread_mutex_lock(&planner);
    for (cpu_fft *next; s->fft; s->fft = next) {
        next = s->fft->next;
        fftwf_destroy_plan(s->fft->plan);
        free(s->fft);
    }
    pthread_mutex_unlock(&planner);
}

void cpu_fft_name(char name[CPU_NAME_MAX]) { snprintf(name, CPU_NAME_MAX, "%s", fftwf_version); }

#endif
