/* What the shim's files share: errors that stick, work that runs now or is recorded, device
 * memory. Not seen by kernels or tests. */
#ifndef GK_SHIM_STATE_H
#define GK_SHIM_STATE_H

#include "control.h"
#include "shim.h"

#include <vector>

namespace gk_shim
{

/* errors.cpp. What a call answers, kept for cudaGetLastError; once the device's failure has come
 * out, that. */
cudaError_t answer(cudaError_t error);
/* The same for a call that waits for the device: lets its failure come out. */
cudaError_t answer_waited();
/* The device has failed: why, in words. Only the first one counts. */
void problem(cudaError_t error, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool failed(); /* nothing runs any more */

/* stream.cpp: runs `work` on the device now, or records it where the stream is capturing. */
cudaError_t submit(cudaStream_t stream, std::function<void()> work);
/* Before a call that may not be made while a stream is capturing: true if one is; its capture is
 * then void, and the call answers cudaErrorStreamCaptureUnsupported. `relaxed_too`: not even in
 * the relaxed mode. */
bool spoils_capture(bool relaxed_too);

/* memory.cpp. Device memory can be touched while one of these lives. */
struct device_access {
    device_access();
    ~device_access();
};
bool on_device(const void *memory, size_t bytes); /* all of it inside one allocation */
/* Where the allocation that holds it begins, and its length; 0: none does. */
uintptr_t allocation_of(const void *memory, size_t *bytes);
bool on_host(const void *memory, size_t bytes); /* none of it inside any */
void check_guards(const char *who);             /* who wrote beyond an allocation? */

/* Guards around arrays: a byte that nobody writes by accident, and NaN where it is read as float
 * or double. */
inline unsigned char guard_byte(size_t i) { return i % 2 ? 0xff : 0xf5; }
inline void guard_fill(unsigned char *guard, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) guard[i] = guard_byte(i);
}
inline bool guard_whole(const unsigned char *guard, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (guard[i] != guard_byte(i)) return false;
    return true;
}

/* block.cpp: runs all threads of block blockIdx, whose indices are `threads`. */
void run_block(const kernel_launch &l, const std::vector<uint3> &threads);

/* launch.cpp */
enum { SHARED_DEFAULT = 48 << 10, SHARED_MOST = 227 << 10, THREADS_MOST = 1024 };
extern enum gk_shim_order order;
uint64_t random_below(uint64_t n);
void reset_launches();
/* Runs the blocks of a launch in its own way, instead of every thread as a fiber; NULL: fibers. */
extern void (*run_launch)(const kernel_launch &l, const std::vector<uint3> &blocks);

extern gk_shim_counts counts;

} // namespace gk_shim

#endif
