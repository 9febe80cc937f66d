/* What the cores are called. */
#include "cpu/cpu.h"

#include <stdio.h>
#include <string.h>

void cpu_model(char name[CPU_NAME_MAX])
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    snprintf(name, CPU_NAME_MAX, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += strspn(value, ": \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(name, CPU_NAME_MAX, "%.*s", CPU_NAME_MAX - 1, value);
        break;
    }
    if (file) fclose(file);
}
