#!/usr/bin/env bash
# grokc measure FILE on weights without metadata: their tensors say what model they are of. Where they do not, the message
# names the --set that is missing.
source "$(dirname "$0")/../lib/program.sh"

python3 -c 'import json' 2>/dev/null || { skip 'no python3 to take metadata off'; end; }

# strip IN OUT: the same tensors without __metadata__, as other programs write them
strip() {
    python3 - "$1" "$2" <<'PYTHON'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n, = struct.unpack("<Q", data[:8])
header = json.loads(data[8:8 + n])
del header["__metadata__"]
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + data[8 + n:])
PYTHON
}

cat >small.yaml <<'YAML'
task:  {p: 7}
model: {d_model: 6, heads: 2, d_head: 3, d_mlp: 9}
run:   {epochs: 3, measure_every: 3, checkpoint_at: none}
YAML
split=(--set task.split=philox:5 --set task.train_fraction=0.6)

# train NAME [KEY=VALUE]...: a run, its last row of measures, and its final weights as NAME.safetensors
train() {
    local name=$1
    shift
    expect 0 train small.yaml "${split[@]}" "${@/#/--set=}" --out "$name"
    expect 0 measure "$name"
    sed -n '$s/"epoch": 3/"epoch": 0/p' out >"$name.row"
    strip "$name/checkpoints/00000003.safetensors" "$name.safetensors"
}
# measures NAME [KEY=VALUE]...: told no more than this and the split, a file has the numbers of its run
measures() {
    local name=$1
    shift
    expect 0 measure "$name.safetensors" "${split[@]}" "${@/#/--set=}"
    quiet err
    check "$name: a row" grep -q '"test_loss": [0-9]' out
    check "$name: as the run" diff "$name.row" out
}

# ---- what the tensors tell
train plain
measures plain
train layers model.layers=2 model.outputs=8
measures layers
train no_biases model.biases=off
measures no_biases model.biases=off # a transformer's file has zeros for them
train attention_biases model.attention_biases=on
measures attention_biases
train unembed_bias model.unembed_bias=on model.layers=2
measures unembed_bias
check 'no training set: nothing diverged' test -z "$("$grokc" measure unembed_bias.safetensors | grep diverged)"
train attention model.d_mlp=0
measures attention
train power task.sequence=aopb= task.end_token=on model.positions=sinusoidal model.final_norm=on
measures power
train operation task.sequence=aopb= model.outputs=8
measures operation
train ended task.end_token=on
measures ended
train sum model.kind=mlp task.sequence=ab
measures sum
train sum_equals model.kind=mlp model.biases=off
measures sum_equals
train onehot model.kind=mlp model.input=onehot task.sequence=ab
measures onehot
train onehot_operation model.kind=mlp model.input=onehot task.sequence=aopb=
measures onehot_operation

# ---- what they do not
for norm in pre post; do
    train $norm model.norm=$norm
    refused 2 "^grokc: $norm.safetensors has layer norms.*--set model.norm=pre .*--set model.norm=post" \
        measure $norm.safetensors
    measures $norm model.norm=$norm
done
expect 0 measure pre.safetensors "${split[@]}" --set model.norm=post
check 'it matters which' test "$(<out)" != "$(<pre.row)"
parity=(task.name=parity task.bits=5 task.support=2 task.examples=20 task.test_examples=10)
train signs model.kind=mlp model.input=signs loss.name=mse optim.batch=4 "${parity[@]}"
refused 2 '^grokc: signs.safetensors does not look like.*--set task.name' measure signs.safetensors
measures signs model.input=signs loss.name=mse optim.batch=4 "${parity[@]}"
train induction task.name=repeats task.length=12 task.repeats=2 task.repeat_length=2 \
    task.vocabulary=9 optim.batch=4
refused 2 '^grokc: induction.safetensors does not look like.*--set task.name' measure induction.safetensors
end
