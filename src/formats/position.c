/* The position of a run in the metadata of a state: kind, epoch, metrics_bytes, loss_max. */
#include "gk/position.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_number(gk_tensors_writer *writer, const char *key, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)value);
    gk_writer_metadata(writer, key, text);
}

void gk_position_write(gk_tensors_writer *writer, const gk_position *position)
{
    char text[32];

    gk_writer_metadata(writer, "kind", "state");
    add_number(writer, "epoch", position->epoch);
    add_number(writer, "metrics_bytes", position->metrics_bytes);
    snprintf(text, sizeof text, "%.17g", position->loss_max);
    gk_writer_metadata(writer, "loss_max", text);
}

static bool read_count(const gk_tensors_file *file, const char *key, int64_t *value)
{
    const char *text = gk_tensors_metadata(file, key);

    return text && gk_parse_int(text, value) && *value >= 0;
}

/* Any number, NaN and infinity too. */
static bool read_loss(const gk_tensors_file *file, const char *key, double *value)
{
    const char *text = gk_tensors_metadata(file, key);
    char *end = NULL;

    if (text) *value = strtod(text, &end);
    return text && end != text && !*end;
}

gk_status gk_position_read(gk_position *position, const gk_tensors_file *file, const char *path)
{
    const char *kind = gk_tensors_metadata(file, "kind");

    if (!file->ours)
        return gk_fail(GK_EDATA, "%s has no checksums: it is not a state that grokc wrote", path);
    if (!kind || strcmp(kind, "state") != 0)
        return gk_fail(
            GK_EDATA,
            "%s holds weights only; to go on from an epoch, its state is needed "
            "(resume.safetensors, or checkpoints/*.state.safetensors where run.keep_state asks)",
            path);
    if (!read_count(file, "epoch", &position->epoch) ||
        !read_count(file, "metrics_bytes", &position->metrics_bytes) ||
        !read_loss(file, "loss_max", &position->loss_max))
        return gk_fail(GK_EDATA, "%s: epoch, metrics_bytes or loss_max is missing or not a number",
                       path);
    return GK_OK;
}
