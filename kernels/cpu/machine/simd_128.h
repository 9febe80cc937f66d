/* The vocabulary of simd.h in 16-byte vectors of GCC and clang, which become SSE2, NEON or plain
 * instructions; see simd_avx512.h for what the words mean. Only the fused multiply-add differs: of
 * NEON, of x86 (SIMD_FMA), or without one (fma.h). */
enum { VW = 4 };
typedef float vf __attribute__((vector_size(16)));
typedef double vd __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef float vf_anywhere __attribute__((vector_size(16), aligned(4), may_alias));
typedef double vd_anywhere __attribute__((vector_size(16), aligned(8), may_alias));

static inline vf SIMD(choose)(vi mask, vf a, vf b)
{
    return (vf)(((vi)a & mask) | ((vi)b & ~mask));
}

static inline vf v_set(float x) { return (vf){x, x, x, x}; }
static inline vf v_load(const float *p) { return *(const vf_anywhere *)p; }
static inline void v_store(float *p, vf x) { *(vf_anywhere *)p = x; }

static inline vf v_load_part(const float *p, int n, float fill)
{
    vf x = v_set(fill);

    for (int i = 0; i < n; i++) x[i] = p[i];
    return x;
}

static inline void v_store_part(float *p, vf x, int n)
{
    for (int i = 0; i < n; i++) p[i] = x[i];
}

#if defined(__aarch64__)
static inline vf v_fma(vf a, vf b, vf c)
{
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
static inline float v_fma_one(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#elif defined(SIMD_FMA)
static inline vf v_fma(vf a, vf b, vf c)
{
    return (vf)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
}
static inline float v_fma_one(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
static inline vf v_fma(vf a, vf b, vf c) { return cpu_fma4(a, b, c); }
static inline float v_fma_one(float a, float b, float c) { return cpu_fma1(a, b, c); }
#endif
static inline vf v_fnma(vf a, vf b, vf c) { return v_fma(-a, b, c); }

static inline vf v_max(vf a, vf b) { return SIMD(choose)(a > b, a, b); }
static inline vf v_min(vf a, vf b) { return SIMD(choose)(a < b, a, b); }
static inline vf v_if_positive(vf gate, vf x) { return (vf)((vi)x & ~(gate <= v_set(0))); }
static inline vf v_if_negative(vf gate, vf a, vf b) { return SIMD(choose)(gate < v_set(0), a, b); }

static inline vf v_without(vf x, int lane)
{
    const vi lanes = {0, 1, 2, 3};

    return (vf)((vi)x & (lanes != (vi){lane, lane, lane, lane}));
}

static inline vf v_abs(vf x) { return (vf)((vi)x & 0x7fffffff); }

static inline vf v_sqrt(vf x)
{
    return (vf){__builtin_sqrtf(x[0]), __builtin_sqrtf(x[1]), __builtin_sqrtf(x[2]),
                __builtin_sqrtf(x[3])};
}

/* In two factors, so that the exponent of neither overflows. |n| < 250; n NaN: so is x. */
static inline vf v_scale(vf x, vf n)
{
    vi whole = __builtin_convertvector(v_min(v_max(n, v_set(-250)), v_set(250)), vi);
    vi half = whole >> 1, rest = whole - half;

    return x * (vf)((half + 127) << 23) * (vf)((rest + 127) << 23);
}

static inline vd v_low(vf x) { return (vd){(double)x[0], (double)x[1]}; }
static inline vd v_high(vf x) { return (vd){(double)x[2], (double)x[3]}; }
static inline vd d_load(const double *p) { return *(const vd_anywhere *)p; }
static inline void d_store(double *p, vd x) { *(vd_anywhere *)p = x; }
static inline double d_sum(vd x) { return x[0] + x[1]; }
static inline float v_sum(vf x) { return (x[0] + x[2]) + (x[1] + x[3]); }

static inline float v_largest(vf x)
{
    float a = x[0] > x[1] ? x[0] : x[1], b = x[2] > x[3] ? x[2] : x[3];

    return a > b ? a : b;
}
