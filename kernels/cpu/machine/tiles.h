/* Our own matrix product for one core: b is packed into strips of columns, then a is multiplied
 * with it, tile by tile. matmul.c does the cutting. */
#ifndef GK_CPU_TILES_H
#define GK_CPU_TILES_H

#include "cpu/cpu.h"

/* DEPTH of a block: a strip of b (DEPTH x strip floats) lives in the first cache beside the rows of
 * a. FEW columns or less are cheaper as dot products than in a vector of their own. */
enum { CPU_DEPTH = 256, CPU_FEW = 4, CPU_LANES = 16 };

/* Where b is: step k of strip s at b + s strip + k step. */
typedef struct cpu_strips {
    const gk_real *b;
    size_t strip, step;
} cpu_strips;

typedef struct cpu_tiles {
    int vector; /* floats */
    int strip;  /* columns; packed b is padded with zeros to whole strips */
    /* Strip s of op(b) (k,n) is (k, strip) at s k strip. */
    void (*pack)(gk_real *packed, const gk_real *b, int k, int n, int tb, int ldb);
    /* c = op(a) b + beta c, one chain over p->k steps; b is packed, its strips `stride` apart. p->b
     * is not used. Fast where p->k <= CPU_DEPTH. */
    void (*multiply)(const cpu_product *p, const gk_real *packed, size_t stride);
    /* The same with b in any strips, of which all columns are read; then c = 0 where gate <= 0. The
     * gate (NULL: none) has c's leading dimension and may be c. */
    void (*multiply_strips)(const cpu_product *p, cpu_strips b, const gk_real *gate);
    /* c += a b^T with n <= CPU_FEW; a (m,k) and b (n,k) as they lie */
    void (*multiply_few)(const cpu_product *p);
    /* to (cols, rows) from (rows, cols) */
    void (*transpose)(gk_real *to, size_t ldt, const gk_real *from, size_t ldf, int rows, int cols);
} cpu_tiles;

const cpu_tiles *cpu_tiles_of(gk_backend *be);

#endif
