/* Files that a config names. */
#include "gk/config.h"

#include <string.h>

const char *const gk_source_keys[GK_SOURCES] = {"task.split", "model.init"};

const char *gk_source_text(const gk_config *config, enum gk_source source)
{
    return source == GK_SOURCE_SPLIT ? config->task.split : config->model.init;
}

const char *gk_source_path(const gk_config *config, enum gk_source source)
{
    const char *text = gk_source_text(config, source);

    if (strncmp(text, "file:", 5) != 0) return NULL;
    return *config->source[source] ? config->source[source] : text + 5;
}
