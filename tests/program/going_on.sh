#!/usr/bin/env bash
# Going on with other settings: more epochs, other stop rules, hook and report. Rows and weights are those of a run begun
# with the new values, config.yaml says what holds now, history.jsonl what changed. Sweeps gain epochs, seeds and values.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"

cat >small.yaml <<'END'
seed: 1
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 150, measure_every: 20, checkpoint_at: "every:40", arrays_at: "every:60", keep_state: "100"}
device: {threads: 1}
END
# alike NAME DIR: the bytes of `whole`, but for the history of the way there
alike() {
    if diff -rq -x env.json -x log.txt -x state -x owner -x history.jsonl -x hook.jsonl -x report.html whole "$2" \
        >same.out 2>&1; then pass; else fail "$1: other bytes" same.out; fi
}
history_is() { # DIR LINE...
    local dir=$1
    shift
    printf '%s\n' "$@" >expected
    check "$dir: history.jsonl" diff expected "$dir/history.jsonl"
}

# ---- more epochs: the row, checkpoint and arrays of the old last epoch are not those of a longer run
expect 0 train small.yaml --epochs 310 --out whole
expect 0 train small.yaml --out grown
check 'row 150 is there' grep -q '"epoch": 150,' grown/metrics.jsonl
expect 0 train small.yaml --epochs 310 --out grown
alike 'more epochs' grown
history_is grown '{"epoch": 150, "key": "run.epochs", "from": 150, "to": 310}'
sums grown >before
expect 0 train small.yaml --out grown
prints 'grown: done already at epoch 310, by run.epochs; .*--epochs 620'
unchanged 'fewer epochs than it has' grown
expect 0 train grown --epochs 311
history_is grown '{"epoch": 150, "key": "run.epochs", "from": 150, "to": 310}' \
    '{"epoch": 310, "key": "run.epochs", "from": 310, "to": 311}'

# ---- stop rules
rule=(--set run.stop_test_acc=0.01 --set run.stop_rows=2)
expect 0 train small.yaml --epochs 310 "${rule[@]}" --out ruled
check 'a rule ends it early' test "$(last_epoch ruled)" -lt 150
at=$(last_epoch ruled)
expect 0 train small.yaml --epochs 310 "${rule[@]}" --out ruled
prints "ruled: done already at epoch $at, by run.stop_test_acc; .*--set run.stop_test_acc=null"
expect 0 train ruled --set run.stop_test_acc=null --set run.stop_rows=3
alike 'without the rule' ruled
history_is ruled "{\"epoch\": $at, \"key\": \"run.stop_test_acc\", \"from\": 0.01, \"to\": null}" \
    "{\"epoch\": $at, \"key\": \"run.stop_rows\", \"from\": 2, \"to\": 3}"
expect 0 train small.yaml --epochs 310 "${rule[@]}" --out ruled
prints 'ruled: done already at epoch 310'
expect 0 train small.yaml --epochs 200 --out passed
refused 2 "passed: with this run.stop_test_acc it would have ended at epoch $at, and it stands at 200; " \
    train small.yaml --epochs 310 "${rule[@]}" --out passed
check 'refused: nothing changed' grep -q '^  stop_test_acc: *null' passed/config.yaml
expect 0 train small.yaml --epochs 310 --set 'run.stop_when=train_loss < 1e-9' --out passed
expect 0 train passed --set run.stop_when=null
prints 'passed: done already at epoch 310'

# ---- hook and report; killed between history and config.yaml; what may not change
hook='while read -r p; do echo "{}"; done'
expect 0 train small.yaml --epochs 200 --out hooked
expect 0 train small.yaml --epochs 310 --set "run.hook=$hook" --set run.report_every=100 --out hooked
check 'the hook is asked from now on' grep -qE '"epoch": (200|220|240)' hooked/hook.jsonl
check 'config.yaml has it' grep -q '^  report_every: *100' hooked/config.yaml
expect 0 train small.yaml --epochs 200 --out begun
printf '{"epoch": 200, "key": "run.epochs", "from": 200, "to": 310}\n' >begun/history.jsonl
expect 0 train small.yaml --epochs 310 --out begun
history_is begun '{"epoch": 200, "key": "run.epochs", "from": 200, "to": 310}'
alike 'a change that was begun' begun
refused 2 '^optim.lr: 0.001 -> 0.01$' train small.yaml --epochs 310 --set optim.lr=0.01 --out begun
expect 0 train small.yaml --epochs 60 --set run.checkpoint_at=log:5 --out spread
expect 0 train small.yaml --epochs 80 --set run.checkpoint_at=log:5 --out spread
says '"log:5" spreads over run.epochs'
rm whole/resume.safetensors
refused 2 'whole has no resume point any more' train small.yaml --epochs 400 --out whole

# ---- a branch starts where its parent stands, and one that would end there is refused
expect 0 branch grown --epochs 400 --out branch
check 'from the resume point' grep -q '"epoch": 311' branch/parent.json
refused 2 'a branch from epoch 311 would end there' branch grown --out none
refused 2 'grown has no kept state of epoch 40' branch grown@40 --out none
refused 2 'which state' branch --out none

# ---- sweeps
cat >sweep.yaml <<'END'
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
optim: {weight_decay: [0.5, 1]}
run:   {epochs: 40, measure_every: 20, checkpoint_at: none}
device: {threads: 1}
seed: [0, 1]
END
expect 0 sweep sweep.yaml --out sw
cp -r sw old
sed 's/0.5, 1/0.25, 0.5, 1/; s/\[0, 1\]/[2, 0, 1]/; s/epochs: 40/epochs: 80/; s/measure_every/stop_test_loss: 1e-9, measure_every/' \
    sweep.yaml >more.yaml
expect 0 sweep more.yaml --dry-run --out sw
prints '^1,0.5,1$' '^4,0.25,2$' '^8,1,2$'
expect 0 sweep more.yaml --out sw
prints 'sw: 9 runs: 9 done'
check 'numbers stay' test "$(head -n 5 sw/points.csv)" = "$(cat old/points.csv)"
for i in 0 1 2 3; do
    check "run $i goes on" grep -q '"from": 40, "to": 80' sw/runs/0000$i/history.jsonl
done
history_is sw '{"key": "runs", "from": 4, "to": 9}' '{"key": "run.epochs", "from": 40, "to": 80}' \
    '{"key": "run.stop_test_loss", "from": null, "to": 1.0e-09}'
check 'sweep.yaml is the new one' cmp more.yaml sw/sweep.yaml
expect 0 sweep more.yaml --out fresh
for i in 0 1 2 3; do
    j=$(grep -n ",$(sed -n "$((i + 2))s/^[0-9]*,//p" sw/points.csv)$" fresh/points.csv | cut -d : -f 1)
    check "run $i is that of a sweep begun so" cmp "sw/runs/0000$i/metrics.jsonl" \
        "$(printf 'fresh/runs/%05d/metrics.jsonl' $((j - 2)))"
done
sums sw >before
expect 0 sweep more.yaml --out sw
prints '9 done'
unchanged 'the same sweep again' sw
refused 2 'what its runs are made of stays.*' sweep sweep.yaml --out sw
says 'run 4: optim.weight_decay = 0.25, seed = 2 is none of the 4 that are asked for'
refused 2 'sw/sweep.yaml differs' sweep more.yaml --set model.d_mlp=32 --out sw
says '^model.d_mlp: 16 -> 32$'
unchanged 'refused sweeps' sw

# one that died while it grew: points.csv has a column that sweep.yaml does not know
sed 's/^model: .*/model: {d_model: 8, heads: 2, d_head: 4, d_mlp: [16, 24]}/; s/seed: .*/seed: [0, 1]/' sweep.yaml >wider.yaml
cp -r old died
expect 0 sweep wider.yaml --out died
check 'a key that did not vary' test "$(wc -l <died/points.csv)" = 9
cp sweep.yaml died/sweep.yaml
expect 0 sweep wider.yaml --out died
prints '8 done'
check 'and is whole again' cmp wider.yaml died/sweep.yaml

# a run that was trained on by hand
expect 0 train old/runs/00001/config.yaml --epochs 60
expect 0 sweep sweep.yaml --out old
prints '4 done'
check 'it keeps its own epochs' test "$(last_epoch old/runs/00001)" = 60
end
