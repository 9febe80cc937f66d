#!/usr/bin/env bash
# bash tests/aarch64.sh [FOLDER]: one arithmetic on another kind of CPU. Builds grokc for aarch64 by Debian's cross compiler with
# Debian's arm64 libraries, which it unpacks below FOLDER (build/aarch64), and holds its runs, in an emulator, to the sums of
# tests/golden/arithmetic.txt. Skips, and says why, where something for that is missing; installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath -m "${1:-build/aarch64}") root=$build/root libraries=usr/lib/aarch64-linux-gnu
skip() { echo "skipped: $*"; exit 0; }

for program in aarch64-linux-gnu-gcc qemu-aarch64 apt-get dpkg; do
    command -v $program >/dev/null || skip "no $program (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user)"
done
mkdir -p "$build/apt/lists/partial" "$build/apt/archives/partial"
touch "$build/apt/status"

# apt of arm64, which knows nothing of this system's packages
arm64_apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$build/apt" -o Dir::State::status="$build/apt/status" \
        -o Dir::Cache="$build/apt" -o APT::Sandbox::User=root "$@" >>"$build/apt/log" 2>&1
}
if [[ ! -e $root/$libraries/libz.a ]]; then
    if ! arm64_apt update || ! (cd "$build/apt" && arm64_apt download libyaml-dev libjansson-dev zlib1g-dev); then
        tail -n 3 "$build/apt/log"
        skip "apt-get finds no libyaml-dev, libjansson-dev and zlib1g-dev of arm64"
    fi
    for package in "$build"/apt/*.deb; do dpkg -x "$package" "$root"; done
    rm -f "$root/$libraries"/*.so*                  # what is left are static archives
fi

PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$root/$libraries/pkgconfig cmake -S . -B "$build" -DCMAKE_SYSTEM_NAME=Linux \
    -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_FIND_ROOT_PATH="$root" \
    -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DCMAKE_EXE_LINKER_FLAGS=-static \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O1 -DGK_WERROR=ON -DGK_TESTS=OFF -DGK_CUDA=OFF -DGK_FFT=none >"$build/log" 2>&1 ||
    { tail -n 20 "$build/log"; exit 1; }
cmake --build "$build" --parallel "$(nproc)" --target grokc >>"$build/log" 2>&1 || { grep -m 20 -i error "$build/log"; exit 1; }
printf '#!/bin/sh\nexec qemu-aarch64 %q "$@"\n' "$build/grokc" >"$build/emulated"
chmod +x "$build/emulated"
GROKC_TEST_EMULATED=yes bash tests/program/arithmetic.sh "$build/emulated" .
