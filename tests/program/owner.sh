#!/usr/bin/env bash
# One process writes a run, whatever namespaces, clocks and disks do: the lock on `owner`, what stands in for it where a
# disk has no locks, and the look before each write. Ends with twenty seconds of random events (slow/owner.sh: a
# thousand and more), in which builds without the lock and without the look must lose rows.
# shellcheck disable=SC2154,SC2119,SC2120
source "$(dirname "$0")/../lib/program.sh"
source "$(dirname "$0")/../lib/owners.sh"

cat >small.yaml <<'YAML'
seed:   1
task:   {p: 7, train_fraction: 0.5}
model:  {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:    {epochs: 6000, measure_every: 20, checkpoint_at: "every:2000", resume_every: 0.3}
device: {threads: 1}
YAML
endless=(train small.yaml --set run.epochs=100000000 --set run.checkpoint_at=none)
short=(train small.yaml --set run.epochs=200)
storm_world=(GROKC_FAULT=none) storm_program=$grokc storm_dir=first

# first [NAME=VALUE...]: an endless run in `first`, past some rows
first() {
    rm -rf first
    storm_command=("${endless[@]}" --out first)
    start "$@"
    wait_for first/metrics.jsonl '"epoch": 400,'
    until [[ -s first/resume.safetensors ]] || ! is_alive "$runner"; do sleep 0.01; done
}
# stop: it goes on, and ends with a resume point
stop() {
    kill -TERM "$runner"
    wait "$runner"
    check "$1: the first process ends with $?" test $? = 75
    check "$1: nobody owns it any more" test ! -e first/owner
}
# turned_away PATTERN COMMAND...: another process is refused, and nothing is cut
turned_away() {
    local pattern=$1 before
    shift
    before=$(size_of)
    "$@" timeout -s KILL 5 "$grokc" "${endless[@]}" --out first >out 2>err </dev/null
    code=$?
    what="a second process ($*)"
    check "$what: exit code $code" test $code = 1
    says "^grokc: first is in use by pid [0-9]+ on host .*--out.*remove first/owner" "$pattern"
    check "$what: rows were cut" test "$(size_of)" -ge "$before"
}
held='\(last sign of life [0-9]+ (s|minutes) ago, and it holds the lock, which ends when it does\)'

# ---- the lock
first
check 'a readable file' grep -qx "pid $runner" first/owner
check 'it says that a lock is held' grep -qx 'lock held' first/owner
turned_away "$held" env
touch -d '20 minutes ago' first/owner               # a file server whose clock is behind
turned_away 'last sign of life 20 minutes ago, and it holds the lock' env
touch -d '2 days' first/owner
turned_away 'last sign of life 0 s ago, and it holds the lock' env
if $may_unshare; then
    turned_away "$held" elsewhere another
    touch -d '20 minutes ago' first/owner
    turned_away "$held" elsewhere another
    no_proc() { unshare --pid --mount --fork bash -c 'umount -l /proc; exec "$@"' - "$@"; }
    turned_away "$held" no_proc                      # where nothing can be looked up
    touch -d '20 minutes ago' first/owner
    SLURM_JOB_ID=7 SLURM_RESTART_COUNT=3 turned_away "$held" elsewhere another
else
    skip 'other namespaces: unshare is not allowed here'
fi
if [[ $(id -u) = 0 ]] && setpriv --reuid 65533 --regid 65533 --clear-groups true 2>/dev/null; then
    chmod 755 .
    turned_away "$held" setpriv --reuid 65533 --regid 65533 --clear-groups
fi
stop 'with a lock'

# gone at once at kill -9, also for a host of another name, and while a hook of the dead process lives on
first
kill -9 "$runner"
{ wait "$runner"; } 2>/dev/null
check 'the file of the dead process' test -s first/owner
if $may_unshare; then onward=(elsewhere pod-b2); else onward=(env); fi
"${onward[@]}" "$grokc" train small.yaml --set run.epochs=100000000 --set run.checkpoint_at=none --out first >out 2>err </dev/null &
runner=$!
wait_for first/log.txt 'goes on at epoch [1-9]'
check 'taken at once' test -s first/owner
kill -9 "$runner"
{ wait "$runner"; } 2>/dev/null

cat >stays.sh <<'SH'
setsid sleep 60 <&- >&- 2>&- &
echo $! >sleeper
while read -r path; do echo '{"x": 1}'; done
SH
rm -rf first
"$grokc" "${endless[@]}" --set run.hook='sh stays.sh' --out first >out 2>err </dev/null &
runner=$!
wait_for first/metrics.jsonl '"epoch": 200,'
wait_for sleeper '[0-9]'
until [[ -s first/resume.safetensors ]] || ! is_alive "$runner"; do sleep 0.01; done
kill -9 "$runner"
{ wait "$runner"; } 2>/dev/null
check 'something of the hook lives on' kill -0 "$(cat sleeper)"
"$grokc" "${endless[@]}" --set run.hook='' --out first >out 2>err </dev/null &
runner=$!
wait_for first/log.txt 'goes on at epoch [1-9]'
kill "$(cat sleeper)"
stop 'after a hook that lives on'

# ---- a sweep, and the directory of a sweep
cat >sweep.yaml <<'YAML'
seed:   [1, 2, 3]
task:   {p: 7, train_fraction: 0.5}
model:  {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:    {epochs: 2500, measure_every: 20, checkpoint_at: none, resume_every: 0.3}
device: {threads: 1}
YAML
expect 0 sweep sweep.yaml --out swept
if $may_unshare; then
    "$grokc" sweep sweep.yaml --out both >both.out 2>both.err </dev/null &
    runner=$!
    wait_for both/runs/00002/metrics.jsonl '"epoch": 100,'
    kill -STOP $runner
    elsewhere another "$grokc" sweep sweep.yaml --out both >out 2>err </dev/null
    check "a second sweep: exit code $?" test $? = 1
    what='a second sweep'
    says '^grokc: left alone: both/runs/00000 is in use by pid' '^grokc: 3 runs of both are other processes'
    kill -CONT $runner
    wait $runner
    check "the first sweep: exit code $?" test $? = 0
    for i in 0 1 2; do same "run $i of a sweep that another process tried" swept/runs/0000$i both/runs/0000$i; done
fi

# More runs side by side than files may be open: the soft limit rises, the hard one means fewer slots.
sed 's/\[1, 2, 3\]/{range: [1, 41]}/; s/2500/100/' sweep.yaml >forty.yaml
expect 0 sweep forty.yaml --out forty --slots 40
(ulimit -Sn 40; exec "$grokc" sweep forty.yaml --out soft --slots 40) >out 2>err </dev/null
code=$? what='a soft limit of 40 files'
check "$what: exit code $code" test $code = 0
check "$what: nothing to say" test "$(grep -c 'slots, not' err)" = 0
(ulimit -n 130; exec "$grokc" sweep forty.yaml --out hard --slots 40) >out 2>err </dev/null
code=$? what='a hard limit of 130 files'
check "$what: exit code $code" test $code = 0
says '^grokc: 11 slots, not 40: .*130 files'
for made in soft hard; do
    for i in 00000 00023 00039; do same "$made limit: other bytes in run $i" "forty/runs/$i" "$made/runs/$i"; done
done
rm -rf forty soft hard

# ---- a disk without locks: host, boot, namespace and pid; then signs of life
for number in $ENOLCK $EOPNOTSUPP $EINVAL $ENOSYS; do
    first "GROKC_LOCKS=$number"
    check "locks refused ($number)" grep -qx 'lock none' first/owner
    turned_away 'taken over as soon as it has ended' "${preload[@]}" "GROKC_LOCKS=$number"
    kill -9 "$runner"
    { wait "$runner"; } 2>/dev/null
    GROKC_LOCKS=$number GROKC_FAULT=none "${preload[@]}" "$grokc" "${endless[@]}" --out first >out 2>err </dev/null &
    runner=$!
    wait_for first/log.txt 'goes on at epoch [1-9]'
    stop "locks refused ($number)"
done
"${preload[@]}" GROKC_LOCKS=5 "$grokc" "${short[@]}" --out none >out 2>err </dev/null
code=$? what='a lock that fails'
check "$what: exit code $code" test $code = 1
says '^grokc: cannot lock none/owner: Input/output error'

"$grokc" "${short[@]}" --out calm >out 2>err </dev/null
host=$(uname -n) boot=$(cat /proc/sys/kernel/random/boot_id) space=$(readlink /proc/self/ns/pid)
ticks=$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 20)
sh -c 'exit' & dead=$!
wait $dead
# owner PID STARTED BOOT NAMESPACE LOCK AGE [HOST]
owner() {
    rm -rf owned
    mkdir owned
    printf 'host %s\npid %s\nstarted %s\njob -\nrestart 0\nboot %s\nnamespace %s\nid 1\nlock %s\n' \
        "${7:-$host}" "$1" "$2" "$3" "$4" "$5" >owned/owner
    touch -d "$6" owned/owner
}
train_owned() {
    "${preload[@]}" "GROKC_LOCKS=$1" GROKC_FAULT=none "$grokc" "${short[@]}" --out owned >out 2>err </dev/null
    code=$?
    what="an owner file, locks $1"
}
taken_over() {
    train_owned "$2"
    check "$1: exit code $code" test $code = 0
    same "$1: other bytes" calm owned
}
kept() {
    train_owned "$3"
    check "$1: exit code $code" test $code = 1
    says "^grokc: owned is in use by pid [0-9]+ on host .*$2.*remove owned/owner$"
    check "$1: nothing written" test "$(ls owned)" = owner
}
other_boot=01234567-89ab-cdef-0123-456789abcdef
owner $$ "$ticks" "$boot" "$space" none now
kept 'a living process of this namespace' 'taken over as soon as it has ended' $ENOLCK
kept 'though the lock is free' 'taken over as soon as it has ended' 0
touch -d '20 minutes ago' owned/owner
kept 'it is there: silence does not count' 'last sign of life 20 minutes ago; taken over as soon' $ENOLCK
owner $dead 12345 "$boot" "$space" none now
taken_over 'a dead process of this namespace' $ENOLCK
owner $$ "$ticks" "$boot" 'pid:[1]' none now
kept 'a pid of another namespace' 'without another one it is taken over in 15 minutes' $ENOLCK
touch -d '10 minutes ago' owned/owner
kept 'ten minutes later' 'last sign of life 10 minutes ago; without another one it is taken over in 5 minutes' $ENOLCK
touch -d '16 minutes ago' owned/owner
taken_over 'and six more' $ENOLCK
owner $$ "$ticks" $other_boot "$space" none now
kept 'another kernel under the name of this host' 'taken over in 15 minutes' $ENOLCK
touch -d '16 minutes ago' owned/owner
taken_over 'another kernel that went silent' $ENOLCK
owner 1 1 $other_boot "$space" none '14 minutes ago' elsewhere
kept 'another host' 'elsewhere .*14 minutes ago.*taken over in (5[0-9]|60) s' $ENOLCK
GROKC_CLOCK=100000 kept 'another host, seen by a clock that is ahead' 'taken over in' $ENOLCK
GROKC_CLOCK=-100000 kept 'another host, seen by a clock that is behind' 'taken over in' $ENOLCK
touch -d '16 minutes ago' owned/owner
GROKC_CLOCK=-100000 taken_over 'another host that went silent, seen by a clock that is behind' $ENOLCK
owner $$ "$ticks" "$boot" "$space" held now elsewhere
taken_over 'its lock is free, and this kernel knows' 0
owner 1 1 $other_boot "$space" held now elsewhere
taken_over 'its lock is free, on a disk of one host: that was before a reboot' 0
owner 1 1 $other_boot "$space" held now elsewhere
kept 'its lock was held, but now there are none' 'taken over in 15 minutes' $ENOLCK

# a takeover that was killed in the middle, and one that goes on
owner $dead 12345 "$boot" "$space" none now
cp owned/owner owned/owner.takeover.grokc-tmp
taken_over 'a takeover that was killed' $ENOLCK
owner $dead 12345 "$boot" "$space" none now
echo -e "host $host\npid $$\nstarted $ticks\njob -" >owned/owner.takeover.grokc-tmp
train_owned $ENOLCK
check "a takeover that goes on: exit code $code" test $code = 1
says '^grokc: owned is being taken over by another process'
rm -r owned

# ---- the look before each write
# not_ours PATTERN: the runner, about to write, finds that it must not
not_ours() {
    { wait "$runner"; } 2>/dev/null
    check "$1: exit code $?" test $? = 1
    what="a process that lost its run ($1)"
    matches run.err "$1"
}
if $may_unshare; then
    first "GROKC_LOCKS=$ENOLCK"
    kill -STOP "$runner"
    touch -d '16 minutes ago' first/owner
    GROKC_LOCKS=$ENOLCK GROKC_FAULT=none "${preload[@]}" unshare --pid --uts --fork --mount-proc bash -c \
        'hostname second; exec "$@"' - "$grokc" train small.yaml --set run.epochs=3000 --fresh --out first >out 2>err </dev/null
    check "the second process: exit code $?" test $? = 0
    kill -CONT "$runner"
    (cd first && sums . | grep -v ' ./log.txt$') >before
    not_ours '^grokc: first is no longer this process.s: first/owner is gone; nothing more is written there'
    (cd first && sums . | grep -v ' ./log.txt$') >after
    check 'a process that was taken over wrote something' diff before after

    first "GROKC_LOCKS=$ENOLCK"
    kill -STOP "$runner"
    sleeper=$runner
    touch -d '16 minutes ago' first/owner
    GROKC_LOCKS=$ENOLCK GROKC_FAULT=none "${preload[@]}" unshare --pid --uts --fork --kill-child --mount-proc bash -c \
        'hostname second; exec "$@"' - "$grokc" "${endless[@]}" --out first >out 2>err </dev/null &
    second=$!
    wait_for first/log.txt 'goes on at epoch [1-9]'
    kill -CONT "$sleeper"
    runner=$sleeper
    not_ours '^grokc: first is no longer this process.s: pid [0-9]+ on host second took it over while'
    kill -9 $second
    { wait $second; } 2>/dev/null
fi
first
rm first/owner
not_ours '^grokc: first is no longer this process.s: first/owner is gone'
for file in metrics.jsonl projections.bin; do
    first
    echo x >>first/$file
    not_ours "^grokc: first/$file has [0-9]+ bytes, but this process left [0-9]+: something else writes there"
    first
    truncate -s -1 first/$file
    not_ours "^grokc: first/$file has [0-9]+ bytes, but this process left [0-9]+"
done

# ---- twenty seconds of random events
RANDOM=${OWNER_SEED:-15}
echo "seed ${OWNER_SEED:-15}"
storm_of run train small.yaml
if $may_unshare; then
    storm "$grokc" 1000 10 kill namespace stop clock removed full
    tell 'with locks'
    check 'a storm, with locks' test "$storm_wrong" = 0
    [[ $storm_wrong = 0 ]] || echo "$storm_reasons"
    storm_world=(GROKC_FAULT=none "GROKC_LOCKS=$ENOLCK")
    storm "$grokc" 1000 6 takeover stop
    tell 'without locks'
    check 'a storm, without locks' test "$storm_wrong" = 0
    [[ $storm_wrong = 0 ]] || echo "$storm_reasons"
    no_fence=$(dirname "$grokc")/tests/grokc_no_fence no_lock=$(dirname "$grokc")/tests/grokc_no_lock
    if [[ -x $no_fence && -x $no_lock ]]; then
        storm_first=yes
        storm "$no_fence" 1000 120 takeover
        tell 'without locks, and a build that does not look'
        check 'a build without the fence loses nothing' test "$storm_bytes" -gt 0
        storm_world=(GROKC_FAULT=none)
        storm "$no_lock" 1000 60 namespace
        tell 'a build that does not lock'
        check 'a build without the lock loses nothing' test "$storm_lost" -gt 0
    else
        skip 'builds without lock and fence: they are not there'
    fi
else
    skip 'a storm: unshare is not allowed here'
fi
end
