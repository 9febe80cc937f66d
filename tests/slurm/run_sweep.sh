#!/usr/bin/env bash
# A sweep on a real Slurm of this machine, with all that happens to jobs: one task is requeued by
# hand, one preempted, one out of time, one loses its trainer to kill -9, the node's daemon is
# restarted, a task is cancelled. In the end every run must have the bytes of a sweep that nothing
# happened to. run_sweep.sh <grokc> <source directory>; skips where there is no Slurm.
# shellcheck disable=SC2317         # what check and await call by name
# shellcheck source=tests/slurm/cluster.sh
source "$(dirname "$0")/cluster.sh"
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"
trap 'cluster_down; clean_up' EXIT

reason=$(cluster_missing)
[[ -z $reason ]] || { skip "${reason//$'\n'/, }"; exit 0; }
cluster_up "$scratch/cluster" >cluster.out 2>&1 || {
    skip 'Slurm does not start here; its last words:'
    tail -n 5 cluster.out cluster/*.log cluster/*.err
    exit 0
}

# await SECONDS NAME COMMAND...: until the command succeeds
await() {
    local limit=$((SECONDS + $1)) name=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= limit)); then
            squeue --array >queue.out
            fail "$name: not in time" queue.out "the sweep"/slurm/*.out
            end
        fi
        sleep 0.1
    done
    pass
}
tell() { printf '\n$ %s\n' "$*"; }
show() { tell squeue --array && squeue --array -o '%.8i %.9P %.16j %.2t %.5M %R'; }

# About a task: field TASK NAME, is TASK STATE, restarts TASK
field() { scontrol -o show job "$1" | grep -oE "(^| )$2=[^ ]*" | head -n 1 | cut -d = -f 2; }
is() { [[ $(field "$1" JobState) = "$2" ]]; }
restarts() { field "$1" Restarts; }

# About shard I: its trainer, by the owner files of its runs; whether it trains, and went on somewhere
run() { printf 'the sweep/runs/%05d/%s' "$1" "$2"; }
trainer() {
    local i
    for ((i = $1; i < 12; i += 4)); do sed -n 's/^pid //p' "$(run "$i" owner)"; done 2>/dev/null | sort -u
}
trains() { is "${job}_$1" RUNNING && kill -0 "$(trainer "$1")" && [[ -s $(run "$1" metrics.jsonl) ]]; }
# back SHARD: trains again. A requeued job waits two minutes where nobody says otherwise; to a node
# that has seen the end of a job, one that starts in the same second is that job, and is refused.
back() {
    trains "$1" || { is "${job}_$1" PENDING && sleep 2 && scontrol update "JobId=${job}_$1" StartTime=now; false; }
}
gone_on() {
    local i
    for ((i = $1; i < 12; i += 4)); do grep -qs '"from_epoch": [1-9]' "$(run "$i" env.json)" && return; done
}
rests() { [[ -z $(trainer "$1") ]]; }
idle() { [[ -z $(squeue -h) ]]; }

# The runs take some seconds each, so that whatever happens finds them in the middle.
cat >base.yaml <<YAML
task:   {p: 11, train_fraction: 0.5}
model:  {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
device: {threads: 1}
run:    {epochs: 60000, measure_every: 200, checkpoint_at: "every:10000", resume_every: 0.5}
YAML
start=$(milliseconds)
expect 0 train base.yaml --out one
epochs=$((60000 * 5000 / ($(milliseconds) - start)))
{ echo 'seed: {range: [0, 12]}' && sed "s/60000/$epochs/" base.yaml; } >'a sweep.yaml'

tell "grokc sweep 'a sweep.yaml' --out 'the sweep' --submit slurm --shards 4 --partition low --time 10"
expect 0 sweep 'a sweep.yaml' --out 'the sweep' --slots 2 --submit slurm --shards 4 --partition low --time 10
cat out
prints '^job [0-9]+: 4 tasks' '^job [0-9]+: gathers'
job=$(sed -n 's/^job \([0-9]*\): 4 tasks.*/\1/p' out)
gather=$(sed -n 's/^job \([0-9]*\): gathers.*/\1/p' out)
for i in 0 1 2 3; do await 30 "task $i trains" trains $i; done
show
check 'gather waits for the array' is "$gather" PENDING

# ---- requeued by hand
tell scontrol requeue "${job}_0"
scontrol requeue "${job}_0"
await 30 'the requeued task waits' is "${job}_0" PENDING
check 'it was restarted once' test "$(restarts "${job}_0")" = 1
await 30 'the requeued task trains again' back 0
await 10 'the requeued task went on where it was' gone_on 0

# ---- preempted, whichever task Slurm chooses
tell sbatch --partition high --wrap 'sleep 2'
high=$(sbatch --parsable --partition high --output high.out --wrap 'sleep 2')
victim() { squeue -h --array -t PENDING -j "$job" -o %K | grep -xE '[0-3]'; }
await 30 'a task makes room' victim
await 30 'the other job runs' is "$high" RUNNING
preempted=$(victim)
show
check 'one task was preempted' test "$(wc -w <<<"$preempted")" = 1
check 'Slurm says so' grep -qs 'PREEMPT' "the sweep/slurm/${job}_$preempted.out"
await 60 'the preempted task trains again' back "$preempted"

# ---- out of time: the signal of --signal=B:USR1@60, a minute before the end
before=$(restarts "${job}_1")
tell scancel --batch --signal USR1 "${job}_1"
scancel --batch --signal USR1 "${job}_1"
await 30 'a task that is out of time waits' is "${job}_1" PENDING
check 'its script requeued it' test "$(restarts "${job}_1")" = $((before + 1))
await 30 'a task that was out of time trains again' back 1
await 10 'a task that was out of time went on where it was' gone_on 1

# ---- the trainer dies: the task fails, nobody else notices
tell kill -9 the trainer of "${job}_2"
kill -9 "$(trainer 2)"
await 30 'a task without trainer fails' is "${job}_2" FAILED
check 'its exit code is the trainer'"'"'s' test "$(field "${job}_2" ExitCode)" = 137:0

# ---- the daemon of the node is restarted: the task goes on
process=$(trainer 3)
tell restart of slurmd
before=$(cat cluster/slurmd.pid)
cluster_restart_node
check 'it is another slurmd' test "$(cat cluster/slurmd.pid)" != "$before"
check 'the task outlives slurmd' trains 3
check 'with the same trainer' test "$(trainer 3)" = "$process"

# ---- cancelled: stopped with resume points, and not back in the queue
tell scancel "${job}_3"
scancel "${job}_3"
await 30 'the trainer of a cancelled task ends' rests 3
await 30 'a cancelled task ends' is "${job}_3" CANCELLED
sleep 1
check 'a cancelled task stays cancelled' is "${job}_3" CANCELLED
show

# ---- two shards again, by hand, from another folder
tell sbatch --array=2,3 "'the sweep/slurm/sweep.sh'"
again=$(cd / && sbatch --parsable --array=2,3 "$scratch/the sweep/slurm/sweep.sh")
await 30 'a shard again' is "${again}_3" RUNNING
await 200 'every task ends' idle
await 30 'gather ends' is "$gather" COMPLETED
tell squeue --states all
squeue --array --states all -o '%.8i %.9P %.16j %.10T %.5M'
for task in "${job}_0" "${job}_1" "${again}_2" "${again}_3"; do
    check "task $task is done" is "$task" COMPLETED
done
check 'gather wrote its tables' test -s 'the sweep/sweep.csv'
tell tail -n 2 "'the sweep/slurm/gather-$gather.out'"
tail -n 2 "the sweep/slurm/gather-$gather.out"

expect 0 sweep 'a sweep.yaml' --out plain
expect 0 gather 'the sweep'         # the job of that name came before the shards that were run again
prints '^the sweep: 12 runs: 12 done'
mv 'the sweep/slurm' .
for ((i = 0; i < 12; i++)); do complete "the sweep/runs/$(printf %05d "$i")"; done
same 'the sweep on Slurm has other bytes than a sweep that nothing happened to' 'the sweep' plain
check 'as many files' test "$(find plain -type f | wc -l)" = "$(find 'the sweep' -type f | wc -l)"
end
