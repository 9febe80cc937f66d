#!/usr/bin/env bash
# Small runs of other operations to the end: what made them generalise is found, taken out, and left
# alone by the controls. And p = 997 can be measured in less than 2 GiB.
source "$(dirname "$0")/lib.sh"

# value NAME FILE: of its last line
value() { sed -n "\${s/.*\"$1\": \(\"[^\"]*\"\|[^,}]*\).*/\1/p}" "$2"; }
last() { value "$1" "$run/final.jsonl"; }
# holds NAME EXPRESSION: of awk, over the last line of final.jsonl; null fails
holds() {
    local name=$1 options=() column
    for column in train_loss test_loss restricted_all excluded_train excluded_fitted \
        control_operation control_random logit_fve; do
        options+=(-v "$column=$(last $column)")
    done
    [[ ${options[*]} != *null* ]] || fail "$run: $name: something is null"
    check "$run: $name" awk "${options[@]}" "BEGIN { exit !($2) }"
}

# grok OPERATION LIMIT: p = 43, a model of half the paper's width. How much of the other operation is
# left differs: its control may be LIMIT times the train loss, all controls a thousandth of the
# excluded loss. (At small p some frequencies are used that the quarter rule does not call key.)
grok() {
    local begin keys limit=$2
    run=$1
    begin=$(milliseconds)
    expect 0 train "$source_dir/configs/subtract.yaml" --out "$run" --set "task.op=$1" \
        --set task.p=43 --set task.train_fraction=0.7 --set task.split=philox:0 \
        --set model.init=philox:0 --set model.outputs=0 --set model.d_model=64 \
        --set model.heads=2 --set model.d_mlp=256 --set optim.lr=3e-3 \
        --set run.epochs=2500 --set run.checkpoint_at=every:500
    complete "$run"
    keys=$(last key_freqs)
    check "$run: there are key frequencies: $keys" grep -qE '^"[0-9,]+"$' <<<"$keys"
    check "$run: neurons have clusters" test "$(last neurons_85)" -ge 20
    holds 'it has generalised' 'test_loss < 0.01'
    holds 'restricted loss is small' 'restricted_all < 0.01'
    holds 'excluded loss is large' 'excluded_train > 3 && excluded_fitted > 3'
    holds 'the other operation matters little' "control_operation < $limit * train_loss"
    holds 'nor do other frequencies' 'control_random < 1e-3 * excluded_train'
    holds 'controls are no excluded loss' 'control_operation < 1e-3 * excluded_train'
    holds 'cosines explain most of the logits' 'logit_fve > 0.5'
    check "$run: grokc measure agrees" cmp <("$grokc" measure "$run") "$run/final.jsonl"
    echo "$run: epoch $(last epoch), keys $keys, train $(last train_loss)," \
        "test $(last test_loss), restricted $(last restricted_all)," \
        "excluded $(last excluded_train), controls $(last control_operation)" \
        "$(last control_random), FVE $(last logit_fve); $((($(milliseconds) - begin) / 1000)) s"
}

grok multiply 20
grok divide 5
grok subtract 5

# Few neurons and training examples: the time goes with their number, the memory does not.
large=(--device cpu --set task.p=997 --set task.train_fraction=0.02 --set run.epochs=0
    --set model.outputs=0 --set task.split=philox:0 --set model.init=philox:0 --set model.d_mlp=32)
begin=$(milliseconds)
"$grokc" train "$source_dir/configs/paper.yaml" "${large[@]}" --out large >out 2>err </dev/null &
most=0
while kill -0 $! 2>/dev/null; do
    now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$!/status" 2>/dev/null)
    ((${now:-0} > most)) && most=$now
    sleep 0.2
done
wait $!
check "p = 997: exit code $?" test $? = 0
complete large
check 'p = 997: a row with everything' grep -q '"head_mean_max": [0-9]' large/final.jsonl
echo "p = 997: $((most / 1024)) MiB, $((($(milliseconds) - begin) / 1000)) s"
# AddressSanitizer's own memory does not count
if grep -qa '__asan_init' "$grokc"; then
    skip 'the limit of 2 GiB, under AddressSanitizer'
else
    check "p = 997 in less than 2 GiB: $most kB" \
        test "$most" -gt 100000 -a "$most" -lt $((2 * 1024 * 1024))
fi
end
