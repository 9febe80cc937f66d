/* Config files that were installed with the program: share/grokc/configs beside its bin. */
#include "gk/input.h"

#include <string.h>
#include <unistd.h>

/* False: the program lies in no such prefix. */
static bool find_share(char share[GK_PATH_MAX])
{
    char program[GK_PATH_MAX], configs[GK_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    if (n <= 0) return false;
    program[n] = 0;
    for (int i = 0; i < 2; i++) { /* the program's name, and bin */
        char *slash = strrchr(program, '/');
        if (!slash) return false;
        *slash = 0;
    }
    return gk_path(share, "%s/share/grokc", program) == GK_OK &&
           gk_path(configs, "%s/configs", share) == GK_OK && gk_exists(configs);
}

static bool is_there(char path[GK_PATH_MAX], const char *form, const char *share, const char *name)
{
    char inside[GK_PATH_MAX];

    return gk_path(inside, form, name) == GK_OK && gk_path(path, "%s/%s", share, inside) == GK_OK &&
           gk_exists(path);
}

gk_status gk_input_find(char path[GK_PATH_MAX], const char *name)
{
    char share[GK_PATH_MAX];

    GK_TRY(gk_input_check(name));
    GK_TRY(gk_path(path, "%s", name));
    if (!strcmp(name, "-") || !*name || gk_exists(name) || !find_share(share)) return GK_OK;
    bool below = *name != '/' && !strstr(name, "..");
    if (below && (is_there(path, "%s", share, name) || is_there(path, "configs/%s", share, name) ||
                  is_there(path, "configs/%s.yaml", share, name))) {
        gk_warn("%s is not here; the installed %s is taken", name, path);
        return GK_OK;
    }
    return gk_fail(
        GK_EUSAGE,
        "cannot open %s: no such file, and no installed config is called so; those are in "
        "%s/configs",
        name, share);
}
