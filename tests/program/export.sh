#!/usr/bin/env bash
# grokc export: from a run, a checkpoint or a state to either layout and back, without a bit changed; what a layout
# cannot express is refused. What the numbers mean to other people's programs is tested in tests/ecosystem.
source "$(dirname "$0")/../lib/program.sh"

cat >small.yaml <<'YAML'
seed: 1
task:  {p: 11, train_fraction: 0.6}
model: {d_model: 12, heads: 2, d_head: 4, d_mlp: 16, outputs: 12}
run:   {epochs: 40, measure_every: 20, checkpoint_at: "every:20", keep_state: "20,30"}
YAML
run=(--set run.epochs=4 --set run.checkpoint_at=every:4 --set run.keep_state=none)
expect 0 train small.yaml --out run
first=run/checkpoints/00000000.safetensors last=run/checkpoints/00000040.safetensors

# weights NAME A B: what grokc measures of two files is the same, whatever their metadata and layout
weights() {
    expect 0 measure "$2" --set task.p=11
    cp out measured
    expect 0 measure "$3" --set task.p=11
    check "$1" diff measured out
}
names() { head -c 6000 "$1" | tr -c '[:alnum:]_."-' '\n' | grep -aoE '^"[a-z_]+\.[A-Za-z0-9_.]+"' | sort; }

# ---- there and back
expect 0 export run --layout transformer_lens -o lens.safetensors
quiet out
quiet err
check 'a checkpoint is in this layout already' cmp $last lens.safetensors
expect 0 export run@0 --layout paper -o paper0.safetensors
expect 0 export $first --layout paper --out paper.safetensors
check 'RUN@EPOCH is that file' cmp paper0.safetensors paper.safetensors
weights 'the same measures' $first paper.safetensors
expect 0 export paper.safetensors --layout transformer_lens -o back.safetensors
check 'and back' cmp $first back.safetensors
expect 0 export paper.safetensors --layout paper -o again.safetensors
check 'paper to paper' cmp paper.safetensors again.safetensors
check 'the epoch stays' grep -qa '"epoch": *"0"' paper.safetensors
expect 0 train small.yaml --set model.init=file:paper.safetensors "${run[@]}" --out started
check 'a run from it starts with these weights' \
    diff <(head -n 1 run/metrics.jsonl) <(head -n 1 started/metrics.jsonl)

# ---- the paper's names: no biases of attention, a mask
names paper.safetensors >paper.names
check "the paper's names" diff - paper.names <<'LIST'
"blocks.0.attn.W_K"
"blocks.0.attn.W_O"
"blocks.0.attn.W_Q"
"blocks.0.attn.W_V"
"blocks.0.attn.mask"
"blocks.0.mlp.W_in"
"blocks.0.mlp.W_out"
"blocks.0.mlp.b_in"
"blocks.0.mlp.b_out"
"embed.W_E"
"pos_embed.W_pos"
"unembed.W_U"
LIST

# ---- states: weights alone
expect 0 export run/checkpoints/00000020.state.safetensors --layout transformer_lens -o state.safetensors
check 'the weights of a state' cmp state.safetensors run/checkpoints/00000020.safetensors
expect 0 export run@30 --layout transformer_lens -o state.safetensors
check 'a kept state where there is no checkpoint' grep -qa '"epoch": *"30"' state.safetensors
check 'no moments' test -z "$(grep -ao adam_ state.safetensors)"
expect 0 export run/resume.safetensors --layout paper -o resume.safetensors

# ---- other models
expect 0 train small.yaml "${run[@]}" --set model.biases=off --out unbiased
expect 0 export unbiased --layout paper -o unbiased.safetensors
check 'no biases: zeros' diff paper.names <(names unbiased.safetensors)
weights 'no biases: the same measures' unbiased/checkpoints/00000004.safetensors unbiased.safetensors
expect 0 train small.yaml "${run[@]}" --set model.layers=2 --out two
expect 0 export two --layout paper -o two.safetensors
expect 0 export two.safetensors --layout transformer_lens -o back.safetensors
check 'two layers and back' cmp two/checkpoints/00000004.safetensors back.safetensors
expect 0 train small.yaml "${run[@]}" --set model.attention_biases=on --set model.unembed_bias=on --out biased
expect 0 export biased --layout transformer_lens -o biased.safetensors
check 'trained biases' cmp biased/checkpoints/00000004.safetensors biased.safetensors
expect 0 train small.yaml "${run[@]}" --set model.d_mlp=0 --out attention
expect 0 export attention --layout transformer_lens -o attention.safetensors
check 'attention alone' cmp attention/checkpoints/00000004.safetensors attention.safetensors

# ---- refused, with the reason; nothing is written
no() {
    local code=$1 pattern=$2
    shift 2
    refused "$code" "$pattern" export "$@" -o not.safetensors
    check "$*: nothing is written" test ! -e not.safetensors
}
no 1 'attention/.*cannot be exported so: .* an MLP in every block' attention --layout paper
expect 0 train small.yaml "${run[@]}" --set model.outputs=11 --out fewer
no 1 'as many outputs as tokens, and this model 12 tokens and 11 outputs .model.outputs' fewer --layout paper
no 1 'no biases of attention and unembedding, and here some are not zero' biased --layout paper
for norm in pre post; do
    expect 0 train small.yaml "${run[@]}" --set model.norm=$norm --out $norm
    no 1 'has no layer norms' $norm --layout paper
    no 1 "TransformerLens" $norm --layout transformer_lens
done
expect 0 train small.yaml "${run[@]}" --set model.norm=pre --set model.final_norm=on --out final
expect 0 export final --layout transformer_lens -o final.safetensors
check 'layer norms before all' cmp final/checkpoints/00000004.safetensors final.safetensors
if "$grokc" train small.yaml "${run[@]}" --set model.norm=post --set model.final_norm=on --out both >/dev/null 2>&1; then
    no 1 'model.norm: post' both --layout transformer_lens
    cd both/checkpoints || exit 1
    no 1 'model.norm: post' 00000004.safetensors --layout transformer_lens
    cd ../.. || exit 1
fi
if "$grokc" train small.yaml "${run[@]}" --set model.kind=mlp --set model.d_mlp=16 --out mlp >/dev/null 2>mlp.err; then
    for layout in paper transformer_lens; do no 1 'no network without attention' mlp --layout $layout; done
else
    skip "a network without attention: $(tail -n 1 mlp.err)"
fi
no 1 'run has no checkpoint of epoch 7; see run/checkpoints' run@7 --layout paper
no 2 '"run@x": no such file, and no RUN@EPOCH' run@x --layout paper
no 1 'cannot open nowhere' nowhere --layout paper
no 1 'only a transformer can be exported' run/measures/00000040.safetensors --layout paper
no 2 '"papers": expects transformer_lens or paper; did you mean "paper"' run --layout papers
no 1 'small.yaml is cut short or not a safetensors file' small.yaml --layout paper
sed 's/blocks.0.attn.W_K/blocks.0.attn.W_k/' <"$first" >foreign.safetensors
no 1 'foreign.safetensors' foreign.safetensors --layout paper
mkdir empty
no 1 'empty' empty --layout paper
refused 2 'where to. -o FILE' export run --layout paper
refused 2 'for whom' export run -o not.safetensors
refused 2 'export what' export
expect 1 export run --layout paper -o nowhere/x.safetensors
says '^grokc: .*nowhere'

# ---- a published file
oracle=${GROKC_ORACLE:-$source_dir/../shared/oracle}/seed0
if [[ -e $oracle/ckpt_20000.safetensors ]]; then
    expect 0 export "$oracle/ckpt_20000.safetensors" --layout transformer_lens -o lens.safetensors
    expect 0 export lens.safetensors --layout paper -o paper.safetensors
    # the file of the authors is in the order of their modules; the numbers are compared as measures
    expect 0 measure "$oracle/ckpt_20000.safetensors" --key-freqs 14,35,42,52
    cp out theirs
    for file in lens paper; do
        expect 0 measure $file.safetensors --key-freqs 14,35,42,52
        check "the authors' weights through $file" diff theirs out
    done
    expect 0 export "$oracle/params_after_10_f64.safetensors" --layout transformer_lens -o f64.safetensors
    check 'the type stays' grep -qa '"F64"' f64.safetensors
else
    skip "published weights: no $oracle/ckpt_20000.safetensors (set GROKC_ORACLE)"
fi
end
