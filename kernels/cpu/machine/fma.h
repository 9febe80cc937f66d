/* Fused multiply-adds of floats on a CPU that has no instruction for them: the same bits, some ten
 * times slower. */
#ifndef GK_CPU_FMA_H
#define GK_CPU_FMA_H

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef float cpu_float4 __attribute__((vector_size(16)));

/* false: a CPU without the instruction computes a b + c instead, rounded twice. simd.c sets it. */
extern bool cpu_fma_is_exact;

/* The product is exact in double; the sum, rounded to odd, rounds to the right float: Boldo &
 * Melquiond 2008, "Emulation of FMA and correctly rounded sums". */
static inline float cpu_fma1(float a, float b, float c)
{
    double p = (double)a * (double)b, q = c, s = p + q, t = s - p, lost = (p - (s - t)) + (q - t);
    uint64_t bits;

    if (!cpu_fma_is_exact) return a * b + c;
    if (lost > 0 || lost < 0) {
        memcpy(&bits, &s, sizeof bits);
        if (!(bits & 1)) bits += (lost > 0) == (s > 0) ? 1 : -1;
        memcpy(&s, &bits, sizeof s);
    }
    return (float)s;
}

__attribute__((noinline, cold, unused)) static cpu_float4 cpu_fma_each(cpu_float4 a, cpu_float4 b,
                                                                       cpu_float4 c)
{
    return (cpu_float4){cpu_fma1(a[0], b[0], c[0]), cpu_fma1(a[1], b[1], c[1]),
                        cpu_fma1(a[2], b[2], c[2]), cpu_fma1(a[3], b[3], c[3])};
}

#ifdef __x86_64__
/* low and high hold the sums in double, r them as floats. Rounding twice is wrong only where a
 * double lies half-way between two floats, or the float is a denormal: is one of them such? */
static inline bool cpu_fma_is_doubtful(__m128d low, __m128d high, __m128 r)
{
    __m128 l = _mm_castpd_ps(low), h = _mm_castpd_ps(high);
    __m128i tail = _mm_castps_si128(_mm_shuffle_ps(l, h, _MM_SHUFFLE(2, 0, 2, 0)));
    __m128i head = _mm_castps_si128(_mm_shuffle_ps(l, h, _MM_SHUFFLE(3, 1, 3, 1)));
    __m128i half = _mm_cmpeq_epi32(_mm_and_si128(tail, _mm_set1_epi32(0x1fffffff)),
                                   _mm_set1_epi32(0x10000000));
    __m128i size = _mm_and_si128(_mm_castps_si128(r), _mm_set1_epi32(0x7fffffff));
    __m128i zero = _mm_cmpeq_epi32(_mm_add_epi32(head, head), _mm_setzero_si128());
    __m128i tiny = _mm_andnot_si128(zero, _mm_cmpgt_epi32(_mm_set1_epi32(0x00800001), size));

    return _mm_movemask_ps(_mm_castsi128_ps(_mm_or_si128(half, tiny))) != 0;
}

static inline cpu_float4 cpu_fma4(cpu_float4 a, cpu_float4 b, cpu_float4 c)
{
    __m128 x = (__m128)a, y = (__m128)b, z = (__m128)c;

    if (!cpu_fma_is_exact) return a * b + c;
    __m128d low = _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(x), _mm_cvtps_pd(y)), _mm_cvtps_pd(z));
    __m128d high =
        _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(_mm_movehl_ps(x, x)), _mm_cvtps_pd(_mm_movehl_ps(y, y))),
                   _mm_cvtps_pd(_mm_movehl_ps(z, z)));
    __m128 r = _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));

    if (!__builtin_expect(cpu_fma_is_doubtful(low, high, r), 0)) return (cpu_float4)r;
    return cpu_fma_each(a, b, c);
}
#else
static inline cpu_float4 cpu_fma4(cpu_float4 a, cpu_float4 b, cpu_float4 c)
{
    return cpu_fma_each(a, b, c);
}
#endif

#endif
