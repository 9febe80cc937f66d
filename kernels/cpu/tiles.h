/* Our own matrix product for one core: b is packed into strips of columns, then a is multiplied
 * with it, tile by tile. matmul.c does the cutting. */
#ifndef GK_CPU_TILES_H
#define GK_CPU_TILES_H

#include "cpu.h"

/* Depth of a block: a strip of b (DEPTH x strip floats) lives in the first cache beside the rows of
 * a. */
enum { CPU_DEPTH = 256 };

typedef struct cpu_tiles {
    int strip; /* columns; packed b is padded with zeros to whole strips */
    /* Strip s of op(b) (k,n) is (k, strip) at s k strip. */
    void (*pack)(gk_real *packed, const gk_real *b, int k, int n, int tb, int ldb);
    /* c = op(a) b + beta c with p->k <= CPU_DEPTH; b is packed, its strips `stride` apart. p->b is
     * not used. */
    void (*multiply)(const cpu_product *p, const gk_real *packed, size_t stride);
} cpu_tiles;

const cpu_tiles *cpu_tiles_of(gk_backend *be);

#endif
