/* What the arithmetic of PTX does to one lane, by the whole spelling of the opcode, so that a
 * rounding or a flag that is not listed is refused, not passed over. Approximate instructions
 * (ex2.approx) are computed more exactly than a GPU would. After NVIDIA, "Parallel Thread
 * Execution ISA", the chapter on instructions. */
#include "table.h"

#include <cfenv>
#include <cmath>
#include <limits>

namespace gk_ptx
{

const char *const work_names[WORKS] = {"fma",  "float",  "double",   "integer",
                                       "move", "memory", "exchange", "control"};

/* ---- integers and floats alike */

/* Integers wrap around. */
template <class T, bool integer> struct wrapping {
    typedef T type;
};
template <class T> struct wrapping<T, true> {
    typedef std::conditional_t<sizeof(T) == 2, u32, std::make_unsigned_t<T>> type;
};
template <class T> using raw = typename wrapping<T, std::is_integral_v<T>>::type;

template <class T> T same(T a) { return a; }
template <class T> T add(T a, T b) { return (T)((raw<T>)a + (raw<T>)b); }
template <class T> T sub(T a, T b) { return (T)((raw<T>)a - (raw<T>)b); }
template <class T> T mul(T a, T b) { return (T)((raw<T>)a * (raw<T>)b); }
template <class T> T mad(T a, T b, T c) { return add(mul(a, b), c); }
template <class T> T neg(T a) { return std::is_integral_v<T> ? sub((T)0, a) : -a; }
template <class T> T choose(T a, T b, bool first) { return first ? a : b; }
template <class T> bool eq(T a, T b) { return a == b; }
template <class T> bool lt(T a, T b) { return a < b; }
template <class T> bool le(T a, T b) { return a <= b; }
template <class T> bool gt(T a, T b) { return a > b; }
template <class T> bool ge(T a, T b) { return a >= b; }
template <class T> bool ne(T a, T b) { return a < b || a > b; /* false where one is NaN */ }

/* ---- integers */

template <class W, class T> W mul_wide(T a, T b) { return (W)a * b; }
template <class W, class T> W mad_wide(T a, T b, W c) { return add(mul_wide<W>(a, b), c); }
template <class W, class T> T mul_hi(T a, T b) { return (T)(((W)a * b) >> 8 * sizeof(T)); }
template <class T> T least(T a, T b) { return a < b ? a : b; }
template <class T> T most(T a, T b) { return a > b ? a : b; }
template <class T> T bit_and(T a, T b) { return a & b; }
template <class T> T bit_or(T a, T b) { return a | b; }
template <class T> T bit_xor(T a, T b) { return a ^ b; }
template <class T> T bit_not(T a) { return (T)~a; }
template <class T> T shl(T a, u32 by) { return by < 8 * sizeof(T) ? (T)(a << by) : 0; }
template <class T> T shr(T a, u32 by)
{
    const u32 last = 8 * sizeof(T) - 1;

    return by <= last ? (T)(a >> by) : a < 0 ? (T)-1 : 0;
}
/* By zero: all ones, and the remainder is a. */
template <class T> T divide(T a, T b)
{
    if (b == 0) return (T)-1;
    return std::is_signed_v<T> && b == (T)-1 ? neg(a) : (T)(a / b);
}
template <class T> T remainder_of(T a, T b)
{
    if (b == 0) return a;
    return std::is_signed_v<T> && b == (T)-1 ? 0 : (T)(a % b);
}
template <class T> T magnitude(T a) { return a < 0 ? neg(a) : a; }
template <class T> T bit_field_insert(T a, T b, u32 at, u32 bits)
{
    const u32 width = 8 * sizeof(T);

    at &= 255, bits &= 255;
    if (bits == 0 || at >= width) return b;
    T ones = bits >= width ? (T)-1 : ((T)1 << bits) - 1;
    return (b & ~(ones << at)) | (a & ones) << at;
}
template <class T> T bit_field(T a, u32 at, u32 bits)
{
    const u32 width = 8 * sizeof(T);

    at &= 255, bits &= 255;
    if (at >= width) return 0;
    return bits >= width ? a >> at : (a >> at) & (((T)1 << bits) - 1);
}
static u32 bit_reverse(u32 a)
{
    u32 out = 0;

    for (int i = 0; i < 32; i++) out |= (a >> i & 1) << (31 - i);
    return out;
}
static u32 find_shift(u32 a) { return a ? (u32)__builtin_clz(a) : 0xffffffffu; }
static u32 ones_in(u32 a) { return (u32)__builtin_popcount(a); }
static u32 zeros_before(u32 a) { return a ? (u32)__builtin_clz(a) : 32; }
static u32 permute(u32 a, u32 b, u32 how)
{
    u64 both = (u64)b << 32 | a;
    u32 out = 0;

    for (int i = 0; i < 4; i++, how >>= 4) {
        u32 byte = (u32)(both >> 8 * (how & 7)) & 0xff;
        if (how & 8) byte = byte & 0x80 ? 0xff : 0;
        out |= byte << 8 * i;
    }
    return out;
}

/* ---- predicates */

static bool and_p(bool a, bool b) { return a && b; }
static bool or_p(bool a, bool b) { return a || b; }
static bool xor_p(bool a, bool b) { return a != b; }
static bool not_p(bool a) { return !a; }

/* ---- floats */

static f32 fma32(f32 a, f32 b, f32 c) { return __builtin_fmaf(a, b, c); }
static f64 fma64(f64 a, f64 b, f64 c) { return __builtin_fma(a, b, c); }

/* Rounded down. The rounding is read at run time, by a call that the compiler does not see into. */
static f32 fma32_down(f32 a, f32 b, f32 c)
{
    volatile f32 x = a, y = b, z = c, result;

    fesetround(FE_DOWNWARD);
    result = __builtin_fmaf(x, y, z);
    fesetround(FE_TONEAREST);
    return result;
}
template <class T> T quotient(T a, T b) { return a / b; }
template <class T> T reciprocal(T a) { return 1 / a; }
static f32 root32(f32 a) { return sqrtf(a); }
static f64 root64(f64 a) { return sqrt(a); }
static f32 least32(f32 a, f32 b) { return fminf(a, b); }
static f32 most32(f32 a, f32 b) { return fmaxf(a, b); }
static f64 least64(f64 a, f64 b) { return fmin(a, b); }
static f64 most64(f64 a, f64 b) { return fmax(a, b); }
static f32 abs32(f32 a) { return fabsf(a); }
static f64 abs64(f64 a) { return fabs(a); }
static f32 sign_of(f32 a, f32 b) { return copysignf(b, a); }
template <class T> bool number_both(T a, T b) { return a == a && b == b; }
template <class T> bool nan_either(T a, T b) { return a != a || b != b; }
template <class T> bool equ(T a, T b) { return nan_either(a, b) || a == b; }
template <class T> bool neu(T a, T b) { return nan_either(a, b) || a != b; }
template <class T> bool ltu(T a, T b) { return !(a >= b); }
template <class T> bool leu(T a, T b) { return !(a > b); }
template <class T> bool gtu(T a, T b) { return !(a <= b); }
template <class T> bool geu(T a, T b) { return !(a < b); }

template <class T> T flushed(T x)
{
    return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign((T)0, x) : x;
}
static f32 exp2_approx(f32 a) { return flushed((f32)exp2((f64)flushed(a))); }
static f32 log2_approx(f32 a) { return flushed((f32)log2((f64)flushed(a))); }
static f32 reciprocal_approx(f32 a) { return flushed(1 / flushed(a)); }
static f32 rsqrt_approx(f32 a) { return flushed((f32)(1 / sqrt((f64)flushed(a)))); }
/* Of the upper half of a's bits; the lower half of the result is zero. */
static f64 upper(f64 a) { return from_bits<f64>(to_bits(a) & 0xffffffff00000000u); }
static f64 reciprocal_upper(f64 a) { return upper(flushed(1 / flushed(upper(a)))); }

/* ---- the table */

#define LIST_INTEGER(T)                                                                            \
    LIST("add." #T, INTEGER, add<T>);                                                              \
    LIST("sub." #T, INTEGER, sub<T>);                                                              \
    LIST("mul.lo." #T, INTEGER, mul<T>);                                                           \
    LIST("mad.lo." #T, INTEGER, mad<T>);                                                           \
    LIST("div." #T, INTEGER, divide<T>);                                                           \
    LIST("rem." #T, INTEGER, remainder_of<T>);                                                     \
    LIST("min." #T, INTEGER, least<T>);                                                            \
    LIST("max." #T, INTEGER, most<T>);                                                             \
    LIST("shr." #T, INTEGER, shr<T>);                                                              \
    LIST_MOVES(T)
#define LIST_MOVES(T)                                                                              \
    LIST("mov." #T, MOVE, same<T>);                                                                \
    LIST("selp." #T, INTEGER, choose<T>);                                                          \
    LIST("setp.eq." #T, INTEGER, eq<T>);                                                           \
    LIST("setp.ne." #T, INTEGER, ne<T>);                                                           \
    LIST("setp.lt." #T, INTEGER, lt<T>);                                                           \
    LIST("setp.le." #T, INTEGER, le<T>);                                                           \
    LIST("setp.gt." #T, INTEGER, gt<T>);                                                           \
    LIST("setp.ge." #T, INTEGER, ge<T>)
#define LIST_BITS(name, T)                                                                         \
    LIST("mov." name, MOVE, same<T>);                                                              \
    LIST("selp." name, INTEGER, choose<T>);                                                        \
    LIST("setp.eq." name, INTEGER, eq<T>);                                                         \
    LIST("setp.ne." name, INTEGER, ne<T>);                                                         \
    LIST("and." name, INTEGER, bit_and<T>);                                                        \
    LIST("or." name, INTEGER, bit_or<T>);                                                          \
    LIST("xor." name, INTEGER, bit_xor<T>);                                                        \
    LIST("not." name, INTEGER, bit_not<T>);                                                        \
    LIST("shl." name, INTEGER, shl<T>)
#define LIST_FLOAT(T, work)                                                                        \
    for (const char *rounding : {".", ".rn."}) {                                                   \
        LIST((std::string("add") + rounding + #T).c_str(), work, add<T>);                          \
        LIST((std::string("sub") + rounding + #T).c_str(), work, sub<T>);                          \
        LIST((std::string("mul") + rounding + #T).c_str(), work, mul<T>);                          \
    }                                                                                              \
    LIST("neg." #T, work, neg<T>);                                                                 \
    LIST("div.rn." #T, work, quotient<T>);                                                         \
    LIST("rcp.rn." #T, work, reciprocal<T>);                                                       \
    LIST_MOVES(T);                                                                                 \
    LIST("setp.equ." #T, work, equ<T>);                                                            \
    LIST("setp.neu." #T, work, neu<T>);                                                            \
    LIST("setp.ltu." #T, work, ltu<T>);                                                            \
    LIST("setp.leu." #T, work, leu<T>);                                                            \
    LIST("setp.gtu." #T, work, gtu<T>);                                                            \
    LIST("setp.geu." #T, work, geu<T>);                                                            \
    LIST("setp.num." #T, work, number_both<T>);                                                    \
    LIST("setp.nan." #T, work, nan_either<T>)

static void list_integers(table &t)
{
    LIST_INTEGER(u16);
    LIST_INTEGER(s16);
    LIST_INTEGER(u32);
    LIST_INTEGER(s32);
    LIST_INTEGER(u64);
    LIST_INTEGER(s64);
    LIST_BITS("b16", u16);
    LIST_BITS("b32", u32);
    LIST_BITS("b64", u64);
    LIST("neg.s32", INTEGER, neg<s32>);
    LIST("neg.s64", INTEGER, neg<s64>);
    LIST("abs.s32", INTEGER, magnitude<s32>);
    LIST("abs.s64", INTEGER, magnitude<s64>);
    LIST("mul.wide.s32", INTEGER, mul_wide<s64, s32>);
    LIST("mul.wide.u32", INTEGER, mul_wide<u64, u32>);
    LIST("mul.wide.u16", INTEGER, mul_wide<u32, u16>);
    LIST("mul.wide.s16", INTEGER, mul_wide<s32, s16>);
    LIST("mad.wide.s32", INTEGER, mad_wide<s64, s32>);
    LIST("mad.wide.u32", INTEGER, mad_wide<u64, u32>);
    LIST("mul.hi.u32", INTEGER, mul_hi<u64, u32>);
    LIST("mul.hi.s32", INTEGER, mul_hi<s64, s32>);
    LIST("mul.hi.u64", INTEGER, mul_hi<unsigned __int128, u64>);
    LIST("bfi.b32", INTEGER, bit_field_insert<u32>);
    LIST("bfi.b64", INTEGER, bit_field_insert<u64>);
    LIST("bfe.u32", INTEGER, bit_field<u32>);
    LIST("bfe.u64", INTEGER, bit_field<u64>);
    LIST("brev.b32", INTEGER, bit_reverse);
    LIST("bfind.shiftamt.u32", INTEGER, find_shift);
    LIST("popc.b32", INTEGER, ones_in);
    LIST("clz.b32", INTEGER, zeros_before);
    LIST("prmt.b32", INTEGER, permute);
    LIST("and.pred", INTEGER, and_p);
    LIST("or.pred", INTEGER, or_p);
    LIST("xor.pred", INTEGER, xor_p);
    LIST("not.pred", INTEGER, not_p);
    LIST("mov.pred", MOVE, same<bool>);
}

static void list_floats(table &t)
{
    LIST_FLOAT(f32, FLOAT);
    LIST_FLOAT(f64, DOUBLE);
    LIST("fma.rn.f32", FMA, fma32);
    LIST("fma.rm.f32", FMA, fma32_down);
    LIST("fma.rn.f64", DOUBLE, fma64);
    LIST("abs.f32", FLOAT, abs32);
    LIST("abs.f64", DOUBLE, abs64);
    LIST("min.f32", FLOAT, least32);
    LIST("max.f32", FLOAT, most32);
    LIST("min.f64", DOUBLE, least64);
    LIST("max.f64", DOUBLE, most64);
    LIST("sqrt.rn.f32", FLOAT, root32);
    LIST("sqrt.rn.f64", DOUBLE, root64);
    LIST("copysign.f32", FLOAT, sign_of);
    LIST("ex2.approx.ftz.f32", FLOAT, exp2_approx);
    LIST("lg2.approx.ftz.f32", FLOAT, log2_approx);
    LIST("rcp.approx.ftz.f32", FLOAT, reciprocal_approx);
    LIST("rsqrt.approx.ftz.f32", FLOAT, rsqrt_approx);
    LIST("rcp.approx.ftz.f64", DOUBLE, reciprocal_upper);
}

const operation *find_operation(const std::string &opcode)
{
    static const table known = [] {
        table t;

        list_integers(t);
        list_floats(t);
        list_conversions(t);
        return t;
    }();
    auto at = known.find(opcode);

    return at == known.end() ? nullptr : &at->second;
}

} // namespace gk_ptx
