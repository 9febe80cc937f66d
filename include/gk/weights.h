/* A model's weights in files: TransformerLens names and shapes out; those or the paper's layout in.
 * The conversion between memory's and the files' shapes happens here and nowhere else. */
#ifndef GK_WEIGHTS_H
#define GK_WEIGHTS_H

#include "gk/model.h"
#include "gk/position.h"

/* Packed blobs of one run on their way between device and files. */
typedef struct gk_stage {
    gk_real *params, *m, *v;
} gk_stage;

/* Initial weights of one run into a packed blob (init.c): config.model.init. GK_EUSAGE where its
 * text is no source or the source cannot draw this shape; of a file, as gk_checkpoint_load. */
gk_status gk_init(gk_real *packed, const gk_shape *shape, const gk_config *config);

/* Weights only: checkpoints/. __metadata__ says kind ("weights") and epoch. */
gk_status gk_checkpoint_save(const char *path, const gk_shape *shape, const gk_real *params,
                             int64_t epoch);
/* Weights and both moments (adam_m.NAME, adam_v.NAME): resume.safetensors, *.state.safetensors.
 * __metadata__ says kind ("state") and the position. */
gk_status gk_state_save(const char *path, const gk_shape *shape, const gk_real *params,
                        const gk_real *m, const gk_real *v, const gk_position *position);

/* Reading fills packed blobs, or leaves them as they are where anything in the file is not right.
 *
 * Weights in either layout (told apart by W_O's rank: (H,K,D) or (D,H*K)), of a checkpoint, a
 * state or somebody else. Missing biases are zero; a bias of the file that the shape has no room
 * for must be zero; any other missing, misshapen or unknown tensor is GK_EDATA ("mask" and
 * "IGNORE" buffers and a state's moments are skipped). */
gk_status gk_checkpoint_load(const char *path, const gk_shape *shape, gk_real *params);
/* Only our own files with checksums. */
gk_status gk_state_load(const char *path, const gk_shape *shape, gk_real *params, gk_real *m,
                        gk_real *v, gk_position *position);

/* One tensor set named PREFIX + name, from an open file: for tests and init. Tensors without the
 * prefix are ignored; without a prefix, moments are. NaN and infinity are accepted. */
gk_status gk_tensors_read(const gk_tensors_file *file, const char *path, const char *prefix,
                          const gk_shape *shape, gk_real *packed);

/* What a weights file shows of its model, in either layout, as config assignments
 * ("model.d_model=128"), and of a task on pairs. `given` (n): what else will be assigned. GK_EDATA
 * where it is no model, GK_EUSAGE where something must be given and is not. */
enum { GK_SIZE_SETS = 12 };
typedef struct gk_size_sets {
    char set[GK_SIZE_SETS][64];
    int n;
} gk_size_sets;
gk_status gk_checkpoint_sizes(gk_size_sets *sets, const char *path, const char *const *given,
                              int n);

#endif
