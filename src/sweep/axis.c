/* The keys that vary, and their values as they are written. */
#include "sweep/axis.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *gk_axis_name(const gk_config_key *key) { return key ? key->name : "seed"; }

bool gk_axis_covers(const gk_config_key *key, const gk_config_key *given)
{
    if (key) return key == given;
    return given == gk_config_find("task.split") || given == gk_config_find("model.init");
}

gk_axis *gk_sweep_add_axis(gk_sweep_file *f, const gk_config_key *key, int line)
{
    gk_axis *axis = &f->axis[f->axes++];

    *axis = (gk_axis){.key = key, .line = line};
    return axis;
}

void gk_axis_add(gk_axis *axis, char *value)
{
    axis->value = gk_grow(axis->value, (size_t)axis->n, sizeof *axis->value);
    axis->value[axis->n++] = value;
}

static char *keep(gk_sweep *sweep, gk_text *text)
{
    sweep->kept = gk_grow(sweep->kept, sweep->n_kept, sizeof *sweep->kept);
    sweep->kept[sweep->n_kept] = gk_alloc(text->length + 1, 1);
    if (text->length) memcpy(sweep->kept[sweep->n_kept], text->data, text->length);
    gk_text_free(text);
    return sweep->kept[sweep->n_kept++];
}

gk_status gk_sweep_canonical(gk_sweep_file *f, const gk_config_key *key, int place,
                             const char *value, bool quoted, char **out)
{
    const void *at = (const char *)&f->scratch + (key ? key->offset : 0);
    gk_text text = {0};
    const char *word;
    uint64_t seed;
    int length;

    if (f->sweep->n_kept == GK_SWEEP_VALUES_MAX)
        return gk_reader_fail(&f->reader, place, "there are more than %d values",
                              GK_SWEEP_VALUES_MAX);
    if (key ? !gk_config_assign(&f->scratch, key, value, quoted)
            : quoted || !gk_parse_natural(value, &seed))
        return gk_reader_refuse(&f->reader, place, key, value, quoted);
    if (!key)
        gk_text_add(&text, "%" PRIu64, seed);
    else if (key->type == GK_KEY_INT)
        gk_text_add(&text, "%" PRId64, *(const int64_t *)at);
    else if (key->type == GK_KEY_REAL)
        gk_text_add_real(&text, *(const double *)at);
    else if (key->type == GK_KEY_TEXT)
        gk_text_add(&text, "%s", (const char *)at);
    else if ((word = gk_config_word(key, *(const int *)at, &length)))
        gk_text_append(&text, word, (size_t)length);
    *out = keep(f->sweep, &text);
    return GK_OK;
}
