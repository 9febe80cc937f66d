/* The BLAS library behind CBLAS, whichever is linked: what it is, and one thread per call. What
 * only some libraries have is looked up by name at run time. */
#include "cpu/cpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef GK_BLAS_NONE

bool cpu_has_blas(void) { return false; }
void cpu_blas_open(void) {}
void cpu_blas_name(char name[CPU_NAME_MAX]) { snprintf(name, CPU_NAME_MAX, "none"); }
const char *cpu_blas_core(void) { return NULL; }
void cpu_blas_product(const cpu_product *p)
{
    (void)p;
    GK_CHECK(false); /* a build without BLAS has no use for it */
}

#else
#include <cblas.h>

bool cpu_has_blas(void) { return true; }

/* dlsym gives void *, which C does not convert to a function. */
typedef void any_function(void);
static any_function *find(const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    any_function *function;

    memcpy(&function, &symbol, sizeof function);
    return function;
}

void cpu_blas_open(void)
{
    void (*openblas)(int) = (void (*)(int))find("openblas_set_num_threads");
    void (*mkl)(int) = (void (*)(int))find("MKL_Set_Num_Threads");
    void (*blis)(int64_t) = (void (*)(int64_t))find("bli_thread_set_num_threads");

    if (openblas) openblas(1);
    if (mkl) mkl(1);
    if (blis) blis(1);
}

const char *cpu_blas_core(void)
{
    char *(*core)(void) = (char *(*)(void))find("openblas_get_corename");

    return core ? core() : NULL;
}

void cpu_blas_name(char name[CPU_NAME_MAX])
{
    char *(*config)(void) = (char *(*)(void))find("openblas_get_config");
    const char *core = cpu_blas_core();

    if (config && core) {
        const char *words = config(); /* OpenBLAS 0.3.21 NO_LAPACKE ... */
        size_t first = strcspn(words, " "), second = first + (words[first] == ' ');

        second += strcspn(words + second, " ");
        snprintf(name, CPU_NAME_MAX, "%.*s %s", (int)second, words, core);
        return;
    }
    snprintf(name, CPU_NAME_MAX, "%s",
             find("mkl_get_version")            ? "MKL"
             : find("bli_info_get_version_str") ? "BLIS"
             : find("ATL_buildinfo")            ? "ATLAS"
                                                : "reference or unknown");
}

void cpu_blas_product(const cpu_product *p)
{
    cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans,
                p->m, p->n, p->k, 1, p->a, p->lda, p->b, p->ldb, p->beta, p->c, p->ldc);
}

#endif

bool cpu_prefers_blas(void)
{
    bool blas;

    return cpu_choose_matmul(&blas) == GK_OK && blas;
}

/* Our own loops are faster than OpenBLAS where they have vector instructions to use (grokc bench
 * ops). */
gk_status cpu_choose_matmul(bool *blas)
{
    const char *wish = getenv("GROKC_MATMUL");

    *blas = cpu_has_blas() && cpu_best_simd() == CPU_NONE;
    if (!wish || !*wish) return GK_OK;
    if (strcmp(wish, "own") != 0 && strcmp(wish, "blas") != 0)
        return gk_fail(GK_EUSAGE, "GROKC_MATMUL is \"own\" or \"blas\", not \"%s\"", wish);
    *blas = strcmp(wish, "blas") == 0;
    if (*blas && !cpu_has_blas())
        return gk_fail(GK_EUSAGE, "GROKC_MATMUL=blas: this build of grokc has no BLAS");
    return GK_OK;
}
