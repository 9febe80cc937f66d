/* Compiles a source file once per instruction set. A file with vector code looks like this:
 *
 *     #ifndef SIMD
 *     #include "cpu/cpu.h"
 *     #define SIMD_SOURCE "cpu/file.c"
 *     #include "cpu/machine/simd.h"
 *     ...                          CPU_PICK(be, name) calls one of the functions below
 *     #else
 *     static void SIMD(name)(...)  in the vocabulary of simd_<variant>.h and simd_math.h
 *     #endif
 *
 * The include compiles what follows #else as name_none (with what the compiler has by default),
 * and on x86 as name_fma, name_avx2 and name_avx512.
 *
 * So one text has one meaning; variants differ in the width of a vector (VW floats), and in
 * nothing that they compute (docs/arithmetic.md). */
#include "cpu/machine/fma.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif
#ifdef __aarch64__
#include <arm_neon.h>
#endif
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIMD_PASTE(name, suffix)  name##_##suffix
#define SIMD_EXPAND(name, suffix) SIMD_PASTE(name, suffix)
#define SIMD(name)                SIMD_EXPAND(name, SIMD_SUFFIX)

/* Sums along a row are taken in this many lanes, whatever VW is: column w in lane w mod LANES, then
 * l + (l + 8), + 4, + 2, + 1. WIDE vectors are LANES floats. */
enum { LANES = 16 };

/* The vocabulary: every variant has its own. */
#define VW                SIMD(VW)
#define vf                SIMD(vf)
#define vi                SIMD(vi)
#define vd                SIMD(vd)
#define vf_anywhere       SIMD(vf_anywhere)
#define vd_anywhere       SIMD(vd_anywhere)
#define v_set             SIMD(v_set)
#define v_load            SIMD(v_load)
#define v_store           SIMD(v_store)
#define v_load_part       SIMD(v_load_part)
#define v_store_part      SIMD(v_store_part)
#define v_max             SIMD(v_max)
#define v_min             SIMD(v_min)
#define v_if_positive     SIMD(v_if_positive)
#define v_if_negative     SIMD(v_if_negative)
#define v_without         SIMD(v_without)
#define v_abs             SIMD(v_abs)
#define v_sqrt            SIMD(v_sqrt)
#define v_scale           SIMD(v_scale)
#define v_low             SIMD(v_low)
#define v_high            SIMD(v_high)
#define v_sum             SIMD(v_sum)
#define v_fma             SIMD(v_fma)
#define v_fnma            SIMD(v_fnma)
#define v_total           SIMD(v_total)
#define v_fma_one         SIMD(v_fma_one)
#define v_load_up_to      SIMD(v_load_up_to)
#define v_store_up_to     SIMD(v_store_up_to)
#define d_clear           SIMD(d_clear)
#define d_add             SIMD(d_add)
#define d_sum_of          SIMD(d_sum_of)
#define d_sum_of_products SIMD(d_sum_of_products)
#define d_total           SIMD(d_total)
#define WIDE              SIMD(WIDE)
#define v_largest         SIMD(v_largest)
#define d_load            SIMD(d_load)
#define d_store           SIMD(d_store)
#define d_sum             SIMD(d_sum)
#define v_exp             SIMD(v_exp)
#define v_exp_pair        SIMD(v_exp_pair)
#define v_erfc            SIMD(v_erfc)
#define v_add_widened     SIMD(v_add_widened)

#define SIMD_SUFFIX none
#include "cpu/machine/simd_128.h"
#include "cpu/machine/simd_math.h"
#include SIMD_SOURCE
#undef SIMD_SUFFIX

#ifdef __x86_64__
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("fma")
#endif
#define SIMD_SUFFIX fma
#define SIMD_FMA
#include "cpu/machine/simd_128.h"
#include "cpu/machine/simd_math.h"
#include SIMD_SOURCE
#undef SIMD_FMA
#undef SIMD_SUFFIX
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define SIMD_SUFFIX avx2
#include "cpu/machine/simd_avx2.h"
#include "cpu/machine/simd_math.h"
#include SIMD_SOURCE
#undef SIMD_SUFFIX
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#endif
#define SIMD_SUFFIX avx512
#include "cpu/machine/simd_avx512.h"
#include "cpu/machine/simd_math.h"
#include SIMD_SOURCE
#undef SIMD_SUFFIX
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
