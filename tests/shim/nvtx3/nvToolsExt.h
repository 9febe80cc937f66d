/* Ranges that a profiler shows: the shim counts. */
#ifndef GK_SHIM_NVTX_H
#define GK_SHIM_NVTX_H

int nvtxRangePushA(const char *message);
int nvtxRangePop(void);

#endif
