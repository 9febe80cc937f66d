/* Any bytes as a config: refused with a message, or read, printed and read again as the same. */
#include "gk/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static gk_config config, again;
    gk_text yaml = {0}, lines = {0};
    gk_status status = gk_config_parse(&config, "fuzz", (const char *)bytes, size, NULL, 0);

    if (status != GK_OK) {
        if (status != GK_EUSAGE || strncmp(gk_message(), "fuzz", 4) != 0) abort();
        return 0;
    }
    gk_config_print(&yaml, &config);
    if (gk_config_parse(&again, "printed", yaml.data, yaml.length, NULL, 0) != GK_OK) abort();
    if (memcmp(&config, &again, sizeof config) != 0) abort();
    gk_config_diff(&lines, &config, &again);
    if (lines.length) abort();
    gk_text_free(&yaml);
    return 0;
}
