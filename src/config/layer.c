/* What is given in the layer that is being read. */
#include "gk/reader.h"

enum { SEED = GK_CONFIG_SEED };

gk_status gk_reader_give(gk_reader *r, const gk_config_key *key, int place, const char *value,
                         bool quoted)
{
    r->given[key ? key - gk_config_keys : SEED] = place;
    if (key ? gk_config_assign(r->config, key, value, quoted)
            : !quoted && gk_parse_natural(value, &r->seed))
        return GK_OK;
    return gk_reader_refuse(r, place, key, value, quoted);
}
