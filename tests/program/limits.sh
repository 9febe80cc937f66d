#!/usr/bin/env bash
# What the program is started with: closed descriptors, ignored signals, a limit of CPU time, folders that cannot be
# synced, cores and memory that are not all of the machine's.
# shellcheck disable=SC2154,SC2119
source "$(dirname "$0")/../lib/program.sh"
source "$(dirname "$0")/../lib/owners.sh"

cat >small.yaml <<'YAML'
seed:  1
task:  {p: 7, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 200, measure_every: 20, checkpoint_at: "every:100"}
YAML
cat >sweep.yaml <<'YAML'
seed:  {range: [0, 3]}
task:  {p: 7, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 200, measure_every: 20, checkpoint_at: none}
YAML
expect 0 train small.yaml --out whole
expect 0 sweep sweep.yaml --out swept

# ---- descriptors that are closed
closed() { bash -c 'for fd in $1; do eval "exec $fd>&-"; done; shift; exec "$@"' - "$@"; }
for fds in 0 1 2 '0 1 2'; do
    closed "$fds" "$grokc" train small.yaml --out run >out 2>err
    code=$?
    check "descriptors $fds closed: exit code $code" test $code = 0
    same "descriptors $fds closed: other bytes" whole run
    complete run
    closed "$fds" "$grokc" sweep sweep.yaml --out many >out 2>err
    code=$?
    check "descriptors $fds closed, a sweep: exit code $code" test $code = 0
    for i in 0 1 2; do same "descriptors $fds closed: other bytes in run $i" swept/runs/0000$i many/runs/0000$i; done
    check "descriptors $fds closed: the tables of a sweep" cmp swept/curves.csv.gz many/curves.csv.gz
    closed "$fds" "$grokc" report run -o run.html >out 2>err
    code=$?
    check "descriptors $fds closed, a report: exit code $code" test $code = 0
    check "descriptors $fds closed: a whole report" grep -q '</html>' run.html
    closed "$fds" "$grokc" branch run@200 --out none >out 2>err
    code=$?
    check "descriptors $fds closed, an error: exit code $code" test $code = 2
    grep -rlaE '^(grokc: |epoch [0-9]+/|sweep [0-9]+ done)|run\.html' run many run.html >found
    check "descriptors $fds closed: messages in files" test ! -s found
    rm -rf run many run.html
done
closed 2 "$grokc" train small.yaml --set run.hook='echo said >&2; while read -r path; do echo "{}"; done' --out run >out
code=$?
check "a hook that writes into a closed stderr: exit code $code" test $code = 0
check 'a hook that writes into a closed stderr: other rows' cmp whole/metrics.jsonl run/metrics.jsonl
check 'a hook that writes into a closed stderr: its answers' test "$(grep -vc '^{"epoch": [0-9]*}$' run/hook.jsonl)" = 0
rm -r run

# ---- signals that end a run with a resume point; and those that were ignored at the start
endless=("$grokc" train small.yaml --set run.epochs=100000000 --set run.checkpoint_at=none --set run.measure_every=1000 --out long)
# gone_with SIGNAL COMMAND...: the code it ends with
gone_with() {
    local signal=$1
    shift
    rm -rf long
    "$@" >out 2>err </dev/null &
    wait_for long/metrics.jsonl '"epoch": 2000,'
    kill "-$signal" $!
    { wait $!; } 2>/dev/null
    code=$?
}
for signal in HUP XCPU; do
    gone_with $signal "${endless[@]}"
    check "SIG$signal: exit code $code" test $code = 75
    check "SIG$signal: a resume point" test -s long/resume.safetensors -a ! -e long/owner
    state_is long interrupted
done
rm -rf long
(ulimit -St 1; exec "${endless[@]}" --set device.threads=1) >out 2>err </dev/null
code=$?
check "a second of CPU time: exit code $code" test $code = 75
check 'a second of CPU time: a resume point' test -s long/resume.safetensors
rm -rf long many
(ulimit -St 1; exec "$grokc" sweep sweep.yaml --set run.epochs=100000000 --out many) >out 2>err </dev/null
code=$?
check "a second of CPU time, a sweep: exit code $code" test $code = 75
check 'a second of CPU time: a resume point for each' test "$(ls many/runs/*/resume.safetensors | wc -l)" = 3
rm -rf many
for signal in HUP INT; do
    rm -rf long
    env "--ignore-signal=$signal" "${endless[@]}" >out 2>err </dev/null &
    wait_for long/metrics.jsonl '"epoch": 2000,'
    kill "-$signal" $!
    sleep 0.3
    kill "-$signal" $!
    sleep 0.3
    check "SIG$signal was ignored at the start and ended the run" kill -0 $!
    kill -TERM $!
    { wait $!; } 2>/dev/null
    code=$?
    check "SIG$signal ignored, then SIGTERM: exit code $code" test $code = 75
done
rm -rf long

# ---- folders that cannot be synced
for number in 1 5 9 13 22 28 38 95 116 122; do      # EPERM EIO EBADF EACCES EINVAL ENOSPC ENOSYS EOPNOTSUPP ESTALE EDQUOT
    rm -rf run
    "${preload[@]}" GROKC_FAULT=none "GROKC_FOLDERS=$number" "$grokc" train small.yaml --out run >out 2>err </dev/null
    code=$?
    case $number in
        5 | 28 | 122)
            check "a folder with error $number: exit code $code" test $code = 1
            check "a folder with error $number: no message" grep -q '^grokc: cannot sync directory run: ' err ;;
        *)
            check "a folder with error $number: exit code $code" test $code = 0
            same "a folder with error $number: other bytes" whole run ;;
    esac
done
rm -rf run
"${preload[@]}" GROKC_FAULT=none GROKC_FOLDERS=95 "$grokc" sweep sweep.yaml --out many >out 2>err </dev/null
code=$?
check "a sweep in folders that cannot be synced: exit code $code" test $code = 0
"${preload[@]}" GROKC_FAULT=none GROKC_FOLDERS=5 "$grokc" gather many >out 2>err </dev/null
code=$?
check "gather in a folder that is lost: exit code $code" test $code = 1
rm -rf many
if [[ $(id -u) = 0 ]] && setpriv --reuid 65533 --regid 65533 --clear-groups true 2>/dev/null; then
    chmod 755 .
    mkdir -m 333 hidden                             # to write into, not to be read
    setpriv --reuid 65533 --regid 65533 --clear-groups "$grokc" report whole -o hidden/report.html >out 2>err
    code=$?
    check "a report into a folder that cannot be read: exit code $code: $(cat err)" test $code = 0
    check 'the report' grep -q '</html>' hidden/report.html
fi

# ---- cores, and which limit held
# threads N FROM COMMAND...: what env.json says of a run
threads() {
    local n=$1 from=$2
    shift 2
    rm -rf run
    "$@" "$grokc" train small.yaml --set run.epochs=1 --out run >out 2>err </dev/null
    check "threads with $*: not $n from $from: $(grep -E 'threads' run/env.json | tr -d '\n')" \
        grep -qzE "\"threads\": $n,\s+\"threads_from\": \"$from\"" run/env.json
}
unset OMP_NUM_THREADS SLURM_CPUS_PER_TASK
cores=$(nproc)
rm -rf run
expect 0 train small.yaml --set run.epochs=1 --out run
if ! grep -q '"threads_from": "affinity"' run/env.json; then
    skip "the cores of a process are limited here: $(grep threads run/env.json | tr -d '\n')"
    end
fi
threads "$cores" affinity env
threads 1 affinity taskset -c 0
threads 1 affinity taskset -c 0 env OMP_NUM_THREADS=1
for odd in 0 -1 many '' 1x 99999; do threads "$cores" affinity env "OMP_NUM_THREADS=$odd"; done
if ((cores > 1)); then
    threads 1 SLURM_CPUS_PER_TASK env SLURM_JOB_ID=1 SLURM_CPUS_PER_TASK=1
    threads 1 OMP_NUM_THREADS env OMP_NUM_THREADS=1
    threads 1 OMP_NUM_THREADS env OMP_NUM_THREADS=1,4
    threads 1 SLURM_CPUS_PER_TASK env OMP_NUM_THREADS=2 SLURM_CPUS_PER_TASK=1
fi
expect 0 train small.yaml --set run.epochs=1 --set device.threads=3 --out given
check 'device.threads' grep -qzE '"threads": 3,\s+"threads_from": "device.threads"' given/env.json

# group FILE=TEXT... -- COMMAND...: in a world where /sys/fs/cgroup holds these files
group() {
    local files=()
    while [[ $1 != -- ]]; do
        files+=("$1")
        shift
    done
    shift
    unshare -m bash -c 'mount -t tmpfs none /sys/fs/cgroup || exit
        for file in $1; do
            path=/sys/fs/cgroup/${file%%=*}
            mkdir -p "$(dirname "$path")"
            tr _ " " <<<"${file#*=}" >"$path"
        done
        shift; exec "$@"' - "${files[*]}" "$@"
}
if group x=1 -- true 2>/dev/null; then
    if ((cores > 1)); then
        threads 1 'cgroup v2' group cpu.max=100000_100000 --
        threads 1 'cgroup v1' group cpu/cpu.cfs_quota_us=50000 cpu/cpu.cfs_period_us=100000 --
        threads 1 'cgroup v1' group cpu,cpuacct/cpu.cfs_quota_us=100000 cpu,cpuacct/cpu.cfs_period_us=100000 --
        threads 1 'cgroup v2' group unified/cpu.max=50000_100000 cpu/cpu.cfs_quota_us=-1 cpu/cpu.cfs_period_us=100000 --
    fi
    threads "$cores" affinity group cpu.max=max_100000 --
    threads "$cores" affinity group cpu/cpu.cfs_quota_us=-1 cpu/cpu.cfs_period_us=100000 --
    # memory: slots of a sweep, and a refusal
    slots() { sed -n 's/.* \([0-9]*\) slots on a CPU.*/\1/p' out; }
    sed -i 's/\[0, 3\]/[0, 64]/' sweep.yaml
    wide=(sweep sweep.yaml --dry-run)
    expect 0 "${wide[@]}"
    check "slots without a limit: $(slots)" test "$(slots)" = 64
    for files in 'memory.max=4000000 memory.current=1000000' 'memory.max=max memory.high=3000000' \
        'memory/memory.limit_in_bytes=5000000 memory/memory.usage_in_bytes=2000000'; do
        # shellcheck disable=SC2086
        group $files -- "$grokc" "${wide[@]}" >out 2>err
        few=$(slots)
        check "slots with $files: $few" test "$few" -ge 1 -a "$few" -lt 64
    done
    group memory/memory.limit_in_bytes=9223372036854771712 memory/memory.usage_in_bytes=2000000 -- "$grokc" "${wide[@]}" >out
    check "slots without a limit of version 1: $(slots)" test "$(slots)" = 64
    group memory.max=1000000 memory.current=990000 -- "$grokc" train small.yaml --out none >out 2>err
    code=$?
    what='a run that has no room in its cgroup'
    check "$what: exit code $code" test $code = 1
    says '^grokc: not enough memory: 1 runs side by side need [0-9]+ bytes, and the limit of this cgroup v2 leaves 10000$'
else
    skip 'cgroups: mounting is not allowed here'
fi
end
