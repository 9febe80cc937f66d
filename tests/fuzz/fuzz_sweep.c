/* Any bytes as a sweep file or, behind a first byte "c", as the file of points of one: refused with
 * a message, or points that are configs, each with a line of points.csv. Sweeps of many points are
 * only slow: inputs with long numbers are left out. */
#include "gk/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool is_long(const uint8_t *bytes, size_t size)
{
    size_t digits = 0;

    for (size_t i = 0; i < size; i++) {
        digits = bytes[i] >= '0' && bytes[i] <= '9' ? digits + 1 : 0;
        if (digits > 4) return true;
    }
    return false;
}

static gk_status parse(gk_sweep *sweep, const uint8_t *bytes, size_t size)
{
    static int fd = -1;
    char yaml[64];

    if (!size || bytes[0] != 'c')
        return gk_sweep_parse(sweep, "fuzz", (const char *)bytes, size, NULL, 0);
    if (fd < 0) fd = memfd_create("points", 0);
    if (fd < 0 || ftruncate(fd, 0) != 0) abort();
    if (pwrite(fd, bytes + 1, size - 1, 0) != (ssize_t)size - 1) abort();
    snprintf(yaml, sizeof yaml, "points: /proc/self/fd/%d", fd);
    return gk_sweep_parse(sweep, "fuzz", yaml, strlen(yaml), NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static gk_sweep sweep;
    static gk_config config;
    gk_text csv = {0};
    int lines = 0;

    if (is_long(bytes, size)) return -1;
    gk_status status = parse(&sweep, bytes, size);
    if (status == GK_OK) {
        for (int i = 0; i < sweep.n; i++)
            if (gk_sweep_config(&config, &sweep, i) != GK_OK) abort();
        gk_sweep_points_csv(&csv, &sweep);
        for (size_t i = 0; i < csv.length; i++) lines += csv.data[i] == '\n';
        if (lines != sweep.n + 1) abort();
    } else if (status != GK_EUSAGE ||
               (strncmp(gk_message(), "fuzz", 4) != 0 && strncmp(gk_message(), "/proc", 5) != 0)) {
        abort();
    }
    gk_text_free(&csv);
    gk_sweep_close(&sweep);
    return 0;
}
