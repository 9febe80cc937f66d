/* DIR/made_of.json and DIR/made_of/: read, used, written. */
#include "gk/made_of.h"
#include "config/difference.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t JSON_LIMIT = 1 << 28, FILE_LIMIT = (size_t)1 << 32;

void gk_made_of_free(gk_made_of *made)
{
    free(made->file);
    *made = (gk_made_of){0};
}

static bool take_text(char *out, size_t size, const json_t *from, const char *name)
{
    const char *text = json_string_value(json_object_get(from, name));

    if (!text || strlen(text) >= size) return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* A kept file lies in made_of/ and nowhere else. */
static bool take_file(gk_made_file *file, const json_t *from)
{
    file->bytes = json_integer_value(json_object_get(from, "bytes"));
    return take_text(file->key, sizeof file->key, from, "key") &&
           take_text(file->path, sizeof file->path, from, "path") &&
           take_text(file->sha256, sizeof file->sha256, from, "sha256") &&
           take_text(file->kept, sizeof file->kept, from, "kept") &&
           !strncmp(file->kept, "made_of/", 8) && !strchr(file->kept + 8, '/');
}

gk_status gk_made_of_read(gk_made_of *made, const char *dir)
{
    char path[GK_PATH_MAX], *text;
    json_error_t error;
    size_t size;

    *made = (gk_made_of){0};
    GK_TRY(gk_path(path, "%s/made_of.json", dir));
    if (!gk_exists(path)) return GK_OK;
    GK_TRY(gk_file_read(path, JSON_LIMIT, &text, &size));
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    bool good = json_is_array(json);

    free(text);
    for (size_t i = 0; good && i < json_array_size(json); i++) {
        made->file = gk_grow(made->file, (size_t)made->n, sizeof *made->file);
        good = take_file(&made->file[made->n++], json_array_get(json, i));
    }
    json_decref(json);
    return good ? GK_OK : gk_fail(GK_EDATA, "%s is not what grokc writes there", path);
}

static gk_made_file *find(const gk_made_of *made, const gk_config *config, enum gk_source source,
                          enum gk_made_for of)
{
    const char *path = gk_source_text(config, source) + 5;

    if (!gk_source_path(config, source)) return NULL;
    for (int i = 0; i < made->n; i++) {
        gk_made_file *f = &made->file[i];
        if (!strcmp(f->key, gk_source_keys[source]) &&
            (of == GK_MADE_RUN || !strcmp(f->path, path)))
            return f;
    }
    return NULL;
}

static gk_status read_file(const char *path, char **data, size_t *size, char hex[GK_SHA256_HEX])
{
    GK_TRY(gk_file_read(path, FILE_LIMIT, data, size));
    gk_sha256(hex, *data, *size);
    return GK_OK;
}

/* The file at the path that the config names, if it is there, against the one that was kept. */
static gk_status compare(const gk_config *config, enum gk_source source, const gk_made_file *file,
                         const char *dir, const char *kept)
{
    const char *named = gk_source_path(config, source);
    char hex[GK_SHA256_HEX], *now, *then;
    size_t size, then_size;
    gk_text text = {0};

    if (!strcmp(named, kept) || !gk_exists(named)) return GK_OK;
    GK_TRY(read_file(named, &now, &size, hex));
    if (!strcmp(hex, file->sha256)) {
        free(now);
        return GK_OK;
    }
    gk_status status = gk_file_read(kept, FILE_LIMIT, &then, &then_size);
    if (status == GK_OK) {
        if (source == GK_SOURCE_SPLIT)
            gk_split_difference(&text, then, then_size, now, size, config->task.train_fraction);
        else
            gk_weights_difference(&text, kept, named);
        if (text.length)
            status = gk_fail(GK_EUSAGE,
                             "%s: %s is not the file that %s was made of: %s. Give the old one, "
                             "which is kept as %s, or another --out",
                             gk_source_keys[source], named, dir, text.data, kept);
        free(then);
    }
    gk_text_free(&text);
    free(now);
    return status;
}

gk_status gk_made_of_check(gk_made_of *made, const gk_config *config, const char *dir,
                           enum gk_made_for of)
{
    char kept[GK_PATH_MAX];

    for (int i = 0; i < GK_SOURCES; i++) {
        gk_made_file *file = find(made, config, i, of);
        if (!file || file->checked) continue;
        GK_TRY(gk_path(kept, "%s/%s", dir, file->kept));
        GK_TRY(compare(config, i, file, dir, kept));
        file->checked = true;
    }
    return GK_OK;
}

gk_status gk_made_of_use(gk_config *config, const gk_made_of *made, const char *dir,
                         enum gk_made_for of)
{
    for (int i = 0; i < GK_SOURCES; i++) {
        const gk_made_file *file = find(made, config, i, of);
        if (file) GK_TRY(gk_path(config->source[i], "%s/%s", dir, file->kept));
    }
    return GK_OK;
}

/* The bytes of `named`, in a file of their own; a kept file of another directory is never written
 * again, so that a name more will do. */
static gk_status keep(gk_made_file *file, const char *named, const char *dir, int number)
{
    const char *slash = strrchr(file->path, '/'), *name = slash ? slash + 1 : file->path;
    char path[GK_PATH_MAX], *data;
    size_t size;

    GK_TRY(gk_path(file->kept, "made_of/%d-%.100s", number, name));
    GK_TRY(gk_path(path, "%s/%s", dir, file->kept));
    GK_TRY(read_file(named, &data, &size, file->sha256));
    file->bytes = (int64_t)size;
    unlink(path);
    gk_status status = GK_OK;
    if (!strstr(named, "/made_of/") || link(named, path) != 0)
        status = gk_file_replace(path, data, size);
    free(data);
    return status;
}

gk_status gk_made_of_add(gk_made_of *made, const gk_config *config, const char *dir)
{
    char folder[GK_PATH_MAX];

    for (int i = 0; i < GK_SOURCES; i++) {
        const char *named = gk_source_path(config, i);
        if (!named || find(made, config, i, GK_MADE_SWEEP) || !gk_exists(named)) continue;
        gk_made_file file = {0};
        memcpy(file.key, gk_source_keys[i], strlen(gk_source_keys[i]) + 1);
        memcpy(file.path, gk_source_text(config, i) + 5, strlen(gk_source_text(config, i) + 5) + 1);
        GK_TRY(gk_path(folder, "%s/made_of", dir));
        GK_TRY(gk_make_directories(folder));
        GK_TRY(keep(&file, named, dir, made->n));
        made->file = gk_grow(made->file, (size_t)made->n, sizeof *made->file);
        made->file[made->n++] = file;
    }
    return GK_OK;
}

gk_status gk_made_of_write(const gk_made_of *made, const char *dir)
{
    char path[GK_PATH_MAX];
    gk_text text = {0};

    if (!made->n) return GK_OK;
    for (const gk_made_file *f = made->file; f < made->file + made->n; f++) {
        gk_text_add(&text, "%s\n  {\"key\": \"%s\", \"path\": ", f == made->file ? "[" : ",",
                    f->key);
        gk_text_add_json(&text, f->path);
        gk_text_add(&text, ", \"bytes\": %lld, \"sha256\": \"%s\", \"kept\": ", (long long)f->bytes,
                    f->sha256);
        gk_text_add_json(&text, f->kept);
        gk_text_add(&text, "}");
    }
    gk_text_add(&text, "\n]\n");
    gk_status status = gk_path(path, "%s/made_of.json", dir);
    if (status == GK_OK) status = gk_file_replace(path, text.data, text.length);
    gk_text_free(&text);
    return status;
}

/* "config.yaml" of runs/a/config.yaml, and its folder. */
static const char *take_apart(char folder[GK_PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;

    if (n >= GK_PATH_MAX) n = 0;
    memcpy(folder, slash ? path : ".", slash ? n : 1);
    folder[slash ? n : 1] = 0;
    return slash ? slash + 1 : path;
}

void gk_made_of_beside(gk_config *config, enum gk_source source, const char *name)
{
    const char *path = gk_source_path(config, source);
    char folder[GK_PATH_MAX], beside[GK_PATH_MAX];

    if (!path || *path == '/' || !strchr(name, '/')) return;
    take_apart(folder, name);
    if (gk_path(beside, "%s/%s", folder, path) == GK_OK && gk_exists(beside))
        memcpy(config->source[source], beside, sizeof beside);
}

void gk_made_of_find(gk_config *config, enum gk_source source, const char *name)
{
    char folder[GK_PATH_MAX], kept[GK_PATH_MAX];
    gk_made_of made = {0};

    if (!gk_source_path(config, source)) return;
    if (!strcmp(take_apart(folder, name), "config.yaml") &&
        gk_made_of_read(&made, folder) == GK_OK) {
        const gk_made_file *file = find(&made, config, source, GK_MADE_SWEEP);
        if (file && gk_path(kept, "%s/%s", folder, file->kept) == GK_OK && gk_exists(kept))
            memcpy(config->source[source], kept, sizeof kept);
    }
    gk_made_of_free(&made);
    if (!*config->source[source]) gk_made_of_beside(config, source, name);
}
