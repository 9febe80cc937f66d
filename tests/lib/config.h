/* What the tests of the config share: one config, parsed from a text that is called x.yaml. */
#ifndef GK_TEST_CONFIG_H
#define GK_TEST_CONFIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/config.h"

#include <string.h>

static gk_config config;

static inline gk_status parse(const char *yaml)
{
    return gk_config_parse(&config, "x.yaml", yaml, strlen(yaml), NULL, 0);
}

static inline void parses(const char *yaml)
{
    if (parse(yaml) != GK_OK) fail_msg("%s", gk_message());
}

/* `yaml` fails with exactly this message. */
static inline void fails(const char *yaml, const char *message)
{
    assert_int_equal(parse(yaml), GK_EUSAGE);
    assert_string_equal(gk_message(), message);
}

static inline void fails_with(const char *yaml, const char *part)
{
    assert_int_equal(parse(yaml), GK_EUSAGE);
    if (!strstr(gk_message(), part)) fail_msg("no \"%s\" in \"%s\"", part, gk_message());
}

/* print, parse again, compare every byte. */
static inline void round_trip(const gk_config *before)
{
    gk_text yaml = {0};
    gk_config after;

    gk_config_print(&yaml, before);
    if (gk_config_parse(&after, "printed", yaml.data, yaml.length, NULL, 0) != GK_OK)
        fail_msg("%s in\n%s", gk_message(), yaml.data);
    assert_memory_equal(before, &after, sizeof after);
    gk_text_free(&yaml);
}

#endif
