#!/usr/bin/env bash
# run.stop_when: which column ends a run, at which row; the same after kill -9 and in a branch; columns of run.hook; what is
# refused, and when.
source "$(dirname "$0")/../lib/program.sh"

cat >base.yaml <<'YAML'
seed:  1
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 420, measure_every: 7, checkpoint_at: "every:100", keep_state: "70", resume_every: 0}
YAML
ended_by() { sed -n 's/.*"ended_by": "\([^"]*\)".*/\1/p' "$1/summary.json"; }
stopped() {                             # stopped RUN EPOCH: there, and by this rule
    check "$1 ended by run.stop_when" test "$(ended_by "$1")" = run.stop_when
    check "$1 ended at epoch $2" test "$(last_epoch "$1")" = "$2"
    state_is "$1" 'done'
}
# first COLUMN CONDITION N: the epoch of the first row of `whole` where the value x has fulfilled it for N rows
first() {
    paste <(column epoch whole) <(column "$1" whole) |
        awk -v n="$3" '$2 ~ /^-?[0-9]/ { x = $2; if ('"$2"') { if (++held == n) { print $1; exit } } else held = 0; next } { held = 0 }'
}

expect 0 train base.yaml --out whole
check 'without a rule' test "$(ended_by whole)" = run.epochs

# ---- columns of all rows, of the key set, of the model
n=0
rule() {                                # rule STOP_WHEN COLUMN CONDITION N
    local epoch
    epoch=$(first "$2" "$3" "$4")
    n=$((n + 1))
    check "$1: comes, and not with the first rows" true_of "${epoch:-nan} > 14 && ${epoch:-nan} < 420"
    expect 0 train base.yaml --set "run.stop_when=$1" --out "rule$n"
    stopped "rule$n" "$epoch"
    check "$1: rows as without the rule" cmp -n "$(wc -c <"rule$n/metrics.jsonl")" "rule$n/metrics.jsonl" whole/metrics.jsonl
}
median_of() { column "$1" whole | grep -v null | median; }
loss=$(median_of train_loss) gini=$(median_of gini_w_e) squares=$(median_of 'squared_l2_norm\.embed\.W_E')
rule "train_loss < $loss" train_loss "x < $loss" 1
rule "train_loss<$loss for 5" train_loss "x < $loss" 5
rule "gini_w_e >= $gini for 2" gini_w_e "x >= $gini" 2
rule "squared_l2_norm.embed.W_E <= $squares" 'squared_l2_norm\.embed\.W_E' "x <= $squares" 1
rule 'epoch >= 21 for 4' epoch 'x >= 21' 4
expect 0 train base.yaml --set "run.stop_when=train_loss < 0, epoch = 35, epoch > 70" --out any
stopped any 35
expect 0 train base.yaml --set "run.stop_when=train_loss < 0" --out never
check 'a rule that never holds' test "$(ended_by never)" = run.epochs
check 'and changes nothing' cmp never/metrics.jsonl whole/metrics.jsonl

# ---- resume: the rows before count; 20 times killed, then to its end
for rule in 'epoch >= 140 for 9' "squared_l2_norm.embed.W_E > 0 for 25"; do
    rm -rf killed straight
    expect 0 train base.yaml --set "run.stop_when=$rule" --out straight
    for ((i = 0; i < 20; i++)); do
        "$grokc" train base.yaml --set "run.stop_when=$rule" --out killed >/dev/null 2>&1 &
        sleep "0.0$((RANDOM % 8))$((RANDOM % 10))"
        kill -9 $! 2>/dev/null
        { wait $!; } 2>/dev/null
    done
    expect 0 train base.yaml --set "run.stop_when=$rule" --out killed
    same "$rule: killed 20 times" straight killed
    check "$rule: ended by it" test "$(ended_by killed)" = run.stop_when
done

# ---- a branch looks back over its parent's rows
expect 0 branch whole@70 --set 'run.stop_when=epoch > 0 for 12' --out branch
stopped branch 84

# ---- columns that run.hook answers
cat >hook.sh <<'HOOK'
while read -r path; do
    epoch=$(basename "$path" .safetensors)
    epoch=$((10#$epoch))
    echo "{\"alpha\": $((1000 - epoch)), \"deep\": {\"beta\": $((epoch % 14))}, \"train_loss\": 5}"
done
HOOK
hook=(--set "run.hook=bash '$scratch/hook.sh'")
# answered RUN COLUMN...: some answer before the last row holds, in as many answers as it takes
for rule in 'alpha < 900' 'alpha <= 986 for 3' 'deep.beta = 7 for 1' 'hook.train_loss = 5 for 2'; do
    rm -rf hooked
    expect 0 train base.yaml "${hook[@]}" --set run.epochs=100000000 --set "run.stop_when=$rule" --out hooked
    check "$rule: ended by it" test "$(ended_by hooked)" = run.stop_when
    state_is hooked 'done'
done
check 'answers are kept' test "$(grep -c alpha hooked/hook.jsonl)" -ge 2
expect 0 train base.yaml "${hook[@]}" --set 'run.stop_when=alpha < 0, gamma > 0, alpha != 0 for 9999' --out unhooked
check 'a column that the hook does not answer' test "$(ended_by unhooked)" = run.epochs
# A row's own column is the row's, whatever the hook calls so.
expect 0 train base.yaml "${hook[@]}" --set 'run.stop_when=train_loss = 5' --out own
check 'a column of the row' test "$(ended_by own)" = run.epochs

# ---- what is refused
no() { refused 2 "$1" train base.yaml --set "run.stop_when=$2" --out no; check "$2: no directory" test ! -e no; }
no 'run.stop_when: rows have no column "alpha"' 'alpha < 2'
no 'did you mean "test_loss"' 'epoch > 3, test_los < 1'
no 'at the end of a run alone' 'projected_all < 1'
no 'expected a number' 'test_acc >= high'
no 'expected one of < <= > >= = !=' 'test_acc'
refused 2 'rows have no column "alpha"' train base.yaml --set 'run.stop_when=alpha < 2' --dry-run
expect 2 train base.yaml --set 'run.stop_when=loss_pos.7 < 1' --out late
says 'the rows of this run have no column "loss_pos.7"'
state_is late 'failed: .*loss_pos.7.*'
check 'before the first row' test ! -s late/metrics.jsonl
cat >sweep.yaml <<'YAML'
seed:  [1, 2]
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 70, measure_every: 7, stop_when: ["epoch = 14", "test_los < 1"]}
YAML
expect 2 sweep sweep.yaml --out sweep
says 'did you mean "test_loss"'
check 'no run of the sweep began' test ! -e sweep/runs/00000/metrics.jsonl
sed -i 's/test_los /train_loss /' sweep.yaml
expect 0 sweep sweep.yaml --out swept
check 'one rule for each run' test "$(last_epoch swept/runs/00000) $(last_epoch swept/runs/00001)" = '14 70'

end
