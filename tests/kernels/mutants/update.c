/* Bugs of tick and of the optimisers. */
#include "kernels/mutants/mutants.h"

MUTANT(tick_advances_the_inactive, tick)
{
    ref.tick(be, slot, sum, R, rows);
    for (int r = 0; r < R; r++) slot[r].step += !slot[r].active;
}

MUTANT(tick_forgets_nan, tick)
{
    double before = slot[0].loss_max;

    ref.tick(be, slot, sum, R, rows);
    slot[0].loss_max = fmax(before, slot[0].loss);
}

MUTANT(tick_warms_up_one_early, tick)
{
    ref.tick(be, slot, sum, R, rows);
    slot[0].lr_now += slot[0].lr_now < slot[0].lr ? slot[0].lr / (double)slot[0].warmup : 0;
}

static void change_slots(gk_backend *be, PARAMS_adamw, void (*change)(gk_slot *s))
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

MUTANT(adamw_moves_the_inactive, adamw)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, activate);
}

MUTANT(adamw_decouples_l2, adamw)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, decouple);
}

MUTANT(adamw_drops_eps, adamw)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, drop_eps);
}

MUTANT(adamw_does_not_correct, adamw)
{
    change_slots(be, param, m, v, grad, anchor, slot, tensor, n, R, drop_correction);
}

MUTANT(adamw_spoils_gradients, adamw)
{
    ref.adamw(be, param, m, v, grad, anchor, slot, tensor, n, R);
    ((gk_real *)(uintptr_t)grad)[0] = 0;
}

MUTANT(adamw_moves_the_frozen, adamw)
{
    gk_tensor_span *all = copy(tensor, n * sizeof *tensor);

    for (int i = 0; i < n; i++) all[i].lr_scale = all[i].lr_scale == 0 ? 1 : all[i].lr_scale;
    ref.adamw(be, param, m, v, grad, anchor, slot, all, n, R);
    free(all);
}

MUTANT(adamw_forgets_the_anchor, adamw)
{
    (void)anchor;
    ref.adamw(be, param, m, v, grad, NULL, slot, tensor, n, R);
}

static void change_sgd(gk_backend *be, PARAMS_sgd, void (*change)(gk_slot *s))
{
    gk_slot *changed = copy(slot, R * sizeof *slot);

    for (int r = 0; r < R; r++) change(&changed[r]);
    ref.sgd(be, param, m, grad, anchor, changed, tensor, n, R);
    free(changed);
}

static void drop_momentum(gk_slot *s) { s->momentum = 0; }
static void warm_up(gk_slot *s) { s->lr_now = s->lr; }

MUTANT(sgd_forgets_the_anchor, sgd)
{
    (void)anchor;
    ref.sgd(be, param, m, grad, NULL, slot, tensor, n, R);
}

MUTANT(sgd_forgets_momentum, sgd)
{
    change_sgd(be, param, m, grad, anchor, slot, tensor, n, R, drop_momentum);
}

MUTANT(sgd_does_not_warm_up, sgd)
{
    change_sgd(be, param, m, grad, anchor, slot, tensor, n, R, warm_up);
}

MUTANT(sgd_moves_the_inactive, sgd)
{
    change_sgd(be, param, m, grad, anchor, slot, tensor, n, R, activate);
}
