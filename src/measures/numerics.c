/* What rounding does: absorbed examples, gradients that do not sum to zero, updates that only
 * shrink. */
#include "gk/measure.h"

#include <math.h>
#include <stdlib.h>

/* Does the float32 softmax, in its usual form, give exactly 1? */
static bool is_absorbed(const gk_real *x, int C, int label)
{
    float largest = (float)x[0], sum = 0;

    for (int j = 1; j < C; j++) largest = fmaxf(largest, (float)x[j]);
    for (int j = 0; j < C; j++) sum += expf((float)x[j] - largest);
    return expf((float)x[label] - largest) / sum == 1.0f;
}

/* cos of the angle between a tensor's AdamW direction -m / (sqrt v + eps), without decay, and minus
 * its weights: 1 only shrinks it */
static void print_update(gk_row *row, const gk_snapshot *s)
{
    for (int i = 0; i < s->model->n_tensors; i++) {
        const gk_tensor *t = &s->model->tensor[i];
        double dot = 0, uu = 0, ww = 0;
        for (size_t j = t->packed; j < t->packed + t->size; j++) {
            double w = (double)s->params[j],
                   u = -(double)s->m[j] / (sqrt((double)s->v[j]) + s->eps);
            dot -= u * w;
            uu += u * u;
            ww += w * w;
        }
        gk_text_add(&row->extra, ", \"update_cosine.%s\": ", t->name);
        gk_text_add_real(&row->extra, uu > 0 && ww > 0 ? dot / sqrt(uu * ww) : GK_NULL);
    }
}

/* Logits of training examples over all C outputs into `x` (rows, C), and the gradient of their
 * losses into `d`. */
static void logits_and_gradient(gk_real *x, gk_real *d, gk_snapshot *s, int first, int rows)
{
    gk_lens *l = s->lens;
    gk_backend *be = s->be;
    int C = s->shape->C, D = s->shape->D;
    size_t at = (size_t)s->slot * (size_t)l->train_rows + (size_t)first,
           cells = (size_t)rows * (size_t)C;
    const gk_real *w_u = s->model->params.w_u + (size_t)s->slot * (size_t)D * (size_t)C;

    gk_lens_train_logits(s, first, rows); /* leaves train_x */
    be->matmul(be, l->work, l->train_x, w_u, 1, rows, C, D, 0, 0, D, C, C, 0, 0, 0, 0);
    be->download(be, x, l->work, cells * sizeof *x);
    be->log_softmax(be, l->row_loss, l->row_hit, l->work, l->work, l->train_class + at, 1, rows, C,
                    s->plan->form, 1);
    be->download(be, d, l->work, cells * sizeof *d);
}

void gk_measure_numerics(gk_row *row, gk_snapshot *s)
{
    gk_lens *l = s->lens;
    size_t C = (size_t)s->shape->C, block = (size_t)l->rows * C;
    double absorbed = 0, imbalance = 0, inside = 0;

    print_update(row, s);
    if (!l->train_rows || s->analysis->undefined) return;
    gk_real *x = gk_alloc(2 * block, sizeof *x), *d = x + block;
    for (int first = 0; first < l->train_rows; first += l->rows) {
        int rows = l->train_rows - first < l->rows ? l->train_rows - first : l->rows;
        logits_and_gradient(x, d, s, first, rows);
        for (size_t i = 0; i < (size_t)rows; i++) {
            int at = s->analysis->train[first + (int)i];
            double sum = 0;
            if (at >= l->inputs) continue;
            for (size_t j = 0; j < C; j++) sum += (double)d[i * C + j];
            absorbed += is_absorbed(x + i * C, (int)C, s->analysis->label[at]);
            imbalance += fabs(sum);
            inside++;
        }
    }
    row->absorbed = absorbed / inside;
    row->imbalance = imbalance / inside;
    free(x);
}
