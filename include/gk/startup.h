/* What main() calls before anything else. */
#ifndef GK_STARTUP_H
#define GK_STARTUP_H

/* What each backend of this build has to do before the program begins (backends.def); argv as
 * main() got it. Today that is cpu's alone:
 *
 * OpenBLAS chooses its kernels when it is loaded, by the CPU's model number. A CPU that is newer
 * than the library gets kernels of another generation, at a half to a fifth of the speed. Where
 * that happened, and where products go through BLAS at all, the program starts itself again, once,
 * with OPENBLAS_CORETYPE set. It does not where the user has set OPENBLAS_CORETYPE, or
 * GROKC_NO_REEXEC. */
void gk_start_backends(char **argv);

#endif
