/* The instrument: one forward pass over every input of R runs, kept on the device, and what the
 * measures ask of it.
 *
 * Kept per run: the residual stream before and after the last MLP at the scored position, (inputs,
 * D) each. From them any block of logits or neurons is one product away, so that nothing of size
 * inputs x outputs is ever stored. Everything that only depends on an input through its element
 * f(a,b) is summed by element: C_k^T L and S_k^T L are small products of the characters with those
 * sums. */
#ifndef GK_LENS_H
#define GK_LENS_H

#include "gk/analysis.h"
#include "gk/plan.h"

typedef struct gk_lens {
    const gk_analysis *analysis; /* (R); of the same sizes */
    gk_shape shape;
    int R, rows; /* rows: of a block */
    int inputs, n, K, P, train_rows;

    gk_real *mid, *out;       /* (R,inputs,D): before and after the last MLP */
    gk_real *attention;       /* (R,H*T): column sums of the last block's attention */
    int32_t *value, *control; /* (R,inputs): elements */
    int32_t *label;           /* (R,inputs): elements; 0 where group says none */
    uint8_t *group; /* (R,inputs): enum gk_rows, GK_NO_GROUP: label outside of the group */
    int32_t *train_row, *train_label, *train_value, *train_control; /* (R,train_rows) */
    int32_t *train_class; /* (R,train_rows): labels as classes */
    uint8_t *train_group; /* (R,train_rows): 0, or GK_NO_GROUP */

    /* one run at a time */
    gk_real *unembed;          /* (D,n): W_U's columns by element */
    gk_real *logits, *work;    /* (rows,n); work: (rows,C) too */
    gk_real *train_x;          /* (rows,D) */
    gk_real *hidden;           /* (rows,F) */
    gk_real *head;             /* (rows,max(H*K,D)) */
    gk_real *square_matrix;    /* (D,D) */
    gk_real *terms;            /* (rows, at most terms_max): characters or products at the rows */
    gk_real *basis, *coef;     /* (n,terms_max), (terms_max, max(n,F)) */
    gk_real *zeros;            /* (max(D,terms_max)) */
    gk_real *label_sum;        /* (n+1,n): sums of logits by element; last row: over all inputs */
    gk_real *plane, *spectrum; /* (inputs,cols), (P,P/2+1,cols,2) */
    double *terms_power;       /* (cols,P/2+1) */
    double *row_loss;          /* (rows) */
    uint8_t *row_hit;
    double *sum;    /* (variants, GK_ROW_GROUPS, 2) */
    double *square; /* (max(rows, terms_max)) */
    int terms_max, cols, variants;
} gk_lens;

/* One run's small arrays on the host, in double: what measures are functions of. */
typedef struct gk_snapshot {
    gk_lens *lens;
    gk_backend *be;
    const gk_analysis *analysis;
    const gk_shape *shape;
    const gk_model *model;
    gk_plan *plan; /* for what needs another forward pass */
    int slot;
    double sums[GK_ROW_GROUPS][2];   /* loss, hits: all outputs, all examples */
    double loss_max, eps;            /* of its slot */
    gk_real *params, *m, *v;         /* packed */
    double *basis;                   /* (n,2K): gk_characters */
    double *count, *count_train;     /* (n): inputs by element */
    double *pairs;                   /* (GK_ROW_GROUPS,n,n): inputs by element and label */
    double *label_sum;               /* (n+1,n) */
    double *label_sum_train;         /* (n,n) */
    double *label_sum_control;       /* (n,n) by the control's elements; NaN where there is none */
    double sums_p[GK_ROW_GROUPS][2]; /* over the group's outputs and inputs */
    double norm2;                    /* sum of squares of the logits */
    double *w_l;                     /* (F,n); W_U's rows (D,n) for a model without MLP */
    double *w_l_hat, *w_e_hat;       /* (2K, F or D), (2K, D): orthonormal DFT: cos, sin, cos ... */
    double *w_l_norm, *w_e_norm;     /* (K) */
    double w_l_square, w_l_const;    /* sums of squares: all of W_L, its constant */
    int w_l_rows;
    int *neuron_k;                 /* (F): its frequency */
    double *neuron_fve;            /* (F) */
    double *attention_eq;          /* (H): mean attention to the last token */
    int *key, keys;                /* the key set in force: k ascending; 0: none */
    int *raw, raws;                /* the quarter rule's set of these weights */
    double *excluded_k;            /* (K): train loss without one frequency; filled by excluded.c */
    double *ablate8_k;             /* (keys) by polynomials.c */
    double *readout;               /* (2 keys) by neurons.c */
    double *head_zero, *head_mean; /* (H) by ablations.c */
} gk_snapshot;

/* Counting or real; the analyses (R) must outlive the lens. */
void gk_lens_layout(gk_lens *lens, const gk_shape *shape, const gk_analysis *analysis, int R,
                    int rows, gk_arena *device);
void gk_lens_put(gk_lens *lens, int slot, gk_backend *be);

/* One forward over grid and rest of all runs: their losses (gk_set sums), and what the lens
 * keeps. */
void gk_lens_forward(gk_lens *lens, gk_plan *plan);

void gk_snapshot_open(gk_snapshot *s, gk_lens *lens); /* host memory for one run at a time */
void gk_snapshot_close(gk_snapshot *s);
/* After gk_lens_forward: everything up to `raw`. The caller then sets key, keys. */
void gk_snapshot_take(gk_snapshot *s, gk_plan *plan, int slot);

/* The packed weight whose name ends so, e.g. "mlp.W_out", of a layer; NULL: the model has none. */
const gk_real *gk_snapshot_tensor(const gk_snapshot *s, const char *name, int layer);

/* A change of the logits: minus sum over j of basis[:, column[j]](f(row)) coef[j][:]. coef (m,
 * n). */
typedef struct gk_variant {
    int m;
    const int *column; /* of gk_characters */
    double *coef;
    bool control; /* rows by the control's element instead of f */
    double loss;  /* result: mean over the training rows of the group */
} gk_variant;
/* lens->logits (rows,n) of `rows` training examples from `first` on. */
void gk_lens_train_logits(gk_snapshot *s, int first, int rows);
void gk_lens_train_losses(gk_snapshot *s, gk_variant *variant, int variants);

/* lens_rows.c: blocks of all inputs, from what the lens keeps. Rows `first` .. first + rows - 1,
 * rows <= lens->rows. */
void gk_lens_logits(gk_snapshot *s, int first, int rows); /* lens->logits (rows,n) */
void gk_lens_hidden(gk_snapshot *s, int first,
                    int rows); /* lens->hidden (rows,F): MLP activations */
/* lens->terms (rows,m): orthonormal over the torus, the constant, then for each frequency the
 * products of {1, cos, sin} (k u) and {1, cos, sin}(k v) without 1 x 1: 8 of them (3 for k = P/2).
 * begin[i]: where frequency i's start, begin[keys] = m. Returns m, 0 where there is no torus or
 * they are too many. */
int gk_lens_terms(gk_snapshot *s, const int *k, int keys, int *begin, int first, int rows);
/* Loss of lens->work against the labels, added to result `index` (reset where first is 0). */
void gk_lens_add_loss(gk_snapshot *s, int index, int first, int rows);
void gk_lens_mean_loss(gk_snapshot *s, int index, double *all,
                       double *test); /* either may be NULL */
/* norms (P,P): of the logits' 2-D transform over the outputs, in the real basis const, cos 1, sin
 * 1, ... of both coordinates; the only thing that streams over outputs. */
void gk_lens_logit_spectrum(gk_snapshot *s, double *norms);
/* A host array of doubles as gk_real on the device, and back. */
void gk_upload_reals(gk_backend *be, gk_real *to, const double *from, size_t n);
void gk_download_reals(gk_backend *be, double *to, const gk_real *from, size_t n);

/* coef (m, cols) = least-squares coefficients of rows on the columns of the basis: rows of element
 * s occur count[s] times and add up to sum[s][:cols]. */
void gk_fit(double *coef, const double *basis, int width, const int *column, int m,
            const double *count, const double *sum, int n, int cols);
/* The same from coef = basis^T sum. */
void gk_fit_solve(double *coef, const double *basis, int width, const int *column, int m,
                  const double *count, int n, int cols);

/* The columns of the characters of the frequencies k (both, or the cosine alone for k = n/2);
 * returns how many. */
int gk_character_columns(int *column, const int *k, int keys, int n);

/* v_k = <D_k, L>; norm2: the square of the norm that D_k is divided by (measures/cosines.c). */
double gk_cosine_coefficient(const gk_snapshot *s, int k, double *norm2);

/* Mean of -log softmax over rows that are a function of the element: table (n,n), pairs (n,n) by
 * element and label. */
double gk_table_loss(const double *table, const double *pairs, int n);

#endif
