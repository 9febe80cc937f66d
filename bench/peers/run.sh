#!/usr/bin/env bash
# grokc's step beside its peers, in one run on the same device and threads: A B C ..., then the same backwards, so that a
# machine that gets slower or faster meanwhile favours nobody. A peer that cannot run here is skipped, with the reason; one
# whose losses are not grokc's at epochs 0 and 100 fails.
#
#   bench/peers/run.sh [--device cpu|cuda] [--threads N] [--seconds S] [--only WORD] [--json FILE]
#
# N: of everybody on the CPU (default 1). S: how long a timed block lasts at least (default 1). WORD: only the rows with
# it in their name. GROKC names the program, PYTHON_TORCH and PYTHON_JAX the interpreters that have PyTorch (numpy too)
# and JAX. Tried with torch 1.13.0, jax 0.10.2, numpy 1.24 and 2.4.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() { sed -n '2,11s/^# \{0,1\}//p' bench/peers/run.sh >&2; exit 2; }
device=cpu threads=1 seconds=1 only='' json=''
while (($#)); do
    case $1 in
        --device | --threads | --seconds | --only | --json)
            [[ $# -ge 2 ]] || { echo "$1 needs a value" >&2; exit 2; }
            declare "${1#--}=$2"; shift 2 ;;
        *) usage ;;
    esac
done
grokc=${GROKC:-build/release/grokc}
[[ -x $grokc ]] || { echo "$grokc is not built: make peers, or GROKC=PATH" >&2; exit 1; }
if [[ ! $device =~ ^(cpu|cuda)$ || ! $threads =~ ^[1-9][0-9]*$ ]]; then usage; fi
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
exec 3>&1 1>&2                          # only the table goes to stdout

read -r load _ </proc/loadavg
if [[ ${load%.*} -ge 1 ]]; then echo "other programs are running (load $load): these times will mean little"; fi

# So many cores for everybody: some libraries know no other limit.
pin=()
if [[ $device == cpu ]] && command -v taskset >/dev/null; then
    cores=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | awk -F- '{ for (i = $1; i <= ($2 ? $2 : $1); i++) print i }')
    if [[ $threads -gt $(wc -l <<<"$cores") ]]; then echo "there are only $(wc -l <<<"$cores") cores"; exit 2; fi
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

# OpenBLAS knows CPUs by their model number; on one that is newer than the library it falls back to kernels of another
# age, several times slower. So a peer on it runs with the kernels that suit this CPU, and once as it is installed.
core=''
if grep -qw avx2 /proc/cpuinfo; then core=Haswell; fi
if grep -qw avx512vl /proc/cpuinfo; then core=SkylakeX; fi

# ---- rows: name|what is run|what it is
rows=('grokc|step|grokc, test loss only where a row is written'
    'grokc.ops|step --set device.plan=ops|grokc, one operation at a time')
row() { rows+=("$1|$2|$3"); }
if [[ -n $torch ]]; then
    if [[ $device == cpu ]]; then row torch.as_installed published 'PyTorch, published loop with test loss, BLAS as installed'; fi
    row torch.published published 'PyTorch, published loop: three positions, test loss at every epoch'
    row torch.published_train published_train 'PyTorch, published loop without the test loss'
    row torch.last last 'PyTorch, last position'
    if [[ $device == cuda ]]; then
        row torch.published_graph published_graph 'PyTorch, three positions, CUDA graph'
        row torch.last_graph last_graph 'PyTorch, last position, CUDA graph'
    fi
else
    echo 'skipped: PyTorch (no python3 here imports torch and numpy; PYTHON_TORCH=... names another)'
fi
if [[ -n $jax ]]; then
    row jax.last last 'JAX scan, last position'
    row jax.table table 'JAX scan, factored tables'
    row jax.table_einsum table_einsum 'JAX scan, factored tables, heads gathered at once'
else
    echo 'skipped: JAX (no python3 here imports jax and numpy; PYTHON_JAX=... names another)'
fi
if [[ $device == cuda ]]; then
    row grokc.ops.tf32 'step --set device.plan=ops --set device.matmul=tf32' 'grokc, one operation at a time'
    if [[ -n $torch ]]; then row torch.last_graph.tf32 'last_graph --tf32' 'PyTorch, last position, CUDA graph'; fi
    if [[ -n $jax ]]; then
        row jax.last.tf32 'last --tf32' 'JAX scan, last position'
        row jax.table.tf32 'table --tf32' 'JAX scan, factored tables'
    fi
fi

# run_row NAME COMMAND TURN: its result in $results/NAME.TURN, or a line in $results/failed
run_row() {
    local name=$1 out=$results/$1.$3 command=()
    read -ra command <<<"$2"
    case $name in
        grokc*)
            command=("$grokc" bench "${command[@]}" --config configs/paper.yaml --device "$device" --json "$out")
            if [[ $device == cpu ]]; then command+=(--threads "$threads"); fi ;;
        *)
            local python=$torch script=published_loop.py
            if [[ $name == jax* ]]; then python=$jax script=jax_loop.py; fi
            command=("$python" "bench/peers/$script" "${command[@]}" --init "$results/start/checkpoints/00000000.safetensors"
                --expect "$expect" --device "$device" --threads "$threads" --seconds "$seconds" --json "$out")
            if [[ $3 != 1 ]]; then command+=(--quick-check); fi
            if [[ $name == torch.as_installed ]]; then command=(env -u OPENBLAS_CORETYPE "${command[@]}")
            elif [[ -n $core && $device == cpu ]]; then command=(env "OPENBLAS_CORETYPE=$core" "${command[@]}"); fi ;;
    esac
    echo "-- $name, turn $3"
    if ! timeout 1800 "${pin[@]}" "${command[@]}" >"$results/log" 2>&1; then
        echo "$name: $(tail -n 1 "$results/log")" | tee -a "$results/failed"
    fi
    sed 's/^/   /' "$results/log"
}

"$grokc" train configs/paper.yaml --set run.epochs=0 --out "$results/start" --device cpu >/dev/null
expect=''
kept=()
for each in "${rows[@]}"; do
    if [[ ${each%%|*} == grokc || ${each%%|*} == *"$only"* ]]; then kept+=("$each"); fi
done
for each in "${kept[@]}"; do
    IFS='|' read -r name command _ <<<"$each"
    run_row "$name" "$command" 1
    if [[ -z $expect ]]; then expect=$(sed -n 's/^ *"loss_\(0\|100\)": \([^,]*\),*$/\2/p' "$results/grokc.1" | paste -sd ,); fi
    [[ $expect == *,* ]] || { echo 'grokc itself did not run'; exit 1; }
done
for ((i = ${#kept[@]} - 1; i >= 0; i--)); do
    IFS='|' read -r name command _ <<<"${kept[i]}"
    if [[ -s $results/$name.1 ]]; then run_row "$name" "$command" 2; fi
done
printf '%s\n' "${kept[@]}" >"$results/rows"
python=${torch:-${jax:-python3}}
"$python" bench/peers/table.py "$results" "$device" "$threads" "$json" >&3
if [[ -s $results/failed ]]; then printf '\nFAILED:\n'; sort -u "$results/failed"; exit 1; fi
