#!/usr/bin/env bash
# What a machine with a GPU can tell, in under ten minutes: bench/gpu_check.sh [info] [probe] (default: all parts).
#
#   info    device, driver, toolkit
#   probe   deps/gpu_probe.cu, if it was brought along: costs of barriers, graph nodes, clusters and cuBLAS on our shapes
#
# Results go to $OUT as JSON or text if it is set. What the machine refuses or lacks is skipped with the reason. The CUDA
# backend does not exist yet; its build, its tests and its benchmarks become parts of this script together with it.
set -uo pipefail
cd "$(dirname "$0")/.."

out=${OUT:-$(mktemp -d)}
table=''
note() { table+=$(printf '%-8s %s' "$1" "$2")$'\n'; }

info() {
    if ! command -v nvidia-smi >/dev/null; then note info 'skipped: no nvidia-smi, no driver'; return; fi
    local device version
    device=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | head -n 1)
    version=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')
    printf '{"device": "%s", "toolkit": "%s", "commit": "%s"}\n' "$device" "${version:-none}" \
        "$(git describe --always --dirty 2>/dev/null || echo unknown)" >"$out/info.json"
    note info "$device, toolkit ${version:-none}"
}

probe() {
    if ! command -v nvcc >/dev/null; then note probe 'skipped: no nvcc'; return; fi
    if [[ ! -f deps/gpu_probe.cu ]]; then note probe 'skipped: no deps/gpu_probe.cu'; return; fi
    if ! nvcc -O3 -std=c++17 -gencode=arch=compute_90a,code=sm_90a deps/gpu_probe.cu -lcublas -lcublasLt \
        -o "$out/gpu_probe.bin" 2>"$out/probe.err"; then
        note probe "FAILED to build: $(head -n 1 "$out/probe.err")"
        return
    fi
    if timeout 180 "$out/gpu_probe.bin" >"$out/probe.txt" 2>&1; then note probe "$(wc -l <"$out/probe.txt") lines in probe.txt"
    else note probe "FAILED: $(tail -n 1 "$out/probe.txt")"; fi
    rm -f "$out/gpu_probe.bin"
    cat "$out/probe.txt"
}

for part in "${@:-info probe}"; do
    for each in $part; do
        case $each in info | probe) $each ;; *) echo "usage: gpu_check.sh [info] [probe]" >&2; exit 2 ;; esac
    done
done
printf '\n%s' "$table"
[[ $table != *FAILED* ]]
