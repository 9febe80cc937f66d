/* Device memory: pages of their own per allocation, so that the host can be kept from touching
 * them but in kernels and copies. New memory is bytes of 0xff, NaN as float and as double.
 * Before and after it lie guards: AddressSanitizer's, or bytes looked at after every kernel. */
#include "asan.h"
#include "state.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <map>

namespace gk_shim
{

enum { PAGE = 4096, GUARD = 256 };

struct allocation {
    unsigned char *pages;
    size_t length, bytes;
};

static std::map<uintptr_t, allocation> allocations; /* by the address that the program knows */
static size_t memory_of_device = (size_t)80 << 30;
static int accesses;
static bool guarded; /* from the host */

static void protect(int how)
{
    for (const auto &a : allocations)
        if (mprotect(a.second.pages, a.second.length, how) != 0) perror("host shim: mprotect");
}

device_access::device_access()
{
    if (accesses++ == 0 && guarded) protect(PROT_READ | PROT_WRITE);
}

device_access::~device_access()
{
    if (--accesses == 0 && guarded) protect(PROT_NONE);
}

/* The last allocation that begins at or before the address; end(): none. */
static std::map<uintptr_t, allocation>::const_iterator before(const void *memory)
{
    auto next = allocations.upper_bound(reinterpret_cast<uintptr_t>(memory));

    return next == allocations.begin() ? allocations.end() : std::prev(next);
}

bool on_device(const void *memory, size_t bytes)
{
    auto a = before(memory);

    if (a == allocations.end()) return false;
    size_t offset = reinterpret_cast<uintptr_t>(memory) - a->first;
    return offset <= a->second.bytes && bytes <= a->second.bytes - offset;
}

uintptr_t allocation_of(const void *memory, size_t *bytes)
{
    auto a = before(memory);

    if (a == allocations.end()) return 0;
    *bytes = a->second.bytes;
    return a->first;
}

bool on_host(const void *memory, size_t bytes)
{
    uintptr_t from = reinterpret_cast<uintptr_t>(memory);
    auto next = allocations.upper_bound(from);
    auto a = before(memory);

    if (next != allocations.end() && next->first < from + bytes) return false;
    return a == allocations.end() || from >= a->first + a->second.bytes;
}

static unsigned char *memory_of(const allocation &a) { return a.pages + GUARD; }

#ifdef GK_SHIM_ASAN

static void set_guards(const allocation &a)
{
    __asan_poison_memory_region(a.pages, GUARD);
    __asan_poison_memory_region(memory_of(a) + a.bytes, a.length - GUARD - a.bytes);
}

void check_guards(const char *) {}

#else

static void set_guards(const allocation &a)
{
    guard_fill(a.pages, GUARD);
    guard_fill(memory_of(a) + a.bytes, GUARD);
}

void check_guards(const char *who)
{
    for (const auto &at : allocations) {
        const allocation &a = at.second;

        if (!guard_whole(a.pages, GUARD))
            problem(cudaErrorIllegalAddress, "%s wrote before an allocation of %zu bytes", who,
                    a.bytes);
        if (!guard_whole(memory_of(a) + a.bytes, GUARD))
            problem(cudaErrorIllegalAddress, "%s wrote beyond an allocation of %zu bytes", who,
                    a.bytes);
    }
}

#endif

} // namespace gk_shim

using namespace gk_shim;

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;

    if (!(to_device ? on_device(to, bytes) : on_host(to, bytes)) ||
        !(from_device ? on_device(from, bytes) : on_host(from, bytes)))
        return answer(cudaErrorInvalidValue);
    return submit(stream, [=] { memmove(to, from, bytes); });
}

void gk_shim_guard_memory(int on)
{
    guarded = on != 0;
    protect(guarded && !accesses ? PROT_NONE : PROT_READ | PROT_WRITE);
}

void gk_shim_set_memory(size_t bytes) { memory_of_device = bytes; }

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    allocation a = {nullptr, (GUARD + bytes + GUARD + PAGE - 1) / PAGE * PAGE, bytes};

    *memory = nullptr;
    if (spoils_capture(false)) return cudaErrorStreamCaptureUnsupported;
    if (bytes == 0 || failed()) return answer_waited();
    if (bytes > memory_of_device || counts.bytes > memory_of_device - bytes)
        return answer(cudaErrorMemoryAllocation);
    void *pages = mmap(nullptr, a.length, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return answer(cudaErrorMemoryAllocation);
    a.pages = static_cast<unsigned char *>(pages);
    *memory = memory_of(a);
    memset(*memory, 0xff, bytes);
    set_guards(a);
    allocations[reinterpret_cast<uintptr_t>(*memory)] = a;
    if (guarded && !accesses) mprotect(a.pages, a.length, PROT_NONE);
    counts.allocations++;
    counts.bytes += bytes;
    return answer(cudaSuccess);
}

/* Even on a device that has failed, whose memory goes with the process. */
cudaError_t cudaFree(void *memory)
{
    auto at = allocations.find(reinterpret_cast<uintptr_t>(memory));

    if (spoils_capture(false)) return cudaErrorStreamCaptureUnsupported;
    if (!memory) return answer_waited();
    if (at == allocations.end()) return answer(cudaErrorInvalidValue);
    allocation a = at->second;
    allocations.erase(at);
    __asan_unpoison_memory_region(a.pages, a.length);
    munmap(a.pages, a.length);
    counts.allocations--;
    counts.bytes -= a.bytes;
    return answer_waited();
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    *total_bytes = memory_of_device;
    *free_bytes = counts.bytes < memory_of_device ? memory_of_device - counts.bytes : 0;
    return answer(cudaSuccess);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    if (!on_device(memory, bytes)) return answer(cudaErrorInvalidValue);
    return submit(stream, [=] { memset(memory, value, bytes); });
}
