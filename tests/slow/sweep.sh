#!/usr/bin/env bash
# A sweep killed with -9 at random moments and started again: afterwards every run is done, with the
# bytes of an undisturbed sweep, no row twice, nothing temporary left.
source "$(dirname "$0")/../lib/program.sh"

cat >base.yaml <<'YAML'
seed:  {range: [0, 12]}
task:  {p: 7, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: [16, 24]}
run:   {epochs: 1500, measure_every: 7, checkpoint_at: "every:100", resume_every: 0.01}
device: {threads: 1}
YAML
sweep=(sweep base.yaml --slots 5)

start=$(milliseconds)
expect 0 "${sweep[@]}" --out whole
length=$(($(milliseconds) - start))

# The end of a sweep. Files of a gather that was killed go when they are old.
ended() {
    local run
    find killed -maxdepth 1 -name '*.grokc-tmp' -exec touch -d '1 hour ago' {} +
    expect 0 "${sweep[@]}" --out killed
    same 'killed and gone on with: other bytes' whole killed
    for run in killed/runs/*; do
        complete "$run"
        check "$run: a row twice" test -z "$(column epoch "$run" | sort | uniq -d)"
    done
    find killed -name owner -o -name '*.grokc-tmp' >left.out
    if [[ ! -s left.out ]]; then pass; else fail 'left behind' left.out; fi
    rm -r killed
    sweeps=$((sweeps + 1))
}

RANDOM=21 hits=0 sweeps=0
for ((i = 0; i < 400 && hits < 100; i++)); do
    "$grokc" "${sweep[@]}" --out killed >bg.out 2>bg.err </dev/null &
    if ((i % 4 == 0)); then pause=$((RANDOM % 40)); else pause=$((RANDOM % (length / 4 + 1))); fi
    sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
    kill -9 $! 2>/dev/null
    { wait $!; } 2>/dev/null
    code=$?
    case $code in
        137) hits=$((hits + 1)) ;;
        0) ended ;;
        *) fail "killed, started again: exit code $code" bg.err ;;
    esac
done
expect 0 "${sweep[@]}" --out killed
ended
check "only $hits of $i kills hit a process" test $hits = 100
echo "$hits of $i kills hit a process, over $sweeps sweeps"
end
