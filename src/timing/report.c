/* The report: who measured what on which machine, and a line for each time; and the comparison with
 * an earlier one. */
#include "gk/timing.h"
#include "gk_version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FORMAT = 1, NAME_WIDTH = 60 };

void gk_timing_number(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

/* The words of this process' command line. */
static json_t *command(void)
{
    char *words = NULL;
    size_t size = 0;
    json_t *list = json_array();
    FILE *file = fopen("/proc/self/cmdline", "r");

    while (file && getdelim(&words, &size, 0, file) > 0)
        json_array_append_new(list, json_string(words));
    if (file) fclose(file);
    free(words);
    return list;
}

static json_t *describe(gk_lane *lane)
{
    gk_text text = {0};

    gk_text_add(&text, "{\"backend\": \"%s\", ", lane->be.name);
    lane->be.describe(&lane->be, &text);
    gk_text_add(&text, "}");
    json_t *about = json_loads(text.data, 0, NULL);
    GK_CHECK(about);
    gk_text_free(&text);
    return about;
}

static void print_head(const gk_bench *b, const json_t *device)
{
    char *about = json_dumps(device, 0);

    printf("grokc " GK_VERSION " (" GK_COMMIT ", " GK_COMPILER ", " GK_REAL_NAME ")\n%s\n", about);
    free(about);
    for (int i = 0; i < b->lanes; i++) {
        const gk_lane *l = &b->lane[i];
        printf("%d thread%s: a large copy %.1f GB/s (read and written), a large product %.1f "
               "GFLOP/s\n",
               l->threads, l->threads > 1 ? "s" : "", 1e-9 * l->copy, 1e-9 * l->product);
    }
}

gk_status gk_timing_begin(gk_bench *b, const char *what)
{
    char clock[32];
    time_t now = time(NULL);
    struct tm parts;
    json_t *ceilings = json_array(), *device = describe(&b->lane[b->lanes - 1]);

    gmtime_r(&now, &parts);
    strftime(clock, sizeof clock, "%Y-%m-%dT%H:%M:%SZ", &parts);
    for (int i = 0; i < b->lanes; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "threads", json_integer(b->lane[i].threads));
        gk_timing_number(one, "copy_gb_s", 1e-9 * b->lane[i].copy);
        gk_timing_number(one, "product_gflop_s", 1e-9 * b->lane[i].product);
        json_array_append_new(ceilings, one);
    }
    print_head(b, device);
    b->report = json_pack("{si ss ss ss ss ss ss ss so so so so}", "format", FORMAT, "what", what,
                          "grokc", GK_VERSION, "commit", GK_COMMIT, "compiler", GK_COMPILER,
                          "flags", GK_FLAGS, "real", GK_REAL_NAME, "time", clock, "command",
                          command(), "device", device, "ceilings", ceilings, "lines", json_array());
    GK_CHECK(b->report);
    return GK_OK;
}

json_t *gk_timing_line(gk_bench *b, const char *name, int threads, int runs, gk_spread seconds)
{
    json_t *line = json_pack("{ss si si}", "name", name, "threads", threads, "runs", runs);

    GK_CHECK(line);
    gk_timing_number(line, "us", 1e6 * seconds.median);
    gk_timing_number(line, "us_low", 1e6 * seconds.low);
    gk_timing_number(line, "us_high", 1e6 * seconds.high);
    json_array_append_new(json_object_get(b->report, "lines"), line);
    return line;
}

gk_status gk_timing_write(const gk_bench *b, const char *path)
{
    char *text = json_dumps(b->report, JSON_INDENT(1));
    gk_text file = {0};

    GK_CHECK(text);
    gk_text_add(&file, "%s\n", text);
    free(text);
    gk_status status = gk_file_replace(path, file.data, file.length);
    gk_text_free(&file);
    return status;
}

gk_status gk_timing_read(json_t **report, const char *path)
{
    json_error_t error;
    char *text;
    size_t size;

    *report = NULL;
    GK_TRY(gk_file_read(path, (size_t)16 << 20, &text, &size));
    json_t *root = json_loadb(text, size, 0, &error);
    free(text);
    if (!root)
        return gk_fail(GK_EDATA, "%s:%d: %s: not what `grokc bench --json` writes", path,
                       error.line, error.text);
    if (json_integer_value(json_object_get(root, "format")) != FORMAT ||
        !json_is_string(json_object_get(root, "what")) ||
        !json_is_array(json_object_get(root, "lines"))) {
        json_decref(root);
        return gk_fail(GK_EDATA, "%s is not what this version's `grokc bench --json` writes", path);
    }
    *report = root;
    return GK_OK;
}

/* ---- comparison */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "?";
}

static double number_of(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool same_line(const json_t *a, const json_t *b)
{
    return !strcmp(text_of(a, "name"), text_of(b, "name")) &&
           json_equal(json_object_get(a, "threads"), json_object_get(b, "threads")) &&
           json_equal(json_object_get(a, "runs"), json_object_get(b, "runs"));
}

static const json_t *find(const json_t *lines, const json_t *line)
{
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *candidate = json_array_get(lines, i);
        if (same_line(candidate, line)) return candidate;
    }
    return NULL;
}

/* Beyond the spread: the ranges between the quartiles have nothing in common. */
static const char *verdict(const json_t *now, const json_t *then)
{
    double low = number_of(now, "us_low"), high = number_of(now, "us_high");
    double low_then = number_of(then, "us_low"), high_then = number_of(then, "us_high");

    if (low <= high_then && high >= low_then) return "";
    return low > high_then ? "SLOWER" : high < low_then ? "FASTER" : "NOT A NUMBER";
}

/* Whether it is flagged. */
static bool compare_line(const json_t *line, const json_t *then)
{
    const char *flag = then ? verdict(line, then) : "not in the earlier report";

    printf("%-*s %3d threads %5d runs %12.2f us", NAME_WIDTH, text_of(line, "name"),
           (int)json_integer_value(json_object_get(line, "threads")),
           (int)json_integer_value(json_object_get(line, "runs")), number_of(line, "us"));
    if (then)
        printf(" %12.2f us %7.3f", number_of(then, "us"),
               number_of(line, "us") / number_of(then, "us"));
    printf("%s%s\n", *flag ? "  " : "", flag);
    return then && *flag;
}

void gk_timing_compare(const json_t *now, const json_t *then, const char *path)
{
    const json_t *lines = json_object_get(now, "lines"), *earlier = json_object_get(then, "lines");
    int flagged = 0;

    printf("compared with %s: commit %s, %s\n", path, text_of(then, "commit"),
           text_of(then, "time"));
    if (strcmp(text_of(now, "what"), text_of(then, "what")) != 0)
        gk_warn("%s is of `bench %s`, this is of `bench %s`", path, text_of(then, "what"),
                text_of(now, "what"));
    if (!json_equal(json_object_get(now, "device"), json_object_get(then, "device")))
        gk_warn("%s was measured on another device, or with other libraries or threads", path);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        flagged += compare_line(line, find(earlier, line));
    }
    printf("%d of %zu lines beyond the spread\n", flagged, json_array_size(lines));
}
