#!/usr/bin/env bash
# grokc's step beside the published loop in PyTorch, in one run on the same threads: A B C, then C B A, so that a machine
# that gets slower or faster meanwhile favours nobody. A peer that is not installed is skipped, with the reason.
#
#   bench/peers/run.sh [--threads N] [--epochs N]       PYTHON=... chooses the interpreter that has torch
set -euo pipefail
cd "$(dirname "$0")/../.."

threads=1 epochs=42                     # of the peers: 2 to warm up, then 8 blocks of 5
while (($#)); do
    case $1 in
        --threads) threads=$2; shift 2 ;;
        --epochs) epochs=$2; shift 2 ;;
        *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
step=build/release/bench/bench_step
[[ -x $step ]] || { echo "$step is not built: make bench" >&2; exit 1; }
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

python=
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
    if "$candidate" -c 'import torch, numpy' 2>/dev/null; then python=$candidate; break; fi
done

# OpenBLAS knows CPUs by their model number; on one that is newer than the library it falls back to kernels of another
# age, several times slower. grokc mends that for itself; so the peers are run both as they are and mended.
core=${OPENBLAS_CORETYPE:-}
if [[ -z $core ]] && grep -qw avx2 /proc/cpuinfo; then core=Haswell; fi
if [[ -z ${OPENBLAS_CORETYPE:-} ]] && grep -qw avx512vl /proc/cpuinfo; then core=SkylakeX; fi

grokc()         { "$step" --threads "$threads" --json "$results/grokc.$1" >&2; }
as_installed()  { peer "as_installed.$1" ''; }
published()     { peer "published.$1" "$core"; }
last_position() { peer "last_position.$1" "$core" --last-position; }
train_only()    { peer "train_only.$1" "$core" --last-position --no-test-loss; }
peer() {
    local out=$1 coretype=$2; shift 2
    env ${coretype:+OPENBLAS_CORETYPE=$coretype} "$python" bench/peers/published_loop.py \
        --threads "$threads" --epochs "$epochs" "$@" --json "$results/$out" >&2
}

order=(grokc)
if [[ -n $python ]]; then
    order+=(as_installed published last_position train_only)
else
    echo "skipped: PyTorch (no python3 here imports torch and numpy; PYTHON=... names another)" >&2
fi
for name in "${order[@]}"; do $name 1; done
for ((i = ${#order[@]} - 1; i >= 0; i--)); do ${order[i]} 2; done

printf '\n%d thread%s, %s\n' "$threads" "$([[ $threads == 1 ]] || echo s)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
