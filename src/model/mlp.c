/* The network of kind mlp, between the tokens and W_U, and back. */
#include "gk/network.h"

void gk_mlp_forward(const gk_model *model, const int32_t *token, int B, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R, T = s->T, F = s->F, in = gk_mlp_inputs(s);

    if (s->input == GK_INPUT_ONEHOT)
        be->bag(be, a->pre[0], p->w_in[0], token, R, B, T, F, s->V, 1);
    else if (s->input == GK_INPUT_SIGNS)
        be->signs(be, a->x[0], token, R, B, T);
    else
        be->bag(be, a->x[0], p->w_e, token, R, B, T, s->D, s->V, 0);
    if (a->x[0]) gk_linear(be, a->pre[0], a->x[0], in, (size_t)B * in, p->w_in[0], R, B, in, F, 0);
    be->bias_act(be, a->h[0], a->pre[0], p->b_in[0], R, B, F, s->activation);
}

/* From dh, which holds the gradient of h. */
void gk_mlp_backward(const gk_model *model, const int32_t *token, int B, gk_real beta,
                     gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R, T = s->T, F = s->F, in = gk_mlp_inputs(s);
    size_t sx = (size_t)B * in;

    be->bias_act_back(be, a->dh, g->b_in[0], a->dh, a->pre[0], R, B, F, s->activation, beta);
    if (s->input == GK_INPUT_ONEHOT) {
        be->bag_back(be, g->w_in[0], a->dh, token, R, B, T, F, s->V, 1, beta);
        return;
    }
    gk_linear_weight(be, g->w_in[0], a->x[0], in, sx, a->dh, R, B, in, F, beta);
    if (s->input == GK_INPUT_SIGNS) return;
    gk_linear_input(be, a->d, in, sx, a->dh, p->w_in[0], R, B, in, F, 0);
    be->bag_back(be, g->w_e, a->d, token, R, B, T, s->D, s->V, 0, beta);
}
