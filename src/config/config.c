/* From YAML and --set to a gk_config: the layers, and which wins. yaml.c reads the file, layer.c
 * takes what it gives, message.c says what is wrong, key.c knows what each key takes, check.c how
 * they fit together. */
#include "gk/made_of.h"
#include "gk/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = GK_CONFIG_KEYS, SEED = GK_CONFIG_SEED, NAME_BYTES = 120 };

/* A seed becomes the two keys that it stands for; the layer covers the one below. */
static gk_status end_layer(gk_reader *r)
{
    const gk_config_key *const both[] = {gk_config_find("task.split"),
                                         gk_config_find("model.init")};
    char text[60];
    int seed = r->given[SEED];

    snprintf(text, sizeof text, "philox:%" PRIu64, r->seed);
    for (int i = 0; i < 2 && seed; i++) {
        int *given = &r->given[both[i] - gk_config_keys];
        if (*given)
            return gk_reader_fail(
                r, abs(seed) > abs(*given) ? seed : *given,
                "seed stands for task.split and model.init; give either seed or %s", both[i]->name);
        *given = seed;
        GK_CHECK(gk_config_assign(r->config, both[i], text, false));
    }
    for (int i = 0; i < KEYS; i++)
        if (r->given[i]) r->place[i] = r->given[i];
    memset(r->given, 0, sizeof r->given);
    return GK_OK;
}

static gk_status read_set(gk_reader *r, int i)
{
    const char *equals = strchr(r->sets[i], '=');
    size_t length = equals ? (size_t)(equals - r->sets[i]) : 0;
    char name[NAME_BYTES] = {0}; /* a longer one is unknown in any case */

    if (!equals) return gk_reader_fail(r, -i - 1, "expects group.key=value, such as optim.lr=0.01");
    memcpy(name, r->sets[i], length < sizeof name ? length : sizeof name - 1);
    const gk_config_key *key = gk_config_find(name);
    if (!key && strcmp(name, "seed") != 0) return gk_reader_unknown_key(r, -i - 1, NULL, name);
    return gk_reader_give(r, key, -i - 1, equals + 1, false);
}

gk_status gk_reader_layers(gk_reader *r, int n)
{
    if (r->yaml) GK_TRY(gk_reader_file(r));
    GK_TRY(end_layer(r));
    for (int i = 0; i < n; i++) GK_TRY(read_set(r, i));
    return end_layer(r);
}

/* A message of gk_config_check begins with the name of the key at fault. */
const gk_config_key *gk_reader_blamed(void)
{
    char name[NAME_BYTES];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(gk_message(), " :"), gk_message());
    return gk_config_find(name);
}

gk_status gk_config_parse(gk_config *config, const char *name, const char *yaml, size_t size,
                          const char *const *sets, int n)
{
    gk_reader r = {.config = config, .name = name, .yaml = yaml, .size = size, .sets = sets};

    gk_config_defaults(config);
    GK_TRY(gk_reader_layers(&r, n));
    for (int i = 0; i < GK_SOURCES; i++) /* what --set names is where it says */
        if (r.place[gk_config_find(gk_source_keys[i]) - gk_config_keys] > 0)
            gk_made_of_find(config, i, name);
    if (gk_config_check(config) == GK_OK) return GK_OK;
    const gk_config_key *key = gk_reader_blamed();
    return gk_reader_fail(&r, key ? r.place[key - gk_config_keys] : 0, "%s", gk_message());
}

gk_status gk_config_load(gk_config *config, const char *path, const char *const *sets, int n)
{
    char *yaml = NULL;
    size_t size = 0;

    if (!path) return gk_config_parse(config, "", NULL, 0, sets, n);
    gk_status status = gk_file_read(path, GK_CONFIG_BYTES_MAX, &yaml, &size);
    if (status == GK_EMEM) return status;
    if (status != GK_OK) return gk_fail(GK_EUSAGE, "%s", gk_message());
    status = gk_config_parse(config, path, yaml, size, sets, n);
    free(yaml);
    return status;
}
