#!/usr/bin/env bash
# The machine code of what was compiled for the meter, as text: x.cubin -> x.sass. With the toolkit's cuobjdump and nvdisasm
# where they are; otherwise with those of PyPI (nvidia-cuda-cuobjdump, nvidia-cuda-nvdisasm), fetched into the build folder.
# Without either the meter does not count serial loads, and this says so.
#   sass.sh FOLDER [NVCC]      FOLDER/sm_*/*.cubin
set -euo pipefail
folder=$1 tools=$1/tools
PATH=$PATH:$(dirname "${2:-/usr/local/cuda/bin/nvcc}")

# The wheels hold programs in folders that differ from release to release.
fetch() {
    [[ -f $tools/.fetched ]] || python3 -m pip install --quiet --no-deps --disable-pip-version-check --target "$tools" \
        nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm >"$folder/tools.log" 2>&1 || return 1
    touch "$tools/.fetched"
    for name in cuobjdump nvdisasm; do
        at=$(find "$tools" -name "$name" -type f | head -1)
        [[ -n $at ]] || return 1
        chmod +x "$at"
        PATH=$(dirname "$at"):$PATH
    done
}

command -v cuobjdump >/dev/null && command -v nvdisasm >/dev/null || fetch || {
    echo "no cuobjdump and nvdisasm here, and none to fetch ($folder/tools.log): serial loads are not counted"
    exit 0
}
for cubin in "$folder"/sm_*/*.cubin; do
    sass=${cubin%.cubin}.sass
    [[ $sass -nt $cubin ]] || { cuobjdump -sass "$cubin" >"$sass.part" && mv "$sass.part" "$sass"; }
done
