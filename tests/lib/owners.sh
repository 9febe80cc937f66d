# Shared by the scripts about who owns a run; sourced after program.sh. A storm: a run or a sweep is trained while
# things happen to it, again and again, until it is done; then every byte must be as undisturbed.
# shellcheck shell=bash disable=SC2154,SC2034

fault=$(mktemp --suffix=.so) || exit 1      # /dev/shm may not be for programs
extra=$fault
if ! "${CC:-cc}" -shared -fPIC -O1 -D_GNU_SOURCE -o "$fault" "$source_dir/tests/lib/fault.c" 2>cc.err; then
    cat cc.err
    skip "no C compiler to build tests/lib/fault.c with"
    exit 0
fi
preload=(env "LD_PRELOAD=$fault" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0")

# elsewhere HOST COMMAND...: in a pid namespace of its own, on a host of this name
may_unshare=true
unshare --pid --uts --fork --mount-proc hostname elsewhere 2>/dev/null || may_unshare=false
elsewhere() {
    local host=$1
    shift
    unshare --pid --uts --fork --kill-child --mount-proc \
        bash -c 'hostname "$1"; shift; exec "$@"' - "$host" "$@"
}

ENOLCK=37 EOPNOTSUPP=95 EINVAL=22 ENOSYS=38

nap() { sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"; }
is_alive() { kill -0 "$1" 2>/dev/null; }
size_of() { cat "$storm_dir"/metrics.jsonl "$storm_dir"/runs/*/metrics.jsonl 2>/dev/null | wc -c; }
owner_files() { ls "$storm_dir"/owner "$storm_dir"/runs/*/owner 2>/dev/null; }
age_owners() { owner_files | xargs -r touch -d '20 minutes ago' 2>/dev/null; }

# start [NAME=VALUE...]: the storm's command under fault.c; $runner is its process
start() {
    "${preload[@]}" "${storm_world[@]}" "$@" "$storm_program" "${storm_command[@]}" >run.out 2>run.err </dev/null &
    runner=$!
}
# The runner has to come to its end: with 0, or a code among those that the event explains
ended() {
    local code
    { wait "$runner"; } 2>/dev/null
    code=$?
    [[ " $* " == *" $code "* ]] || wrong "exit code $code, not one of $*: $(tail -n 1 run.err)"
    return $code
}
wrong() {
    storm_wrong=$((storm_wrong + 1))
    storm_reasons+="event $storm_at, $storm_kind: $1"$'\n'
}
# The second process says that it has two threads: what it begins can be told from the runner's in log.txt.
begins='(starts|goes on) at epoch .*"threads": 2,'
# What stands in the storm's directories: how often the second process began there, and the last row.
note_rows() {
    local dir
    for dir in "$storm_dir" "$storm_dir"/runs/*; do
        [[ -e $dir/log.txt ]] || continue
        begun[$dir]=$(grep -cE "$begins" "$dir/log.txt")
        row[$dir]=$(tail -n 1 "$dir/metrics.jsonl" 2>/dev/null | sed -n 's/^{"epoch": \([0-9]*\),.*/\1/p')
    done
}
# It was let in beside a living process; and where it began before the last row, rows of that one were cut.
count_lost() {
    local dir at
    for dir in "${!begun[@]}"; do
        (($(grep -cE "$begins" "$dir/log.txt") > begun[$dir])) || continue
        at=$(grep -E "$begins" "$dir/log.txt" | tail -n 1 | sed 's/.* at epoch \([0-9]*\) .*/\1/')
        wrong "$dir: a second process was let in at epoch $at, beside one that had written ${row[$dir]:-nothing}"
        ((at >= ${row[$dir]:-0})) || storm_lost=$((storm_lost + 1))
    done
}

# second [NAME=VALUE...]: the same command on another host and in another pid namespace; killed in a while if it is let
# in. It is in when an owner file names its host.
second() {
    local other
    local -A begun=() row=()
    if is_alive "$runner" && [[ $storm_kind != takeover ]]; then note_rows; fi
    "${preload[@]}" "${storm_world[@]}" "$@" unshare --pid --uts --fork --kill-child --mount-proc bash -c \
        'hostname second; exec "$@"' - "$storm_program" "${storm_command[@]}" --set device.threads=2 \
        >second.out 2>second.err </dev/null &
    other=$!
    while is_alive $other && ! owner_files | xargs -r grep -qs '^host second$'; do nap 10; done
    nap $((RANDOM % 300))
    kill -9 $other
    { wait $other; } 2>/dev/null
    count_lost
}

# One event of this kind; the runner is alive, or has just ended.
happen() {
    storm_kind=$1
    case $1 in
        kill) kill -9 "$runner"; ended 0 137; start ;;
        stop) kill -STOP "$runner"; nap $((RANDOM % 60)); kill -CONT "$runner" ;;
        namespace) second ;;
        clock)                              # this host's clock, or the file server's
            if ((RANDOM % 2)); then age_owners; fi
            second "GROKC_CLOCK=$(((RANDOM % 2 * 2 - 1) * (900 + RANDOM)))" ;;
        removed)                            # somebody cleans up
            owner_files | xargs -r rm -f
            ended 0 1
            start ;;
        full | quota | error | sync)
            kill -TERM "$runner"; ended 0 75 143  # 143: before it could have a handler
            start "GROKC_FAULT=$1:$((1 + RANDOM % 60))"
            ended 0 1
            start ;;
        takeover)                           # locks are refused here; the first sleeps, the second is killed
            kill -STOP "$runner"
            age_owners
            second
            kill -CONT "$runner"
            ended 0 1
            age_owners
            start ;;
    esac 2>/dev/null
}

# Every byte, but for clocks, and device.threads in config.yaml; the tables of a sweep stand at its end, and what killed
# gathers leave is removed later.
compare() {
    local config
    diff -rq -x env.json -x log.txt -x config.yaml -x '*.csv*' "$storm_whole" "$storm_dir" >same.out 2>&1 || return
    for config in "$storm_whole"/config.yaml "$storm_whole"/runs/*/config.yaml; do
        [[ ! -e $config ]] ||
            diff <(grep -v threads "$config") <(grep -v threads "$storm_dir/${config#*/}") >same.out 2>&1 || return
    done
}

# storm PROGRAM EVENTS SECONDS KIND...: until so many have happened or so many seconds are over
#   With storm_first set, only until something was lost. Counts go into storm_lost, storm_wrong, storm_bytes, and one a kind into storm_count
storm() {
    local events=$2 until=$((SECONDS + $3)) kinds code
    storm_program=$1
    shift 3
    kinds=("$@")
    storm_at=0 storm_lost=0 storm_wrong=0 storm_bytes=0 storm_runs=0 storm_reasons=''
    declare -gA storm_count=()
    while ((storm_at < events && SECONDS < until)); do
        [[ -z ${storm_first:-} || $((storm_bytes + storm_lost)) = 0 ]] || break
        rm -rf "$storm_dir" hit
        start
        for ((i = 0; i < 8 && storm_at < events && SECONDS < until; i++)); do
            nap $((RANDOM % 250))
            is_alive "$runner" || { ended 0 1; start; nap 60; }
            happen "${kinds[storm_at % ${#kinds[@]}]}"
            storm_count[$storm_kind]=$((${storm_count[$storm_kind]:-0} + 1))
            storm_at=$((storm_at + 1))
        done
        storm_kind='the end'
        ended 0 1 137
        for ((again = 0; again < 3; again++)); do
            age_owners                      # nobody is there any more; without locks that is all one can see
            start
            if ended 0 1; then break; fi
        done
        storm_runs=$((storm_runs + 1))
        if ! compare; then
            storm_bytes=$((storm_bytes + 1))
            wrong "other bytes: $(tail -n 3 same.out | tr '\n' ' ')$(tail -n 1 run.err)"
        fi
    done
}

# tell NAME: what the storm did
tell() {
    local kind text=''
    for kind in "${!storm_count[@]}"; do text+=", ${storm_count[$kind]} $kind"; done
    echo "$1: $storm_at events (${text:2}) over $storm_runs of $storm_name;" \
        "$storm_lost times rows lost, $storm_bytes with other bytes, $storm_wrong wrong in all"
}

# storm_of NAME [ARGUMENT...]: a run (train) or a sweep of three that a storm is to go over
storm_of() {
    storm_name=$1
    storm_dir=$1.storm storm_whole=$1.whole
    shift
    storm_command=("$@" --out "$storm_dir")
    GROKC_FAULT=none "${preload[@]}" "$grokc" "$@" --out "$storm_whole" >out 2>err </dev/null || fail "undisturbed: $*" out err
}
