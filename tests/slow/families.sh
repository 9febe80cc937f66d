#!/usr/bin/env bash
# The published figures of the experiments around the paper, from the configs. Hours; GROKC_RUNS=FOLDER
# keeps the runs there and goes on with them. GROKC_FAMILIES="parity mlp" runs these alone.
# Where our numbers are known to differ from the published ones the limit is ours, and the comment says so.
: "${TMPDIR:=/tmp}"
export TMPDIR
[[ -z ${GROKC_RUNS:-} ]] || GROKC_RUNS=$(realpath -m "$GROKC_RUNS")
source "$(dirname "$0")/../lib/program.sh"
runs=${GROKC_RUNS:-$scratch}
families=${GROKC_FAMILIES:-parity mlp trigrams induction digits divide cube s5}

if [[ $("$grokc" --version) != *f32* ]]; then
    skip 'published figures: this program computes in double with the ref backend, for days'
    exit 0
fi
wanted() { [[ " $families " == *" $1 "* ]]; }

# train NAME CONFIG OPTION...
train() {
    local start=$SECONDS
    expect 0 train "$source_dir/configs/$2" "${@:3}" --set run.checkpoint_at=none \
        --set run.keep_checkpoints=none --out "$runs/$1"
    echo "$1: $((SECONDS - start)) s"
}
# first NAME COLUMN CONDITION: the first epoch where awk's condition on x holds; none: -1
first() {
    paste <(column epoch "$runs/$1") <(column "$2" "$runs/$1") |
        awk '$2 != "null" { x = $2; if ('"$3"') { print $1; found = 1; exit } } END { if (!found) print -1 }'
}
# between WHAT LOW X HIGH
between() {
    echo "$1: $3 (from $2 to $4)"
    check "$1 is $3, not between $2 and $4" true_of "$2 <= $3 && $3 <= $4"
}

# passes NAME COLUMN: until it is above .98; a run that never is counts as the slowest
passes() {
    local updates
    updates=$(first "$1" "$2" 'x > 0.98')
    echo $((updates < 0 ? 999999 : updates / 32))
}
# Published, 5 seeds: train accuracy above .98 by pass 25 to 46, test by 108 to 132, 6 to 10 neurons. Seen, 5
# seeds: 29 to 54, 111 to 195, 4 to 38; with PyTorch 24 to 38, 112 to 198: the medians are held to limits.
if wanted parity; then
    train_pass=() test_pass=() neurons=() agree=()
    for seed in 0 1 2 3 4; do
        name=parity$seed
        train $name parity.yaml --set task.split=philox:$seed --set model.init=linear:$seed \
            --set optim.seed=$seed
        train_pass+=("$(passes $name train_acc)")
        test_pass+=("$(passes $name test_acc)")
        neurons+=("$(column subnetwork "$runs/$name" | tail -n 1)")
        agree+=("$(column subnetwork_test "$runs/$name" | tail -n 1)")
    done
    echo "parity: ${train_pass[*]}; ${test_pass[*]}; ${neurons[*]}"
    between 'parity: passes to train accuracy .98' 25 "$(printf '%s\n' "${train_pass[@]}" | median)" 46
    between 'parity: passes to test accuracy .98' 100 "$(printf '%s\n' "${test_pass[@]}" | median)" 150
    between 'parity: neurons at the end' 3 "$(printf '%s\n' "${neurons[@]}" | median)" 10
    between 'parity: their agreement on test' 0.98 "$(printf '%s\n' "${agree[@]}" | median)" 1
fi
if wanted mlp; then
    train mlp mlp_add.yaml
    between 'mlp: test accuracy' 0.99 "$(column test_acc "$runs/mlp" | tail -n 1)" 1
    between 'mlp: frequencies with a cluster of neurons' 5 \
        "$(sed -n 's/.*"clusters": \[\(\[.*\]\)\].*/\1/p' "$runs/mlp/metrics.jsonl" | tail -n 1 | grep -o '\[' | wc -l)" 56
fi
if wanted trigrams; then        # sizes are ours; the published curve falls below 1 at step 237
    train trigrams trigrams.yaml
    between 'trigrams: step of loss 1' 25 "$(first trigrams test_loss 'x < 1')" 3000
fi
if wanted induction; then       # published: step 1077, from other initial weights; seen: 1550
    train induction induction.yaml
    between 'induction: step of loss 1' 500 "$(first induction test_loss 'x < 1')" 2500
fi
if wanted digits; then          # published: near 1500 and 2100; seen: 1600 and 2280
    train digits digits.yaml
    between 'digits: step of loss 1' 750 "$(first digits test_loss 'x < 1')" 3000
    between 'digits: step of loss 0.1' 1000 "$(first digits test_loss 'x < 0.1')" 3000
    for i in 0 1 2 3 4 5; do echo "digits: loss_pos.$i below 0.5 at $(first digits "loss_pos.$i" 'x < 0.5')"; done
fi
if wanted divide; then          # seen: 3400
    train divide power_divide.yaml
    between 'x / y: step of test accuracy .99' 100 "$(first divide test_acc 'x >= 0.99')" 20000
fi
if wanted cube; then
    train cube power_x3_xy2_y.yaml
    between 'x^3 + x y^2 + y: share of right tests at the end' 0 "$(column test_whole "$runs/cube" | tail -n 1)" 0.2
fi
if wanted s5; then              # seen: 6500
    train s5 power_s5.yaml
    between 'S5: step of test accuracy .99' 100 "$(first s5 test_acc 'x >= 0.99')" 20000
fi
end
