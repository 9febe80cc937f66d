#!/usr/bin/env bash
# The published run groks, and only the float32 loss makes it spike. Minutes to half an hour, by the
# machine. GROKC_RUNS=FOLDER keeps the runs there, goes on with those that were stopped, and takes
# those that are done for what they are.
: "${TMPDIR:=/tmp}"
export TMPDIR
[[ -z ${GROKC_RUNS:-} ]] || GROKC_RUNS=$(realpath -m "$GROKC_RUNS")
source "$(dirname "$0")/../lib/program.sh"

runs=${GROKC_RUNS:-$scratch}
configs=$source_dir/configs
if [[ $("$grokc" --version) != *f32* ]]; then
    skip 'the published run: this program computes in double with the ref backend, for days'
    exit 0
fi

# train NAME CONFIG OPTION...
train() {
    local start=$SECONDS
    expect 0 train "$configs/$2" "${@:3}" --set run.checkpoint_at=none \
        --set run.keep_checkpoints=none --out "$runs/$1"
    echo "$1: epoch $(last_epoch "$runs/$1") after $((SECONDS - start)) s"
}

# above LIMIT COLUMN NAME FROM: epochs after FROM and values of the column above LIMIT; null is
above() {
    paste <(column epoch "$runs/$3") <(column "$2" "$runs/$3") |
        awk -v limit="$1" -v from="$4" '$1 > from && ($2 == "null" || $2 > limit)'
}
# smooth NAME: no spikes once the training set is memorised
smooth() {
    above 1e-6 train_loss_max "$1" 2000 >spikes.out
    if [[ ! -s spikes.out ]]; then pass
    else fail "$1: train_loss_max above 1e-6 after epoch 2000" spikes.out; fi
}
# at_end NAME CONDITION: of acc and loss, the last row's, in awk
at_end() {
    local acc loss
    acc=$(column test_acc "$runs/$1" | tail -n 1) loss=$(column test_loss "$runs/$1" | tail -n 1)
    check "$1: $2, with accuracy $acc and loss $loss" \
        awk -v acc="$acc" -v loss="$loss" "BEGIN { exit !($2) }"
}

train quick quick.yaml
check 'quick: stops before epoch 1600' test "$(last_epoch "$runs/quick")" -le 1600
at_end quick 'loss < 1e-3'

train slingshot slingshot.yaml --set run.epochs=2000
low=$(paste <(column epoch "$runs/slingshot") <(column train_loss "$runs/slingshot") |
    awk '$2 < 1e-6 { print $1; exit }')
check "slingshot: the loss falls below 1e-6 ($low)" test "${low:-2000}" -lt 2000
above 0.01 train_loss_max slingshot "${low:-2000}" >spikes.out
check 'slingshot: and then spikes' test -s spikes.out
echo "slingshot: below 1e-6 at epoch $low, a spike at $(head -n 1 spikes.out)"

train f64 paper.yaml --set loss.form=f64 --set run.epochs=6000
smooth f64

train paper paper.yaml --set run.stop_test_loss=1e-5 --set run.epochs=16000
check 'paper: stops before epoch 16000' test "$(last_epoch "$runs/paper")" -lt 16000
at_end paper 'acc == 1'
at_end paper 'loss < 1e-5'
smooth paper
end
