/* Loss and accuracy over training and test examples. */
#include "gk/measure.h"

static double mean(double sum, double rows) { return rows > 0 ? sum / rows : GK_NULL; }

void gk_measure_losses(gk_row *row, gk_snapshot *s)
{
    const double *mirrored = s->sums[GK_ROWS_MIRRORED], *other = s->sums[GK_ROWS_UNMIRRORED];
    const double *rows = s->rows, *inside = s->inside;
    double test = rows[GK_ROWS_MIRRORED] + rows[GK_ROWS_UNMIRRORED];
    row->train_loss = mean(s->sums[GK_ROWS_TRAIN][0], rows[GK_ROWS_TRAIN]);
    row->train_acc = mean(s->sums[GK_ROWS_TRAIN][1], rows[GK_ROWS_TRAIN]);
    row->train_loss_max = s->loss_max < 0 ? GK_NULL : s->loss_max;
    row->test_loss = mean(mirrored[0] + other[0], test);
    row->test_acc = mean(mirrored[1] + other[1], test);
    row->test_loss_mirror = mean(mirrored[0], rows[GK_ROWS_MIRRORED]);
    row->test_loss_other = mean(other[0], rows[GK_ROWS_UNMIRRORED]);
    if (s->analysis->undefined) return;

    double sum_test = s->sums_p[GK_ROWS_MIRRORED][0] + s->sums_p[GK_ROWS_UNMIRRORED][0];
    double inside_test = inside[GK_ROWS_MIRRORED] + inside[GK_ROWS_UNMIRRORED];
    row->train_loss_p = mean(s->sums_p[GK_ROWS_TRAIN][0], inside[GK_ROWS_TRAIN]);
    row->test_loss_p = mean(sum_test, inside_test);
    row->all_loss_p =
        mean(s->sums_p[GK_ROWS_TRAIN][0] + sum_test, inside[GK_ROWS_TRAIN] + inside_test);
}
