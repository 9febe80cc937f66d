/* What the tests of sweeps share: one sweep, parsed from a text that is called x.yaml. */
#ifndef GK_TEST_SWEEP_H
#define GK_TEST_SWEEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gk/sweep.h"

#include <string.h>

static gk_sweep sweep; /* of the last parse; each parse closes the one before */

static inline gk_status parse_with(const char *name, const char *yaml, const char *const *sets,
                                   int n)
{
    gk_sweep_close(&sweep);
    return gk_sweep_parse(&sweep, name, yaml, strlen(yaml), sets, n);
}

static inline gk_status parse(const char *yaml) { return parse_with("x.yaml", yaml, NULL, 0); }

/* The sweep that was parsed has exactly this points.csv. */
static inline void points_are(const char *expected)
{
    gk_text csv = {0};

    gk_sweep_points_csv(&csv, &sweep);
    assert_string_equal(csv.data, expected);
    gk_text_free(&csv);
}

static inline void expands(const char *yaml, const char *expected)
{
    if (parse(yaml) != GK_OK) fail_msg("%s", gk_message());
    points_are(expected);
}

/* `yaml` fails with exactly this message. */
static inline void fails(const char *yaml, const char *message)
{
    assert_int_equal(parse(yaml), GK_EUSAGE);
    assert_string_equal(gk_message(), message);
}

static inline gk_config config_of(int i)
{
    gk_config config;

    assert_int_equal(gk_sweep_config(&config, &sweep, i), GK_OK);
    return config;
}

static inline int close_sweep(void **state)
{
    (void)state;
    gk_sweep_close(&sweep);
    return 0;
}

#endif
