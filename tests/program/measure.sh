#!/usr/bin/env bash
# grokc measure, and what a run leaves of its measures: RUN and FILE, with and without a split, key
# sets, arrays, refusals; final.jsonl, projections.bin and measures/ on a rerun and after kill -9.
source "$(dirname "$0")/../lib/program.sh"

cat >small.yaml <<'YAML'
task:  {op: multiply, p: 23, train_fraction: 0.8}
model: {d_model: 24, heads: 2, d_head: 8, d_mlp: 48}
optim: {lr: 1e-2, weight_decay: 2}
run:   {epochs: 400, measure_every: 25, checkpoint_at: "every:150", arrays_at: "every:150"}
YAML
n=22 K=11                                       # elements of the group, frequencies

# value NAME LINE FILE: of a line of rows
value() { sed -n "$2{s/.*\"$1\": \(\"[^\"]*\"\|\[[^]]*\]\|[^,}]*\).*/\1/p}" "$3"; }
number() { [[ $1 =~ ^-?[0-9] ]]; }
# alike X Y [LIMIT]: positive numbers, relative
alike() {
    awk -v x="$1" -v y="$2" -v off="${3:-1e-9}" \
        'BEGIN { exit !(y > 0 && x > y * (1 - off) && x < y * (1 + off)) }'
}
names() { grep -oE '"[a-zA-Z_0-9.]+": ' <<<"$1" | tr -d '\n'; }
# is_epochs "0 150 400" FILE
is_epochs() {
    local epochs
    epochs=$(sed 's/.*"epoch": \([0-9]*\).*/\1/' "$2" | xargs)
    check "epochs of $2: $1" test "$epochs" = "$1"
}

expect 0 train small.yaml --out run
complete run
is_epochs '0 150 300 400' run/final.jsonl
keys=$(value key_freqs '$' run/final.jsonl)
check "the run has key frequencies: $keys" grep -qE '^\[[0-9]+(, [0-9]+)?\]$' <<<"$keys"
check 'summary.json has them too' grep -qF "\"key_freqs\": $keys" run/summary.json
list=$keys keys=${keys//[][ ]/}
for name in restricted_all excluded_train excluded_fitted control_operation control_random \
    logit_fve const8_all ablate8_max projected_all null_all restricted_tl head_zero_max \
    skip_mean_all; do
    check "final.jsonl: $name is a number" number "$(value $name '$' run/final.jsonl)"
done

# ---- a run again
expect 0 measure run
quiet err
check 'measure prints final.jsonl' cmp out run/final.jsonl
expect 0 measure run --every 300
is_epochs '0 300 400' out
expect 0 measure run --every=1000 --key-freqs "$keys"
is_epochs '0 400' out
check 'with the same key set by hand' diff out <(sed -n '1p;$p' run/final.jsonl)
expect 0 measure run --every 1000 --key-freqs 9,3,11
check 'another key set: another restricted loss' \
    test "$(value restricted_all '$' out)" != "$(value restricted_all '$' run/final.jsonl)"
check 'but the same rule' test "$(value key_freqs '$' out)" = "$list"
for wrong in 0 12 -1 1,1 '1,' ,1 '1 2' a 1.5; do
    refused 2 "key frequencies \"$wrong\": " measure run --key-freqs "$wrong"
done
for wrong in 0 -5 x 1.5; do
    refused 2 "^grokc: --every \"$wrong\": " measure run --every "$wrong"
done
refused 2 'measure what' measure
refused 2 'unknown option "--fresh"' measure run --fresh

# ---- arrays
expect 0 measure run --every 1000 --out arrays.safetensors
check 'measures/ has the same arrays' cmp arrays.safetensors run/measures/00000400.safetensors
check 'arrays at their epochs' test "$(echo run/measures/*)" = \
    "$(printf 'run/measures/%08d.safetensors ' 0 150 300 400 | sed 's/ $//')"
for name in w_e_fourier_norms w_l_fourier_norms logits_fourier2d_norms w_attn_fourier \
    attention_eq neuron_frequency neuron_fve cosine_coefficients cosine_similarity \
    excluded_by_frequency key_freqs ablate8_loss readout_fve; do
    check "arrays: $name" grep -qaF "\"$name\"" arrays.safetensors
done
expect 1 measure run --every 1000 --out nowhere/x.safetensors
says '^grokc: .*nowhere'

# ---- a file: its sizes are its own, the task is said
file=run/checkpoints/00000400.safetensors
expect 0 measure $file --set task.op=multiply
for name in train_loss train_acc train_loss_p test_loss_commuted restricted_train excluded_train \
    excluded_max control_operation softmax_saturation logit_gradient_sum; do
    check "without a split: $name" test "$(value $name 1 out)" = null
done
for name in all_loss_p restricted_all logit_fve const8_all projected_all head_zero_max gini_w_l \
    squared_l2_norm; do
    check "without a split: $name" \
        alike "$(value $name 1 out)" "$(value $name '$' run/final.jsonl)"
done
expect 0 measure $file --set task.op=multiply --set task.split=philox:0 \
    --set task.train_fraction=0.8
check 'with its split: as in the run' \
    diff out <(sed -n '${s/"epoch": 400/"epoch": 0/;p}' run/final.jsonl)
expect 0 measure $file --set task.op=add
check 'as another task' \
    test "$(value all_loss_p 1 out)" != "$(value all_loss_p '$' run/final.jsonl)"

# ---- what is no model
echo 'hello' >text
head -c 3000 $file >cut.safetensors
sed 's/0.0.attn.W_K/0.0.attn.W_k/' <$file >foreign.safetensors
mkdir empty
cp -r run bare && rm bare/checkpoints/*
refused 1 'cannot open nowhere' measure nowhere
refused 1 '^grokc: text is not a safetensors file' measure text
refused 1 '^grokc: cut.safetensors is damaged' measure cut.safetensors
refused 1 '^grokc: arrays.safetensors: no tensor embed.W_E' measure arrays.safetensors
refused 2 'cannot open empty/config.yaml' measure empty
refused 1 'bare has no checkpoints' measure bare
refused 2 'task.op' measure $file --set task.op=nonsense
refused 2 'task.p = 29' measure $file --set task.p=29
refused 1 '^grokc: run.*shape' measure $file --set model.d_model=25

# ---- the bytes of a run: rows, records, a rerun, kill -9
rows=$(wc -l <run/metrics.jsonl)
check 'a row every 25 epochs' test "$rows" = 17
check 'projections.bin' \
    test "$(stat -c %s run/projections.bin)" = $((rows * (2 * K + 1) * n * 4))
# flat FILE: every line is one object, of whose parts key_freqs and clusters alone are lists, and they have the same names
flat() {
    local file=$1 first line
    first=$(names "$(head -n 1 "$file")")
    while read -r line; do
        line=$(sed -E 's/("key_freqs": )\[[0-9, ]+\]/\1null/; s/("clusters": )\[(\[[0-9]+, [0-9]+\](, )?)+\]/\1null/' <<<"$line")
        [[ $line =~ ^\{[^][{}]*\}$ && $(names "$line") = "$first" ]] || return 1
    done <"$file"
}
check 'metrics.jsonl is flat, with the same names in each line' flat run/metrics.jsonl
check 'final.jsonl too' flat run/final.jsonl
if python3 -c 'import json' 2>/dev/null; then
    check 'and JSON of numbers, lists and null' python3 -c '
import json, sys
for name in sys.argv[1:]:
    for line in open(name):
        row = json.loads(line, parse_constant=sys.exit)
        lists = row.pop("key_freqs") or [], row.pop("clusters") or []
        assert all(type(k) is int for k in lists[0] + sum(lists[1], [])), line
        assert all(v is None or type(v) in (int, float) for v in row.values()), line' \
        run/metrics.jsonl run/final.jsonl
fi
check 'the key set is used online' number "$(value restricted_all_online '$' run/metrics.jsonl)"
check 'but not at first' test "$(value restricted_all_online 1 run/metrics.jsonl)" = null
for name in restricted_all_online excluded_train_online; do
    check "online and final agree: $name" test \
        "$(value $name '$' run/metrics.jsonl)" = "$(value ${name%_online} '$' run/final.jsonl)"
done
expect 0 train small.yaml --out again
same 'a rerun' run again
"$grokc" train small.yaml --out killed >out 2>err </dev/null &
if wait_for killed/metrics.jsonl '"epoch": 100,'; then
    kill -9 $!
    wait $! 2>/dev/null
    check 'it was killed' test ! -e killed/final.jsonl
    expect 0 train small.yaml --out killed
    same 'killed and gone on with' run killed
fi

# ---- tasks without characters, without a torus, without an MLP
tiny=(--set run.epochs=4 --set run.measure_every=2 --set model.d_mlp=8 --set run.arrays_at=every:2)
expect 0 train small.yaml "${tiny[@]}" --set task.p=6 --out composite
check 'no characters: no final.jsonl' test ! -e composite/final.jsonl
check 'losses all the same' number "$(value test_loss '$' composite/metrics.jsonl)"
check 'and nothing else' test "$(value all_loss_p '$' composite/metrics.jsonl)" = null
expect 0 measure composite
is_epochs '0 4' out
for options in 'op=x2_y2 p=11' 'op=divide_or_subtract p=9' 'op=add p=2' 'op=add p=3' \
    'op=random p=9' 'op=divide p=7'; do
    dir=${options// /-}
    # shellcheck disable=SC2046
    expect 0 train small.yaml "${tiny[@]}" $(printf ' --set task.%s' $options) --out "$dir"
    check "$dir: flat" flat "$dir/metrics.jsonl"
    expect 0 measure "$dir"
    [[ ! -e $dir/final.jsonl ]] ||
        check "$dir: measure prints final.jsonl" cmp out "$dir/final.jsonl"
done
expect 0 train small.yaml "${tiny[@]}" --set model.d_mlp=0 --out attention
expect 0 measure attention --key-freqs 1,11
check 'attention only: restricted loss' number "$(value restricted_all 1 out)"
check 'no neurons' test "$(value neurons_85 1 out)" = null

# ---- the published layouts, the same numbers
oracle=${GROKC_ORACLE:-$source_dir/../shared/oracle}/seed0/ckpt_20000.safetensors
if [[ -e $oracle ]]; then
    expect 0 measure "$oracle" --key-freqs 14,35,42,52
    cp out theirs
    check 'restricted loss' alike "$(value restricted_all 1 theirs)" 4.344e-8 1e-3
    check 'logit FVE' alike "$(value logit_fve 1 theirs)" 0.9793 1e-3
    check 'sum of squares' alike "$(value squared_l2_norm 1 theirs)" 919.43 1e-3
    check 'its own key set' test "$(value key_freqs 1 theirs)" = '[14, 35, 42, 52]'
    expect 0 train "$source_dir/configs/paper.yaml" --set run.epochs=0 \
        --set "model.init=file:$oracle" --out converted
    expect 0 measure converted/checkpoints/00000000.safetensors --key-freqs 14,35,42,52
    check "the authors' layout and TransformerLens's" diff theirs out
else
    skip "the published layouts: no $oracle (set GROKC_ORACLE)"
fi
end
