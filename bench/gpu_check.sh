#!/usr/bin/env bash
# What a machine with a GPU can tell, in under ten minutes and unattended: bench/gpu_check.sh [PART]...
#
#   info        device, driver, toolkit
#   build       grokc for this GPU into build/gpu, with what is in deps/ (bench/make_deps.sh) or in the system
#   verify      every op of the cuda backend against the reference
#   batch       tests/gpu/test_gpu.c: alone and among many, graphs, TF32
#   bench       grokc bench step on the GPU with 1, 64, 8 and 256 runs side by side
#   memcheck    compute-sanitizer's memcheck over the small cases of every op
#   tests       the other tests that need a GPU (ctest -L gpu), but gpu_repro
#   probe       deps/gpu_probe.cu, if it was brought along: costs of barriers, graph nodes, clusters, cuBLAS
#   sanitizer   racecheck and initcheck (initcheck reports false positives of vendor libraries)
#   peers       bench/peers/run.sh on the GPU, as far as there are peers
#   repro       gpu_repro: kills, resumes and branches; minutes, so only when it is named or time is left
#
# Without arguments all of them in this order, the most precious first. It asks for nothing but the CUDA toolkit, a C
# and C++ compiler, CMake and deps/. After every part $OUT (a new folder, whose name is printed, where it is not set)
# holds gpu_check.json, a line for each part, and gpu_check.tar.gz, all that the parts wrote: whoever stops the script
# keeps what was there. What is missing is skipped with the reason. build, verify, batch and bench with one run must
# not fail; the others are optional: that one of them failed is said, and is no failure of the script.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
out=$(realpath "${OUT:-$(mktemp -d)}")
results=$(mktemp -d)                                # becomes gpu_check.tar.gz
trap 'rm -rf "$results"' EXIT
build=$PWD/build/gpu
deadline=$((SECONDS + ${GPU_CHECK_SECONDS:-570}))   # for all parts together
[[ -d deps/oracle ]] && export GROKC_ORACLE=${GROKC_ORACLE:-$PWD/deps/oracle}
export GROKC_DEVICE=cuda
echo "gpu_check: results in $out"

table='' json='' failed=0
# note PART WORDS: one line of the table, on the disk at once
note() {
    local line
    line=$(printf '%-10s %4d s  %s' "$1" "$SECONDS" "$2")
    echo "$line"
    table+=$line$'\n'
    json+="${json:+,$'\n' }{\"part\": \"$1\", \"at_s\": $SECONDS, \"result\": \"$(tr -d '"\\\n\t' <<<"$2")\"}"
    printf '[%s]\n' "$json" >"$out/gpu_check.json"
    tar -czf "$out/gpu_check.tar.gz.new" -C "$results" . && mv "$out/gpu_check.tar.gz.new" "$out/gpu_check.tar.gz"
}
must()     { note "$1" "FAILED: $2"; failed=1; }            # a part that has to hold
optional() { note "$1" "failed, optional: $2"; }
have() { command -v "$1" >/dev/null; }

# within SECONDS COMMAND...: no longer than that, nor than what is left of all
within() {
    local limit=$1 left=$((deadline - SECONDS)); shift
    ((left < limit)) && limit=$left
    ((limit > 0)) || { echo 'no time is left'; return 124; }
    timeout -k 10 "$limit" "$@"
}
# last words of a file that say something
words() { grep -v '^ *$' "$1" 2>/dev/null | tail -n 1 | cut -c 1-150; }
built() { [[ -x $build/grokc ]] || { note "$1" 'skipped: nothing was built (part build)'; return 1; }; }

# sm_90 of this GPU as 90; nothing where there is none
architecture() { nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. '; }

info() {
    if ! have nvidia-smi; then note info 'skipped: no nvidia-smi, no driver'; return; fi
    local device version
    device=$(within 30 nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total \
        --format=csv,noheader | head -n 1)
    version=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')
    printf '{"device": "%s", "toolkit": "%s", "commit": "%s"}\n' "$device" "${version:-none}" \
        "$(git describe --always --dirty 2>/dev/null || echo unknown)" >"$results/info.json"
    note info "$device, toolkit ${version:-none}"
}

build() {
    local start=$SECONDS options=(-DGK_CUDA=ON -DGK_CUDA_ARCH="${GK_CUDA_ARCH:-auto}")
    if ! have nvcc; then note build 'skipped: no nvcc'; return; fi
    if [[ -d deps/lib ]]; then
        export PKG_CONFIG=$PWD/deps/bin/pkg-config
        options+=(-DCMAKE_PREFIX_PATH="$PWD/deps")
    fi
    if within 60 cmake -S . -B "$build" "${options[@]}" >"$results/build.txt" 2>&1 &&
        within 300 cmake --build "$build" --parallel "$(nproc)" --target gpu_tests >>"$results/build.txt" 2>&1
    then note build "$((SECONDS - start)) s, $(sed -n 's/.*CUDA backend: //p' "$results/build.txt")"
    else must build "$(grep -m 1 -i error "$results/build.txt" || words "$results/build.txt")"; fi
}

# test_of PART REPORT SECONDS CTEST-ARGUMENTS...: the tests with the label gpu that these choose
test_of() {
    local part=$1 report=$2 limit=$3 status wrong; shift 3
    built "$part" || return
    within "$limit" ctest --test-dir "$build" -L gpu --no-tests=error --output-on-failure \
        --output-junit "$results/$part.xml" "$@" >"$results/$part.txt" 2>&1
    status=$?
    wrong=$(sed -n 's/.*[0-9]* - \(gpu_[a-z_]*\) (\(Failed\|Timeout\)).*/\1/p' "$results/$part.txt" | xargs)
    if ((status)); then $report "$part" "${wrong:-$(words "$results/$part.txt")}"
    elif grep -q '(Skipped)' "$results/$part.txt"; then $report "$part" 'the tests found no GPU'
    else note "$part" "$(grep -m 1 'tests passed' "$results/$part.txt")"; fi
}
verify() { test_of verify must 120 -R '^gpu_verify'; }
batch()  { test_of batch must 120 -R '^gpu_batch$'; }
tests()  { test_of tests optional 200 -E '^gpu_(verify.*|batch|repro)$'; }
repro()  { test_of repro optional 400 -R '^gpu_repro$'; }

bench() {
    local runs
    built bench || return
    for runs in 1 64 8 256; do
        within 40 "$build/grokc" bench step --device cuda --runs "$runs" --json "$results/step_$runs.json" \
            >"$results/step_$runs.txt" 2>&1
        case $? in
            0) note "step x$runs" "$(words "$results/step_$runs.txt")" ;;
            2) note "step x$runs" "skipped: $(words "$results/step_$runs.txt")" ;;
            *) if ((runs == 1))
               then must "step x$runs" "$(words "$results/step_$runs.txt")"
               else optional "step x$runs" "$(words "$results/step_$runs.txt")"; fi ;;
        esac
    done
}

# sanitize TOOL: compute-sanitizer over the small cases
sanitize() {
    if ! have compute-sanitizer; then note "$1" 'skipped: no compute-sanitizer'; return; fi
    built "$1" || return
    if within 60 compute-sanitizer --tool "$1" --error-exitcode 9 "$build/tests/gpu/small_ops" >"$results/$1.txt" 2>&1
    then note "$1" "$(words "$results/$1.txt")"
    else optional "$1" "exit code $?: $(words "$results/$1.txt")"; fi
}
memcheck()  { sanitize memcheck; }
sanitizer() { sanitize racecheck; sanitize initcheck; }

probe() {
    local arch suffix=''
    if ! have nvcc; then note probe 'skipped: no nvcc'; return; fi
    if [[ ! -f deps/gpu_probe.cu ]]; then note probe 'skipped: no deps/gpu_probe.cu'; return; fi
    arch=$(architecture)
    ((${arch:-0} >= 90)) && suffix=a                # what is of this architecture alone
    if ! within 90 nvcc -O3 -std=c++17 -gencode="arch=compute_${arch:-90}$suffix,code=sm_${arch:-90}$suffix" \
        deps/gpu_probe.cu -lcublas -lcublasLt -o "$results/gpu_probe.bin" 2>"$results/probe.err"; then
        optional probe "does not build: $(head -n 1 "$results/probe.err")"
        return
    fi
    within 120 "$results/gpu_probe.bin" >"$results/probe.txt" 2>&1
    local status=$?
    rm -f "$results/gpu_probe.bin"
    if ((status)); then optional probe "$(words "$results/probe.txt")"
    else note probe "$(wc -l <"$results/probe.txt") lines in probe.txt"; fi
}

peers() {
    if ! have python3; then note peers 'skipped: no python3'; return; fi
    built peers || return
    if within 170 bench/peers/run.sh --device cuda --seconds 0.2 --build "$build" --json "$results/peers.json" \
        >"$results/peers.txt" 2>"$results/peers.err"
    then note peers "$(words "$results/peers.txt")"
    else optional peers "$(words "$results/peers.err")"; fi
}

for part in "${@:-all}"; do
    case $part in
        info | build | verify | batch | bench | memcheck | tests | probe | sanitizer | peers | repro) "$part" ;;
        all) info; build; verify; batch; bench; memcheck; tests; probe; sanitizer; peers; repro ;;
        *) sed -n '2,22s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
printf '\n%s' "$table"
exit $failed
