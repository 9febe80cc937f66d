/* Which instruction set the vector code uses: see simd.h. */
#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"none", "avx2", "avx512"};

const char *cpu_simd_name(enum cpu_simd simd) { return names[simd]; }

enum cpu_simd cpu_best_simd(void)
{
#ifdef __x86_64__
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return CPU_AVX512;
    if (avx2) return CPU_AVX2;
#endif
    return CPU_NONE;
}

gk_status cpu_choose_simd(enum cpu_simd *simd)
{
    const char *wish = getenv("GROKC_SIMD");

    *simd = cpu_best_simd();
    if (!wish || !*wish) return GK_OK;
    for (int i = CPU_NONE; i <= CPU_AVX512; i++) {
        if (strcmp(wish, names[i]) != 0) continue;
        if (i > (int)*simd)
            return gk_fail(GK_EUSAGE, "GROKC_SIMD=%s: this CPU has no more than %s", wish,
                           names[*simd]);
        *simd = (enum cpu_simd)i;
        return GK_OK;
    }
    return gk_fail(GK_EUSAGE, "GROKC_SIMD is \"avx512\", \"avx2\" or \"none\", not \"%s\"", wish);
}
