/* A function of scalars as an instruction of a warp: applied to the registers of each active lane.
 * Arguments and results are numbers of 1, 2, 4 or 8 bytes, or bool: a predicate. */
#ifndef GK_PTX_LANES_H
#define GK_PTX_LANES_H

#include "program.h"

#include <cstring>
#include <type_traits>

namespace gk_ptx
{

typedef uint64_t __attribute__((may_alias)) word64;

template <class T> T from_bits(uint64_t bits)
{
    T value;

    memcpy(&value, &bits, sizeof value); /* the low bytes: the host is little-endian */
    return value;
}

template <class T> uint64_t to_bits(T value)
{
    uint64_t bits = 0;

    memcpy(&bits, &value, sizeof value);
    return bits;
}

/* Of register `at`, lane l. */
template <class T> inline T get(const uint32_t *r, uint32_t at, int l)
{
    if constexpr (std::is_same_v<T, bool>)
        return r[at] >> l & 1;
    else if constexpr (sizeof(T) == 8)
        return from_bits<T>(reinterpret_cast<const word64 *>(r + at)[l]);
    else if constexpr (sizeof(T) == 4) {
        T value;
        memcpy(&value, r + at + l, sizeof value);
        return value;
    } else
        return (T)r[at + l];
}

template <class T> inline void put(uint32_t *r, uint32_t at, int l, T value)
{
    if constexpr (std::is_same_v<T, bool>)
        r[at] = (r[at] & ~(1u << l)) | (uint32_t)value << l;
    else if constexpr (sizeof(T) == 8)
        reinterpret_cast<word64 *>(r + at)[l] = to_bits(value);
    else if constexpr (sizeof(T) == 4)
        memcpy(r + at + l, &value, sizeof value);
    else
        r[at + l] = (std::make_unsigned_t<T>)value;
}

inline int lowest(uint32_t mask) { return __builtin_ctz(mask); }

/* f(lane) for the lanes of `mask`; quickly for all of them. */
template <class F> inline void each_lane(uint32_t mask, F f)
{
    if (mask == ALL_LANES)
        for (int lane = 0; lane < LANES; lane++) f(lane);
    else
        for (; mask; mask &= mask - 1) f(lowest(mask));
}

template <auto F> struct lanes;

template <class R, class... A, R (*F)(A...)> struct lanes<F> {
    template <size_t... N>
    static void apply(uint32_t *r, const instruction &i, uint32_t mask, std::index_sequence<N...>)
    {
        const uint32_t from[] = {i.from[N]...}, to = i.to[0];

        if constexpr (std::is_same_v<R, bool>) {
            uint32_t result = 0;
            for (int l = 0; l < LANES; l++) result |= (uint32_t)F(get<A>(r, from[N], l)...) << l;
            r[to] = (r[to] & ~mask) | (result & mask);
        } else if (mask == ALL_LANES) {
#pragma omp simd
            for (int l = 0; l < LANES; l++) put<R>(r, to, l, F(get<A>(r, from[N], l)...));
        } else
            for (; mask; mask &= mask - 1)
                put<R>(r, to, lowest(mask), F(get<A>(r, from[N], lowest(mask))...));
    }
    static void run(uint32_t *r, const instruction &i, uint32_t mask)
    {
        apply(r, i, mask, std::index_sequence_for<A...>());
    }
    template <class T> static constexpr int size()
    {
        return std::is_same_v<T, bool> ? 0 : (int)sizeof(T);
    }
    static operation as(enum kind_of_work work)
    {
        return {run, work, size<R>(), {size<A>()...}, (int)sizeof...(A)};
    }
};

} // namespace gk_ptx

#endif
