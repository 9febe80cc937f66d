/* A model's weights: where they begin, and in files. TransformerLens names and shapes out; any
 * layout of gk/export.h in. The conversion between memory's and the files' shapes happens here and
 * nowhere else. */
#ifndef GK_WEIGHTS_H
#define GK_WEIGHTS_H

#include "gk/model.h"
#include "gk/optimiser.h"
#include "gk/position.h"

/* One run's weights and moments, packed, on their way between device and files. */
typedef struct gk_stage {
    const gk_optimiser_info *optimiser; /* says how many moments there are, and their names */
    gk_real *params;
    gk_real *moment[GK_MOMENTS_MAX]; /* (optimiser->moments); NULL: the optimiser has no such */
} gk_stage;

/* Memory of its own, all zero; close it. */
void gk_stage_open(gk_stage *stage, const gk_shape *shape, const gk_optimiser_info *optimiser);
void gk_stage_close(gk_stage *stage);
void gk_stage_clear_moments(gk_stage *stage, const gk_shape *shape);
/* Both of one shape and one optimiser. */
void gk_stage_copy(gk_stage *to, const gk_stage *from, const gk_shape *shape);

/* Initial weights of one run into a packed blob (init.c): config.model.init. GK_EUSAGE where its
 * text is no source or the source cannot draw this shape; of a file, as gk_checkpoint_load. */
gk_status gk_init(gk_real *packed, const gk_shape *shape, const gk_config *config);

/* Weights only: checkpoints/. __metadata__ says kind ("weights") and epoch. GK_EIO. */
gk_status gk_checkpoint_save(const char *path, const gk_shape *shape, const gk_real *params,
                             int64_t epoch);
/* Weights, and MOMENT.NAME for each moment of the optimiser (exp_avg.embed.W_E):
 * resume.safetensors, *.state.safetensors. __metadata__ says kind ("state"), the optimiser and the
 * position. GK_EIO. */
gk_status gk_state_save(const char *path, const gk_shape *shape, const gk_stage *stage,
                        const gk_position *position);

/* Reading fills packed blobs, or leaves them as they are where anything in the file is not right.
 *
 * Weights in any layout of export.h (told apart by W_O: (H,K,D), (D,H*K)), of a checkpoint, a
 * state or somebody else. Missing biases are zero; a bias of the file that the shape has no room
 * for must be zero; any other missing, misshapen or unknown tensor is GK_EDATA ("mask" and
 * "IGNORE" buffers and a state's moments are skipped). GK_EIO where it cannot be read. */
gk_status gk_checkpoint_load(const char *path, const gk_shape *shape, gk_real *params);
/* A state of the stage's optimiser. Only our own files with checksums: others are GK_EDATA, as is
 * the state of another optimiser, or what gk_checkpoint_load would refuse; GK_EIO. Files of format
 * 1 have adam_m.NAME and adam_v.NAME for the first and the second moment of every optimiser. */
gk_status gk_state_load(const char *path, const gk_shape *shape, gk_stage *stage,
                        gk_position *position);

/* One tensor set named PREFIX + name, from an open file: for tests and init. Tensors without the
 * prefix are ignored; without a prefix, moments are. NaN and infinity are accepted. GK_EDATA as
 * gk_checkpoint_load. */
gk_status gk_tensors_read(const gk_tensors_file *file, const char *path, const char *prefix,
                          const gk_shape *shape, gk_real *packed);

/* What a weights file shows of its model, in any layout, as config assignments
 * ("model.d_model=128"), and of a task on pairs. `given` (n): what else will be assigned. GK_EDATA
 * where it is no model, GK_EUSAGE where something must be given and is not. */
enum { GK_SIZE_SETS = 14 };
typedef struct gk_size_sets {
    char set[GK_SIZE_SETS][64];
    int n;
} gk_size_sets;
gk_status gk_checkpoint_sizes(gk_size_sets *sets, const char *path, const char *const *given,
                              int n);

#endif
