/* Notices that OpenBLAS runs kernels of the wrong generation, and starts the program again with the
 * right ones: see gk/startup.h. The CPU's features decide, not its model number. */
#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char core_type[] = "OPENBLAS_CORETYPE", again[] = "GROKC_STARTED_AGAIN";

/* Core types of OpenBLAS whose kernels use no AVX2, and no AVX-512. Names that are not here, those
 * of later versions too, are taken to be right. */
static const char *const before_avx2[] = {"Prescott",    "Core2",      "Penryn",     "Dunnington",
                                          "Nehalem",     "Opteron",    "Barcelona",  "Bulldozer",
                                          "Sandybridge", "Piledriver", "Steamroller"};
static const char *const before_avx512[] = {"Haswell", "Excavator", "Zen"};

static bool is_among(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(name, list[i]) == 0) return true;
    }
    return false;
}

/* The core type that fits this CPU better than `core`, or NULL. */
const char *cpu_better_core(const char *core, int simd)
{
    bool old = is_among(core, before_avx2, sizeof before_avx2 / sizeof *before_avx2);

    if (simd == CPU_AVX512 &&
        (old || is_among(core, before_avx512, sizeof before_avx512 / sizeof *before_avx512)))
        return "SKYLAKEX";
    return simd == CPU_AVX2 && old ? "HASWELL" : NULL;
}

void cpu_start(char **argv)
{
    const char *core = cpu_blas_core(), *better;

    if (getenv(again)) { /* once is enough, whatever came of it */
        unsetenv(again);
        return;
    }
    if (getenv(core_type) || getenv("GROKC_NO_REEXEC") || !core || !cpu_prefers_blas()) return;
    better = cpu_better_core(core, cpu_best_simd());
    if (!better || setenv(core_type, better, 1) || setenv(again, "1", 1)) return;
    execv("/proc/self/exe", argv);
    unsetenv(core_type); /* it cannot be: then slowly */
    unsetenv(again);
}
