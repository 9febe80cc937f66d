/* Bugs of the losses and of their sums. */
#include "kernels/mutants/mutants.h"

MUTANT(exact_loss_is_not, log_softmax)
{
    if (form == GK_LOSS_EXACT) form = sizeof(gk_real) == 4 ? GK_LOSS_F32 : GK_LOSS_F64;
    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
}

MUTANT(f64_loss_is_f32, log_softmax)
{
    if (form == GK_LOSS_F64) form = GK_LOSS_F32;
    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
}

MUTANT(ties_are_hits, log_softmax)
{
    gk_real *x = copy(logits, (size_t)R * B * C * sizeof *x); /* dlogits may be logits */

    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
    for (int i = 0; i < R * B; i++) {
        row_hit[i] = 1;
        for (int j = 0; j < C; j++) row_hit[i] &= x[i * C + j] <= x[i * C + label[i]];
    }
    free(x);
}

MUTANT(group_sums_clamps_groups, group_sums)
{
    uint8_t *inside = group ? copy(group, (size_t)R * B) : NULL;

    for (int i = 0; inside && i < R * B; i++)
        inside[i] = (uint8_t)(inside[i] < G ? inside[i] : G - 1);
    ref.group_sums(be, sum, row_loss, row_hit, inside, R, B, G, beta);
    free(inside);
}

MUTANT(log_softmax_scores_every_row, log_softmax)
{
    int32_t *all = copy(label, (size_t)R * B * sizeof *all);

    for (int i = 0; i < R * B; i++) all[i] = all[i] < 0 ? 0 : all[i];
    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, all, R, B, C, form, scale);
    free(all);
}

MUTANT(log_softmax_leaves_gradients, log_softmax) /* of rows that are not scored */
{
    size_t n = (size_t)R * B * C;
    gk_real *before = dlogits ? copy(dlogits, n * sizeof *before) : NULL;

    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
    for (size_t i = 0; before && i < n; i++) dlogits[i] = label[i / C] < 0 ? before[i] : dlogits[i];
    free(before);
}

/* Margins a little wider: what is at a kink falls on its other side. */
MUTANT(hinge_slopes_at_the_kink, hinge)
{
    size_t n = (size_t)R * B * C;
    gk_real *x = copy(logits, n * sizeof *x);

    for (size_t i = 0; i < n; i++) {
        int t = label[i / C];
        gk_real y = (gk_real)(C == 1 ? (t == 1 ? -1 : 1) : t == (int)(i % C) ? -1 : 0);
        x[i] += y * (gk_real)gk_verify_limit(8, 1);
    }
    ref.hinge(be, row_loss, row_hit, dlogits, x, label, R, B, C, scale);
    free(x);
}

MUTANT(hinge_leaves_out_the_label, hinge) /* divides by C - 1 */
{
    double factor = C > 1 ? C / (C - 1.0) : 1;

    ref.hinge(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale);
    for (int i = 0; i < R * B; i++) row_loss[i] *= factor;
}

MUTANT(hinge_hits_at_zero, hinge)
{
    gk_real *x = copy(logits, (size_t)R * B * C * sizeof *x);

    ref.hinge(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale);
    for (int i = 0; i < R * B && C == 1; i++) row_hit[i] |= label[i] >= 0 && x[i] == 0;
    free(x);
}

MUTANT(squared_error_aims_at_zero, squared_error) /* for label 0 of one logit */
{
    ref.squared_error(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale);
    for (int i = 0; i < R * B && C == 1 && dlogits; i++)
        if (label[i] == 0) dlogits[i] -= (gk_real)(2 * scale);
}

MUTANT(squared_error_halves, squared_error)
{
    ref.squared_error(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale / 2);
}
