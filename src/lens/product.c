/* Products for R runs: the one place where the lens and the measures call the op. */
#include "gk/product.h"

void gk_product(gk_backend *be, gk_real *y, gk_matrix x, gk_matrix w, int R, int rows, int in,
                int out, gk_real beta)
{
    bool one = R == 1; /* strides mean nothing */

    be->matmul(be, y, x.at, w.at, R, rows, out, in, x.turned, w.turned, x.ld, w.ld, out,
               one ? 0 : x.step, one ? 0 : w.step, one ? 0 : (size_t)rows * (size_t)out, beta);
}

void gk_product_ragged(gk_backend *be, gk_real *y, gk_matrix x, gk_matrix w, int R, int rows,
                       gk_width in, gk_width out, gk_real beta)
{
    for (int r = 0; r < R; r++) {
        int from = gk_width_of(in, r), to = gk_width_of(out, r);
        gk_matrix xr = x, wr = w;

        if (!from || !to) continue;
        xr.at += (size_t)r * x.step;
        wr.at += (size_t)r * w.step;
        if (!xr.ld) xr.ld = from;
        if (!wr.ld) wr.ld = to;
        gk_product(be, y + (size_t)r * (size_t)rows * (size_t)out.most, xr, wr, 1, rows, from, to,
                   beta);
    }
}
