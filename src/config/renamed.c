/* Old names and new ones. */
#include "gk/renamed.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *old, *now;
    int of;
} list[] = {
#define RENAMED(kind, old, now) {old, now, GK_OLD_##kind},
#include "gk/renamed.def"
#undef RENAMED
};

enum { CHANGES = sizeof list / sizeof *list };

bool gk_renaming(int i, const char **old, const char **now, int *of)
{
    if (i < 0 || i >= CHANGES) return false;
    *old = list[i].old;
    *now = list[i].now;
    *of = list[i].of;
    return true;
}

/* -1: none. What goes on behind a dot is a tensor's. */
static int find(const char *name, int of)
{
    for (int i = 0; i < CHANGES; i++) {
        size_t n = strlen(list[i].old);
        bool begins = (list[i].of & of) && !strncmp(name, list[i].old, n);
        if (begins && (!name[n] || (name[n] == '.' && list[i].of == GK_OLD_COLUMN))) return i;
    }
    return -1;
}

bool gk_is_renamed(const char *name, int of) { return find(name, of) >= 0; }

const char *gk_renamed(char room[GK_RENAMED_MAX], const char *name, int of)
{
    int i = find(name, of);

    if (i < 0) return name;
    int n = snprintf(room, GK_RENAMED_MAX, "%s%s", list[i].now, name + strlen(list[i].old));
    return n < GK_RENAMED_MAX ? room : name;
}

const char *gk_renamed_key(const char *name)
{
    int i = find(name, GK_OLD_KEY);

    return i < 0 ? name : list[i].now;
}

const char *gk_first_key(const char *name)
{
    for (int i = 0; i < CHANGES; i++)
        if (list[i].of == GK_OLD_KEY && !strcmp(list[i].now, name)) return list[i].old;
    return name;
}
