#!/usr/bin/env bash
# Small runs of other operations to the end: what made them generalise is found, taken out, and left
# alone by the controls. And p = 997 can be measured in less than 2 GiB.
source "$(dirname "$0")/../lib/program.sh"

# Eight seeds of three operations, p = 43, a model of half the paper's width.
cat >sweep.yaml <<'EOF'
task: {p: 43, op: [multiply, divide, subtract], train_fraction: 0.7}
seed: {range: [0, 8]}
model: {d_model: 64, heads: 2, d_head: 32, d_mlp: 256}
optim: {lr: 3e-3}
run: {epochs: 2500, checkpoint_at: none, keep_checkpoints: last}
EOF
expect 0 sweep sweep.yaml --out operations
value() { sed -n "\${s/.*\"$1\": \(\[[^]]*\]\|[^,}]*\).*/\1/p}" "$2"; } # of the last line

# A run counts if it has generalised and at most p/8 frequencies pass the quarter rule. What is left of the other
# operation varies between seeds (up to 13 times the train loss was seen): its median is held to 5 times. (At small p
# some frequencies are used that the quarter rule does not call key: medians of what depends on the set, too.)
operation() {
    local op=$1 run file counted=0 test_loss ratios="$1.ratios"
    : >"$ratios"
    for run in operations/runs/*; do
        grep -q "op: *$op\$" "$run/config.yaml" || continue
        file=$run/final.jsonl
        test_loss=$(value test_loss "$file")
        true_of "$test_loss < 0.01" || continue
        [[ $(value key_freqs "$file") =~ ^\[[0-9,\ ]+\]$ ]] || continue
        ((++counted))
        local train restricted excluded fitted control random fve
        train=$(value train_loss "$file") restricted=$(value restricted_all "$file")
        excluded=$(value excluded_train "$file") fitted=$(value excluded_fitted "$file")
        control=$(value control_operation "$file") random=$(value control_random "$file")
        fve=$(value logit_fve "$file")
        echo "$op $run: keys $(value key_freqs "$file"), train $train, test $test_loss, restricted $restricted," \
            "excluded $excluded, controls $control $random, FVE $fve"
        holds() { check "$run: $1" true_of "$2"; }
        holds 'excluded loss is large' "$excluded > 3 && $fitted > 3"
        holds 'controls are no excluded loss' "$control < 1e-3 * $excluded && $random < 1e-3 * $excluded"
        check "$run: neurons have clusters" test "$(value neurons_85 "$file")" -ge 20
        awk "BEGIN { print $control / $train }" >>"$ratios"
        echo "$restricted" >>"$op.restricted"
        echo "$fve" >>"$op.fve"
    done
    check "$op: $counted of 8 seeds count" test "$counted" -ge 3
    check "$op: restricted loss is small" true_of "$(median <"$op.restricted") < 0.01"
    check "$op: cosines explain most of the logits" true_of "$(median <"$op.fve") > 0.5"
    check "$op: the other operation matters little" true_of "$(median <"$ratios") < 5"
    echo "$op: control / train loss: $(sort -g "$ratios" | tr '\n' ' ')"
}
operation multiply
operation divide
operation subtract
run=operations/runs/00000
check 'grokc measure agrees' cmp <("$grokc" measure $run) $run/final.jsonl

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
