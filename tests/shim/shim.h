/* CUDA C++ for the host's compiler: qualifiers, indices, barriers, warp operations, shared
 * memory and launches, as far as the kernels use them (kernels/cuda/launch.h includes this).
 * Masks, barriers and launches are checked; a wrong one ends the kernel, and the runtime then
 * reports a launch failure that sticks. */
#ifndef GK_SHIM_H
#define GK_SHIM_H

#include "cuda_runtime.h"

#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
enum { warpSize = 32 };

namespace gk_shim
{

/* A place in the source: where a kernel waits. Calls have it from default arguments, which the
 * compiler fills in. */
struct place {
    const char *file;
    int line;
};
/* The block's own array of this name and place, between guards; all bytes are 0xff when a block
 * begins. */
void *shared(const char *name, const void *site, size_t bytes);
void *shared_dynamic();

/* Waits for all threads of the block. */
void barrier(place at);

/* Waits for the lanes of `mask`, all of which must come to the same call. */
uint64_t shuffle(unsigned mask, uint64_t value, int source, place at); /* value of lane `source` */
unsigned ballot(unsigned mask, bool value, place at);
int lane();

struct kernel_launch {
    const char *name;
    const void *kernel;
    dim3 grid, block;
    size_t smem;
    std::function<void()> thread;       /* the kernel with its arguments, for one thread */
    std::vector<std::string> arguments; /* their bytes */
};
void launch(cudaStream_t stream, kernel_launch l);
void check_argument(const char *kernel, int i, const void *pointer);

template <class T> std::string bytes_of(const T &value)
{
    return std::string(reinterpret_cast<const char *>(&value), sizeof value);
}

template <class T> struct same {
    typedef T type;
};

/* Arguments are taken by value now: a recorded launch sees no later change. */
template <class... P>
void launch(cudaStream_t stream, const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
            size_t smem, typename same<P>::type... args)
{
    int i = 0;
    auto check = [&](const auto &arg) {
        i++;
        if constexpr (std::is_pointer_v<std::decay_t<decltype(arg)>>) check_argument(name, i, arg);
    };

    (check(args), ...);
    launch(stream, {name,
                    reinterpret_cast<const void *>(kernel),
                    grid,
                    block,
                    smem,
                    [kernel, kept = std::make_tuple(args...)] { std::apply(kernel, kept); },
                    {bytes_of(args)...}});
}

/* The lane that a shuffle reads from; one outside of the segment: the caller's own. */
inline int within(int source, int from, int to, int own)
{
    return source >= from && source < to ? source : own;
}

template <class T> T exchange(unsigned mask, T value, int source, place at)
{
    uint64_t bits = 0;

    static_assert(sizeof(T) <= sizeof bits, "shuffles move 4 or 8 bytes");
    memcpy(&bits, &value, sizeof value);
    bits = shuffle(mask, bits, source, at);
    memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace gk_shim

#define SHARED(type, name, n)                                                                      \
    static char name##_site;                                                                       \
    type(&name)[n] = *static_cast<type(*)[n]>(gk_shim::shared(#name, &name##_site, sizeof(type[n])))
#define SHARED_DYN(type, name) type *name = static_cast<type *>(gk_shim::shared_dynamic())
#define GK_LAUNCH(stream, kernel, grid, block, smem, ...)                                          \
    gk_shim::launch((stream), #kernel, (kernel), (grid), (block), (smem), __VA_ARGS__)

inline void __syncthreads(const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
    gk_shim::barrier({file, line});
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
    int first = gk_shim::lane() / width * width;

    return gk_shim::exchange(mask, value, first + (source & (width - 1)), {file, line});
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
    int own = gk_shim::lane(), first = own / width * width;

    return gk_shim::exchange(mask, value, gk_shim::within(own - (int)delta, first, own, own),
                             {file, line});
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
    int own = gk_shim::lane(), end = own / width * width + width;

    return gk_shim::exchange(mask, value, gk_shim::within(own + (int)delta, own, end, own),
                             {file, line});
}

/* A lane of a later segment: the caller's own value; one of an earlier segment may be read. */
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32,
                  const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
    int own = gk_shim::lane(), end = own / width * width + width;

    return gk_shim::exchange(mask, value, gk_shim::within(own ^ lanes, 0, end, own), {file, line});
}

inline int __ffs(int bits) { return __builtin_ffs(bits); }

inline void __syncwarp(unsigned mask = 0xffffffff, const char *file = __builtin_FILE(),
                       int line = __builtin_LINE())
{
    gk_shim::ballot(mask, false, {file, line});
}
inline unsigned __ballot_sync(unsigned mask, int value, const char *file = __builtin_FILE(),
                              int line = __builtin_LINE())
{
    return gk_shim::ballot(mask, value != 0, {file, line});
}
inline int __any_sync(unsigned mask, int value, const char *file = __builtin_FILE(),
                      int line = __builtin_LINE())
{
    return gk_shim::ballot(mask, value != 0, {file, line}) != 0;
}
inline int __all_sync(unsigned mask, int value, const char *file = __builtin_FILE(),
                      int line = __builtin_LINE())
{
    return gk_shim::ballot(mask, value != 0, {file, line}) == mask;
}

#endif
