#!/usr/bin/env bash
# A run of a sweep has the bytes that `grokc train` or `grokc branch` gives it alone: in any number of
# slots, in a slot taken over, on any number of threads, in any shard, whatever happens to the sweep.
source "$(dirname "$0")/../lib/program.sh"

# Lengths differ, so that slots are taken over at different moments.
cat >base.yaml <<'YAML'
seed:  {range: [0, 6]}
task:  {p: 7, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: [90, 44, 23], measure_every: 7, checkpoint_at: "every:20", keep_state: "20",
        resume_every: 0}
device: {threads: 1}
YAML
sweep=(sweep base.yaml)

# background ARGUMENT...: starts grokc; $! is its process
background() { "$grokc" "$@" >bg.out 2>bg.err </dev/null & }
# ended CODE NAME PID
ended() {
    local got
    { wait "$3"; } 2>/dev/null
    got=$?
    if [[ $got = "$1" ]]; then pass; else fail "$2: exit code $got, not $1" bg.out bg.err; fi
}
# all_complete DIR N: N runs have ended, and nothing temporary is left anywhere
all_complete() {
    local run
    check "$1: $2 runs" test "$(find "$1/runs" -mindepth 1 -maxdepth 1 | wc -l)" = "$2"
    for run in "$1"/runs/*; do complete "$run"; done
    find "$1" -name owner -o -name '*.grokc-tmp' >left.out
    if [[ ! -s left.out ]]; then pass; else fail "$1: left behind" left.out; fi
}

# ---- each run alone, then side by side
expect 0 "${sweep[@]}" --out whole --slots 1
prints '^whole: 18 runs: 18 done, 0 diverged, 0 elsewhere; 0 grokked; 18 trained now'
all_complete whole 18
for i in 00000 00001 00002 00009 00017; do
    expect 0 train whole/runs/$i/config.yaml --out alone
    same "run $i of a sweep, and alone: other bytes" alone whole/runs/$i
    rm -r alone
done
for slots in 2 16 1000; do
    expect 0 "${sweep[@]}" --out side --slots $slots
    same "--slots $slots: other bytes" whole side
    all_complete side 18
    rm -r side
done
expect 0 "${sweep[@]}" --out side --slots 4 --set device.threads=2
for i in whole/runs/*; do
    if diff -rq -x env.json -x log.txt -x state -x config.yaml "$i" "side/${i#*/}" >same.out; then pass
    else fail "2 threads: other bytes" same.out; fi
done
rm -r side

# ---- shards
expect 0 "${sweep[@]}" --out side --shard 1/2
check 'no gathered files after one shard' test ! -e side/sweep.csv
check 'a shard trains its own runs' test "$(ls side/runs)" = "$(ls whole/runs | sed -n 'n;p')"
expect 0 "${sweep[@]}" --out side --shard 0/2 --slots 2
expect 0 gather side
same 'two shards: other bytes' whole side
sums side >before
expect 0 "${sweep[@]}" --out side --shard 40/41
prints '^side: 0 runs: 0 done'
unchanged 'an empty shard' side
refused 2 '^grokc: --shard "2/2": expects I/N' "${sweep[@]}" --out side --shard 2/2
refused 2 '^grokc: --slots "0"' "${sweep[@]}" --out side --slots 0

# ---- what has ended is left alone
find side/runs -type f -printf '%p %T@\n' | sort >times
expect 0 "${sweep[@]}" --out side
prints '^side: 18 runs: 18 done, 0 diverged, 0 elsewhere; 0 grokked$'
check 'runs that are done: not written' diff times <(find side/runs -type f -printf '%p %T@\n' | sort)
unchanged 'runs that are done' side

# ---- --dry-run
expect 0 "${sweep[@]}" --out none --dry-run
check '--dry-run makes nothing' test ! -e none
expect 0 "${sweep[@]}" --out side --dry-run
unchanged '--dry-run' side

# ---- another sweep in the same directory
sed 's/p: 7/p: 11/' base.yaml >changed.yaml
refused 2 '^grokc: side/sweep.yaml differs from the sweep that is asked for' sweep changed.yaml --out side
says '^task.p: 7 -> 11$' 'give another directory with --out'
refused 2 '^grokc: side/.* (differs|holds a run of another config)' "${sweep[@]}" --set optim.lr=0.01 --out side
unchanged 'another sweep' side
sed 's/threads: 1/matmul: [fp32, tf32]/' base.yaml >device.yaml
refused 2 '^grokc: device.matmul cannot be swept' sweep device.yaml --out none
check 'a refused sweep makes nothing' test ! -e none
rm -r side

# ---- shapes, a run that diverges, stop rules: each as alone
cat >mixed.yaml <<'YAML'
task:  {p: [7, 11], train_fraction: [0.5, 0.4]}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: [16, 24]}
optim: {lr: [1e-3, 1e3]}
run:   {epochs: 40, measure_every: 5, stop_test_loss: [null, 100], resume_every: 0}
device: {threads: 1}
zip:   [[optim.lr, run.stop_test_loss]]
YAML
expect 0 sweep mixed.yaml --out mixed --dry-run
check 'a queue for each shape' test "$(grep -c '^# queue [0-7]: 2 runs' out)" = 8
expect 0 sweep mixed.yaml --out mixed
prints '^mixed: 16 runs: [0-9]+ done, [0-9]+ diverged'
all_complete mixed 16
for i in mixed/runs/*; do
    "$grokc" train "$i/config.yaml" --out alone >out 2>err
    code=$?
    check "$i alone: exit code $code" test $code = "$([[ $(state "$i") = diverged ]] && echo 3 || echo 0)"
    same "$i of different shapes: other bytes" alone "$i"
    rm -r alone
done
rm -r mixed
cat >ends.yaml <<'YAML'
task:  {p: 7, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
optim: {lr: [1e3, 1e-3, 1e-3]}
run:   {epochs: 40, measure_every: 5, stop_test_loss: [null, null, 100]}
device: {threads: 1}
zip:   [[optim.lr, run.stop_test_loss]]
YAML
expect 0 sweep ends.yaml --out ends
prints '^ends: 3 runs: 2 done, 1 diverged'
state_is ends/runs/00000 diverged
check 'a stop rule of one run' test "$(last_epoch ends/runs/00001) $(last_epoch ends/runs/00002)" = '40 0'

# ---- hooks, and a signal while one of them is waited for: a resume point of every run
cat >hooks.yaml <<'YAML'
seed:  [1, 2, 3]
task:  {p: 7, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:
  {epochs: [0, 2000, 2001], measure_every: 1000, resume_every: 1e9, hook: ["exec sleep 8", null, null]}
device: {threads: 1}
zip:   [[seed, run.epochs, run.hook]]
YAML
background sweep hooks.yaml --out hooks --slots 2
pid=$!
wait_for hooks/runs/00000/log.txt 'hook: process'
wait_for hooks/runs/00000/summary.json 'ended_by'
kill -TERM $pid
ended 75 'a signal while a hook is waited for' $pid
for i in 00001 00002; do check "run $i: a resume point" test -s hooks/runs/$i/resume.safetensors; done
sed 's/exec sleep 8/while read -r p; do echo {}; done/' hooks.yaml >answers.yaml
expect 0 sweep answers.yaml --out answers
check 'a hook for one run' test "$(echo answers/runs/*/hook.jsonl)" = answers/runs/00000/hook.jsonl
check 'its answer' grep -q '"epoch": 0' answers/runs/00000/hook.jsonl

# ---- a sweep of branches; one that was begun
cat >fork.yaml <<'YAML'
from:  whole/runs/00000@20
optim: {weight_decay: [0.5, 2, 3]}
YAML
expect 0 sweep fork.yaml --out fork
prints '^fork: 3 runs: 3 done'
expect 0 branch whole/runs/00000@20 --set optim.weight_decay=2 --out alone
same 'a sweep of branches: other bytes' alone fork/runs/00001
cp -r fork begun
rm -r begun/runs/00001/* begun/runs/00002/config.yaml begun/runs/00002/[efls]* begun/runs/00002/metrics.jsonl
expect 0 branch whole/runs/00000@20 --set optim.weight_decay=3 --out third
cp alone/parent.json begun/runs/00001/parent.json.grokc-tmp
expect 0 sweep fork.yaml --out begun
for i in 0 1 2; do same 'branches that were begun: other bytes' fork/runs/0000$i begun/runs/0000$i; done
rm -r alone third begun fork

# ---- a signal in the middle
for ((i = 0; i < 5; i++)); do
    rm -rf stopped
    background "${sweep[@]}" --out stopped --slots 3
    wait_for stopped/runs/00002/metrics.jsonl '"epoch": 7,'
    kill -TERM $! 2>/dev/null
    { wait $!; } 2>/dev/null
    code=$?
    [[ $code = 0 ]] || break
done
check "SIGTERM: exit code $code, not 75" test $code = 75
check 'SIGTERM: a message' grep -q '^grokc: stopped stopped .*the same command goes on' bg.err
expect 0 "${sweep[@]}" --out stopped --slots 5
same 'SIGTERM and on: other bytes' whole stopped
all_complete stopped 18

# ---- runs that cannot be gone on with stop nobody
cp -r whole broken
for i in 3 9 10; do
    rm "$(printf %s/%05d broken/runs "$i")"/{state,summary.json,final.jsonl}
done
rm -r broken/runs/00012
printf 'x' >>broken/runs/00003/resume.safetensors
sed -i 's/^  lr: .*/  lr: 0.5/' broken/runs/00009/config.yaml
expect 1 "${sweep[@]}" --out broken --slots 2
prints '^broken: 18 runs: 16 done, 0 diverged, 0 elsewhere; 0 grokked; 2 broken; 2 trained now'
says '^grokc: left as it is: broken/runs/00003/resume.safetensors.*remove broken/runs/00003 '
says '^grokc: left as it is: broken/runs/00009 holds a run of another config'
says '^grokc: 2 runs of broken could not be gone on with'
check 'a run that is broken: its state' grep -q '^failed: ' broken/runs/00003/state
rm -r broken/runs/00003 broken/runs/00009
expect 0 "${sweep[@]}" --out broken
same 'broken runs, made again: other bytes' whole broken
rm -r broken

# ---- several at a time, which start together
rm -rf several
pids=()
for i in 1 2 3; do
    "$grokc" "${sweep[@]}" --out several --slots 2 >"bg$i.out" 2>"bg$i.err" </dev/null &
    pids+=($!)
done
for i in 0 1 2; do
    { wait "${pids[i]}"; } 2>/dev/null
    code=$?
    if [[ $code = 0 ]] || { [[ $code = 1 ]] && grep -q "are other processes'" "bg$((i + 1)).err"; }; then pass
    else fail "several at a time: exit code $code" "bg$((i + 1)).err"; fi
done
check 'each run once' test "$(cat several/runs/*/log.txt | grep -c 'starts at epoch 0 ')" = 18
expect 0 gather several
same 'several at a time: other bytes' whole several
all_complete several 18

# ---- a world that fails
cp -r several foreign
sed -i 's/d_mlp: *16/d_mlp: 24/' foreign/runs/00003/config.yaml
sums foreign/runs/00003 >before
expect 1 "${sweep[@]}" --out foreign
says '^grokc: left as it is: foreign/runs/00003 holds a run of another config'
unchanged 'a run of another config' foreign/runs/00003
touch several/sweep.csv.1.grokc-tmp
touch -d '1 hour ago' several/sweep.csv.2.grokc-tmp
expect 0 "${sweep[@]}" --out several
check 'what a gather left is removed, one that goes on is not' \
    test -e several/sweep.csv.1.grokc-tmp -a ! -e several/sweep.csv.2.grokc-tmp
touch file
refused 1 '^grokc: .*file' "${sweep[@]}" --out file/sub
rm -rf disk
(ulimit -f 2 && exec "$grokc" "${sweep[@]}" --out disk) 2>&1 >out </dev/null | cat >err
code=${PIPESTATUS[0]}
check "files of at most 2 kB: exit code $code, not 1" test "$code" = 1
what='files of at most 2 kB' says '^grokc: cannot write disk/runs/.*: File too large'
expect 0 "${sweep[@]}" --out disk
same 'when there is room again: other bytes' whole disk
all_complete disk 18

# ---- memory: what --dry-run says of further slots, against what the process asks the system for
cat >memory.yaml <<'YAML'
seed:  {range: [0, 16]}
task:  {p: 37, train_fraction: 0.3}
model: {d_model: 64, heads: 4, d_head: 16, d_mlp: 256}
run:   {epochs: 1000000, measure_every: 1}
device: {threads: 1}
YAML
for slots in 1 16; do
    expect 0 sweep memory.yaml --out memory$slots --slots $slots --dry-run
    predicted[slots]=$(sed -n 's/.* on a CPU: \([0-9]*\)\.[0-9] MB.*/\1/p' out)
    background sweep memory.yaml --out memory$slots --slots $slots
    wait_for memory$slots/runs/00000/metrics.jsonl '"epoch": 0,'
    measured[slots]=$(sed -n 's/^VmPeak:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$!/status)
    kill -9 $!
    { wait $!; } 2>/dev/null
done
more=$((predicted[16] - predicted[1])) got=$(((measured[16] - measured[1]) * 1024 / 1000000))
echo "15 more slots: $more MB predicted, $got MB taken"
check '15 more slots take what was predicted, within 10 percent' \
    test $((10 * got)) -ge $((9 * more)) -a $((10 * got)) -le $((11 * more))
end
