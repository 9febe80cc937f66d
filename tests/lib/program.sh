# Shared by the scripts that run the program, `bash SCRIPT <grokc> <source directory>`. A check that
# holds says nothing; one that does not prints its name and what was wrong. The scripts work in a
# folder of their own: in $TMPDIR if that is set, else in memory if there is room, else in /tmp.
# shellcheck shell=bash disable=SC2034
set -u
export LC_ALL=C
unset GROKC_FAULT SLURM_JOB_ID

if [[ $# != 2 || ! -x $1 || ! -d $2/configs ]]; then
    echo "usage: bash $0 <grokc> <source directory>" >&2
    exit 2
fi
grokc=$(realpath "$1")
source_dir=$(realpath "$2")
memory=/dev/shm
if [[ -z ${TMPDIR:-} && -w $memory && $(df --output=avail "$memory" | tail -n 1) -gt 60000 ]]; then
    scratch=$(mktemp -d -p $memory)
else
    scratch=$(mktemp -d)
fi || exit 1
passed=0 failed=0 mounted='' extra=''       # what else is to be unmounted and removed

clean_up() {
    local pids
    pids=$(jobs -p)
    # shellcheck disable=SC2086
    [[ -z $pids ]] || kill -9 $pids 2>/dev/null
    [[ -z $mounted ]] || umount "$mounted"
    rm -rf "$scratch" "$extra"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
cd "$scratch" || exit 1

pass() { passed=$((passed + 1)); }

# fail NAME [FILE...]: with the first lines of the files
fail() {
    local name=$1 file
    shift
    failed=$((failed + 1))
    echo "FAILED: $name"
    for file; do
        echo "    $file:"
        head -n 12 "$file" | cut -c 1-300 | sed 's/^/    | /'
        [[ -s $file ]] || echo '    (empty)'
    done
}

skip() { echo "skipped: $*"; }

# check NAME COMMAND...: the command succeeds
check() {
    local name=$1
    shift
    if "$@" >check.out 2>&1; then pass; else fail "$name" check.out; fi
}

# expect CODE ARGUMENT...: grokc with these arguments ends with this code; its output is in out and err
expect() {
    local code=$1 got
    shift
    what="grokc $*"
    "$grokc" "$@" >out 2>err </dev/null
    got=$?
    if [[ $got = "$code" ]]; then pass; else fail "$what: exit code $got, not $code" out err; fi
}

# About the last `expect`: a line of err (says) or out (prints) matches each extended regular expression.
says() { matches err "$@"; }
prints() { matches out "$@"; }
matches() {
    local file=$1 pattern
    shift
    for pattern; do
        if grep -qE -e "$pattern" "$file"; then pass; else fail "$what: no \"$pattern\" in $file" "$file"; fi
    done
}
quiet() { if [[ ! -s $1 ]]; then pass; else fail "$what: something in $1" "$1"; fi; }

# refused CODE PATTERN ARGUMENT...: this exit code, the message on stderr, nothing on stdout
refused() {
    local code=$1 pattern=$2
    shift 2
    expect "$code" "$@"
    says "$pattern"
    quiet out
}

# same NAME DIR DIR: two runs, byte by byte, but for clocks, machines and the way there
same() {
    if diff -rq -x env.json -x log.txt -x state -x owner -x history.jsonl "$2" "$3" >same.out 2>&1; then pass
    else fail "$1" same.out; fi
}

# A run that has ended: nobody owns it, no temporary file is left, and what belongs there is there.
complete() {
    local name
    for name in config.yaml metrics.jsonl projections.bin resume.safetensors summary.json \
        env.json log.txt state; do
        [[ -s $1/$name ]] || fail "$1 has no $name"
    done
    if [[ $(state "$1") = 'done' && ! -s $1/final.jsonl ]]; then fail "$1 has no final.jsonl"; fi
    find "$1" -name owner -o -name '*.grokc-tmp' >left.out
    if [[ ! -s left.out ]]; then pass; else fail "$1: left behind" left.out; fi
}

state() { head -n 1 "$1/state"; }
state_is() { check "$1: state is $2" grep -qx -e "$2" "$1/state"; }

# The bytes of everything in a folder.
sums() { find "$1" -type f -exec sha256sum {} + | sort -k 2; }

# unchanged NAME DIR: since `sums DIR >before`
unchanged() {
    sums "$2" >after
    if diff before after >sums.out; then pass; else fail "$1: changed $2" sums.out; fi
}

# wait_for FILE PATTERN: until a line of the file matches, 30 seconds at most
wait_for() {
    local i
    for ((i = 0; i < 6000; i++)); do
        grep -qsE -e "$2" "$1" && return
        sleep 0.005
    done
    fail "no line \"$2\" came in $1" "$1"
    return 1
}

# column NAME RUN: of its metrics.jsonl, one value a line
column() { sed -n "s/.*\"$1\": \([^,}]*\).*/\1/p" "$2/metrics.jsonl"; }
last_epoch() { column epoch "$1" | tail -n 1; }

# true_of CONDITION: awk's, between numbers; not with null, nan or nothing in it, which awk takes for 0
true_of() {
    [[ ! $(sed -E 's/[0-9.]+(e[-+]?[0-9]+)?//g' <<<"$1") =~ [a-zA-Z] ]] && awk "BEGIN { exit !($1) }" </dev/null
}
# of numbers on stdin; nan if one is none
median() {
    sort -g | awk '!/^-?[0-9]/ { bad = 1 } { x[NR] = $1 }
        END { if (bad || !NR) print "nan"; else print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'
}

milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

end() {
    echo "$passed passed, $failed failed"
    [[ $failed = 0 && $passed -gt 0 ]]
    exit
}
