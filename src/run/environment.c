/* What is not the same on every rerun: env.json (machine, build, libraries) and log.txt
 * (clocks). */
#include "gk/run.h"
#include "gk_version.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void now(char text[32])
{
    time_t clock = time(NULL);
    struct tm parts;

    localtime_r(&clock, &parts);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%S%z", &parts);
}

static void print_environment(gk_text *json, int64_t epoch, const char *backend, const char *plan)
{
    char host[256] = "unknown", clock[32];
    const char *job = getenv("SLURM_JOB_ID");

    now(clock);
    gethostname(host, sizeof host - 1);
    gk_text_add(json, "{\"from_epoch\": %lld, \"time\": \"%s\", \"host\": ", (long long)epoch,
                clock);
    gk_text_add_json(json, host);
    gk_text_add(json,
                ", \"grokc\": \"" GK_VERSION "\", \"commit\": \"" GK_COMMIT "\", \"compiler\": ");
    gk_text_add_json(json, GK_COMPILER);
    gk_text_add(json, ", \"flags\": ");
    gk_text_add_json(json, GK_FLAGS);
    gk_text_add(json, ", \"real\": \"" GK_REAL_NAME "\", \"plan\": \"%s\", \"job\": ", plan);
    if (job)
        gk_text_add_json(json, job);
    else
        gk_text_add(json, "null");
    gk_text_add(json, ", %s}", backend);
}

gk_status gk_run_environment(gk_run *run, const char *backend, const char *plan)
{
    char path[GK_PATH_MAX];
    gk_text segment = {0};

    GK_TRY(gk_path(path, "%s/env.json", run->dir));
    GK_TRY(gk_run_fence(run));
    print_environment(&segment, run->position.epoch, backend, plan);
    json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_array(list)) {
        json_decref(list);
        list = json_array();
    }
    json_t *entry = json_loads(segment.data, JSON_REJECT_DUPLICATES, NULL);
    gk_text_free(&segment);
    GK_CHECK(entry);
    json_array_append_new(list, entry);
    char *text = json_dumps(list, JSON_INDENT(1));
    json_decref(list);
    gk_text_add(&segment, "%s\n", text);
    free(text);
    gk_status status = gk_file_replace(path, segment.data, segment.length);
    gk_text_free(&segment);
    return status;
}

void gk_run_log(gk_run *run, const char *format, ...)
{
    char path[GK_PATH_MAX], clock[32];
    va_list args;

    if (gk_path(path, "%s/log.txt", run->dir) != GK_OK) return;
    FILE *log = fopen(path, "a");
    if (!log) return; /* a log that cannot be written harms no run */
    now(clock);
    fprintf(log, "%s ", clock);
    va_start(args, format);
    vfprintf(log, format, args);
    va_end(args);
    fputc('\n', log);
    fclose(log);
}
