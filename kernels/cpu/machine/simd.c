/* Which instruction set the vector code uses: see simd.h. */
#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

#ifdef __aarch64__
static const char *const names[] = {"neon"};
#else
static const char *const names[] = {"none", "fma", "avx2", "avx512"};
#endif

enum { SIMDS = sizeof names / sizeof *names };

bool cpu_fma_is_exact = true;

const char *cpu_simd_name(enum cpu_simd simd) { return names[simd]; }

enum cpu_simd cpu_best_simd(void)
{
#ifdef __x86_64__
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return CPU_AVX512;
    if (avx2) return CPU_AVX2;
    if (__builtin_cpu_supports("fma")) return CPU_FMA;
#endif
    return CPU_NONE;
}

gk_status cpu_choose_simd(enum cpu_simd *simd)
{
    const char *wish = getenv("GROKC_SIMD");

    *simd = cpu_best_simd();
    cpu_fma_is_exact = *simd != CPU_NONE || (wish && *wish);
    if (!wish || !*wish) return GK_OK;
    for (int i = CPU_NONE; i < SIMDS; i++) {
        if (strcmp(wish, names[i]) != 0) continue;
        if (i > (int)*simd)
            return gk_fail(GK_EUSAGE, "GROKC_SIMD=%s: this CPU has no more than %s", wish,
                           names[*simd]);
        *simd = (enum cpu_simd)i;
        return GK_OK;
    }
    gk_text list = {0};
    for (int i = 0; i < SIMDS; i++)
        gk_text_add(&list, "%s\"%s\"", !i ? "" : i + 1 < SIMDS ? ", " : " or ", names[i]);
    gk_fail(GK_EUSAGE, "GROKC_SIMD is %s, not \"%s\"", list.data, wish);
    gk_text_free(&list);
    return GK_EUSAGE;
}
