#!/usr/bin/env bash
# What a machine with a GPU can tell, in under ten minutes: bench/gpu_check.sh [PART]...   (all, in this order)
#
#   info        device, driver, toolkit
#   probe       deps/gpu_probe.cu, if it was brought along: costs of barriers, graph nodes, clusters, cuBLAS
#   build       grokc for this GPU into build/gpu, with what is in deps/ (bench/make_deps.sh) or in the system
#   test        the tests that need a GPU (ctest -L gpu)
#   sanitizer   compute-sanitizer over the small cases of every op: memcheck, racecheck, initcheck
#   bench       grokc bench step on the GPU with 1, 8, 64 and 256 runs side by side
#   peers       bench/peers/run.sh on the GPU, as far as there are peers
#
# It asks for nothing but the CUDA toolkit, a C and C++ compiler, CMake and deps/. Results go to $OUT, if it is
# set; the table comes last, and as gpu_check.json. What is missing is skipped with the reason; what fails, fails
# the script.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

command -v nvcc >/dev/null || PATH=$PATH:/usr/local/cuda/bin
out=$(realpath "${OUT:-$(mktemp -d)}")
build=$PWD/build/gpu
deadline=$((SECONDS + 570))                         # for all parts together
[[ -d deps/oracle ]] && export GROKC_ORACLE=${GROKC_ORACLE:-$PWD/deps/oracle}
export GROKC_DEVICE=cuda

table='' json=''
note() {
    table+=$(printf '%-10s %s' "$1" "$2")$'\n'
    json+="${json:+, }{\"part\": \"$1\", \"result\": \"$(tr -d '"\\\n' <<<"$2")\"}"
}
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

info() {
    if ! have nvidia-smi; then note info 'skipped: no nvidia-smi, no driver'; return; fi
    local device version
    device=$(within 30 nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total \
        --format=csv,noheader | head -n 1)
    version=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p')
    printf '{"device": "%s", "toolkit": "%s", "commit": "%s"}\n' "$device" "${version:-none}" \
        "$(git describe --always --dirty 2>/dev/null || echo unknown)" >"$out/info.json"
    note info "$device, toolkit ${version:-none}"
}

probe() {
    if ! have nvcc; then note probe 'skipped: no nvcc'; return; fi
    if [[ ! -f deps/gpu_probe.cu ]]; then note probe 'skipped: no deps/gpu_probe.cu'; return; fi
    if ! within 90 nvcc -O3 -std=c++17 -gencode=arch=compute_90a,code=sm_90a deps/gpu_probe.cu -lcublas -lcublasLt \
        -o "$out/gpu_probe.bin" 2>"$out/probe.err"; then
        note probe "FAILED to build: $(head -n 1 "$out/probe.err")"
        return
    fi
    if within 120 "$out/gpu_probe.bin" >"$out/probe.txt" 2>&1
    then note probe "$(wc -l <"$out/probe.txt") lines in probe.txt"
    else note probe "FAILED: $(words "$out/probe.txt")"; fi
    rm -f "$out/gpu_probe.bin"
    cat "$out/probe.txt"
}

build() {
    local start=$SECONDS options=(-DGK_CUDA=ON -DGK_CUDA_ARCH="${GK_CUDA_ARCH:-auto}" -DGK_BLAS=none)
    if ! have nvcc; then note build 'skipped: no nvcc'; return; fi
    if [[ -d deps/lib ]]; then
        export PKG_CONFIG=$PWD/deps/bin/pkg-config
        options+=(-DCMAKE_PREFIX_PATH="$PWD/deps")
    fi
    if within 60 cmake -S . -B "$build" "${options[@]}" >"$out/build.txt" 2>&1 &&
        within 300 cmake --build "$build" --parallel "$(nproc)" --target gpu_tests >>"$out/build.txt" 2>&1
    then note build "$((SECONDS - start)) s, $(sed -n 's/.*CUDA backend: //p' "$out/build.txt")"
    else note build "FAILED: $(grep -m 1 -i error "$out/build.txt" || words "$out/build.txt")"; fi
}

tests() {
    built test || return
    within 300 ctest --test-dir "$build" -L gpu --no-tests=error --timeout 120 --output-on-failure \
        --output-junit "$out/test.xml" >"$out/test.txt" 2>&1
    local status=$? failed skipped
    failed=$(sed -n 's/.*[0-9]* - \(gpu_[a-z_]*\) (\(Failed\|Timeout\)).*/\1/p' "$out/test.txt" | xargs)
    skipped=$(grep -c '(Skipped)' "$out/test.txt")
    if ((status)); then note test "FAILED: ${failed:-$(words "$out/test.txt")}"
    elif ((skipped)); then note test "FAILED: $skipped tests found no GPU"
    else note test "$(grep -m 1 'tests passed' "$out/test.txt")"; fi
}

sanitizer() {
    local tool
    if ! have compute-sanitizer; then note sanitizer 'skipped: no compute-sanitizer'; return; fi
    built sanitizer || return
    for tool in memcheck racecheck initcheck; do
        if within 60 compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/tests/gpu/small_ops" \
            >"$out/$tool.txt" 2>&1
        then note "$tool" "$(words "$out/$tool.txt")"
        else note "$tool" "FAILED ($?): $(words "$out/$tool.txt")"; fi
    done
}

bench() {
    local runs word
    built bench || return
    for runs in 1 8 64 256; do
        within 40 "$build/grokc" bench step --device cuda --runs "$runs" --json "$out/step_$runs.json" \
            >"$out/step_$runs.txt" 2>&1
        case $? in 0) word='' ;; 2) word='skipped: ' ;; *) word='FAILED: ' ;; esac
        note "step x$runs" "$word$(words "$out/step_$runs.txt")"
    done
}

peers() {
    if ! have python3; then note peers 'skipped: no python3'; return; fi
    built peers || return
    if within 170 bench/peers/run.sh --device cuda --seconds 0.2 --build "$build" --json "$out/peers.json" \
        >"$out/peers.txt" 2>"$out/peers.err"
    then note peers "$(words "$out/peers.txt")"
    else note peers "skipped: $(words "$out/peers.err")"; fi
}

for part in "${@:-all}"; do
    case $part in
        info | probe | build | sanitizer | bench | peers) "$part" ;;
        test) tests ;;
        all) info; probe; build; tests; sanitizer; bench; peers ;;
        *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
printf '[%s]\n' "$json" >"$out/gpu_check.json"
printf '\n%s' "$table"
[[ $table != *FAILED* ]]
