/* Rows: evaluation of train and test set, printing, parsing. */
#include "gk/measure.h"

#include <jansson.h>
#include <stdlib.h>

static double mean(double sum, int rows) { return rows ? sum / rows : GK_NULL; }

void gk_measure(gk_row *row, gk_model *model, gk_data *data, int form, const gk_slot *slot, gk_backend *be)
{
    size_t R = (size_t)model->R;
    double *train = gk_alloc(R * 2, sizeof *train), *test = gk_alloc(R * 4, sizeof *test);

    gk_evaluate(model, &data->train, form, train, be);
    gk_evaluate(model, &data->test, form, test, be);
    for (size_t r = 0; r < R; r++) {
        const double *a = test + 4 * r, *b = a + 2;         /* (loss, hits) with and without mirror */
        const int *rows = data->test.group_rows + 2 * r;
        row[r] = (gk_row){
            .epoch = slot[r].step,
            .train_loss = train[2 * r] / data->train.B,
            .train_acc = train[2 * r + 1] / data->train.B,
            .train_loss_max = slot[r].loss_max < 0 ? GK_NULL : slot[r].loss_max,
            .test_loss = (a[0] + b[0]) / data->test.B,
            .test_acc = (a[1] + b[1]) / data->test.B,
            .test_loss_mirror = mean(a[0], rows[GK_MIRRORED]),
            .test_loss_other = mean(b[0], rows[GK_UNMIRRORED]),
        };
    }
    free(train);
    free(test);
}

void gk_row_print(gk_text *text, const gk_row *row)
{
    gk_text_add(text, "{\"epoch\": %lld", (long long)row->epoch);
#define MEASURE(name, help)                                                                        \
    gk_text_add(text, ", \"" #name "\": ");                                                        \
    gk_text_add_real(text, row->name);
#include "gk/measures.def"
#undef MEASURE
    if (gk_row_diverged(row)) gk_text_add(text, ", \"diverged\": true");
    gk_text_add(text, "}\n");
}

gk_status gk_row_parse(gk_row *row, const char *line, size_t length)
{
    json_t *json = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    json_t *epoch = json_object_get(json, "epoch");

    if (!json_is_integer(epoch)) {
        json_decref(json);
        return gk_fail(GK_EDATA, "not a row of metrics: %.*s", (int)(length < 60 ? length : 60), line);
    }
    row->epoch = json_integer_value(epoch);
#define MEASURE(name, help)                                                                        \
    json_t *name = json_object_get(json, #name);                                                   \
    row->name = json_is_number(name) ? json_number_value(name) : GK_NULL;
#include "gk/measures.def"
#undef MEASURE
    json_decref(json);
    return GK_OK;
}

const char *gk_measure_name(int i, const char **help)
{
    static const char *const list[][2] = {
#define MEASURE(name, help) {#name, help},
#include "gk/measures.def"
#undef MEASURE
    };

    if (i < 0 || i >= (int)(sizeof list / sizeof *list)) return NULL;
    *help = list[i][1];
    return list[i][0];
}
