/* The network, top to bottom, one op per line. backward.c is this file read upwards. */
#include "gk/network.h"

/* sum1[l] = x[l] + attention, for the last Q of T positions. */
static void attention(const gk_model *model, int l, int B, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R, T = s->T, D = s->D, HK = s->H * s->K;
    int Q = gk_positions(s, l), n = B * Q, ldq = Q == T ? D : T * D;
    size_t sx = (size_t)B * T * D, sn = (size_t)n * D, sq = sx, skip = (size_t)(T - Q) * D;
    const gk_real *read = a->read1[l], *query = read + skip;

    if (s->norm == GK_NORM_PRE)
        be->layer_norm(be, a->read1[l], a->stat1[l], a->x[l], p->ln1_w[l], p->ln1_b[l], R, B * T,
                       D);
    if (a->query[l]) {
        be->add_rows(be, a->query[l], query, R, B, Q * D, Q * D, T * D, sn, sx, 0);
        query = a->query[l];
        ldq = D;
        sq = sn;
    }
    gk_linear(be, a->q[l], query, ldq, sq, p->w_q[l], R, n, D, HK, 0);
    gk_linear(be, a->k[l], read, D, sx, p->w_k[l], R, B * T, D, HK, 0);
    gk_linear(be, a->v[l], read, D, sx, p->w_v[l], R, B * T, D, HK, 0);
    if (s->attention_biases) {
        be->bias_add(be, a->q[l], p->b_q[l], R, n, HK);
        be->bias_add(be, a->k[l], p->b_k[l], R, B * T, HK);
        be->bias_add(be, a->v[l], p->b_v[l], R, B * T, HK);
    }
    be->attention(be, a->z[l], a->prob[l], a->q[l], a->k[l], a->v[l], R, B, Q, T, s->H, s->K);
    be->add_rows(be, a->sum1[l], a->x[l] + skip, R, B, Q * D, Q * D, T * D, sn, sx, 0);
    if (s->doubled)
        be->add_rows(be, a->sum1[l], a->x[l] + skip, R, B, Q * D, Q * D, T * D, sn, sx, 1);
    gk_linear(be, a->sum1[l], a->z[l], HK, (size_t)n * HK, p->w_o[l], R, n, HK, D, 1);
    if (s->attention_biases) be->bias_add(be, a->sum1[l], p->b_o[l], R, n, D);
}

/* sum2[l] = mid[l] + MLP, n rows; the first of them is row `first` of the batch. */
static void mlp(const gk_model *model, int l, int first, int n, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R, D = s->D, F = s->F;
    size_t sn = (size_t)n * D;
    bool drops = model->training && s->dropout > 0;

    if (s->norm == GK_NORM_PRE)
        be->layer_norm(be, a->read2[l], a->stat2[l], a->mid[l], p->ln2_w[l], p->ln2_b[l], R, n, D);
    gk_linear(be, a->pre[l], a->read2[l], D, sn, p->w_in[l], R, n, D, F, 0);
    be->bias_act(be, a->h[l], a->pre[l], p->b_in[l], R, n, F, s->activation);
    if (!drops) be->add_rows(be, a->sum2[l], a->mid[l], R, n, D, D, D, sn, sn, 0);
    gk_linear(be, a->sum2[l], a->h[l], F, (size_t)n * F, p->w_out[l], R, n, F, D, !drops);
    if (s->biases) be->bias_add(be, a->sum2[l], p->b_out[l], R, n, D);
    if (!drops) return;
    be->dropout(be, a->sum2[l], model->slot, R, sn, (size_t)first * D, l, s->dropout);
    be->add_rows(be, a->sum2[l], a->mid[l], R, n, D, D, D, sn, sn, 1);
}

static void block(const gk_model *model, int l, int first, int B, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R, Q = gk_positions(s, l), n = B * Q;
    bool post = s->norm == GK_NORM_POST;

    attention(model, l, B, be);
    if (post)
        be->layer_norm(be, a->mid[l], a->stat1[l], a->sum1[l], p->ln1_w[l], p->ln1_b[l], R, n,
                       s->D);
    if (!s->F) return; /* x[l+1] is mid[l] */
    mlp(model, l, first * Q, n, be);
    if (post)
        be->layer_norm(be, a->x[l + 1], a->stat2[l], a->sum2[l], p->ln2_w[l], p->ln2_b[l], R, n,
                       s->D);
}

const gk_real *gk_forward(gk_model *model, const int32_t *token, int first, int B, gk_backend *be)
{
    const gk_shape *s = &model->shape;
    const gk_params *p = &model->params;
    const gk_activations *a = model->act;
    int R = model->R, n = B * s->S, width = gk_unembed_inputs(s);

    GK_CHECK(B > 0 && B <= model->rows);
    if (s->kind == GK_MLP) {
        gk_mlp_forward(model, token, B, be);
    } else {
        be->embed(be, a->x[0], p->w_e, p->w_pos, token, R, B, s->T, s->D, s->V);
        for (int l = 0; l < s->L; l++) block(model, l, first, B, be);
        if (s->final_norm)
            be->layer_norm(be, a->out, a->stat_final, a->x[s->L], p->ln_final_w, p->ln_final_b, R,
                           n, s->D);
    }
    gk_linear(be, a->logits, a->out, width, (size_t)n * width, p->w_u, R, n, width, s->C, 0);
    if (p->b_u) be->bias_add(be, a->logits, p->b_u, R, n, s->C);
    return a->logits;
}

gk_real *gk_dlogits(gk_model *model) { return model->act->logits; }

gk_stream gk_scored_stream(const gk_model *model)
{
    const gk_shape *s = &model->shape;
    const gk_activations *a = model->act;
    int last = s->L - 1;

    return (gk_stream){.mid = s->kind == GK_MLP ? NULL : a->read2[last],
                       .hidden = a->h[last],
                       .out = a->out,
                       .width = gk_unembed_inputs(s),
                       .step = s->S};
}
