/* 2-D DFT by FFTW, two real columns at a time as one complex column z = x + i y:
 *
 *     X(k) = (Z(k) + conj Z(-k)) / 2,      Y(k) = (Z(k) - conj Z(-k)) / 2i
 *
 * That is twice as fast as FFTW's real transforms at the prime sizes of the field, for which only the complex
 * ones have vector code. A NaN or an infinity in x reaches y: columns of one run, whose weights are lost then. */
#include "cpu.h"

#ifdef GK_FFT_NONE

void cpu_fft_close(gk_backend *be) { (void)be; }
void cpu_fft_name(char name[CPU_NAME_MAX]) { snprintf(name, CPU_NAME_MAX, "none"); }

void cpu_fft2(gk_backend *be, gk_real *out, const gk_real *in, int R, int P, int Q, int cols)
{
    ref_fft2(be, out, in, R, P, Q, cols);
}

#else
#include <fftw3.h>

#include <pthread.h>
#include <stdlib.h>

/* Columns that are transformed together; a plane of so many fits into a core's cache. */
enum { WIDTH = 8, PLANS = 8 };

/* A plan is for WIDTH / 2 complex columns side by side, in place. It depends on P and Q alone. */
struct cpu_fft {
    int P, Q;
    fftwf_plan plan;
    cpu_fft *next;
};

static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER; /* FFTW has one for the process */

/* FFTW_ESTIMATE and nothing remembered: the same plan, and the same bits, at every start. Leaves
 * `work` as it is. */
static fftwf_plan plan_of(gk_backend *be, int P, int Q, float *work)
{
    cpu_state *s = cpu_state_of(be);
    int size[2] = {P, Q};
    fftwf_complex *z = (fftwf_complex *)work;

    for (cpu_fft *f = s->fft; f; f = f->next)
        if (f->P == P && f->Q == Q) return f->plan;
    cpu_fft *f = gk_alloc(1, sizeof *f);
    pthread_mutex_lock(&planner);
    fftwf_forget_wisdom();
    f->plan = fftwf_plan_many_dft(2, size, WIDTH / 2, z, NULL, WIDTH / 2, 1, z, NULL, WIDTH / 2, 1,
                                  FFTW_FORWARD, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    GK_CHECK(f->plan);
    f->P = P;
    f->Q = Q;
    f->next = s->fft;
    s->fft = f;
    return f->plan;
}
