/* The vocabulary of simd.h in AVX2 with FMA; see simd_avx512.h for what the words mean. */
enum { VW = 8 };
typedef __m256 vf;
typedef __m256d vd;
typedef int32_t vi __attribute__((vector_size(32)));

static inline __m256i SIMD(first)(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vf v_set(float x) { return _mm256_set1_ps(x); }
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf x) { _mm256_storeu_ps(p, x); }

static inline vf v_load_part(const float *p, int n, float fill)
{
    __m256i mask = SIMD(first)(n);

    return _mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask),
                            _mm256_castsi256_ps(mask));
}

static inline void v_store_part(float *p, vf x, int n)
{
    _mm256_maskstore_ps(p, SIMD(first)(n), x);
}

static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
static inline float v_fma_one(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }

static inline vf v_if_positive(vf gate, vf x)
{
    return _mm256_and_ps(_mm256_cmp_ps(gate, _mm256_setzero_ps(), _CMP_NLE_UQ), x);
}

static inline vf v_if_negative(vf gate, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(gate, _mm256_setzero_ps(), _CMP_LT_OQ));
}

static inline vf v_without(vf x, int lane)
{
    __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    return _mm256_andnot_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(lanes, _mm256_set1_epi32(lane))),
                            x);
}

static inline vf v_abs(vf x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
static inline vf v_sqrt(vf x) { return _mm256_sqrt_ps(x); }

/* In two factors, so that the exponent of neither overflows. |n| < 250 */
static inline vf v_scale(vf x, vf n)
{
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    __m256i rest = _mm256_sub_epi32(whole, half), bias = _mm256_set1_epi32(127);
    __m256i a = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    __m256i b = _mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23);

    return x * _mm256_castsi256_ps(a) * _mm256_castsi256_ps(b);
}

static inline vd v_low(vf x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
static inline vd v_high(vf x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }

static inline vd d_load(const double *p) { return _mm256_loadu_pd(p); }
static inline void d_store(double *p, vd x) { _mm256_storeu_pd(p, x); }

static inline double d_sum(vd x)
{
    __m128d b = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));

    return _mm_cvtsd_f64(_mm_add_sd(b, _mm_unpackhi_pd(b, b)));
}

static inline float v_sum(vf x)
{
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

static inline float v_largest(vf x)
{
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}
