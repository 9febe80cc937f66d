#!/usr/bin/env bash
# python/ with the system's numpy and nothing else: runs, sweeps and checkpoints as grokc.py reads them, a forward
# pass against the program's numbers, training from Python; other people's pickles. tests/ecosystem has the rest.
source "$(dirname "$0")/../lib/program.sh"

for python in python3 /usr/bin/python3 ''; do
    "$python" -c 'import numpy' 2>/dev/null && break
done
if [[ -z $python ]]; then
    skip 'no python3 with numpy'
    exit 0
fi

cat >small.yaml <<'YAML'
seed: 1
task:  {p: 23, train_fraction: 0.6}
model: {d_model: 32, heads: 2, d_head: 16, d_mlp: 64, outputs: 24}
run:   {epochs: 200, measure_every: 20, checkpoint_at: "every:100", keep_state: "100", arrays_at: "every:200"}
YAML
expect 0 train small.yaml --out run --set model.outputs=0
printf 'import json, sys\nfor line in sys.stdin: print(json.dumps({"length": len(line)}))\n' >plain.py
expect 0 train small.yaml --out hooked --set run.hook="$python plain.py" --set run.epochs=400
check 'a hook in Python that does not flush: its answers' test "$(wc -l <hooked/hook.jsonl)" -ge 4
check 'none is left open' grep -qE 'rows answered: [0-9]+, left out: 0, skipped: [0-9]+, open: 0$' hooked/log.txt
expect 0 branch run@100 --set optim.weight_decay=2 --out branch

# Models of all shapes that the forward pass knows, at a few epochs.
model() {
    local name=$1
    shift
    expect 0 train small.yaml --out "models/$name" --set run.epochs=40 --set run.checkpoint_at=every:20 "${@/#/--set=model.}"
}
model plain
model outputs outputs=23
model gelu activation=gelu
model gelu_erf activation=gelu_erf
model no_biases biases=off
model two_layers layers=2
model attention d_mlp=0 layers=2
if "$grokc" help model.norm >/dev/null 2>&1; then
    model pre norm=pre layers=2
    model pre_final norm=pre final_norm=on
    model post norm=post layers=2
fi

cat >sweep.yaml <<'YAML'
seed:  [0, 1]
task:  {p: 11}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
optim: {weight_decay: [0.5, 1]}
run:   {epochs: 100, measure_every: 20}
YAML
expect 0 sweep sweep.yaml --out sweep
expect 0 gather sweep

check 'grokc.py' "$python" "$source_dir/tests/python/check_grokc.py" "$grokc" "$source_dir/python"

# ---- pickles, and what grokc says of the result
expect 0 export models/plain --layout paper -o paper.safetensors
check 'pth2safetensors.py' "$python" "$source_dir/tests/python/check_pickle.py" "$source_dir/python" paper.safetensors
expect 0 measure models/plain
tail -n 1 out | sed 's/"epoch": [0-9]*/"epoch": 100/' >ours
expect 0 measure authors --set task.split=philox:1
check 'a converted run, measured' diff ours <(tail -n 1 out)
end
