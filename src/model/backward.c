/* forward.c read upwards, line for line: each product y = x w gives dw = x^T dy and dx = dy w^T. */
#include "gk/network.h"

/* d (n,D), the gradient of x[l+1], becomes that of mid[l]. */
static void mlp_back(const gk_model *model, int l, gk_real *d, int first, int n, gk_real beta,
                     gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R, D = s->D, F = s->F;
    size_t sn = (size_t)n * D, sf = (size_t)n * F;
    gk_real *branch = d; /* the gradient of what the MLP adds */
    bool pre = s->norm == GK_NORM_PRE;

    if (s->norm == GK_NORM_POST)
        be->layer_norm_back(be, d, g->ln2_w[l], g->ln2_b[l], d, a->sum2[l], a->stat2[l],
                            p->ln2_w[l], R, n, D, beta);
    if (model->training && s->dropout > 0) {
        branch = a->branch;
        be->add_rows(be, branch, d, R, n, D, D, D, sn, sn, 0);
        be->dropout(be, branch, model->slot, R, sn, (size_t)first * D, l, s->dropout);
    }
    if (s->biases) be->bias_add_back(be, g->b_out[l], branch, R, n, D, beta);
    gk_linear_weight(be, g->w_out[l], a->h[l], F, sf, branch, R, n, F, D, beta);
    gk_linear_input(be, a->dh, F, sf, branch, p->w_out[l], R, n, F, D, 0);
    be->bias_act_back(be, a->dh, g->b_in[l], a->dh, a->pre[l], R, n, F, s->activation, beta);
    gk_linear_weight(be, g->w_in[l], a->read2[l], D, sn, a->dh, R, n, D, F, beta);
    gk_linear_input(be, pre ? a->branch : d, D, sn, a->dh, p->w_in[l], R, n, D, F, !pre);
    if (!pre) return;
    be->layer_norm_back(be, a->branch, g->ln2_w[l], g->ln2_b[l], a->branch, a->mid[l], a->stat2[l],
                        p->ln2_w[l], R, n, D, beta);
    be->add_rows(be, d, a->branch, R, n, D, D, D, sn, sn, 1);
}

/* dx (R,B,T,D) gets what the queries' gradient is to their rows. */
static void query_back(const gk_model *model, int l, gk_real *dx, int B, gk_real beta,
                       gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R, T = s->T, D = s->D, HK = s->H * s->K;
    int Q = gk_positions(s, l), n = B * Q, ldq = Q == T ? D : T * D;
    size_t sx = (size_t)B * T * D, sn = (size_t)n * D, skip = (size_t)(T - Q) * D;

    if (!a->query[l]) {
        gk_linear_weight(be, g->w_q[l], a->read1[l] + skip, ldq, sx, a->dq, R, n, D, HK, beta);
        gk_linear_input(be, dx + skip, ldq, sx, a->dq, p->w_q[l], R, n, D, HK, 1);
        return;
    }
    gk_linear_weight(be, g->w_q[l], a->query[l], D, sn, a->dq, R, n, D, HK, beta);
    gk_linear_input(be, a->query[l], D, sn, a->dq, p->w_q[l], R, n, D, HK, 0); /* its place */
    be->add_rows(be, dx + skip, a->query[l], R, B, Q * D, T * D, Q * D, sx, sn, 1);
}

/* From d, the gradient of mid[l], to dx (R,B,T,D), that of x[l]. */
static void attention_back(const gk_model *model, int l, gk_real *dx, gk_real *d, int B,
                           gk_real beta, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R, T = s->T, D = s->D, HK = s->H * s->K;
    int Q = gk_positions(s, l), n = B * Q;
    size_t sx = (size_t)B * T * D, sn = (size_t)n * D, sh = (size_t)n * HK;

    if (s->norm == GK_NORM_POST)
        be->layer_norm_back(be, d, g->ln1_w[l], g->ln1_b[l], d, a->sum1[l], a->stat1[l],
                            p->ln1_w[l], R, n, D, beta);
    if (s->attention_biases) be->bias_add_back(be, g->b_o[l], d, R, n, D, beta);
    gk_linear_weight(be, g->w_o[l], a->z[l], HK, sh, d, R, n, HK, D, beta);
    gk_linear_input(be, a->dz, HK, sh, d, p->w_o[l], R, n, HK, D, 0);
    be->attention_back(be, a->dq, a->dk, a->dv, a->dz, a->prob[l], a->q[l], a->k[l], a->v[l], R, B,
                       Q, T, s->H, s->K);
    if (s->attention_biases) {
        be->bias_add_back(be, g->b_q[l], a->dq, R, n, HK, beta);
        be->bias_add_back(be, g->b_k[l], a->dk, R, B * T, HK, beta);
        be->bias_add_back(be, g->b_v[l], a->dv, R, B * T, HK, beta);
    }
    gk_linear_weight(be, g->w_v[l], a->read1[l], D, sx, a->dv, R, B * T, D, HK, beta);
    gk_linear_weight(be, g->w_k[l], a->read1[l], D, sx, a->dk, R, B * T, D, HK, beta);
    gk_linear_input(be, dx, D, sx, a->dv, p->w_v[l], R, B * T, D, HK, 0);
    gk_linear_input(be, dx, D, sx, a->dk, p->w_k[l], R, B * T, D, HK, 1);
    query_back(model, l, dx, B, beta, be);
    if (s->norm == GK_NORM_PRE)
        be->layer_norm_back(be, dx, g->ln1_w[l], g->ln1_b[l], dx, a->x[l], a->stat1[l], p->ln1_w[l],
                            R, B * T, D, beta);
    for (int copies = s->doubled ? 2 : 1; copies > 0; copies--)
        be->add_rows(be, dx + (size_t)(T - Q) * D, d, R, B, Q * D, T * D, Q * D, sx, sn, 1);
}

static void blocks_back(const gk_model *model, const int32_t *token, int first, int B, gk_real beta,
                        gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R;
    gk_real *d = a->d, *dx = a->dx;

    if (s->final_norm)
        be->layer_norm_back(be, d, g->ln_final_w, g->ln_final_b, d, a->x[s->L], a->stat_final,
                            p->ln_final_w, R, B * s->S, s->D, beta);
    for (int l = s->L - 1; l >= 0; l--) {
        int Q = gk_positions(s, l);
        if (s->F) mlp_back(model, l, d, first * Q, B * Q, beta, be);
        attention_back(model, l, dx, d, B, beta, be);
        gk_real *done = d;
        d = dx;
        dx = done;
    }
    be->embed_back(be, g->w_e, g->w_pos, d, token, R, B, s->T, s->D, s->V, beta);
}

void gk_backward(gk_model *model, const int32_t *token, int first, int B, gk_real beta,
                 gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params, *g = &model->grads;
    const gk_activations *a = model->act;
    int R = model->R, n = B * s->S, width = gk_unembed_inputs(s);
    size_t so = (size_t)n * width;

    if (p->b_u) be->bias_add_back(be, g->b_u, a->logits, R, n, s->C, beta);
    gk_linear_weight(be, g->w_u, a->out, width, so, a->logits, R, n, width, s->C, beta);
    gk_linear_input(be, s->kind == GK_MLP ? a->dh : a->d, width, so, a->logits, p->w_u, R, n, width,
                    s->C, 0);
    if (s->kind == GK_MLP)
        gk_mlp_backward(model, token, B, beta, be);
    else
        blocks_back(model, token, first, B, beta, be);
}
