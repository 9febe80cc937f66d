/* What tests tell the host shim and ask it. The shim itself stands in for the CUDA runtime,
 * cuBLASLt, cuFFT and NVTX, and runs kernels with every CUDA thread as a fiber: it shows wrong
 * indices, barriers, masks, captures and host logic. It says nothing about speed, about the
 * order in which a GPU makes writes of one block visible to another, or about TF32. */
#ifndef GK_SHIM_CONTROL_H
#define GK_SHIM_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which of the threads that can go on goes on, and in which order the blocks of a grid run. A
 * kernel without races has the same bytes in all orders. */
enum gk_shim_order { GK_SHIM_FORWARD, GK_SHIM_REVERSE, GK_SHIM_RANDOM };
void gk_shim_set_order(enum gk_shim_order order, uint64_t seed);

/* What a kernel or a call did that a GPU would not survive, in words; NULL: nothing since the
 * last reset. */
const char *gk_shim_problem(void);

/* A new process: no error, no problem, a working driver, all memory, no planted failures.
 * Allocations stay. */
void gk_shim_reset(void);

enum gk_shim_driver { GK_SHIM_DRIVER, GK_SHIM_NO_DRIVER, GK_SHIM_OLD_DRIVER, GK_SHIM_NO_DEVICE };
void gk_shim_set_driver(enum gk_shim_driver driver);
void gk_shim_set_memory(size_t bytes); /* of the device, used and free */

/* On: the host gets SIGSEGV where it touches device memory itself. Takes long where there is
 * much of it. */
void gk_shim_guard_memory(int on);

/* The how manieth kernel from now fails: it traps, which the next call that waits reports, or
 * the launch is refused for want of code for this device. */
enum gk_shim_failure { GK_SHIM_TRAP, GK_SHIM_NO_IMAGE };
void gk_shim_fail_launch(int64_t launch, enum gk_shim_failure how);

typedef struct gk_shim_counts {
    int64_t launches; /* kernels that ran, those of replayed graphs too */
    int64_t replays;  /* of graphs */
    int64_t ranges;   /* NVTX ranges that were opened */
    int64_t profiles; /* cudaProfilerStart */
    int open_ranges;  /* opened and not closed; negative: closed too often */
    int open_profiles;
    int allocations, streams, events, graphs, handles; /* that exist; handles: of libraries */
    size_t bytes;                                      /* of device memory */
} gk_shim_counts;
gk_shim_counts gk_shim_count(void);

#ifdef __cplusplus
}
#endif

#endif
