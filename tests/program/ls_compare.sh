#!/usr/bin/env bash
# `grokc ls` and `grokc compare` on a few small runs: every form of a condition, what errors point at, columns, order,
# exact values, runs that are going, failed or damaged; where two runs part.
# As ctest calls it: run_ls_compare.sh <grokc> <source directory>
source "$(dirname "$0")/../lib/program.sh"

cat >sweep.yaml <<'END'
task: {name: modular, op: add, p: 13, train_fraction: [0.5, 0.8]}
model: {layers: 1, d_model: 16, heads: 2, d_head: 8, d_mlp: 32, outputs: 13}
optim: {weight_decay: [0.3, 1, 3]}
run: {epochs: 300, measure_every: 50, checkpoint_at: none, keep_checkpoints: last}
device: {threads: 1}
seed: [0, 1]
END
expect 0 sweep sweep.yaml --out s
expect 0 train s/runs/00000/config.yaml --out one/deep/run
expect 3 train s/runs/00000/config.yaml --set optim.lr=1000 --out bad
cp -r s/runs/00001 going
rm going/summary.json going/final.jsonl
echo running >going/state
printf 'host %s\npid %s\nstarted %s\n' "$(uname -n)" $$ "$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 20)" >going/owner
head -n 4 going/metrics.jsonl >rows
{ cat rows; printf '{"epoch": 200, "train_lo'; } >going/metrics.jsonl
cp -r s/runs/00001 failed
echo 'failed: no space left on device' >failed/state
cp -r s/runs/00001 damaged
echo '{' >damaged/summary.json

# --------------------------------------------------------------------------------------------------- conditions

# counts N CONDITION: so many runs of the sweep satisfy it (12 runs: 2 fractions x 3 weight decays x 2 seeds)
counts() {
    "$grokc" ls s --csv --columns run --where "$2" >out 2>err
    local n=$(($(wc -l <out) - 1))
    if [[ $n = "$1" ]]; then pass; else fail "ls --where '$2': $n runs, not $1" out err; fi
}
counts 4 'weight_decay<1'
counts 8 'weight_decay<=1'
counts 4 'weight_decay>1'
counts 8 'weight_decay>=1'
counts 4 'weight_decay=1'
counts 4 'weight_decay==1'
counts 4 'weight_decay = 1.0'
counts 4 'optim.weight_decay=1e0'
counts 8 'weight_decay!=1'
counts 2 'weight_decay<1 and train_fraction>0.6'
counts 8 'weight_decay<1 or train_fraction>0.6'
counts 2 'seed=0 and weight_decay<1 and train_fraction<0.6 or seed=1 and weight_decay=3 and train_fraction=0.8'
counts 1 'seed=0 and weight_decay<1 and (train_fraction<0.6 or seed=1) and weight_decay<3'
counts 8 'not weight_decay<1'
counts 4 'not not weight_decay<1'
counts 10 'not (weight_decay<1 and train_fraction>0.6)'
counts 10 'not weight_decay<1 or train_fraction<0.6'
counts 12 'state=done'
counts 0 'state!=done'
counts 12 'state="done" and op=add'
counts 12 "state='done'"
counts 6 'model.init=philox:1'
counts 6 'task.split!="philox:1"'
counts 12 'epoch=300'
counts 12 'run.epochs>=epoch'
counts 12 'train_loss<epochs'
counts 0 'stop_test_loss<1'
counts 0 'stop_test_loss>=1'
counts 0 'stop_test_loss!=1'
counts 12 'not stop_test_loss<1'
counts 0 'stop_test_loss'
counts 12 'not stop_test_loss'
counts 12 '"events.test_loss < 1e-05.crossed" or not "events.test_loss < 1e-05.crossed"'
counts 12 'test_acc>=0 and test_acc<=1'
counts 12 '((((seed>=0))))'

# points COLUMN PATTERN CONDITION: it is refused, and the mark stands under this column
points() {
    local column=$1 pattern=$2
    refused 2 "$pattern" ls s --where "$3"
    if [[ $(sed -n 3p err) = "    $(printf '%*s' "$column" '')^" ]]; then pass
    else fail "ls --where '$3': the mark is not under column $column" err; fi
}
points 0 'did you mean "weight_decay"' 'weight_dcay<1'
points 15 'did you mean "train_loss"' 'seed=0 and not trainloss<1'
points 0 'there is no "zzzzzzzzzz": .*grokc list measures' 'zzzzzzzzzz'
points 13 'expected a value' 'weight_decay<'
points 13 'expected one of < <= > >= = !=' 'weight_decay <> 1'
points 1 'expected a comparison' ' '
points 4 'expected a comparison' 'not and seed=1'
points 7 'expected "and", "or" or the end' 'seed=1 seed=2'
points 7 'expected "and", "or" or the end' 'seed=1 )'
points 8 'expected "\)", "and" or "or"' '(seed=1 '
points 6 'words have no order' 'state<done'
points 5 'did you mean' 'seed=seeds'
points 5 'this column holds words' 'seed=state'
points 15 'null satisfies no comparison' 'stop_test_loss=null'
points 6 'quote is not closed' 'state="done'
points 50 'nested too deeply' "$(printf '%.0s(' {1..60})seed=1"
refused 2 'is the end of [0-9]+ names' ls s --where 'W_E>0'
long=$(printf 'seed=1 or %.0s' {1..300})'seed=1'
refused 2 'too long' ls s --where "$long"

# ------------------------------------------------------------------------------------------------------ the table

expect 0 ls s
prints '^run +state +epoch +train_fraction +weight_decay +seed +train_loss +test_loss +grok_epoch +key_freqs$'
check 'ls: a line for each run' [ "$(wc -l <out)" = 13 ]
expect 0 ls s --where weight_decay=3
if head -n 1 out | grep -q weight_decay; then fail 'ls: weight_decay does not differ here' out; else pass; fi
expect 0 ls s --csv --columns run,optim.weight_decay,test_loss --sort -test_loss
python3 - "$source_dir" <<'END' >check.out 2>&1 || fail 'ls --csv: exact values in order' check.out
import csv, json
rows = list(csv.DictReader(open('out')))
loss = [float(r['test_loss']) for r in rows]
assert len(rows) == 12 and loss == sorted(loss, reverse=True)
for r in rows:
    last = json.loads(open(r['run'] + '/metrics.jsonl').read().splitlines()[-1])
    assert float(r['test_loss']) == last['test_loss'], r
END
expect 0 ls s --columns run,grok_epoch,seed --sort grok_epoch
expect 0 ls one/deep s/runs/00003
check 'ls: two folders' [ "$(wc -l <out)" = 3 ]
prints '^one/deep/run ' '^s/runs/00003 '
expect 0 ls s --where 'weight_decay>100'
quiet out
says 'none of 12 runs satisfies'
mkdir empty
expect 0 ls empty
quiet out
says 'no runs there'
refused 1 'nowhere' ls nowhere
refused 2 'not a directory' ls sweep.yaml
refused 2 '--columns: there is no "nonsense"' ls s --columns run,nonsense
refused 2 'did you mean "test_loss"' ls s --sort test_los
ln -s ../s s/loop
expect 0 ls s
check 'ls: a loop of links' [ "$(wc -l <out)" = 13 ]
rm s/loop

expect 0 ls going failed damaged bad --columns run,state,epoch,test_loss,"events.test_acc >= 0.5.crossed"
says 'damaged/summary.json:[0-9]+: '
prints '^going +running +150 ' '^failed +failed +300 ' '^damaged +done +300 ' '^bad +diverged '
python3 - <<'END' >check.out 2>&1 || fail 'ls: a run that is going, by its rows' check.out
import json
rows = [json.loads(l) for l in open('rows')]
expected = next((r['epoch'] for r in rows if r['test_acc'] >= 0.5), None)
line = [l for l in open('out') if l.startswith('going')][0].split()
assert line[4] == ('-' if expected is None else str(expected)), (line, expected)
assert abs(float(line[3]) - rows[-1]['test_loss']) <= 1e-3 * rows[-1]['test_loss'], line
END

# -------------------------------------------------------------------------------------------------------- compare

expect 0 compare s/runs/00000 one/deep/run
prints '^Config: no difference$' '^  B  the same numbers in all 7 common epochs, up to 300'
expect 0 compare s/runs/00000 s/runs/00002
prints 'optim.weight_decay +0.3 +1$' 'different at 50 +train_loss: [0-9.]+ in A, [0-9.]+ here; [0-9]+ more columns'
if grep -q 'task.split' out; then fail 'compare: keys that are the same' out; else pass; fi
expect 0 compare s/runs/00000 s/runs/00001 s/runs/00006
prints '^ +A +B +C$' '^  C  different from epoch 0 on' 'task.split +philox:0 +philox:1 +philox:0'
sed '5s/"test_loss": [0-9.e-]*/"test_loss": 77/' s/runs/00000/metrics.jsonl >one/deep/run/metrics.jsonl
expect 0 compare s/runs/00000 one/deep/run
prints '^  B  the same numbers up to epoch 150, different at 200 +test_loss: [0-9.]+ in A, 77 here$'
sed 's/"test_acc": [0-9.]*, //' s/runs/00000/metrics.jsonl >one/deep/run/metrics.jsonl
expect 0 compare s/runs/00000 one/deep/run
prints 'the same numbers in all 7 common epochs, up to 300 +1 column only in A \(test_acc\)'
expect 0 compare s/runs/00001 going failed bad
prints '^  B +going +running +150$' '^  D +bad +diverged' '^  B  the same numbers in all 4 common epochs, up to 150'
refused 2 'compare takes 2 to 64 runs, not 1' compare s/runs/00001
refused 2 'empty is not a run' compare s/runs/00001 empty
refused 2 'needs a report' compare s/runs/00001 going --figures figures

# ------------------------------------------------------------------------------------ what run.hook answered

# answers RUN LINE...: hook.jsonl
answers() {
    local run=$1
    shift
    printf '%s\n' "$@" >"$run/hook.jsonl"
}
cp -r s hooked
for i in {0..9}; do
    answers "hooked/runs/0000$i" '{"epoch": 0, "depth": 9, "test_loss": -1}' \
        "{\"epoch\": 300, \"depth\": 99, \"test_loss\": -1}" \
        "{\"epoch\": 300, \"depth\": $i.5, \"test_loss\": -$i, \"class\": \"k$((i % 2))\", \"list\": [1]}"
done
answers hooked/runs/00004 '{"epoch": 250, "depth": 0.25, "of": {"it": 7}}' '{"epoch": 999, "depth": 0}'
printf '{"epoch": 300, "dep' >>hooked/runs/00005/hook.jsonl     # being written
answers hooked/runs/00006 'no object'
expect 0 ls hooked --csv --columns run,seed,depth,of.it,hook.test_loss,class --where 'depth<4' --sort -depth
says 'hooked/runs/00006/hook.jsonl: this is not the row after epoch -1: no object'
check 'ls: the last answers to the last rows' diff out - <<'END'
run,seed,depth,of_it,hook_test_loss,class
hooked/runs/00003,1,3.5,,-3,k1
hooked/runs/00002,0,2.5,,-2,k0
hooked/runs/00001,1,1.5,,-1,k1
hooked/runs/00000,0,0.5,,0,k0
hooked/runs/00004,0,0.25,7,,
END
expect 0 ls hooked --where 'not depth' --csv --columns run
check 'ls: no answer is null' test "$(wc -l <out)" = 4
expect 0 ls hooked --where 'class=k1 and depth>=5' --csv --columns run
check 'ls: words and numbers of a hook' test "$(tail -n +2 out | xargs)" = \
    'hooked/runs/00005 hooked/runs/00007 hooked/runs/00009'
refused 2 'did you mean "depth"' ls hooked --where 'deptj<2'
refused 2 'there is no "list"' ls hooked --columns list
expect 0 compare hooked/runs/00001 hooked/runs/00002 s/runs/00002
prints '^ +depth +1\.5 +2\.5 +-$' '^ +hook\.test_loss +-1 +-2 +-$' '^ +class +k1 +k0 +-$' \
    '^  C  different from epoch 0 on'
expect 0 compare hooked/runs/00001 s/runs/00002 -o hooked.html
check 'compare: figures of what the hook measured' grep -q 'What run.hook measured' hooked.html
expect 0 report hooked/runs/00001 -o hooked.html
check 'report: what the hook measured' grep -q 'Measures of run.hook' hooked.html
expect 0 report s/runs/00001 -o plain.html
if grep -q 'Measures of run.hook' plain.html; then fail 'report: no hook, no section' plain.html; else pass; fi

expect 0 compare s/runs/00001 going bad -o cmp.html
check 'compare: the report' grep -q 'First row that differs' cmp.html
if command -v gnuplot >/dev/null; then
    check 'compare: six figures' [ "$(grep -c '<figure ' cmp.html)" = 6 ]
    check 'compare: drawn' [ "$(grep -c '<svg' cmp.html)" = 6 ]
else
    skip 'figures of compare: no gnuplot (apt-get install gnuplot-nox)'
fi
end
