#!/usr/bin/env bash
# Eleven hundred random events over runs and sweeps, at least 100 of each kind: kill -9, STOP and CONT, a second process in
# another namespace, clocks that are set, owner files that are removed, full disks, quotas, disks that fail, takeovers of
# suspended processes. No row is lost or doubled, no run is done that is not, every byte is as undisturbed. Builds without
# the lock and without the look before each write must lose rows in it. OWNER_EVENTS and OWNER_SEED change it.
# shellcheck disable=SC2154,SC2119
source "$(dirname "$0")/../lib/program.sh"
source "$(dirname "$0")/../lib/owners.sh"

if ! $may_unshare; then
    skip 'a storm over runs: unshare is not allowed here'
    exit 0
fi
cat >small.yaml <<'YAML'
seed:   1
task:   {p: 7, train_fraction: 0.5}
model:  {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:    {epochs: 6000, measure_every: 20, checkpoint_at: "every:2000", resume_every: 0.3}
device: {threads: 1}
YAML
sed 's/^seed: .*/seed:   {range: [0, 3]}/; s/6000/2500/' small.yaml >sweep.yaml
events=${OWNER_EVENTS:-1000} seed=${OWNER_SEED:-15}
RANDOM=$seed
echo "seed $seed, $events events"

# calm NAME: the storm did no harm
calm() {
    tell "$1"
    if [[ $storm_wrong = 0 ]]; then pass; else
        fail "$1"
        printf '%s' "$storm_reasons" | head -n 40
    fi
    check "$1: events" test "$storm_at" -ge "$2"
}
# Half of what happens under locks goes over runs, the other half over sweeps.
under_locks=(kill stop namespace clock removed full quota error sync)
storm_of run train small.yaml
storm_world=(GROKC_FAULT=none)
storm "$grokc" $((events * 45 / 100)) 3000 "${under_locks[@]}"
calm 'runs' $((events * 45 / 100))
# Suspended anywhere; and often between the look and the write, where writes begin late
for slow in 0 3; do
    storm_world=(GROKC_FAULT=none "GROKC_LOCKS=$ENOLCK" "GROKC_SLOW=$slow")
    storm "$grokc" $((events / 10)) 3000 takeover
    calm "runs on a disk without locks, writes $slow ms late" $((events / 10))
done
storm_world=(GROKC_FAULT=none "GROKC_LOCKS=$ENOLCK")
no_fence=$(dirname "$grokc")/tests/grokc_no_fence no_lock=$(dirname "$grokc")/tests/grokc_no_lock
if [[ -x $no_fence && -x $no_lock ]]; then
    storm "$no_fence" $((events / 20)) 600 takeover
    tell 'runs on a disk without locks, and a build that does not look before it writes'
    check 'a build without the fence loses nothing' test "$storm_bytes" -gt 0
    storm_world=(GROKC_FAULT=none)
    storm "$no_lock" $((events / 20)) 600 namespace clock
    tell 'runs, and a build that does not lock'
    check 'a build without the lock loses nothing' test "$storm_lost" -gt 0
else
    skip 'builds without lock and fence: they are not there'
fi
storm_of sweep sweep sweep.yaml
storm_world=(GROKC_FAULT=none)
storm "$grokc" $((events * 45 / 100)) 3000 "${under_locks[@]}"
calm 'sweeps' $((events * 45 / 100))
end
