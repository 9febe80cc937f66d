/* AddressSanitizer's calls, which do nothing in builds without it. */
#ifndef GK_SHIM_ASAN_H
#define GK_SHIM_ASAN_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GK_SHIM_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define GK_SHIM_ASAN
#endif

#ifdef GK_SHIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
static inline void __sanitizer_start_switch_fiber(void **, const void *, size_t) {}
static inline void __sanitizer_finish_switch_fiber(void *, const void **, size_t *) {}
static inline void __asan_poison_memory_region(const volatile void *, size_t) {}
static inline void __asan_unpoison_memory_region(const volatile void *, size_t) {}
#endif

#endif
