#!/usr/bin/env bash
# The order of events along the paper's run: excluded loss leaves its minimum and restricted loss
# falls below 1 thousands of epochs before the test loss falls below 1. GROKC_PAPER_RUN is the
# directory of such a run that has ended (`grokc train configs/paper.yaml`, 20000 epochs or more,
# its checkpoints kept); without it, one is trained here.
source "$(dirname "$0")/../lib/program.sh"

if [[ -n ${GROKC_PAPER_RUN:-} ]]; then
    run=$GROKC_PAPER_RUN
else
    run=paper
    expect 0 train "$source_dir/configs/paper.yaml" --set run.epochs=20000 --out $run
    complete $run
fi
summary=$run/summary.json
final=$run/final.jsonl
if [[ ! -s $summary || ! -s $final ]]; then
    fail "$run has no summary.json and final.jsonl: has it ended?"
    end
fi

# a turning point
point() { sed -n "s/^ *\"$1\": \([0-9]*\),\{0,1\}$/\1/p" $summary; }
# an event
crossed() { sed -n "s/^ *\"$1\": {\"crossed\": \([0-9]*\),.*/\1/p" $summary; }
# order NAME EARLIER LATER [DISTANCE]: epochs
order() {
    local distance=${4:-1}
    check "$1: $2, $3" test "${2:-none}" -ge 0 -a "${3:-none}" -ge $((${2:-0} + distance))
}

memorised=$(crossed 'train_acc >= 0.99')
peak=$(sed -n 's/^ *"test_loss_peak": {"epoch": \([0-9]*\),.*/\1/p' $summary)
grokked=$(crossed 'test_loss < 1')
generalised=$(crossed 'test_loss < 0.1')
excluded_min=$(point 'excluded minimum')
excluded_max=$(point 'excluded maximum')
restricted=$(point 'restricted < 1')
small=$(point 'restricted < 0.01')
squares=$(point 'squared L2 norm maximum')
settled=$(point 'squared L2 norm settled')
echo "train accuracy 99% $memorised, test loss largest $peak, excluded loss least $excluded_min" \
    "and largest $excluded_max, restricted loss < 1 $restricted and < 0.01 $small, test loss < 1" \
    "$grokked, squared L2 norm largest $squares and settled $settled;" \
    "keys $(sed -n 's/^ *"key_freqs": \(.*\),$/\1/p' $summary)"

order 'memorised before the test loss turns' "$memorised" "$peak"
order 'excluded loss rises long before the test loss falls' "$excluded_min" "$grokked" 2000
order 'restricted loss falls long before the test loss' "$restricted" "$grokked" 2000
order 'excluded loss is least before it is largest' "$excluded_min" "$excluded_max" 2000
order 'circuit formation before cleanup' "$small" "$settled"
order 'weights grow, then shrink' "$squares" "$settled" 1000

# value NAME EPOCH: of final.jsonl
value() { sed -n "s/^{\"epoch\": $2, .*\"$1\": \([^,}]*\).*/\1/p" $final; }
# below NAME X LIMIT: numbers
below() {
    check "$1: $2 < $3" awk -v x="$2" -v y="$3" \
        'BEGIN { exit !(x ~ /^[0-9]/ && y ~ /^[0-9]/ && x + 0 < y + 0) }'
}
while read -r epoch; do                                     # controls, once the run has generalised
    [[ $epoch -ge ${generalised:-999999999} ]] || continue
    train=$(value train_loss "$epoch")
    far=$(awk -v x="$train" 'BEGIN { print 5 * x }')
    below "$epoch: the other operation's characters" "$(value control_operation "$epoch")" "$far"
    below "$epoch: other frequencies" "$(value control_random "$epoch")" "$far"
    below "$epoch: excluded loss is far above" 3 "$(value excluded_train "$epoch")"
done < <(sed -n 's/^{"epoch": \([0-9]*\), .*/\1/p' $final)
end
