/* Products of the table plan: of the rows of pairs with a weight matrix that stays the same for a
 * whole step, packed once for all blocks of rows; and small ones, a strip of columns at a time. */
#include "cpu/table/table.h"

#include <string.h>

static size_t packed_size(const cpu_tiles *tiles, int k, int n)
{
    return (size_t)cpu_pieces(n, tiles->strip) * tiles->strip * k;
}

table_layer table_layer_take(gk_arena *memory, const cpu_tiles *tiles, const gk_real *w, int in,
                             int out)
{
    table_layer l = {.tiles = tiles, .w = w, .in = in, .out = out, .few = out % CPU_LANES};

    if (l.few > CPU_FEW || l.few == out) l.few = 0;
    l.forward = gk_arena_take(memory, packed_size(tiles, in, out - l.few), sizeof *l.forward);
    l.last = gk_arena_take(memory, (size_t)l.few * in, sizeof *l.last);
    l.back = gk_arena_take(memory, packed_size(tiles, out, in), sizeof *l.back);
    return l;
}

void table_layer_pack_forward(const table_layer *l)
{
    int whole = l->out - l->few;

    l->tiles->pack(l->forward, l->w, l->in, whole, 0, l->out);
    for (int j = 0; j < l->few; j++) {
        for (int i = 0; i < l->in; i++)
            l->last[(size_t)j * l->in + i] = l->w[(size_t)i * l->out + whole + j];
    }
}

void table_layer_pack_back(const table_layer *l)
{
    l->tiles->pack(l->back, l->w, l->out, l->in, 1, l->out);
}

/* c = a b + beta c, b packed, by blocks of its depth; the gate is for the last of them. */
static void multiply(const cpu_tiles *tiles, cpu_product p, const gk_real *packed,
                     const gk_real *gate)
{
    int k = p.k, depth = cpu_pieces(k, cpu_pieces(k, CPU_DEPTH));
    const gk_real *a = p.a;

    for (int from = 0; from < k; from += depth) {
        cpu_strips b = {packed + (size_t)from * tiles->strip, (size_t)k * tiles->strip,
                        tiles->strip};

        p.a = a + from;
        p.k = cpu_min(depth, k - from);
        tiles->multiply_strips(&p, b, from + depth >= k ? gate : NULL);
        p.beta = 1;
    }
}

void table_layer_forward(const table_layer *l, table_matrix y, table_matrix x, int m, gk_real beta)
{
    int whole = l->out - l->few;
    cpu_product p = {
        .c = y.x, .a = x.x, .m = m, .n = whole, .k = l->in, .lda = x.ld, .ldc = y.ld, .beta = beta};
    cpu_product last = p;

    multiply(l->tiles, p, l->forward, NULL);
    if (!l->few) return;
    last.c += whole;
    last.n = l->few;
    last.b = l->last;
    last.ldb = l->in;
    for (int i = 0; beta == 0 && i < m; i++) {
        for (int j = 0; j < l->few; j++) last.c[(size_t)i * y.ld + j] = 0;
    }
    l->tiles->multiply_few(&last);
}

void table_layer_back(const table_layer *l, table_matrix dx, table_matrix g, int m,
                      const gk_real *gate)
{
    cpu_product p = {
        .c = dx.x, .a = g.x, .m = m, .n = l->in, .k = l->out, .lda = g.ld, .ldc = dx.ld};

    multiply(l->tiles, p, l->back, gate);
}

void table_layer_weights(const table_layer *l, gk_real *dw, table_matrix g, table_matrix x, int m,
                         gk_real beta)
{
    cpu_product p = {.c = dw,
                     .a = g.x,
                     .m = l->out,
                     .n = l->in,
                     .k = m,
                     .ta = 1,
                     .lda = g.ld,
                     .ldc = l->in,
                     .beta = beta};

    l->tiles->multiply_strips(&p, (cpu_strips){x.x, l->tiles->strip, x.ld}, NULL);
}

void table_multiply(const cpu_tiles *tiles, int most, int n, int k, const gk_real *b, int ldb,
                    int tb, const table_factor *factor, int factors)
{
    _Alignas(CPU_LINE) gk_real packed[CPU_DEPTH * TABLE_STRIP_MAX];
    int depth = cpu_pieces(k, cpu_pieces(k, most));

    for (int from = 0; from < k; from += depth) {
        int rows = cpu_min(depth, k - from);

        tiles->pack(packed, b + (size_t)from * (tb ? 1 : ldb), rows, n, tb, ldb);
        for (const table_factor *f = factor; f < factor + factors; f++) {
            cpu_product p = {.c = f->c,
                             .a = f->a + (size_t)from * (f->ta ? f->lda : 1),
                             .m = f->m,
                             .n = n,
                             .k = rows,
                             .ta = f->ta,
                             .lda = f->lda,
                             .ldc = f->ldc,
                             .beta = from > 0 ? 1 : f->beta};
            tiles->multiply(&p, packed, 0);
        }
    }
}

void table_apply(const cpu_tiles *tiles, gk_real *out, const gk_real *a, int lda, const gk_real *x,
                 int m, int k, bool add)
{
    cpu_product p = {
        .c = out, .a = a, .b = x, .m = m, .n = 1, .k = k, .lda = lda, .ldb = k, .ldc = 1};

    if (!add) memset(out, 0, (size_t)m * sizeof *out);
    tiles->multiply_few(&p);
}
