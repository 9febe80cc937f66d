/* Rows, line after line; of a run that may still be going. */
#include "gk/archive.h"
#include "gk/row.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LIMIT = 1 << 21, TAIL = 1 << 20 };

gk_status gk_row_file_open(gk_row_file *rows, const char *dir, const char *name)
{
    struct stat info;

    *rows = (gk_row_file){.epoch = -1, .before = -1, .repeats = !strcmp(name, "hook.jsonl")};
    GK_TRY(gk_path(rows->path, "%s/%s", dir, name));
    GK_TRY(gk_file_open(&rows->file, rows->path));
    if (fstat(fileno(rows->file), &info) == 0) rows->size = info.st_size;
    return GK_OK;
}

void gk_row_file_close(gk_row_file *rows)
{
    if (rows->file) fclose(rows->file);
    free(rows->line);
    *rows = (gk_row_file){.epoch = -1, .before = -1};
}

/* Our rows begin with their epoch, which saves the parser; those of others have it somewhere. */
static bool read_epoch(int64_t *epoch, const gk_row_file *rows)
{
    static const char key[] = "{\"epoch\":";
    char *end;

    if (!strncmp(rows->line, key, strlen(key))) {
        *epoch = strtoll(rows->line + strlen(key), &end, 10);
        return end > rows->line + strlen(key) && (*end == ',' || *end == '}');
    }
    json_t *row = json_loadb(rows->line, rows->length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *value = json_object_get(row, "epoch");
    bool good = json_is_integer(value);
    if (good) *epoch = json_integer_value(value);
    json_decref(row);
    return good;
}

static gk_status check_epoch(gk_row_file *rows)
{
    rows->before = rows->epoch;
    bool good = read_epoch(&rows->epoch, rows) && rows->epoch >= 0;
    if (good && (rows->repeats || rows->epoch > rows->before)) return GK_OK;
    return gk_fail(GK_EDATA, "%s: this is not the row after epoch %lld: %.*s", rows->path,
                   (long long)rows->before, (int)(rows->length < 60 ? rows->length - 1 : 60),
                   rows->line);
}

static gk_status refuse_line(const gk_row_file *rows)
{
    return gk_fail(GK_EDATA, "%s: a line without an end: %.40s", rows->path, rows->line);
}

static void make_room(gk_row_file *rows, size_t bytes)
{
    while (bytes > rows->room) {
        rows->line = gk_grow(rows->line, rows->room, 1);
        rows->room = rows->room ? 2 * rows->room : 1;
    }
}

/* getline with a limit: no file fills the memory. */
static gk_status read_line(gk_row_file *rows)
{
    int c = 0;

    rows->length = 0;
    while (c != '\n' && (c = getc_unlocked(rows->file)) != EOF) {
        make_room(rows, rows->length + 2); /* it, and a terminator */
        rows->line[rows->length++] = (char)c;
        rows->line[rows->length] = 0;
        if (rows->length == LINE_LIMIT) return refuse_line(rows);
    }
    return GK_OK;
}

/* The line becomes one of today's. */
static void rename_line(gk_row_file *rows)
{
    gk_text now = {0};

    if (gk_older_json(&now, rows->line, rows->length)) {
        make_room(rows, now.length + 1);
        memcpy(rows->line, now.data, now.length + 1);
        rows->length = now.length;
    }
    gk_text_free(&now);
}

gk_status gk_row_file_next(gk_row_file *rows, bool *more)
{
    *more = false;
    rows->at = rows->end;
    GK_TRY(read_line(rows));
    rows->end += (int64_t)rows->length;
    if (ferror(rows->file))
        return gk_fail(GK_EIO, "cannot read %s: %s", rows->path, strerror(errno));
    rows->torn = rows->length && rows->line[rows->length - 1] != '\n';
    if (!rows->length || rows->torn) return GK_OK;
    rows->number++;
    if (strlen(rows->line) != rows->length) return refuse_line(rows);
    if (!rows->repeats) rename_line(rows);
    *more = true;
    return check_epoch(rows);
}

/* ---- the end */

static gk_status read_tail(gk_text *line, FILE *file, const char *path)
{
    char *block = gk_alloc(TAIL, 1);
    gk_status status = GK_OK;
    size_t n = 0;

    line->length = 0;
    gk_text_append(line, "", 0);
    if (fseeko(file, 0, SEEK_END) == 0) {
        off_t size = ftello(file), from = size > TAIL ? size - TAIL : 0;
        if (size >= 0 && fseeko(file, from, SEEK_SET) == 0) n = fread(block, 1, TAIL, file);
    }
    if (ferror(file)) status = gk_fail(GK_EIO, "cannot read %s: %s", path, strerror(errno));
    while (n && block[n - 1] != '\n') n--;
    size_t begin = n ? n - 1 : 0;
    while (begin && block[begin - 1] != '\n') begin--;
    if (status == GK_OK && n) gk_text_append(line, block + begin, n - begin);
    free(block);
    return status;
}

gk_status gk_row_file_last(gk_text *line, const char *dir)
{
    char path[GK_PATH_MAX];
    FILE *file;

    GK_TRY(gk_path(path, "%s/metrics.jsonl", dir));
    GK_TRY(gk_file_open(&file, path));
    gk_text now = {0};
    gk_status status = read_tail(line, file, path);
    fclose(file);
    if (status == GK_OK && gk_older_json(&now, line->data, line->length)) {
        gk_text_free(line);
        *line = now;
    }
    return status;
}
