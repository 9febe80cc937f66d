/* Opens a backend by the name that a user gives it. The list is backends.def. */
#include "kernels.h"

#include <string.h>

#ifdef GK_F64
static const char automatic[] = "ref";
#else
static const char automatic[] = "cpu";
#endif

static const struct {
    const char *name, *help;
    gk_status (*open)(gk_backend *be, const gk_device_options *options);
} backends[] = {
#define BACKEND(name, help) {#name, help, name##_backend},
#include "gk/backends.def"
#undef BACKEND
};

enum { N_BACKENDS = sizeof backends / sizeof *backends };

const char *gk_backend_name(int i, const char **help)
{
    if (i < 0 || i >= N_BACKENDS) return NULL;
    if (help) *help = backends[i].help;
    return backends[i].name;
}

static bool is_cuda(const char *device)
{
    int64_t number;

    if (strncmp(device, "cuda", 4) != 0) return false;
    return !device[4] || (device[4] == ':' && gk_parse_int(device + 5, &number) && number >= 0);
}

static gk_status unknown(const char *device)
{
    const char *names[N_BACKENDS + 2] = {"auto", "cuda"};
    int nearest;

    for (int i = 0; i < N_BACKENDS; i++) names[i + 2] = backends[i].name;
    nearest = gk_nearest(device, names, N_BACKENDS + 2);
    if (nearest >= 0)
        return gk_fail(GK_EUSAGE, "unknown device \"%s\"; did you mean \"%s\"?", device,
                       names[nearest]);
    return gk_fail(GK_EUSAGE, "unknown device \"%s\"; `grokc list backends` shows what there is",
                   device);
}

gk_status gk_backend_open(gk_backend *be, const char *device, const gk_device_options *options)
{
    gk_device_options chosen = options ? *options : (gk_device_options){0};

    *be = (gk_backend){0};
    if (strcmp(device, "auto") == 0) device = automatic;
    if (is_cuda(device))
        return gk_fail(GK_EDEVICE,
                       "this build has no CUDA backend, which device \"%s\" asks for; use \"auto\"",
                       device);
    if (chosen.threads < 0)
        return gk_fail(GK_EUSAGE, "%d threads: give 0 (all cores) or more", chosen.threads);
    for (int i = 0; i < N_BACKENDS; i++) {
        if (strcmp(device, backends[i].name) != 0) continue;
        GK_TRY(backends[i].open(be, &chosen));
#define OP(name, ...) GK_CHECK(be->name);
#include "gk/ops.def"
#undef OP
        return GK_OK;
    }
#ifdef GK_F64
    if (strcmp(device, "cpu") == 0)
        return gk_fail(GK_EDEVICE, "this build computes in double and has no cpu backend; "
                                   "use \"ref\"");
#endif
    return unknown(device);
}

void gk_backend_close(gk_backend *be)
{
    if (be->close) be->close(be);
    *be = (gk_backend){0};
}
