#!/usr/bin/env bash
# grokc's step beside its peers, in one run on the same device and threads: A B C ..., then the same
# backwards, so that a machine that gets slower or faster meanwhile favours nobody. A peer that
# cannot run here is skipped, with the reason; one whose losses are not grokc's at epochs 0 and 100
# fails.
#
#   bench/peers/run.sh [--device cpu|cuda] [--threads N] [--seconds S] [--only WORD] [--build DIR]
#                      [--json FILE]
#
# N: of everybody on the CPU (default 1). S: how long a timed block lasts at least (default 1).
# WORD: only the rows with it in their name. DIR: where grokc was built. PYTHON_TORCH and PYTHON_JAX
# name interpreters that have PyTorch (numpy too) and JAX. Versions: torch 1.13.0 and 2.15.0;
# jax 0.10.2 with numpy 2.4.6; the cuda rows want torch 2.1 or later.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() { sed -n '2,13s/^# \{0,1\}//p' bench/peers/run.sh >&2; exit 2; }
device=cpu threads=1 seconds=1 only='' build=build/release json=''
while (($#)); do
    case $1 in
        --device | --threads | --seconds | --only | --build | --json)
            [[ $# -ge 2 ]] || { echo "$1 needs a value" >&2; exit 2; }
            declare "${1#--}=$2"; shift 2 ;;
        *) usage ;;
    esac
done
if [[ ! $device =~ ^(cpu|cuda)$ || ! $threads =~ ^[1-9][0-9]*$ ]]; then usage; fi
grokc=$build/grokc
[[ -x $grokc ]] || { echo "$grokc is not built: make peers, or --build DIR" >&2; exit 1; }
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
exec 3>&1 1>&2                          # only the table goes to stdout

read -r load _ </proc/loadavg
if [[ ${load%.*} -ge 1 ]]; then
    echo "other programs are running (load $load): these times will mean little"
fi

# So many cores for everybody: some libraries know no other limit.
pin=()
if [[ $device == cpu ]] && command -v taskset >/dev/null; then
    cores=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' |
        awk -F- '{ for (i = $1; i <= ($2 ? $2 : $1); i++) print i }')
    n_cores=$(wc -l <<<"$cores")
    if [[ $threads -gt $n_cores ]]; then echo "there are only $n_cores cores"; exit 2; fi
    pin=(taskset -c "$(head -n "$threads" <<<"$cores" | paste -sd ,)")
fi

# python_with MODULE CANDIDATE...: the first interpreter that imports it
python_with() {
    local module=$1 candidate; shift
    for candidate; do
        if "$candidate" -c "import $module, numpy" 2>/dev/null; then echo "$candidate"; return; fi
    done
}
# shellcheck disable=SC2086
torch=$(python_with torch ${PYTHON_TORCH:-python3 /usr/bin/python3})
# shellcheck disable=SC2086
jax=$(python_with jax ${PYTHON_JAX:-python3 /usr/bin/python3})

# OpenBLAS knows CPUs by their model number; on one that is newer than the library it falls back to
# kernels of another age, several times slower. So a peer on it runs with the kernels that suit this
# CPU, and once as it is installed.
core=''
if grep -qw avx2 /proc/cpuinfo; then core=Haswell; fi
if grep -qw avx512vl /proc/cpuinfo; then core=SkylakeX; fi

# ---- rows: name|what is run|what it is
rows=()
row() { rows+=("$1|$2|$3"); }
row grokc step 'grokc, test loss only where a row is written'
row grokc.ops 'step --set device.plan=ops' 'grokc, one operation at a time'
if [[ -n $torch && $device == cpu ]]; then
    row torch.as_installed published 'PyTorch, published loop with test loss, BLAS as installed'
fi
if [[ -n $torch ]]; then
    row torch.published published 'PyTorch, published loop: three positions, test loss'
    row torch.published_train published_train 'PyTorch, three positions'
    row torch.last last 'PyTorch, last position'
else
    echo 'skipped: PyTorch (no python3 imports torch and numpy; PYTHON_TORCH=... names another)'
fi
if [[ -n $torch && $device == cuda ]]; then
    row torch.published_graph published_graph 'PyTorch, three positions, CUDA graph'
    row torch.last_graph last_graph 'PyTorch, last position, CUDA graph'
fi
if [[ -n $jax ]]; then
    row jax.last last 'JAX scan, last position'
    row jax.table table 'JAX scan, factored tables'
    row jax.table_einsum table_einsum 'JAX scan, factored tables, heads gathered at once'
else
    echo 'skipped: JAX (no python3 imports jax and numpy; PYTHON_JAX=... names another)'
fi
if [[ $device == cuda ]]; then
    row grokc.ops.tf32 'step --set device.plan=ops --set device.matmul=tf32' \
        'grokc, one operation at a time'
fi
if [[ -n $torch && $device == cuda ]]; then
    row torch.last_graph.tf32 'last_graph --tf32' 'PyTorch, last position, CUDA graph'
fi
if [[ -n $jax && $device == cuda ]]; then
    row jax.last.tf32 'last --tf32' 'JAX scan, last position'
    row jax.table.tf32 'table --tf32' 'JAX scan, factored tables'
fi

# command_of NAME WORDS TURN OUT: into `command`
command_of() {
    local name=$1 python=$torch script=published_loop.py words
    read -ra words <<<"$2"
    if [[ $name == grokc* ]]; then
        command=("$grokc" bench "${words[@]}" --config configs/paper.yaml --device "$device"
            --json "$4")
        if [[ $device == cpu ]]; then command+=(--threads "$threads"); fi
        return
    fi
    if [[ $name == jax* ]]; then python=$jax script=jax_loop.py; fi
    command=("$python" "bench/peers/$script" "${words[@]}"
        --init "$results/start/checkpoints/00000000.safetensors" --expect "$expect"
        --device "$device" --threads "$threads" --seconds "$seconds" --json "$4")
    if [[ $3 != 1 ]]; then command+=(--quick-check); fi
    if [[ $name == torch.as_installed ]]; then
        command=(env -u OPENBLAS_CORETYPE "${command[@]}")
    elif [[ -n $core && $device == cpu ]]; then
        command=(env "OPENBLAS_CORETYPE=$core" "${command[@]}")
    fi
}

# run_row NAME WORDS TURN: its result in $results/NAME.TURN, or a line in $results/failed
run_row() {
    local command=()
    command_of "$1" "$2" "$3" "$results/$1.$3"
    echo "-- $1, turn $3"
    if ! timeout 1800 "${pin[@]}" "${command[@]}" >"$results/log" 2>&1; then
        echo "$1: $(tail -n 1 "$results/log")" >>"$results/failed"
    fi
    sed 's/^/   /' "$results/log"
}

"$grokc" train configs/paper.yaml --set run.epochs=0 --out "$results/start" --device cpu >/dev/null
expect='' kept=()
for each in "${rows[@]}"; do
    if [[ ${each%%|*} == grokc || ${each%%|*} == *"$only"* ]]; then kept+=("$each"); fi
done
for each in "${kept[@]}"; do
    IFS='|' read -r name words _ <<<"$each"
    run_row "$name" "$words" 1
    if [[ $name == grokc ]]; then
        [[ -s $results/grokc.1 ]] || { echo 'grokc itself did not run'; exit 1; }
        expect=$(sed -n 's/^ *"loss_\(0\|100\)": \([^,]*\),*$/\2/p' "$results/grokc.1" |
            paste -sd ,)
    fi
done
for ((i = ${#kept[@]} - 1; i >= 0; i--)); do
    IFS='|' read -r name words _ <<<"${kept[i]}"
    if [[ -s $results/$name.1 ]]; then run_row "$name" "$words" 2; fi
done
printf '%s\n' "${kept[@]}" >"$results/rows"
"${torch:-${jax:-python3}}" bench/peers/table.py "$results" "$device" "$threads" "$json" >&3
if [[ -s $results/failed ]]; then
    printf '\nFAILED:\n'
    cat "$results/failed"
    exit 1
fi
