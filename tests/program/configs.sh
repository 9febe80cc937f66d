#!/usr/bin/env bash
# Every config of a run in configs/ trains for three updates; one that this list does not know fails,
# as does one that the list knows and that is gone.
source "$(dirname "$0")/../lib/program.sh"

declare -A smaller=(            # what makes three updates a matter of seconds
    [add_95]='' [maximum]='' [mlp_add]='' [paper]='' [paper_wd01]='' [parity]='' [quick]='' [slingshot]=''
    [subtract]='' [tl_demo]='' [trigrams]=''
    [digits]='--set task.test_examples=16 --set optim.batch=8'
    [digits_fixed]='--set task.examples=16 --set task.test_examples=16'
    [induction]='--set task.test_examples=16 --set optim.batch=16'
    [power_divide]='--set optim.batch=64' [power_s5]='--set optim.batch=64'
    [power_x3_xy2_y]='--set optim.batch=64'
)

if [[ ${GROKC_TEST_SANITIZED:-} ]]; then    # rows of 113^2 pairs take half a minute each
    for name in add_95 mlp_add paper paper_wd01 power_divide power_x3_xy2_y quick slingshot subtract tl_demo; do
        smaller[$name]+=' --set task.p=31'
    done
    smaller[power_s5]+=' --set task.group=S4'
fi
for name in "${!smaller[@]}"; do
    check "configs/$name.yaml exists" test -f "$source_dir/configs/$name.yaml"
done
for config in "$source_dir"/configs/*.yaml; do
    name=$(basename "$config" .yaml)
    case $name in sweep_*) continue ;; esac
    if [[ ! -v smaller[$name] ]]; then
        echo "configs/$name.yaml is not in the list" >why
        fail "$name" why
        continue
    fi
    # shellcheck disable=SC2086
    expect 0 train "$config" ${smaller[$name]} --set run.epochs=3 --set run.measure_every=3 \
        --set run.checkpoint_at=none --out "$name"
    check "$name: two rows with finite losses" test "$(grep -c '"train_loss": [0-9.e-]*, "train_acc": [0-9]' \
        "$name/metrics.jsonl")" = 2
    check "$name: done" grep -q '^done' "$name/state"
done

# ---- fresh examples and minibatches: a run that goes on has the bytes of one that was never stopped
for name in digits parity power_s5 trigrams; do
    options="--set run.measure_every=35 --set run.checkpoint_at=none ${smaller[$name]}"
    # shellcheck disable=SC2086
    for epochs in 70 145; do
        expect 0 train "$source_dir/configs/$name.yaml" $options --set run.epochs=$epochs --out parts.$name
    done
    # shellcheck disable=SC2086
    expect 0 train "$source_dir/configs/$name.yaml" $options --set run.epochs=145 --out whole.$name
    check "$name: the same rows" cmp parts.$name/metrics.jsonl whole.$name/metrics.jsonl
    check "$name: the same weights" cmp {parts,whole}.$name/checkpoints/00000145.safetensors
done
end
