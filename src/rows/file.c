#include "rows/file.h"
#include "gather/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LIMIT = 1 << 20 };

gk_status gk_row_file_open(gk_row_file *rows, const char *dir)
{
    *rows = (gk_row_file){.epoch = -1, .before = -1};
    GK_TRY(gk_path(rows->path, "%s/metrics.jsonl", dir));
    return gk_gather_open(&rows->file, rows->path);
}

void gk_row_file_close(gk_row_file *rows)
{
    if (rows->file) fclose(rows->file);
    free(rows->line);
    *rows = (gk_row_file){.epoch = -1, .before = -1};
}

/* Our rows begin with their epoch. */
static gk_status read_epoch(gk_row_file *rows)
{
    static const char key[] = "{\"epoch\":";
    char *end = NULL;

    rows->before = rows->epoch;
    if (!strncmp(rows->line, key, strlen(key))) {
        rows->epoch = strtoll(rows->line + strlen(key), &end, 10);
        if ((*end == ',' || *end == '}') && rows->epoch > rows->before) return GK_OK;
    }
    return gk_fail(GK_EDATA, "%s: this is not the row after epoch %lld: %.*s", rows->path,
                   (long long)rows->before, (int)(rows->length < 60 ? rows->length - 1 : 60),
                   rows->line);
}

gk_status gk_row_file_next(gk_row_file *rows, bool *more)
{
    *more = false;
    ssize_t length = getline(&rows->line, &rows->room, rows->file);
    if (length < 0 && ferror(rows->file))
        return gk_fail(GK_EIO, "cannot read %s: %s", rows->path, strerror(errno));
    if (length < 0 || rows->line[length - 1] != '\n') return GK_OK;
    rows->length = (size_t)length;
    *more = true;
    return read_epoch(rows);
}

static gk_status read_tail(gk_text *line, FILE *file, const char *path)
{
    char *block = gk_alloc(LINE_LIMIT, 1);
    gk_status status = GK_OK;
    size_t n = 0;

    line->length = 0;
    gk_text_append(line, "", 0);
    if (fseeko(file, 0, SEEK_END) == 0) {
        off_t size = ftello(file), from = size > LINE_LIMIT ? size - LINE_LIMIT : 0;
        if (size >= 0 && fseeko(file, from, SEEK_SET) == 0) n = fread(block, 1, LINE_LIMIT, file);
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
    GK_TRY(gk_gather_open(&file, path));
    gk_status status = read_tail(line, file, path);
    fclose(file);
    return status;
}
