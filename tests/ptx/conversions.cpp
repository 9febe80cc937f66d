/* cvt and the other ways from one type to another. */
#include "table.h"

#include <cmath>
#include <limits>

namespace gk_ptx
{

template <class To, class From> To convert(From a) { return (To)a; }
template <class T> T whole(T a) { return std::trunc(a); }
static f32 saturate(f32 a) { return a > 0 ? a < 1 ? a : 1 : 0; } /* NaN: 0 */
/* Out of range: the nearest; NaN: 0. */
template <class To, class From> To clamp(From a)
{
    const From low = (From)std::numeric_limits<To>::min(), high = -low;

    if (a != a) return 0;
    if (a < low) return std::numeric_limits<To>::min();
    return a >= high ? std::numeric_limits<To>::max() : (To)a;
}
template <class To, class From> To nearest(From a) { return clamp<To>(std::nearbyint(a)); }
template <class To, class From> To toward_zero(From a) { return clamp<To>(std::trunc(a)); }

template <class T> T same(T a) { return a; }

static u64 pack64(u32 low, u32 high) { return (u64)high << 32 | low; }
static u32 pack32(u16 low, u16 high) { return (u32)high << 16 | low; }

/* mov.b64 {low, high}, a: the only one that writes two registers. */
static void unpack64(uint32_t *r, const instruction &i, uint32_t mask)
{
    for (; mask; mask &= mask - 1) {
        int l = lowest(mask);
        u64 both = get<u64>(r, i.from[0], l);

        put<u32>(r, i.to[0], l, (u32)both);
        put<u32>(r, i.to[1], l, (u32)(both >> 32));
    }
}

static void unpack32(uint32_t *r, const instruction &i, uint32_t mask)
{
    for (; mask; mask &= mask - 1) {
        int l = lowest(mask);
        u32 both = get<u32>(r, i.from[0], l);

        put<u16>(r, i.to[0], l, (u16)both);
        put<u16>(r, i.to[1], l, (u16)(both >> 16));
    }
}

#define LIST_CONVERSIONS(T, work)                                                                  \
    LIST("cvt.u16." #T, work, convert<u16, T>);                                                    \
    LIST("cvt.s16." #T, work, convert<s16, T>);                                                    \
    LIST("cvt.u32." #T, work, convert<u32, T>);                                                    \
    LIST("cvt.s32." #T, work, convert<s32, T>);                                                    \
    LIST("cvt.u64." #T, work, convert<u64, T>);                                                    \
    LIST("cvt.s64." #T, work, convert<s64, T>);                                                    \
    LIST("cvt.rn.f32." #T, FLOAT, convert<f32, T>);                                                \
    LIST("cvt.rn.f64." #T, DOUBLE, convert<f64, T>)

/* The source may stand in a wider register: its low bits count. */
template <class To, class From> To convert_low(u64 a) { return (To)(From)a; }
#define LIST_NARROWED(T)                                                                           \
    LIST("cvt.u16." #T "/8", INTEGER, convert_low<u16, T>);                                        \
    LIST("cvt.u32." #T "/8", INTEGER, convert_low<u32, T>);                                        \
    LIST("cvt.s32." #T "/8", INTEGER, convert_low<s32, T>);                                        \
    LIST("cvt.u64." #T "/8", INTEGER, convert_low<u64, T>);                                        \
    LIST("cvt.s64." #T "/8", INTEGER, convert_low<s64, T>)

void list_conversions(table &t)
{
    LIST_CONVERSIONS(u16, INTEGER);
    LIST_CONVERSIONS(s16, INTEGER);
    LIST_CONVERSIONS(u32, INTEGER);
    LIST_CONVERSIONS(s32, INTEGER);
    LIST_CONVERSIONS(u64, INTEGER);
    LIST_CONVERSIONS(s64, INTEGER);
    LIST_NARROWED(u16);
    LIST_NARROWED(s16);
    LIST_NARROWED(u32);
    LIST_NARROWED(s32);
    LIST("cvt.f64.f32", DOUBLE, convert<f64, f32>);
    LIST("cvt.rn.f32.f64", DOUBLE, convert<f32, f64>);
    LIST("cvt.rzi.f32.f32", FLOAT, whole<f32>);
    LIST("cvt.rzi.f64.f64", DOUBLE, whole<f64>);
    LIST("cvt.sat.f32.f32", FLOAT, saturate);
    LIST("cvt.rni.s32.f32", FLOAT, nearest<s32, f32>);
    LIST("cvt.rni.s32.f64", DOUBLE, nearest<s32, f64>);
    LIST("cvt.rzi.s32.f32", FLOAT, toward_zero<s32, f32>);
    LIST("cvt.rzi.s32.f64", DOUBLE, toward_zero<s32, f64>);
    LIST("cvta.to.global.u64", MOVE, same<u64>);
    LIST("cvta.to.shared.u64", MOVE, same<u64>);
    LIST("cvta.to.local.u64", MOVE, same<u64>);
    LIST("cvta.local.u64", MOVE, same<u64>);
    LIST("pack.b64", MOVE, pack64);
    LIST("pack.b32", MOVE, pack32);
    t["unpack.b64"] = {unpack64, MOVE, 4, {8}, 1};
    t["unpack.b32"] = {unpack32, MOVE, 2, {4}, 1};
}

} // namespace gk_ptx
