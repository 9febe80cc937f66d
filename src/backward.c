/* forward.c read upwards, line for line: each product y = x w gives dw = x^T dy and dx = dy w^T. */
#include "gk/model.h"
#include "activations.h"

/* dw (R,in,out) = x^T dy + beta dw;   x (R,rows,in; rows ldx apart), dy (R,rows,out) */
static void weight(gk_backend *be, gk_real *dw, const gk_real *x, int ldx, size_t sx,
                   const gk_real *dy, int R, int rows, int in, int out, gk_real beta)
{
    be->matmul(be, dw, x, dy, R, in, out, rows, 1, 0, ldx, out, out, sx, (size_t)rows * out,
               (size_t)in * out, beta);
}

/* dx (R,rows,in; rows ldx apart) = dy w^T + beta dx;   dy (R,rows,out), w (R,in,out) */
static void input(gk_backend *be, gk_real *dx, int ldx, size_t sx, const gk_real *dy,
                  const gk_real *w, int R, int rows, int in, int out, gk_real beta)
{
    be->matmul(be, dx, dy, w, R, rows, in, out, 0, 1, out, out, ldx, (size_t)rows * out,
               (size_t)in * out, sx, beta);
}

/* d (R,B,Q,D), the gradient of x[l+1], becomes that of mid[l]. */
static void mlp_back(const gk_model *model, int l, gk_real *d, int n, gk_real beta, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R, D = s->D, F = s->F;

    if (s->biases) be->bias_add_back(be, g->b_out[l], d, R, n, D, beta);
    weight(be, g->w_out[l], a->h[l], F, (size_t)n * F, d, R, n, F, D, beta);
    input(be, a->dh, F, (size_t)n * F, d, p->w_out[l], R, n, F, D, 0);
    be->bias_act_back(be, a->dh, g->b_in[l], a->dh, a->pre[l], R, n, F, s->activation, beta);
    weight(be, g->w_in[l], a->mid[l], D, (size_t)n * D, a->dh, R, n, D, F, beta);
    input(be, d, D, (size_t)n * D, a->dh, p->w_in[l], R, n, D, F, 1);
}

/* From d, the gradient of mid[l], to dx (R,B,T,D), that of x[l]. */
static void attention_back(const gk_model *model, int l, gk_real *dx, const gk_real *d, int B,
                           gk_real beta, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R, T = s->T, D = s->D, HK = s->H * s->K;
    int Q = gk_positions(s, l), n = B * Q;
    int ldq = Q == T ? D : T * D;
    const gk_real *x = a->x[l], *xq = x + (size_t)(T - Q) * D;
    gk_real *dxq = dx + (size_t)(T - Q) * D;
    size_t sx = (size_t)B * T * D;

    weight(be, g->w_o[l], a->z[l], HK, (size_t)n * HK, d, R, n, HK, D, beta);
    input(be, a->dz, HK, (size_t)n * HK, d, p->w_o[l], R, n, HK, D, 0);
    be->attention_back(be, a->dq, a->dk, a->dv, a->dz, a->prob[l], a->q[l], a->k[l], a->v[l], R, B,
                       Q, T, s->H, s->K);
    weight(be, g->w_v[l], x, D, sx, a->dv, R, B * T, D, HK, beta);
    weight(be, g->w_k[l], x, D, sx, a->dk, R, B * T, D, HK, beta);
    weight(be, g->w_q[l], xq, ldq, sx, a->dq, R, n, D, HK, beta);
    input(be, dx, D, sx, a->dv, p->w_v[l], R, B * T, D, HK, 0);
    input(be, dx, D, sx, a->dk, p->w_k[l], R, B * T, D, HK, 1);
    input(be, dxq, ldq, sx, a->dq, p->w_q[l], R, n, D, HK, 1);
    be->add_rows(be, dxq, d, R, n, D, ldq, D, sx, (size_t)n * D, 1);
}

void gk_backward(gk_model *model, const int32_t *token, int B, gk_real beta, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R;
    gk_real *d = a->d, *dx = a->dx;

    weight(be, g->w_u, a->x[s->L], s->D, (size_t)B * s->D, a->logits, R, B, s->D, s->C, beta);
    input(be, d, s->D, (size_t)B * s->D, a->logits, p->w_u, R, B, s->D, s->C, 0);
    for (int l = s->L - 1; l >= 0; l--) {
        if (s->F) mlp_back(model, l, d, B * gk_positions(s, l), beta, be);
        attention_back(model, l, dx, d, B, beta, be);
        gk_real *done = d;
        d = dx;
        dx = done;
    }
    be->embed_back(be, g->w_e, g->w_pos, d, token, R, B, s->T, s->D, s->V, beta);
}
