/* The network, top to bottom, one op per line. backward.c is this file read upwards. */
#include "gk/model.h"
#include "activations.h"

/* y (R,rows,out) = x (R,rows,in; rows ldx apart) w (R,in,out) + beta y */
static void linear(gk_backend *be, gk_real *y, const gk_real *x, int ldx, size_t sx,
                   const gk_real *w, int R, int rows, int in, int out, gk_real beta)
{
    be->matmul(be, y, x, w, R, rows, out, in, 0, 0, ldx, out, out, sx, (size_t)in * out,
               (size_t)rows * out, beta);
}

static void block(const gk_model *model, int l, int B, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R, T = s->T, D = s->D, F = s->F, HK = s->H * s->K;
    int Q = gk_positions(s, l), n = B * Q; /* queries: the last Q positions, n rows */
    int ldq = Q == T ? D : T * D;
    const gk_real *x = a->x[l], *xq = x + (size_t)(T - Q) * D;
    size_t sx = (size_t)B * T * D;

    linear(be, a->q[l], xq, ldq, sx, p->w_q[l], R, n, D, HK, 0);
    linear(be, a->k[l], x, D, sx, p->w_k[l], R, B * T, D, HK, 0);
    linear(be, a->v[l], x, D, sx, p->w_v[l], R, B * T, D, HK, 0);
    be->attention(be, a->z[l], a->prob[l], a->q[l], a->k[l], a->v[l], R, B, Q, T, s->H, s->K);
    be->add_rows(be, a->mid[l], xq, R, n, D, D, ldq, (size_t)n * D, sx, 0);
    linear(be, a->mid[l], a->z[l], HK, (size_t)n * HK, p->w_o[l], R, n, HK, D, 1);
    if (!F) return; /* x[l+1] is mid[l] */

    linear(be, a->pre[l], a->mid[l], D, (size_t)n * D, p->w_in[l], R, n, D, F, 0);
    be->bias_act(be, a->h[l], a->pre[l], p->b_in[l], R, n, F, s->activation);
    be->add_rows(be, a->x[l + 1], a->mid[l], R, n, D, D, D, (size_t)n * D, (size_t)n * D, 0);
    linear(be, a->x[l + 1], a->h[l], F, (size_t)n * F, p->w_out[l], R, n, F, D, 1);
    if (s->biases) be->bias_add(be, a->x[l + 1], p->b_out[l], R, n, D);
}

const gk_real *gk_forward(gk_model *model, const int32_t *token, int B, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R;

    GK_CHECK(B > 0 && B <= model->rows);
    be->embed(be, a->x[0], p->w_e, p->w_pos, token, R, B, s->T, s->D, s->V);
    for (int l = 0; l < s->L; l++) block(model, l, B, be);
    linear(be, a->logits, a->x[s->L], s->D, (size_t)B * s->D, p->w_u, R, B, s->D, s->C, 0);
    return a->logits;
}

gk_real *gk_dlogits(gk_model *model) { return model->act->logits; }
