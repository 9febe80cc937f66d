/* The vocabulary of simd.h in AVX-512 (F, DQ, BW, VL). */
enum { VW = 16 };
typedef __m512 vf;
typedef __m512d vd;
typedef int32_t vi __attribute__((vector_size(64)));

static inline vf v_set(float x) { return _mm512_set1_ps(x); }
static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf x) { _mm512_storeu_ps(p, x); }

/* The first n < VW; the rest is `fill`. Nothing else is touched. */
static inline vf v_load_part(const float *p, int n, float fill)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << n) - 1), p);
}

static inline void v_store_part(float *p, vf x, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}

/* a b + c and c - a b, rounded once */
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
static inline float v_fma_one(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

/* a > b ? a : b, so b where one is NaN; a < b ? a : b */
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }

/* gate <= 0 ? 0 : x;   gate < 0 ? a : b */
static inline vf v_if_positive(vf gate, vf x)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(gate, _mm512_setzero_ps(), _CMP_NLE_UQ), x);
}

static inline vf v_if_negative(vf gate, vf a, vf b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(gate, _mm512_setzero_ps(), _CMP_LT_OQ), b, a);
}

/* x, but 0 in this lane (where it is one) */
static inline vf v_without(vf x, int lane)
{
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    return _mm512_maskz_mov_ps(_mm512_cmpneq_epi32_mask(lanes, _mm512_set1_epi32(lane)), x);
}

static inline vf v_abs(vf x) { return _mm512_abs_ps(x); }
static inline vf v_sqrt(vf x) { return _mm512_sqrt_ps(x); }

/* x 2^n for whole n, rounded once */
static inline vf v_scale(vf x, vf n) { return _mm512_scalef_ps(x, n); }

/* halves in double */
static inline vd v_low(vf x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
static inline vd v_high(vf x) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)); }

static inline vd d_load(const double *p) { return _mm512_loadu_pd(p); }
static inline void d_store(double *p, vd x) { _mm512_storeu_pd(p, x); }

/* sums and maximum over the lanes, always in this order */
static inline double d_sum(vd x)
{
    __m256d a = _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1));
    __m128d b = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));

    return _mm_cvtsd_f64(_mm_add_sd(b, _mm_unpackhi_pd(b, b)));
}

static inline float v_sum(vf x)
{
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

static inline float v_largest(vf x)
{
    __m256 a = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}
