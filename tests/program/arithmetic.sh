#!/usr/bin/env bash
# One arithmetic (docs/arithmetic.md): small runs of every family give the same bytes with every instruction set that
# this CPU has, with 1, 2 and 3 threads, in a batch, stopped under one and gone on with under another; and their weights
# and moments are those of tests/golden/arithmetic.txt, whatever compiler and options this program was built with.
# GROKC_GOLDEN=FILE keeps the sums that were found; GROKC_TEST_EMULATED=yes looks at these alone (tests/aarch64.sh).
source "$(dirname "$0")/../lib/program.sh"
unset GROKC_SIMD
emulated=${GROKC_TEST_EMULATED:-}

if [[ $("$grokc" --version) != *f32* ]]; then
    skip 'this program computes with the ref backend only'
    pass
    end
fi

# ---- families: name and config, all of it. 17 mod 16 = 1: the last column of tables is a dot. Sizes are no multiples of 16.
pair='task: {p: 17, train_fraction: 0.5}, model: {d_model: 20, heads: 3, d_head: 7, d_mlp: 50'
tokens='length: 24, vocabulary: 19, examples: 0, test_examples: 8'
cat >families <<LIST
table          {seed: 1, $pair}}
table_ops      {seed: 1, $pair}, device: {plan: ops}}
table_narrow   {seed: 2, task: {p: 23, sequence: aopb=, label_noise: 0.1}, model: {d_model: 12, heads: 2, d_head: 4, d_mlp: 40, outputs: 70}}
table_f32      {task: {p: 17, train_fraction: 0.5, split: "python:3"}, model: {d_model: 20, heads: 3, d_head: 7, d_mlp: 50, outputs: 20, init: "torch:0"}, loss: {form: f32}}
table_f64      {task: {p: 17, train_fraction: 0.5, split: "torch:4"}, model: {d_model: 20, heads: 3, d_head: 7, d_mlp: 50, init: "torch_tl:0"}, loss: {form: f64}, optim: {decay: l2, decay_to: init}}
mlp            {seed: 5, task: {p: 17, sequence: ab, train_fraction: 0.5}, model: {kind: mlp, input: sum, d_model: 20, d_mlp: 50, activation: gelu}}
power          {task: {p: 17, op: divide, split: "philox:6", sequence: aopb=, end_token: on, train_fraction: 0.5}, model: {layers: 2, d_model: 20, heads: 3, d_head: 7, d_mlp: 50, norm: post, positions: sinusoidal, dropout: 0.1, init: "linear:6"}, optim: {batch: 50}}
group          {seed: 7, task: {name: group, group: S4, train_fraction: 0.5}, model: {d_model: 20, heads: 3, d_head: 7, d_mlp: 50, activation: gelu_erf, norm: pre, final_norm: on, attention_biases: on, unembed_bias: on}}
induction      {seed: 8, task: {name: repeats, $tokens, repeats: 2, repeat_length: 5}, model: {layers: 2, d_model: 20, heads: 3, d_head: 7, d_mlp: 0, residual: doubled}, optim: {batch: 20}}
maximum        {seed: 9, task: {name: maximum, $tokens}, model: {d_model: 20, heads: 3, d_head: 7, d_mlp: 30}, optim: {batch: 300, weight_noise: 0.01}}
digits         {seed: 10, task: {name: digits, digits: 2, examples: 0, test_examples: 20}, model: {d_model: 20, heads: 3, d_head: 7, d_mlp: 30}, optim: {batch: 30}}
parity         {task: {name: parity, split: "philox:11", bits: 20, support: 3, examples: 100, test_examples: 50}, model: {kind: mlp, input: signs, d_mlp: 30, init: "linear:0"}, loss: {name: hinge}, optim: {name: sgd, lr: 0.1, momentum: 0.9, weight_decay: 0.01, batch: 32, leftover: repeat}}
squares        {seed: 12, $pair}, loss: {name: mse}, optim: {name: sgd, lr: 1, weight_decay: 0.001}}
LIST
while read -r name config; do echo "$config" >"$name.yaml"; done <families
rows=(--set run.epochs=12 --set run.measure_every=4 --set run.checkpoint_at=12 --set run.resume_every=9 --set device.backend=cpu)

# run SIMD THREADS NAME DIR [ARGUMENT...]; SIMD best: what grokc chooses
run() {
    local simd=$1 threads=$2 name=$3 dir=$4; shift 4
    [[ $simd == best ]] || export GROKC_SIMD=$simd
    expect 0 train "$name.yaml" "${rows[@]}" --set device.threads="$threads" "$@" --out "$dir"
    unset GROKC_SIMD
}
# equal NAME DIR DIR: everything but where, when and with how many threads
equal() { rm -f "$3/config.yaml"; cp "$2/config.yaml" "$3/" 2>/dev/null; same "$@"; }
# The sum of all tensors of a resume point: weights and moments, not what its header says besides.
weights() {
    local length
    length=$(od -An -t u8 -N 8 "$1/resume.safetensors")
    tail -c +$((9 + length)) "$1/resume.safetensors" | sha256sum | cut -c 1-32
}

# ---- every family: its golden sum; then with other instructions and threads
variants=()
for simd in avx512 avx2 fma neon none; do
    if GROKC_SIMD=$simd "$grokc" train table.yaml "${rows[@]}" --set run.epochs=0 --out probe >/dev/null 2>probe.err; then
        variants+=("$simd")
    else
        check "$simd: refused for want of it" grep -qE 'this CPU has no more than|^grokc: GROKC_SIMD is ' probe.err
    fi
    rm -rf probe
done
check 'instructions that can be asked for' test "${#variants[@]}" -ge 1
echo "instructions: ${variants[*]}"
while read -r name _; do
    run best 1 "$name" "$name"
    state_is "$name" 'done'
    printf '%-14s %s\n' "$name" "$(weights "$name")" >>sums.txt
    [[ -z $emulated ]] || continue
    run best 3 "$name" other
    equal "$name with 3 threads: other bytes" "$name" other
    rm -r other
    for simd in "${variants[@]}"; do
        run "$simd" 2 "$name" other
        equal "$name with $simd and 2 threads: other bytes" "$name" other
        rm -r other
    done
done <families
check 'every family has a sum of its own' test "$(cut -c 15- sums.txt | sort -u | wc -l)" = "$(wc -l <families)"
golden=$source_dir/tests/golden/arithmetic.txt
if grep -v '^#' "$golden" | diff - sums.txt >sums.out; then pass
else fail 'other weights or moments than in tests/golden/arithmetic.txt' sums.out; fi
[[ -z ${GROKC_GOLDEN:-} ]] || cp sums.txt "$GROKC_GOLDEN"
[[ -z $emulated ]] || end

# ---- the law itself (kernels/law), whose measures are ref's: the same weights and moments
while read -r name _; do
    GROKC_DEVICE=law expect 0 train "$name.yaml" "${rows[@]}" --set device.backend=auto --set run.epochs=3 --set run.measure_every=3 --out law
    run best 1 "$name" other --set run.epochs=3 --set run.measure_every=3
    check "$name by kernels/law: other weights or moments" test "$(weights law)" = "$(weights other)"
    rm -r law other
done <families

# ---- stopped under one, gone on with under the next; in a batch
last=${variants[-1]}
for name in table power; do
    run best 1 "$name" other --set run.epochs=4
    run "$last" 2 "$name" other
    equal "$name, 4 epochs of $last's after the best: other bytes" "$name" other
    rm -r other
done
sed 's/^{seed: 1,/{seed: {range: [0, 3]}, /' table.yaml >sweep.yaml
GROKC_SIMD=$last expect 0 sweep sweep.yaml "${rows[@]}" --set device.threads=2 --out batch
check "in a batch of three, $last: other weights" test "$(weights batch/runs/00001)" = "$(weights table)"
check "in a batch of three, $last: other rows" cmp batch/runs/00001/metrics.jsonl table/metrics.jsonl
end
