/* cuBLASLt and cuFFT, by the names that they have in the releases whose headers this was built
 * with: other major versions have other interfaces. */
#include "cuda/machine/libraries.h"

#include <dlfcn.h>

cuda_libraries vendor;

#ifdef GK_SHIM

gk_status cuda_libraries_load(void)
{
#define FUNCTION(name) vendor.name = ::name;
    CUBLASLT_FUNCTIONS(FUNCTION)
    CUFFT_FUNCTIONS(FUNCTION)
#undef FUNCTION
    return GK_OK;
}

#else

#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number

static const char cublaslt[] = "libcublasLt.so." TEXT_OF(CUBLAS_VER_MAJOR),
                  cufft[] = "libcufft.so." TEXT_OF(CUFFT_VER_MAJOR);

/* Where the loader looks, then in the toolkit that this was built with: it is seldom the same. */
static gk_status open_library(void **library, const char *name)
{
    char path[GK_PATH_MAX];
    gk_text why = {};

    *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (*library) return GK_OK;
    gk_text_add(&why, "%s", dlerror());
    if (gk_path(path, "%s/%s", GK_CUDA_LIBRARIES, name) == GK_OK && gk_exists(path))
        *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    gk_status status = GK_OK;
    if (!*library)
        status = gk_fail(GK_EDEVICE,
                         "the cuda backend needs %s, which cannot be loaded: %s (LD_LIBRARY_PATH "
                         "says where it is)",
                         name, why.data);
    gk_text_free(&why);
    return status;
}

static gk_status find(void **function, void *library, const char *name, const char *in)
{
    *function = dlsym(library, name);
    return *function ? GK_OK
                     : gk_fail(GK_EDEVICE, "%s has no %s: it is of another release", in, name);
}

/* They stay loaded. */
gk_status cuda_libraries_load(void)
{
    void *library;

    if (vendor.cufftSetStream) return GK_OK; /* the last one */
    GK_TRY(open_library(&library, cublaslt));
#define FUNCTION(name)   GK_TRY(find((void **)&vendor.name, library, #name, cublaslt));
    CUBLASLT_FUNCTIONS(FUNCTION)
#undef FUNCTION
    GK_TRY(open_library(&library, cufft));
#define FUNCTION(name) GK_TRY(find((void **)&vendor.name, library, #name, cufft));
    CUFFT_FUNCTIONS(FUNCTION)
#undef FUNCTION
    return GK_OK;
}

#endif
