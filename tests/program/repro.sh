#!/usr/bin/env bash
# Runs give the same bytes whatever happens to them: reruns, kill -9 at random moments, signals, a
# second process on the same directory, branches, more epochs, another number of threads.
source "$(dirname "$0")/../lib/program.sh"

# 2000 and 600 are no multiples of 7: the last row is an extra one, most checkpoints fall between rows.
cat >base.yaml <<'YAML'
seed:  1
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 2000, measure_every: 7, checkpoint_at: "every:100", keep_state: "500",
        arrays_at: "every:490", resume_every: 0.01}
YAML
short=(train base.yaml --set run.epochs=600)

names() { (cd "$1/checkpoints" && echo *); }

# background ARGUMENT...: starts grokc; $! is its process. A shell has its background jobs ignore SIGINT, and so
# would grokc.
background() { env --default-signal=INT "$grokc" "$@" >bg.out 2>bg.err </dev/null & }
# ended CODE NAME: waits for it
ended() {
    local got
    { wait $!; } 2>/dev/null
    got=$?
    if [[ $got = "$1" ]]; then pass; else fail "$2: exit code $got, not $1" bg.out bg.err; fi
}
taken() { until grep -qs '^pid' "$1/owner" || ! kill -0 $! 2>/dev/null; do sleep 0.002; done; }

# ---- a rerun
start=$(milliseconds)
expect 0 train base.yaml --out whole
prints '^whole: done at epoch 2000, train loss [0-9.e+-]+, test loss [0-9.e+-]+, test accuracy [0-9.]+%'
length=$(($(milliseconds) - start))
complete whole
state_is whole 'done'
check 'rows every 7 epochs, and the last' test "$(wc -l <whole/metrics.jsonl) $(last_epoch whole)" = '287 2000'
expect 0 train base.yaml --out again
same 'a rerun gives other bytes' whole again
rm -r again

# ---- a finished run
sums whole >before
expect 0 train base.yaml --out whole
prints '^whole: done already'
quiet err
unchanged 'a finished run, the same command' whole
expect 0 train whole/config.yaml                    # its own config.yaml means the same directory
prints '^whole: done already'
unchanged 'a finished run, its own config' whole

# ---- kill -9 at 50 random moments: some at start-up, the others within a third of a run's time
RANDOM=20 hits=0 runs=0
for ((i = 0; i < 150 && hits < 50; i++)); do
    background train base.yaml --out killed
    if ((i % 6 == 0)); then pause=$((RANDOM % 12)); else pause=$((RANDOM % (length / 3 + 1))); fi
    sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
    kill -9 $! 2>/dev/null
    { wait $!; } 2>/dev/null
    code=$?
    if [[ $code = 137 ]]; then
        hits=$((hits + 1))
    elif [[ $code = 0 ]]; then                      # came to its end before; the next one starts anew
        same 'killed and gone on with: other bytes' whole killed
        complete killed
        rm -r killed
        runs=$((runs + 1))
    else
        fail "killed, started again: exit code $code" bg.err
    fi
done
expect 0 train base.yaml --out killed
same 'killed and gone on with: other bytes' whole killed
complete killed
check "only $hits of $i kills hit a process" test "$hits" -ge 30
echo "$hits of $i kills hit a process, over $((runs + 1)) runs"
rm -r killed

# ---- signals
for signal in TERM USR1 USR2 INT; do
    for ((i = 0; i < 5; i++)); do                   # again where the run is over before the signal comes
        rm -rf stopped
        background train base.yaml --out stopped
        case $signal in
            TERM) taken stopped ;;                  # before the first epoch
            *) wait_for stopped/metrics.jsonl '"epoch": 49,' ;;
        esac
        kill -$signal $! 2>/dev/null
        { wait $!; } 2>/dev/null
        code=$?
        [[ $code = 0 ]] || break
    done
    check "SIG$signal: exit code $code, not 75" test "$code" = 75
    state_is stopped interrupted
    check "SIG$signal: a resume point" test -s stopped/resume.safetensors
    check "SIG$signal: no owner, no summary" test ! -e stopped/owner -a ! -e stopped/summary.json
    check "SIG$signal: a message" grep -q '^grokc: stopped stopped at epoch .*the same command goes on' bg.err
    check "SIG$signal: nothing on stdout" test ! -s bg.out
    rm -rf copy
    cp -r stopped copy
    expect 0 train base.yaml --out stopped
    same "SIG$signal and on: other bytes" whole stopped
    complete stopped
done
rm -r stopped

# a second Ctrl-C during one long epoch
background train base.yaml --set task.p=401 --set model.d_model=128 --set model.d_mlp=4096 --out long
taken long
sleep 0.1
kill -INT $!
sleep 0.3
check 'the first Ctrl-C waits for the step' kill -0 $!
kill -INT $!
ended 130 'a second Ctrl-C'
state_is long running
rm -r long

# ---- two processes
background train base.yaml --out two
pid=$!
taken two
kill -STOP $pid
refused 1 "^grokc: two is in use by pid $pid on host .*--out" train base.yaml --out two
refused 1 "^grokc: two is in use by pid $pid" train base.yaml --out two --fresh
check 'the owner is still the first' grep -q "^pid $pid$" two/owner
kill -CONT $pid
ended 0 'the first of two processes'
same 'a second process did harm' whole two
complete two
rm -r two

# ---- owners that are gone: dead; another process has its number; its host went silent; no owner
expect 0 train base.yaml --set run.epochs=20 --out calm
host=$(uname -n)
sh -c 'exit' & dead=$!
wait $dead
ticks=$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 20)
owner() { mkdir owned; printf '%b' "$1" >owned/owner; touch -d "$2" owned/owner; }
while IFS='|' read -r text age; do
    owner "$text" "$age"
    expect 0 train base.yaml --set run.epochs=20 --out owned
    same "an owner that is gone ($text)" calm owned
    complete owned
    rm -r owned
done <<LIST
host $host\npid $dead\nstarted 12345\njob -\n|now
host $host\npid $$\nstarted 1\njob -\n|now
host elsewhere\npid 1\nstarted 1\njob -\n|20 minutes ago
\0377\0376 garbage \001|1 minute ago
|1 minute ago
host $host\npid|now
host $host\npid|1 hour
LIST
while IFS='|' read -r text who; do
    owner "$text" now
    refused 1 "^grokc: owned is in use by pid $who" train base.yaml --set run.epochs=20 --out owned
    check 'an owner that is alive: nothing written' test "$(ls owned)" = owner
    rm -r owned
done <<LIST
host $host\npid $$\nstarted $ticks\njob -\n|$$ on host $host
host elsewhere\npid 1\nstarted 1\njob -\n|1 on host elsewhere
LIST

# killed in the middle of a takeover; one that goes on is in owner.sh, on a disk without locks
owner "host $host\npid $dead\nstarted 12345\njob -\n" now
cp owned/owner owned/owner.takeover.grokc-tmp
expect 0 train base.yaml --set run.epochs=20 --out owned
same 'a takeover that was killed' calm owned
complete owned
rm -r owned
# the same job of Slurm, put back into its queue and started elsewhere; not so its other processes
job='host elsewhere\npid 1\nstarted 1\njob 77\n'
owner "${job}restart 0\n" now
SLURM_JOB_ID=77 SLURM_RESTART_COUNT=1 expect 0 train base.yaml --set run.epochs=20 --out owned
same 'an owner of before a requeue' calm owned
rm -r owned
for other in 'SLURM_JOB_ID=77' 'SLURM_JOB_ID=78 SLURM_RESTART_COUNT=1' ''; do
    owner "${job}restart 0\n" now
    [[ $other ]] && export $(tr ' ' '\n' <<<"$other")
    refused 1 '^grokc: owned is in use by pid 1 on host elsewhere' train base.yaml --set run.epochs=20 --out owned
    unset SLURM_JOB_ID SLURM_RESTART_COUNT
    rm -r owned
done

# ---- branches
sums whole >before
expect 0 branch whole@500 --out branch
unchanged 'a branch and its parent' whole
sed -n '/^{"epoch": 504,/,$p' whole/metrics.jsonl >rows
check 'a branch has the rows of its parent' cmp rows branch/metrics.jsonl
check 'a branch has its checkpoints' test "$(names branch | wc -w)" = 17
for file in branch/checkpoints/*00.safetensors; do check "$file" cmp "whole/${file#*/}" "$file"; done
check 'no difference' grep -qF '"difference": ""' branch/parent.json

expect 0 branch whole@500 --set run.epochs=600 --out brief
check 'fewer epochs' grep -qF '"run.epochs: 2000 -> 600\u000a"' brief/parent.json
# with a key set: it is used from the third row on that has it, of which two may be the parent's
keys=(train base.yaml --set task.p=24 --set task.train_fraction=0.8
    --set model.d_model=16 --set model.d_mlp=32 --set optim.lr=0.01 --set run.epochs=200 --set run.measure_every=10 --set "run.keep_state=150,180")
expect 0 "${keys[@]}" --out keyed
check 'a key set is used before epoch 150' test "$(column restricted_all_online keyed | sed -n 15p)" != null
expect 0 branch keyed@150 --out keyed150
expect 0 branch keyed@180 --out keyed180
expect 0 branch keyed150@180 --out keyed150180
tail -n 6 keyed/metrics.jsonl >rows150
tail -n 3 keyed/metrics.jsonl >rows180
check 'a branch with a key set has the rows of its parent' cmp rows150 keyed150/metrics.jsonl
check 'a later one, too' cmp rows180 keyed180/metrics.jsonl
check 'a branch of a branch' cmp keyed180/metrics.jsonl keyed150180/metrics.jsonl
check 'its earlier rows' cmp keyed180/parent.jsonl keyed150180/parent.jsonl

decay=(branch whole@500 --set optim.weight_decay=0.1)
expect 0 "${decay[@]}" --out other
check 'the difference' grep -qF '"difference": "optim.weight_decay: 1 -> 0.1\u000a"' other/parent.json
check 'the parent' grep -qF '"parent": "whole"' other/parent.json
check 'the epoch' grep -qF '"epoch": 500' other/parent.json
check 'other rows' test "$(head -n 1 other/metrics.jsonl)" != "$(head -n 1 rows)"
for ((i = 0; i < 5; i++)); do
    rm -rf stopped
    background "${decay[@]}" --out stopped
    wait_for stopped/metrics.jsonl '"epoch": 525,'
    kill -TERM $! 2>/dev/null
    { wait $!; } 2>/dev/null
    code=$?
    [[ $code = 0 ]] || break
done
check "a branch, SIGTERM: exit code $code, not 75" test "$code" = 75
expect 0 "${decay[@]}" --out stopped
same 'a branch stopped and gone on with: other bytes' other stopped
complete stopped

sums other >before
expect 0 "${decay[@]}" --out other
prints 'done already'
refused 2 '^grokc: other is a run already, and not this branch' branch whole@500 --set optim.lr=1 --out other
refused 2 '^grokc: other is a branch.*--fresh' train other/config.yaml --fresh
refused 2 '^grokc: unknown option "--fresh"' branch whole@500 --out other --fresh
unchanged 'refused branches' other
refused 2 '^grokc: whole has no kept state of epoch 600; run.keep_state' branch whole@600 --out none
refused 2 'run.epochs = 300 is before' branch whole@500 --set run.epochs=300 --out none
refused 2 'nowhere/config.yaml' branch nowhere@500 --out none
refused 2 'a branch from epoch 2000 would end there' branch whole --out none
refused 2 'which state' branch whole@x --out none
refused 2 'which state' branch whole@-1 --out none
refused 2 'needs a directory of its own' branch whole@500
refused 1 '00000500.state.safetensors: .* has shape' branch whole@500 --set model.d_mlp=8 --out none
check 'refused branches made no directory' test ! -e none
rm -r stopped other branch brief

# ---- more epochs
expect 0 "${short[@]}" --out six
for keep in all last none; do
    expect 0 train base.yaml --set run.epochs=333 --set run.keep_checkpoints=$keep --out grown
    expect 0 "${short[@]}" --set run.keep_checkpoints=$keep --out grown
    expect 0 "${short[@]}" --set run.keep_checkpoints=$keep --out direct
    same "333 epochs, then 600, keep_checkpoints $keep: other bytes" direct grown
    complete grown
    rm -r grown direct
done
expect 0 "${short[@]}" --out copy/..//grown
background train base.yaml --out grown              # and while it grows
wait_for grown/metrics.jsonl '"epoch": 700,'
kill -9 $!
{ wait $!; } 2>/dev/null
check 'nothing is left of the shorter end' test ! -e grown/summary.json -a ! -e grown/final.jsonl
expect 0 train base.yaml --out grown
same '600 epochs, then 2000, killed on the way: other bytes' whole grown

sums six >before
expect 0 train base.yaml --set run.epochs=599 --out six
prints '^six: done already at epoch 600, by run.epochs'
refused 2 'optim.lr: 0.001 -> 0.01$' "${short[@]}" --set optim.lr=0.01 --out six
refused 2 'task.split: "?philox:1"? -> "?philox:2"?$' "${short[@]}" --set seed=2 --out six
says '^grokc: six holds a run of another config:$' 'give another --out, or --fresh'
says 'model.init: "?philox:1"? -> "?philox:2"?$'
refused 2 'run.measure_every: 7 -> 8$' train base.yaml --set run.epochs=700 --set run.measure_every=8 --out six
unchanged 'another config' six
expect 0 "${short[@]}" --set device.threads=2 --set device.backend=ref --set run.resume_every=9 --out six
unchanged 'another device' six

expect 0 "${short[@]}" --set optim.lr=0.01 --out six --fresh
expect 0 "${short[@]}" --set optim.lr=0.01 --out direct
same '--fresh: other bytes' direct six
complete six
rm -r direct grown

# ---- which checkpoints there are
while IFS='|' read -r at keep expected; do
    rm -rf kept
    expect 0 "${short[@]}" --set run.checkpoint_at="$at" --set run.keep_checkpoints="$keep" --out kept
    check "checkpoint_at $at, keep_checkpoints $keep: $(names kept)" test \
        "$(names kept | sed 's/\.safetensors//g; s/\<0*\([0-9]\)/\1/g')" = "$expected"
done <<'LIST'
every:250|all|0 250 500 500.state 600
every:250|last|500.state 600
every:250|none|500.state 600
log:5|all|0 1 5 24 121 500.state 600
50, 3,2|all|2 3 50 500.state 600
none|all|500.state 600
none|last|500.state 600
LIST

# ---- stop rules: where awk finds that they should stop
acc=$(column test_acc whole | sort -g | tail -n 40 | head -n 1)
should=$(paste <(column epoch whole) <(column test_acc whole) |
    awk -v limit="$acc" '{ n = $2 >= limit ? n + 1 : 0; if (n == 4) { print $1; exit } }')
check "awk found an epoch to stop at ($acc, $should)" test "$should" -gt 0 -a "$should" -lt 1990
rule=(--set run.stop_test_acc="$acc" --set run.stop_rows=4)
expect 0 train base.yaml "${rule[@]}" --out direct
check "test_acc >= $acc four times: stops at $should" test "$(last_epoch direct)" = "$should"
check 'the reason' grep -qF '"ended_by": "run.stop_test_acc"' direct/summary.json
check 'rows until then' cmp direct/metrics.jsonl <(head -n "$(wc -l <direct/metrics.jsonl)" whole/metrics.jsonl)
check 'the last weights' test -s "direct/checkpoints/$(printf %08d "$should").safetensors"
state_is direct 'done'
expect 0 train base.yaml "${rule[@]}" --set run.epochs=$((should - 7)) --out grown    # amid the four rows
expect 0 train base.yaml "${rule[@]}" --out grown
same 'four rows with an end among them: other bytes' direct grown
expect 0 train base.yaml "${rule[@]}" --set run.epochs=2100 --out grown             # it would stop there anyway
check 'more epochs do not help' cmp direct/metrics.jsonl grown/metrics.jsonl

expect 0 train base.yaml "${rule[@]}" --set run.keep_state=$((should - 7)) --out parent
expect 0 branch parent@$((should - 7)) --out four
check 'a branch counts the rows of its parent' test "$(last_epoch four)" = "$should"

loss=$(column test_loss whole | sort -g | sed -n 3p)  # two rows are below it
should=$(paste <(column epoch whole) <(column test_loss whole) |
    awk -v limit="$loss" '$2 < limit { print $1; exit }')
expect 0 train base.yaml --set run.stop_test_loss="$loss" --out loss
check "test_loss < $loss: stops at $should" test "$(last_epoch loss)" = "$should"
check 'the reason' grep -qF '"ended_by": "run.stop_test_loss"' loss/summary.json

# ---- threads
if [[ $("$grokc" --version) = *f32* ]]; then
    wide=(train base.yaml --set task.p=41 --set model.d_model=48 --set model.d_mlp=200
        --set run.epochs=40)
    expect 0 "${wide[@]}" --set device.threads=1 --out one
    expect 0 "${wide[@]}" --set device.threads=2 --out two
    for file in metrics.jsonl summary.json resume.safetensors checkpoints/00000040.safetensors; do
        check "1 and 2 threads: $file" cmp "one/$file" "two/$file"
    done
    if grep -q '"backend": "cpu"' two/env.json
    then check 'two threads were there' grep -q '"threads": 2' two/env.json
    else skip 'two threads were there: only the cpu backend has threads'; fi
else
    skip '1 and 2 threads: this program computes with the ref backend only'
fi
end
