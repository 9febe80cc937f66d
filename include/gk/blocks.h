/* Blocks of rows, from what the lens keeps, as measures ask for them: s (R) and arrays with a
 * dimension R as in gk/snapshot.h, all of them the device's unless they are double. */
#ifndef GK_BLOCKS_H
#define GK_BLOCKS_H

#include "gk/network.h"
#include "gk/product.h"
#include "gk/snapshot.h"

/* (R,rows,D): what W_U, and what the last MLP (which the model has) reads at the block's inputs. */
gk_matrix gk_block_out(const gk_snapshot *s, gk_row_block b);
gk_matrix gk_block_mid(const gk_snapshot *s, gk_row_block b);

/* (R,D,n): W_U's columns by element. */
gk_matrix gk_unembed(const gk_snapshot *s);
/* x W_U + b_U, columns by element: to (R,rows,n), x (R,rows,D). */
void gk_block_unembed(gk_real *to, const gk_snapshot *s, int R, gk_matrix x, int rows);
/* Logits (R,rows,n) of the block's inputs. */
void gk_block_logits(gk_real *logits, const gk_snapshot *s, int R, gk_row_block b);
/* Activations (R,rows,F) of the last MLP at the block's inputs. */
void gk_block_hidden(gk_real *hidden, const gk_snapshot *s, int R, gk_row_block b);

/* Of a block of training examples: what W_U reads, x (R,rows,D); logits (R,rows,n), with x as a
 * by-product. Examples outside of the group have those of some input. */
void gk_train_x(gk_real *x, const gk_snapshot *s, int R, gk_row_block b);
void gk_train_logits(gk_real *logits, gk_real *x, const gk_snapshot *s, int R, gk_row_block b);

/* Rows x (R,rows,cols) of a block added up by element: sum (R,E,cols), E = n, or n + 1 by
 * GK_BY_TRAIN (rows are training examples; the last sum is of those outside). moments (R,2,cols),
 * double: sums over all rows, and of their squares; NULL: not wanted. The first block resets. */
enum gk_by { GK_BY_VALUE, GK_BY_CONTROL, GK_BY_TRAIN };
void gk_block_sum(gk_real *sum, double *moments, const gk_snapshot *s, int R, const gk_real *x,
                  gk_width cols, enum gk_by by, gk_row_block b);

/* Sums by the torus's four indices times the Fourier modes: hat (R,4,W,cols) from sum
 * (R,4,P,cols). */
void gk_torus_hat(gk_real *hat, const gk_snapshot *s, int R, const gk_real *sum, int cols);

/* norms (R,P,P), host: of the logits' 2-D transform over the outputs, in the real basis const, cos
 * 1, sin 1, ... of both coordinates; the only thing that streams over outputs. And what it takes
 * from the scratch. */
void gk_logit_spectrum(double *norms, const gk_snapshot *s, int R);
void gk_logit_spectrum_layout(gk_lens *lens);

/* ACTIVATIONS, for measures that want more of the network than the lens keeps: another forward pass
 * by the ops plan over a block of `set` (plan->data->grid: the inputs in the order of gk_analysis,
 * `rest`: the examples outside of the group), of every run of the batch. Every array of
 * gk/network.h is there, with that header's shapes, the batch's R and B = b.rows; a tensor that the
 * model does not have is NULL. It is valid until the next call of this or of whatever else goes
 * through the network, and nothing may be written into it. */
const gk_activations *gk_block_activations(const gk_snapshot *s, const gk_set *set, gk_row_block b);
/* The part of one run of such an array, (R of the batch,rows,cells): to (rows,cells), host. */
void gk_activations_read(double *to, const gk_snapshot *s, const gk_real *array, int rows,
                         size_t cells);

/* A host array of doubles as gk_real on the device, and back. */
void gk_upload_reals(gk_backend *be, gk_real *to, const double *from, size_t n);
void gk_download_reals(gk_backend *be, double *to, const gk_real *from, size_t n);

#endif
