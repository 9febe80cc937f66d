/* Opens a backend by the name that a user gives it. The list is backends.def. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char *name, *help;
    gk_status (*open)(gk_backend *be, const gk_device_options *options);
} entry;

static const entry backends[] = {
#define BACKEND(name, help) {#name, help, name##_backend},
#include "gk/backends.def"
#undef BACKEND
};

enum { N_BACKENDS = sizeof backends / sizeof *backends };

const char *gk_backend_name(int i, const char **help)
{
    if (i < 0 || i >= N_BACKENDS || !backends[i].help) return NULL;
    if (help) *help = backends[i].help;
    return backends[i].name;
}

static const entry *find(const char *name)
{
    for (int i = 0; i < N_BACKENDS; i++)
        if (!strcmp(name, backends[i].name)) return &backends[i];
    return NULL;
}

/* cuda, which leaves *ordinal as it is, or cuda:N */
static bool is_cuda(const char *device, int *ordinal)
{
    int64_t number;

    if (strncmp(device, "cuda", 4) != 0) return false;
    if (!device[4]) return true;
    if (device[4] != ':' || !gk_parse_int(device + 5, &number) || number < 0 || number >= 1024)
        return false;
    *ordinal = (int)number;
    return true;
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

/* The named one, or why not. */
static gk_status open_named(gk_backend *be, const char *device, gk_device_options options)
{
    bool cuda = is_cuda(device, &options.ordinal);
    const entry *found = find(cuda ? "cuda" : device);

    if (cuda && !found)
        return gk_fail(GK_EDEVICE,
                       "this build has no CUDA backend, which device \"%s\" asks for; use \"auto\"",
                       device);
#ifdef GK_F64
    if (strcmp(device, "cpu") == 0)
        return gk_fail(GK_EDEVICE, "this build computes in double and has no cpu backend; "
                                   "use \"ref\"");
#endif
    return found ? found->open(be, &options) : unknown(device);
}

/* $GROKC_DEVICE where it is set; else a GPU that can be used, or the CPU: with the reason, unless
 * there simply is no GPU. */
static gk_status open_automatic(gk_backend *be, const gk_device_options *options)
{
#ifdef GK_F64
    return open_named(be, "ref", *options);
#else
    const char *wish = getenv("GROKC_DEVICE");

    if (wish && *wish && strcmp(wish, "auto") != 0) return open_named(be, wish, *options);
    if (find("cuda")) {
        gk_status status = open_named(be, "cuda", *options);
        if (status == GK_OK) return GK_OK;
        if (status != GK_ENODEVICE) gk_warn("%s; computing on the CPU instead", gk_message());
    }
    return open_named(be, "cpu", *options);
#endif
}

gk_status gk_backend_open(gk_backend *be, const char *device, const gk_device_options *options)
{
    gk_device_options chosen = options ? *options : (gk_device_options){0};

    *be = (gk_backend){0};
    if (chosen.threads < 0)
        return gk_fail(GK_EUSAGE, "%d threads: give 0 (all cores) or more", chosen.threads);
    GK_TRY(!strcmp(device, "auto") ? open_automatic(be, &chosen) : open_named(be, device, chosen));
#define OP(name, ...) GK_CHECK(be->name);
#include "gk/ops.def"
#undef OP
    return GK_OK;
}

void gk_backend_close(gk_backend *be)
{
    if (be->close) be->close(be);
    *be = (gk_backend){0};
}
