/* A trial: one op called on made-up arrays in a backend's memory, and what is in them afterwards.
 * For src/verify.c and this folder only.
 *
 * Contents depend on the case, the array, the run and the element's index within the run, not on
 * R or on the layout: a trial with runs 0..2 and a trial with run 1 alone see the same run 1.
 * All that is not an element (guards at both ends, the gaps that leading dimensions leave) and all
 * outputs that the op must overwrite are bytes of 0xff, which are NaN as float and as double. */
#ifndef GK_TRIAL_H
#define GK_TRIAL_H

#include "gk/ops.h"

enum { GK_TRIAL_ARRAYS = 40, GK_TRIAL_SIZES = 10 };

typedef struct gk_trial gk_trial;

typedef struct gk_op_case {
    const char *op, *names; /* names of the sizes, separated by spaces */
    void (*run)(gk_trial *t);
    int size[GK_TRIAL_SIZES];
} gk_op_case;

extern const gk_op_case gk_op_cases[]; /* cases.c; ends with an op of NULL */

/* What each op's arrays are and how it is called: network_ops.c, decoder_ops.c,
 * update_ops.c, spectrum_ops.c, table_ops.c. */
#define OP(name, ...) void gk_trial_##name(gk_trial *t);
#include "gk/ops.def"
#undef OP

/* How elements i = 0 .. n-1 of run r lie in memory. */
typedef struct gk_trial_layout {
    int rows, width, ld; /* row i / width of leading dimension ld; n = rows * width */
    size_t stride;       /* from one run to the next */
    bool shared;         /* one array for all runs */
    const size_t *blob;  /* instead: sizes of tensors (R, size), each aligned to 64; 0 ends */
} gk_trial_layout;

enum gk_compare {
    GK_INPUT,        /* must not change */
    GK_SAME,         /* equal bytes */
    GK_COMPARE_NORM, /* max |x - ref| / max |ref| */
    GK_EACH,         /* max of |x - ref| / max(|ref|, floor) */
    GK_SLOTS,        /* gk_slot: numbers that tick computes as GK_EACH, the rest as GK_SAME */
};

typedef struct gk_trial_array {
    size_t element; /* bytes */
    gk_trial_layout layout;
    enum gk_compare compare;
    double limit, floor;
    bool blank;           /* an output that must be overwritten */
    void *memory;         /* the backend's */
    char *before, *after; /* what it holds */
    size_t bytes;         /* of those three */
} gk_trial_array;

struct gk_trial {
    gk_backend *be;
    const gk_op_case *op_case;
    const int *size;
    uint64_t seed;
    int R, first; /* the runs first .. first + R - 1 */
    bool wide; /* odd runs: numbers of many sizes, whose sums depend on their order in double too */
    int calls, begun;
    double start, seconds; /* of the last call; how long the fastest took */
    const char *problem;
    /* What the gk_fill of the array that is being added may read; NULL: nothing. */
    const void *source;
    int n;
    gk_trial_array array[GK_TRIAL_ARRAYS];
};

/* Writes element i of run `run`; u is uniform in [0, 1), x what gk_trial_add got. */
typedef void gk_fill(const gk_trial *t, void *element, int run, size_t i, double u, double x);
gk_fill gk_fill_real, gk_fill_double; /* uniform in (-x, x) */
gk_fill gk_fill_int, gk_fill_byte;    /* int32_t, uint8_t: 0 .. x - 1 */

gk_trial_layout gk_trial_layout_flat(size_t n); /* contiguous */
/* `pad` unused elements after each row and each run */
gk_trial_layout gk_trial_layout_padded(int rows, int width, int pad);

/* The next array, made, uploaded, returned as the op takes it. fill NULL: to be overwritten. */
void *gk_trial_add(gk_trial *t, gk_trial_array array, gk_fill *fill, double x);

/* The common kinds. beta 0: blank. */
const gk_real *gk_trial_in(gk_trial *t, gk_trial_layout layout, double spread);
gk_real *gk_trial_out(gk_trial *t, gk_trial_layout layout, gk_real beta, double limit);
gk_real *gk_trial_inout(gk_trial *t, gk_trial_layout layout, double spread, double limit);

/* while (gk_trial_again(t)) t->be->op(...); */
bool gk_trial_again(gk_trial *t);

void gk_trial_run(gk_trial *t, const gk_op_case *op_case, gk_backend *be, int first, int R,
                  int calls);
/* One call, of numbers of many sizes. */
void gk_trial_run_wide(gk_trial *t, const gk_op_case *op_case, gk_backend *be, int first, int R);
void gk_trial_close(gk_trial *t);

/* After a run, NULL or what is wrong: guards, gaps, inputs, outputs that were not written. */
const char *gk_trial_check(const gk_trial *t);
/* Has run r of `a` the bits of run q of `b`, the same run? NaN is NaN. */
bool gk_trial_same(const gk_trial *a, int r, const gk_trial *b, int q);
/* How many elements of the outputs have other bits than in another trial of the same runs; `where`
 * says which is the first. */
int64_t gk_trial_differences(const gk_trial *t, const gk_trial *other, char *where, size_t bytes);
/* Error of array i against another trial of the same runs; NaN where only one of the two is. */
double gk_trial_error(const gk_trial *t, const gk_trial *ref, int i);

#endif
