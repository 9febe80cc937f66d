/* Loss and accuracy over training and test examples; where several positions are scored, by
 * position and of whole examples. */
#include "gk/measure.h"

enum { POSITIONS = 16 }; /* more would not fit on a screen */

static double mean(double sum, double rows) { return rows > 0 ? sum / rows : GK_NULL; }

/* loss_pos.I: test loss at scored position I; train_whole, test_whole: examples right at all. */
static void print_positions(gk_row *row, const gk_snapshot *s, double test)
{
    int S = s->shape->S, scored = s->analysis->scored;
    const double *whole = s->lens->whole + s->slot * GK_ROW_GROUPS;
    double train = s->analysis->stream ? 0 : s->rows[GK_ROWS_TRAIN];

    if (S == 1) return;
    gk_text_add(&row->extra, ", \"train_whole\": ");
    gk_text_add_real(&row->extra, mean(whole[GK_ROWS_TRAIN] * scored, train));
    gk_text_add(&row->extra, ", \"test_whole\": ");
    gk_text_add_real(&row->extra,
                     mean((whole[GK_ROWS_COMMUTED] + whole[GK_ROWS_UNCOMMUTED]) * scored, test));
    for (int i = 0; i < S && S <= POSITIONS && S == scored; i++) {
        double(*at)[2] = s->position + GK_ROW_GROUPS * i;
        gk_text_add(&row->extra, ", \"loss_pos.%d\": ", i);
        gk_text_add_real(&row->extra,
                         mean(at[GK_ROWS_COMMUTED][0] + at[GK_ROWS_UNCOMMUTED][0], test / scored));
    }
}

static void losses_of(gk_row *row, const gk_snapshot *s)
{
    const double *mirrored = s->sums[GK_ROWS_COMMUTED], *other = s->sums[GK_ROWS_UNCOMMUTED];
    const double *rows = s->rows, *inside = s->inside;
    double test = rows[GK_ROWS_COMMUTED] + rows[GK_ROWS_UNCOMMUTED];
    row->no_training_set = rows[GK_ROWS_TRAIN] == 0;
    row->train_loss = mean(s->sums[GK_ROWS_TRAIN][0], rows[GK_ROWS_TRAIN]);
    row->train_acc = mean(s->sums[GK_ROWS_TRAIN][1], rows[GK_ROWS_TRAIN]);
    row->train_loss_max = s->loss_max < 0 ? GK_NULL : s->loss_max;
    row->test_loss = mean(mirrored[0] + other[0], test);
    row->test_acc = mean(mirrored[1] + other[1], test);
    print_positions(row, s, test);
    if (s->analysis->pairs) {
        row->test_loss_commuted = mean(mirrored[0], rows[GK_ROWS_COMMUTED]);
        row->test_loss_uncommuted = mean(other[0], rows[GK_ROWS_UNCOMMUTED]);
    }
    if (s->analysis->undefined || !gk_snapshot_has_nats(s)) return;

    double sum_test = s->sums_p[GK_ROWS_COMMUTED][0] + s->sums_p[GK_ROWS_UNCOMMUTED][0];
    double inside_test = inside[GK_ROWS_COMMUTED] + inside[GK_ROWS_UNCOMMUTED];
    row->train_loss_p = mean(s->sums_p[GK_ROWS_TRAIN][0], inside[GK_ROWS_TRAIN]);
    row->test_loss_p = mean(sum_test, inside_test);
    row->all_loss_p =
        mean(s->sums_p[GK_ROWS_TRAIN][0] + sum_test, inside[GK_ROWS_TRAIN] + inside_test);
}

static void measure(gk_row *row, gk_findings *found, const gk_snapshot *s, int R)
{
    (void)found;
    for (int r = 0; r < R; r++) losses_of(&row[r], &s[r]);
}

const gk_family gk_family_losses = {.measure = measure};
