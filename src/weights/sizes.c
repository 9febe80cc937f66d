/* What a weights file shows of its model: kind and sizes from its tensors' names and shapes. What
 * it does not show (activation, residual, pre- or post-norm, the task) is the user's to say. */
#include "gk/weights.h"
#include "gk/task.h"
#include "weights/layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    const gk_tensors_file *file;
    const char *path;
    const char *const *given; /* the user's own assignments */
    int n_given;
    gk_size_sets *sets;
} reader;

__attribute__((format(printf, 2, 3))) static void put(reader *r, const char *format, ...)
{
    gk_size_sets *sets = r->sets;
    va_list arguments;

    GK_CHECK(sets->n < GK_SIZE_SETS);
    va_start(arguments, format);
    vsnprintf(sets->set[sets->n++], sizeof sets->set[0], format, arguments);
    va_end(arguments);
}

static bool is_given(const reader *r, const char *key)
{
    size_t length = strlen(key);

    for (int i = 0; i < r->n_given; i++)
        if (!strncmp(r->given[i], key, length) && r->given[i][length] == '=') return true;
    return false;
}

static bool has(const reader *r, const char *name) { return gk_tensors_find(r->file, name); }

/* dims 0: any */
static gk_status shape_of(const gk_entry **entry, const reader *r, const char *name, int dims)
{
    *entry = gk_tensors_find(r->file, name);
    if (!*entry) return gk_fail(GK_EDATA, "%s: no tensor %s", r->path, name);
    if (dims && (*entry)->dims != dims)
        return gk_fail(GK_EDATA, "%s: %s has %d dimensions", r->path, name, (*entry)->dims);
    for (int i = 0; i < (*entry)->dims; i++)
        if ((*entry)->shape[i] < 1 || (*entry)->shape[i] > 1 << 20)
            return gk_fail(GK_EDATA, "%s: %s has a size of %lld", r->path, name,
                           (long long)(*entry)->shape[i]);
    return GK_OK;
}

/* Of a task on pairs: T tokens of V, or V alone, or T V of one-hot inputs (0: not known); C
 * outputs. */
typedef struct sequence {
    int T, V, inputs, C;
} sequence;

/* Is it this form with p operands? */
static bool put_sequence(reader *r, const sequence *s, int form, int end, int p)
{
    static const char *const word[] = {"ab=", "aopb=", "ab"};
    const gk_config_key *key = gk_config_find("task.p");
    int T = gk_sequence_tokens[form] + end, V = p + gk_sequence_symbols[form];

    if (p < (int)key->min || p > (int)key->max || (s->T && s->T != T) || (s->V && s->V != V) ||
        (s->inputs && s->inputs != T * V))
        return false;
    put(r, "task.p=%d", p);
    put(r, "task.sequence=%s", word[form]);
    put(r, "task.end_token=%s", end ? "on" : "off");
    return true;
}

/* A model has as many outputs as there are answers; or else its tokens alone must tell. */
static gk_status read_sequence(reader *r, const sequence *s)
{
    bool attends = s->T > 0; /* an mlp has one answer, and no positions */

    for (int form = 0; form < 3; form++) {
        if (put_sequence(r, s, form, 0, s->C)) return GK_OK;
        if (attends && put_sequence(r, s, form, 1, s->C - 1)) return GK_OK;
    }
    for (int form = 0; attends && form < 3; form++)
        if (put_sequence(r, s, form, 0, s->V - gk_sequence_symbols[form])) return GK_OK;
    if (is_given(r, "task.name") || is_given(r, "task.p")) return GK_OK;
    return gk_fail(
        GK_EUSAGE,
        "%s does not look like a task on pairs, and does not say what else it was trained "
        "on: --set task.name=... and that task's sizes (grokc list tasks)",
        r->path);
}

static gk_status read_norms(reader *r)
{
    put(r, "model.final_norm=%s", has(r, "ln_final.w") ? "on" : "off");
    if (!has(r, "blocks.0.ln1.w") || is_given(r, "model.norm")) return GK_OK;
    return gk_fail(GK_EUSAGE,
                   "%s has layer norms, and does not say where: --set model.norm=pre (before "
                   "attention and MLP) or --set model.norm=post (after them)",
                   r->path);
}

static int count_layers(const reader *r)
{
    char name[64];
    int layers = 0;

    do snprintf(name, sizeof name, "blocks.%d.attn.W_O", layers);
    while (has(r, name) && ++layers);
    return layers;
}

static gk_status read_transformer(reader *r)
{
    const gk_entry *w_e, *w_pos, *w_k, *w_o, *w_u, *w_in;
    int F = 0;

    GK_TRY(shape_of(&w_e, r, "embed.W_E", 2));
    GK_TRY(shape_of(&w_pos, r, "pos_embed.W_pos", 2));
    GK_TRY(shape_of(&w_k, r, "blocks.0.attn.W_K", 3));
    GK_TRY(shape_of(&w_o, r, "blocks.0.attn.W_O", 0));
    GK_TRY(shape_of(&w_u, r, "unembed.W_U", 2));
    const gk_file_layout *layout = gk_layout_of(w_o);
    if (has(r, "blocks.0.mlp.W_in")) {
        GK_TRY(shape_of(&w_in, r, "blocks.0.mlp.W_in", 2));
        F = (int)w_in->shape[layout->f_axis];
    }
    put(r, "model.d_model=%d", (int)w_u->shape[0]);
    put(r, "model.heads=%d", (int)w_k->shape[0]);
    put(r, "model.d_head=%d", (int)w_k->shape[layout->k_axis]);
    put(r, "model.d_mlp=%d", F);
    put(r, "model.outputs=%d", (int)w_u->shape[1]);
    put(r, "model.layers=%d", count_layers(r));
    put(r, "model.biases=%s", has(r, "blocks.0.mlp.b_in") ? "on" : "off");
    if (gk_has_attention_biases(r->file, count_layers(r))) put(r, "model.attention_biases=on");
    if (gk_has_unembed_bias(r->file)) put(r, "model.unembed_bias=on");
    GK_TRY(read_norms(r));
    sequence s = {
        .T = (int)w_pos->shape[0], .V = (int)w_e->shape[layout->v_axis], .C = (int)w_u->shape[1]};
    return read_sequence(r, &s);
}

static gk_status read_mlp(reader *r)
{
    const gk_entry *w_e = NULL, *w_in, *w_u;

    if (has(r, "embed.W_E")) GK_TRY(shape_of(&w_e, r, "embed.W_E", 2));
    GK_TRY(shape_of(&w_in, r, "blocks.0.mlp.W_in", 2));
    GK_TRY(shape_of(&w_u, r, "unembed.W_U", 2));
    put(r, "model.kind=mlp");
    put(r, "model.input=%s", w_e ? "sum" : "onehot");
    if (w_e) put(r, "model.d_model=%d", (int)w_e->shape[1]);
    put(r, "model.d_mlp=%d", (int)w_in->shape[1]);
    put(r, "model.outputs=%d", (int)w_u->shape[1]);
    put(r, "model.biases=%s", has(r, "blocks.0.mlp.b_in") ? "on" : "off");
    sequence s = {.V = w_e ? (int)w_e->shape[0] : 0,
                  .inputs = w_e ? 0 : (int)w_in->shape[0],
                  .C = (int)w_u->shape[1]};
    return read_sequence(r, &s);
}

gk_status gk_checkpoint_sizes(gk_size_sets *sets, const char *path, const char *const *given, int n)
{
    gk_tensors_file file;
    reader r = {&file, path, given, n, sets};

    sets->n = 0;
    GK_TRY(gk_tensors_load(&file, path));
    bool mlp = has(&r, "blocks.0.mlp.W_in") && !has(&r, "blocks.0.attn.W_K") &&
               !has(&r, "pos_embed.W_pos");
    gk_status status = mlp ? read_mlp(&r) : read_transformer(&r);
    gk_tensors_close(&file);
    return status;
}
