/* The part of mutants.h that is about optimisers, losses other than the paper's and long contexts.
 * Included there, and nowhere else. */
#define SIMPLE_LOSS                                                                                \
    double *row_loss, uint8_t *row_hit, gk_real *dlogits, const gk_real *logits,                   \
        const int32_t *label, int R, int B, int C, double scale
#define SGD                                                                                        \
    gk_real *param, gk_real *m, const gk_real *grad, const gk_real *anchor, const gk_slot *slot,   \
        const gk_tensor_span *tensor, int n, int R

MUTANT(log_softmax_scores_every_row, log_softmax, LOG_SOFTMAX)
{
    int32_t *all = copy(label, (size_t)R * B * sizeof *all);

    for (int i = 0; i < R * B; i++) all[i] = all[i] < 0 ? 0 : all[i];
    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, all, R, B, C, form, scale);
    free(all);
}

MUTANT(log_softmax_leaves_gradients, log_softmax, LOG_SOFTMAX) /* of rows that are not scored */
{
    size_t n = (size_t)R * B * C;
    gk_real *before = dlogits ? copy(dlogits, n * sizeof *before) : NULL;

    ref.log_softmax(be, row_loss, row_hit, dlogits, logits, label, R, B, C, form, scale);
    for (size_t i = 0; before && i < n; i++) dlogits[i] = label[i / C] < 0 ? before[i] : dlogits[i];
    free(before);
}

/* Margins a little wider: what is at a kink falls on its other side. */
MUTANT(hinge_slopes_at_the_kink, hinge, SIMPLE_LOSS)
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

MUTANT(hinge_leaves_out_the_label, hinge, SIMPLE_LOSS) /* divides by C - 1 */
{
    double factor = C > 1 ? C / (C - 1.0) : 1;

    ref.hinge(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale);
    for (int i = 0; i < R * B; i++) row_loss[i] *= factor;
}

MUTANT(hinge_hits_at_zero, hinge, SIMPLE_LOSS)
{
    gk_real *x = copy(logits, (size_t)R * B * C * sizeof *x);

    ref.hinge(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale);
    for (int i = 0; i < R * B && C == 1; i++) row_hit[i] |= label[i] >= 0 && x[i] == 0;
    free(x);
}

MUTANT(squared_error_aims_at_zero, squared_error, SIMPLE_LOSS) /* for label 0 of one logit */
{
    ref.squared_error(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale);
    for (int i = 0; i < R * B && C == 1 && dlogits; i++)
        if (label[i] == 0) dlogits[i] -= (gk_real)(2 * scale);
}

MUTANT(squared_error_halves, squared_error, SIMPLE_LOSS)
{
    ref.squared_error(be, row_loss, row_hit, dlogits, logits, label, R, B, C, scale / 2);
}

static void change_slots(gk_backend *be, ADAMW, void (*change)(gk_slot *s))
{
    gk_slot *changed = copy(slot, R * sizeof *slot);

    for (int r = 0; r < R; r++) change(&changed[r]);
    ref.adamw(be, param, m, v, grad, anchor, changed, tensor, n, R);
    free(changed);
}

static void activate(gk_slot *s) { s->active = 1; }
static void decouple(gk_slot *s) { s->l2 = 0; }
static void drop_eps(gk_slot *s) { s->eps = 0; }
static void drop_correction(gk_slot *s) { s->correction2 = 1; }

MUTANT(adamw_moves_the_inactive, adamw, ADAMW)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, activate);
}

MUTANT(adamw_decouples_l2, adamw, ADAMW)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, decouple);
}

MUTANT(adamw_drops_eps, adamw, ADAMW)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, drop_eps);
}

MUTANT(adamw_does_not_correct, adamw, ADAMW)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, drop_correction);
}

MUTANT(adamw_spoils_gradients, adamw, ADAMW)
{
    ref.adamw(be, param, m, v, grad, anchor, slot, tensor, n, R);
    ((gk_real *)(uintptr_t)grad)[0] = 0;
}

MUTANT(adamw_moves_the_frozen, adamw, ADAMW)
{
    gk_tensor_span *all = copy(tensor, n * sizeof *tensor);

    for (int i = 0; i < n; i++) all[i].lr_scale = all[i].lr_scale == 0 ? 1 : all[i].lr_scale;
    ref.adamw(be, param, m, v, grad, anchor, slot, all, n, R);
    free(all);
}

MUTANT(adamw_forgets_the_anchor, adamw, ADAMW)
{
    (void)anchor;
    ref.adamw(be, param, m, v, grad, NULL, slot, tensor, n, R);
}

static void change_sgd(gk_backend *be, SGD, void (*change)(gk_slot *s))
{
    gk_slot *changed = copy(slot, R * sizeof *slot);

    for (int r = 0; r < R; r++) change(&changed[r]);
    ref.sgd(be, param, m, grad, anchor, changed, tensor, n, R);
    free(changed);
}

static void drop_momentum(gk_slot *s) { s->momentum = 0; }
static void warm_up(gk_slot *s) { s->lr_now = s->lr; }

MUTANT(sgd_forgets_the_anchor, sgd, SGD)
{
    (void)anchor;
    ref.sgd(be, param, m, grad, NULL, slot, tensor, n, R);
}

MUTANT(sgd_forgets_momentum, sgd, SGD)
{
    change_sgd(be, param, m, grad, anchor, slot, tensor, n, R, drop_momentum);
}

MUTANT(sgd_does_not_warm_up, sgd, SGD)
{
    change_sgd(be, param, m, grad, anchor, slot, tensor, n, R, warm_up);
}

MUTANT(sgd_moves_the_inactive, sgd, SGD)
{
    change_sgd(be, param, m, grad, anchor, slot, tensor, n, R, activate);
}

/* The last value of a long context is not there. */
MUTANT(attention_cuts_long_contexts, attention, ATTENTION)
{
    gk_real *less = copy(v, (size_t)R * B * T * H * K * sizeof *less);

    for (int i = 0; T > 64 && i < H * K; i++) less[(size_t)(T - 1) * H * K + i] = 0;
    ref.attention(be, z, prob, q, k, less, R, B, Q, T, H, K);
    free(less);
}

/* dk and dv of the first key lose the last query. */
MUTANT(attention_back_loses_a_query, attention_back, ATTENTION_BACK)
{
    gk_real *less = copy(dz, (size_t)R * B * Q * H * K * sizeof *less);

    for (int i = 0; Q > 64 && i < H * K; i++) less[(size_t)(Q - 1) * H * K + i] = 0;
    ref.attention_back(be, dq, dk, dv, less, prob, q, k, v, R, B, Q, T, H, K);
    free(less);
}
