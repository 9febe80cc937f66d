#!/usr/bin/env bash
# The process dies, or the disk fails or fills up, at one operation that changes the disk after the
# other (fault.c); the same command again must end in the bytes of an undisturbed run.
# Done for a new run, a run that grows, one that is started over, and a branch.
source "$(dirname "$0")/../lib/program.sh"

fault=$(mktemp --suffix=.so) || exit 1      # /dev/shm may not be for programs
extra=$fault
if ! "${CC:-cc}" -shared -fPIC -O1 -D_GNU_SOURCE -o "$fault" "$source_dir/tests/lib/fault.c" 2>cc.err; then
    cat cc.err
    skip "no C compiler to build tests/lib/fault.c with"
    exit 0
fi
preload=(env "LD_PRELOAD=$fault" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0")

cat >tiny.yaml <<'YAML'
seed: 3
task:  {p: 5, train_fraction: 0.6}
model: {d_model: 4, heads: 1, d_head: 4, d_mlp: 8}
run:   {epochs: 8, measure_every: 5, checkpoint_at: "every:6", keep_state: "6", arrays_at: "5",
        resume_every: 0}
device: {threads: 1}
YAML
train=(train tiny.yaml --out run)

# undisturbed NAME: what the command makes of a directory like "before"
undisturbed() {
    rm -rf run
    [[ ! -d before ]] || cp -r before run
    GROKC_FAULT=none "${preload[@]}" "$grokc" "${command[@]}" >out 2>err </dev/null || fail "$1" out err
    rm -rf whole
    mv run whole
}

# storm KIND NAME: the command over a directory like "before", with a fault at operation 1, 2, ...: at each of them in
# slow/crash.sh; else at every third, kinds taking turns
every=${GROKC_STORM_EVERY:-3}
storm() {
    local kind=$1 name=$2 n code
    local -A first=([kill]=1 [error]=2 [full]=3)
    for ((n = every > 1 ? first[$kind] : 1; n < 1000; n += every)); do
        rm -rf run hit
        [[ ! -d before ]] || cp -r before run
        { GROKC_FAULT=$kind:$n "${preload[@]}" "$grokc" "${command[@]}" >out 2>err </dev/null; } 2>/dev/null
        code=$?
        [[ -e hit ]] || break
        case $kind:$code in
            kill:137) pass ;;
            error:1 | full:1)
                if grep -qE '^grokc: .*run.*(Input/output error|No space left)' err && [[ ! -s out ]]; then
                    pass
                else
                    fail "$name, $kind at operation $n: no message, or more than that" out err
                fi ;;
            *) fail "$name, $kind at operation $n: exit code $code" out err ;;
        esac
        [[ ! -e run/owner ]] || touch -d '1 minute ago' run/owner  # nobody is about to write it
        GROKC_FAULT=none "${preload[@]}" "$grokc" "${command[@]}" >out 2>err </dev/null
        code=$?
        check "$name, $kind at operation $n, once more: exit code $code" test $code = 0
        same "$name, $kind at operation $n: other bytes" whole run
        complete run
        ((failed < 10)) || end
    done
    if ((n > ${3:-20})); then pass; else fail "$name, $kind: only $((n - 1)) operations"; fi
    echo "$name: $kind at $(((n - 1) / every)) of $((n - 1)) operations"
}

expect 0 train tiny.yaml --out short
expect 0 train tiny.yaml --set optim.lr=0.5 --set run.epochs=20 --set run.measure_every=3 --out other

command=("${train[@]}")
undisturbed 'a new run'
storm kill 'a new run'
storm error 'a new run'
storm full 'a new run'

cp -r short before
command=("${train[@]}" --set run.epochs=14 --set run.keep_checkpoints=all)
undisturbed 'a run that grows'
storm kill 'a run that grows'

rm -rf before
cp -r other before
command=("${train[@]}" --fresh)
undisturbed 'a run started over'
storm kill 'a run started over'

rm -rf before
command=(branch short@6 --set optim.lr=0.01 --out run)
undisturbed 'a branch'
storm kill 'a branch'
storm full 'a branch'
end
