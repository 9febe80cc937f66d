/* What is given in the layer that is being read. */
#include "gk/reader.h"

#include <stdio.h>
#include <string.h>

enum { SEED = GK_CONFIG_SEED };

bool gk_reader_seed(uint64_t *seed, const char *value)
{
    char text[68];

    if (strlen(value) >= 60) return false;
    snprintf(text, sizeof text, "philox:%s", value);
    return gk_seed_text(text, "philox", seed);
}

gk_status gk_reader_give(gk_reader *r, const gk_config_key *key, int place, const char *value,
                         bool quoted)
{
    r->given[key ? key - gk_config_keys : SEED] = place;
    if (key ? gk_config_assign(r->config, key, value, quoted)
            : !quoted && gk_reader_seed(&r->seed, value))
        return GK_OK;
    return gk_reader_refuse(r, place, key, value, quoted);
}
