#!/usr/bin/env bash
# grokc's step beside the published loop in PyTorch, in one run on the same threads: A B C, then C B A, so that a machine
# that gets slower or faster meanwhile favours nobody. A peer that is not installed is skipped, with the reason.
#
#   bench/peers/run.sh [--threads N] [--epochs N]       PYTHON=... chooses the interpreter that has torch
#
# N threads: 1 or as many as there are cores, which are the two that bench_step times.
set -euo pipefail
cd "$(dirname "$0")/../.."

threads=1 epochs=42                     # of the peers: 2 to warm up, then 8 blocks of 5
while (($#)); do
    case $1 in
        --threads) threads=$2; shift 2 ;;
        --epochs) epochs=$2; shift 2 ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
step=build/release/bench/bench_step
[[ -x $step ]] || { echo "$step is not built: make bench" >&2; exit 1; }
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

read -r load _ </proc/loadavg
if [[ ${load%.*} -ge 1 ]]; then
    echo "other programs are running (load $load): these times will mean little" >&2
fi

python=
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
    if "$candidate" -c 'import torch, numpy' 2>/dev/null; then python=$candidate; break; fi
done

# OpenBLAS knows CPUs by their model number; on one that is newer than the library it falls back to kernels of another
# age, several times slower. grokc mends that for itself; so the peers are run both as they are and mended.
core=${OPENBLAS_CORETYPE:-}
if [[ -z $core ]] && grep -qw avx2 /proc/cpuinfo; then core=Haswell; fi
if [[ -z ${OPENBLAS_CORETYPE:-} ]] && grep -qw avx512vl /proc/cpuinfo; then core=SkylakeX; fi

grokc()         { "$step" --rounds 3 --json "$results/grokc.$1" >&2; }
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

[[ -n $python ]] || exit 0              # bench_step has printed its own time
printf '\n%d thread%s, %s\n' "$threads" "$([[ $threads == 1 ]] || echo s)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
"$python" - "$results" "${core:-as installed}" "$threads" <<'END'
import json, sys
folder, core, threads = sys.argv[1:]
rows = [("grokc", "grokc, test loss only where a row is written"),
        ("as_installed", "published loop, test loss in every epoch, BLAS as installed"),
        ("published", f"published loop, test loss in every epoch, BLAS kernels {core}"),
        ("last_position", f"  and only the last position, BLAS kernels {core}"),
        ("train_only", f"  and without the test loss, BLAS kernels {core}")]

def read(path):
    """ms per epoch, train loss at epoch 0"""
    result = json.load(open(path))
    if "lanes" not in result:
        return result["ms_per_epoch"], result["losses"]["0"][0]
    for lane in result["lanes"]:
        if lane["threads"] == int(threads):
            return lane["ms_per_epoch"], result["loss_0"]
    sys.exit(f"bench_step times {[lane['threads'] for lane in result['lanes']]} threads, not {threads}")

times, start = {}, {}
for name, _ in rows:
    (first, start[name]), (last, _) = (read(f"{folder}/{name}.{i}") for i in (1, 2))
    times[name] = first, last
print(f"{'ms per epoch':>12}  {'(first, last)':>18}  {'of grokc':>8}   what")
for name, what in rows:
    mean, base = sum(times[name]) / 2, sum(times["grokc"]) / 2
    print(f"{mean:12.2f}  {'(%.2f, %.2f)' % times[name]:>18}  {mean / base:7.1f}x   {what}")
    if not abs(start[name] - 4.764052264) <= 1e-6:
        sys.exit(f"{name} does not start at the known loss 4.764052264 but at {start[name]}: its time means nothing")
END
