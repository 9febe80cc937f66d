/* torch:S and torch_tl:S: bit for bit what PyTorch's CPU generator gives on x86 with AVX2 to the
 * paper's code and to TransformerLens's demo: their published seeds run without PyTorch. Biases
 * draw nothing. */
#include "weights/init.h"

#include <math.h>
#include <stdlib.h>

/* log and sin, cos as PyTorch's AVX2 kernel has them: Cephes in single precision (Moshier 1989),
 * with the products and sums that its compiler fused. Every rounding is written out: the same bits
 * on every machine. libm's functions differ in the last places. x > 0 and normal. */
static float cephes_log(float x)
{
    static const float c[] = {-1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f,
                              1.4249322787e-1f,  -1.6668057665e-1f, 2.0000714765e-1f,
                              -2.4999993993e-1f, 3.3333331174e-1f};
    int exponent;

    x = frexpf(x, &exponent);
    if (x < 0.707106781186547524f) {
        x = x + x;
        exponent--;
    }
    x = x - 1;
    float e = (float)exponent, z = x * x, y = 7.0376836292e-2f;
    for (int i = 0; i < 8; i++) y = fmaf(y, x, c[i]);
    y = fmaf(y * x, z, e * -2.12194440e-4f);
    y = fmaf(-z, 0.5f, y);
    return fmaf(e, 0.693359375f, x + y);
}

/* 0 <= x <= 2 pi. */
static void cephes_sincos(float x, float *sine, float *cosine)
{
    int octant = ((int)(x * 1.27323954473516f) + 1) & ~1;
    float quarter = (float)octant;

    x = fmaf(quarter, -0.78515625f, x); /* minus pi/4 octant, in three parts */
    x = fmaf(quarter, -2.4187564849853515625e-4f, x);
    x = fmaf(quarter, -3.77489497744594108e-8f, x);
    float z = x * x;
    float c = fmaf(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = fmaf(c, z, 4.166664568298827e-2f);
    c = fmaf(c * z, z, -(z * 0.5f)) + 1;
    float s = fmaf(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = fmaf(s, z, -1.6666654611e-1f);
    s = fmaf(s * z, x, x);
    bool swapped = octant & 2;
    *sine = (octant & 4 ? -1.0f : 1.0f) * (swapped ? c : s);
    *cosine = ((octant - 2) & 4 ? 1.0f : -1.0f) * (swapped ? s : c);
}

/* Box and Muller's transform of 16 uniforms, in place. */
static void normal_16(float x[16], float std)
{
    for (int j = 0; j < 8; j++) {
        float sine, cosine, radius = sqrtf(-2 * cephes_log(1 - x[j]));
        cephes_sincos(6.283185307179586f * x[j + 8], &sine, &cosine);
        x[j] = fmaf(radius * cosine, std, 0);
        x[j + 8] = fmaf(radius * sine, std, 0);
    }
}

static void uniform(float *x, size_t n, gk_mt *mt)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(gk_mt_next(mt) & 0xffffff) * 0x1p-24f;
}

/* tensor.normal_(0, std) of n >= 16 values; fewer take another way through PyTorch. */
static void torch_normal(float *x, size_t n, float std, gk_mt *mt)
{
    uniform(x, n, mt);
    for (size_t i = 0; i + 16 <= n; i += 16) normal_16(x + i, std);
    if (n % 16 == 0) return;
    uniform(x + n - 16, 16, mt);
    normal_16(x + n - 16, std);
}

/* How a published program holds a tensor whose memory is (rows, cols). */
enum layout { AS_MEMORY, TRANSPOSED /* (cols, rows) */, BY_HEAD /* (H, rows, K) */ };

/* What a published program draws: two tensors, then six for each block, then one. */
enum { FIRST = 2, LAST = 8, N_DRAWS };

struct draw {
    int id;
    enum layout layout;
};

static const struct draw paper[N_DRAWS] = {
    {GK_ID_w_e, TRANSPOSED},  {GK_ID_w_pos, AS_MEMORY},  {GK_ID_w_k, TRANSPOSED},
    {GK_ID_w_q, TRANSPOSED},  {GK_ID_w_v, TRANSPOSED},   {GK_ID_w_o, TRANSPOSED},
    {GK_ID_w_in, TRANSPOSED}, {GK_ID_w_out, TRANSPOSED}, {GK_ID_w_u, AS_MEMORY}};
static const struct draw demo[N_DRAWS] = {
    {GK_ID_w_e, AS_MEMORY},  {GK_ID_w_pos, AS_MEMORY}, {GK_ID_w_q, BY_HEAD},
    {GK_ID_w_k, BY_HEAD},    {GK_ID_w_v, BY_HEAD},     {GK_ID_w_o, AS_MEMORY},
    {GK_ID_w_in, AS_MEMORY}, {GK_ID_w_out, AS_MEMORY}, {GK_ID_w_u, AS_MEMORY}};

/* Where element (row, col) of memory stands in the program's tensor. */
static size_t place(const gk_tensor *t, enum layout layout, int K, size_t row, size_t col)
{
    size_t rows = (size_t)t->rows, cols = (size_t)t->cols, k = (size_t)K;

    switch (layout) {
    case AS_MEMORY: return row * cols + col;
    case TRANSPOSED: return col * rows + row;
    case BY_HEAD: return (col / k * rows + row) * k + col % k;
    }
    return 0;
}

/* One run's weights while a published program draws them. */
struct source {
    const struct draw *draws; /* paper or demo */
    const gk_shape *shape;
    gk_real *packed;
    gk_tensor list[GK_TENSORS_MAX];
    int n;
    gk_mt mt;
};

static const gk_tensor *find(const struct source *from, int id, int layer)
{
    for (const gk_tensor *t = from->list; t < from->list + from->n; t++) {
        if (t->id == id && t->layer == layer) return t;
    }
    return NULL;
}

/* The next tensor, laid out as memory has it. Nothing if the model has none such (no MLP).
 * The paper's code divides randn() by a root; the demo hands 0.8 / sqrt(D) to normal_(). */
static gk_status draw(struct source *from, int which, int layer)
{
    const struct draw *d = &from->draws[which];
    const gk_shape *s = from->shape;
    const gk_tensor *t = find(from, d->id, layer);
    float std = from->draws == demo ? (float)(0.8 / sqrt(s->D)) : 1;
    float root = from->draws == demo ? 1 : (float)sqrt(d->id == GK_ID_w_u ? s->V : s->D);

    if (!t) return GK_OK;
    if (t->size < 16)
        return gk_fail(GK_EUSAGE,
                       "model.init: %s has %zu values; PyTorch draws fewer than 16 in another way, "
                       "which is not built: use a wider model or philox:S",
                       t->name, t->size);
    float *x = malloc(t->size * sizeof *x);
    if (!x) return gk_fail(GK_EMEM, "no memory to draw the %zu values of %s", t->size, t->name);
    torch_normal(x, t->size, std, &from->mt);
    gk_real *out = from->packed + t->packed;
    for (int row = 0; row < t->rows; row++) {
        for (int col = 0; col < t->cols; col++)
            *out++ = x[place(t, d->layout, s->K, row, col)] / root;
    }
    free(x);
    return GK_OK;
}

gk_status gk_init_published(gk_real *packed, const gk_shape *s, bool is_demo, uint64_t seed)
{
    struct source from = {.draws = is_demo ? demo : paper, .shape = s, .packed = packed};

    from.n = gk_tensors(from.list, s);
    gk_mt_seed(&from.mt, (uint32_t)seed); /* PyTorch's CPU generator ignores the high half too */
    for (int i = 0; i < FIRST; i++) GK_TRY(draw(&from, i, 0));
    for (int layer = 0; layer < s->L; layer++) {
        for (int i = FIRST; i < LAST; i++) GK_TRY(draw(&from, i, layer));
    }
    return draw(&from, LAST, 0);
}
