/* The program in double has no BLAS to mend; kernels/cpu/startup.c is for the other one. */
#ifdef GK_F64
#include "gk/startup.h"

void gk_mend_blas(char **argv) { (void)argv; }
#else
typedef int gk_nothing_here; /* a file must declare something */
#endif
