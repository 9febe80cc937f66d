/* How files differ from memory: the layouts of weights that other people's programs read and write,
 * one file each; layout.c has the list. */
#ifndef GK_WEIGHTS_LAYOUT_H
#define GK_WEIGHTS_LAYOUT_H

#include "gk/model.h"
#include "gk/safetensors.h"

typedef struct gk_file_shape {
    int dims;
    int64_t size[3];
} gk_file_shape;

/* A bias that the programs of a layout look for, where a model of this shape has none: zero. */
typedef struct gk_extra {
    char name[GK_NAME_MAX];
    gk_file_shape shape;
} gk_extra;
enum { GK_EXTRAS_MAX = 6 * GK_LAYERS_MAX + 1 };

typedef struct gk_file_layout {
    const char *name; /* of --layout */
    /* Is the tensor set PREFIX + name of a file in it? It has a blocks.0.attn.W_O. */
    bool (*is)(const gk_entry *w_o);
    gk_file_shape (*shape)(const gk_tensor *t, const gk_shape *s);
    /* Where a file holds memory's element (row, col) of a tensor. */
    size_t (*place)(const gk_tensor *t, const gk_shape *s, size_t row, size_t col);
    /* The axis of a tensor in files that says V (of W_E), K (of W_K), F (of W_in). */
    int v_axis, k_axis, f_axis;
    /* Why it cannot hold a model, as the end of a message; nothing where it can. `config`: of the
     * model's run, NULL where none is known. */
    void (*refuse)(gk_text *reason, const gk_shape *s, const gk_config *config);
    /* Do its programs look for this bias? */
    bool (*wants)(const gk_extra *extra);
    /* What they keep with the weights that is none; NULL: nothing. */
    void (*add_buffers)(gk_tensors_writer *writer, const gk_shape *s);
} gk_file_layout;

/* TransformerLens (Nanda & Bloom 2022): what grokc itself writes. */
extern const gk_file_layout gk_layout_transformer_lens;
/* The code of "Progress measures for grokking" (Nanda et al. 2023). */
extern const gk_file_layout gk_layout_paper;

/* The layout of a file whose blocks.0.attn.W_O this is; grokc's own where it is none that is known,
 * so that a message can say what is wrong. */
const gk_file_layout *gk_layout_of(const gk_entry *w_o);
/* By the word of --layout: GK_EUSAGE with the words there are. */
gk_status gk_layout_parse(const gk_file_layout **layout, const char *word);

/* The biases that TransformerLens has and a model of this shape has not; returns how many. */
int gk_extras(gk_extra list[GK_EXTRAS_MAX], const gk_shape *s);

/* Is one of them in the file that is not zero? Files have zeros where a model has none. */
bool gk_has_attention_biases(const gk_tensors_file *file, int layers);
bool gk_has_unembed_bias(const gk_tensors_file *file);

/* The constants that some programs keep with the weights: blocks.N.attn.mask,
 * blocks.N.attn.IGNORE. */
bool gk_is_buffer(const char *name, int layers);

#endif
