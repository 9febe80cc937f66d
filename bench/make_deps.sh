#!/usr/bin/env bash
# Gathers what grokc's build and tests need besides a C compiler, CMake and the CUDA toolkit into a folder that
# can be brought to a machine where nothing can be installed: bench/make_deps.sh [DIR]   (deps, which git ignores)
#
# From Debian's packages, below. Static archives, so that what is built runs without them; cmocka, of the tests
# alone, exists as a shared library only. $GROKC_ORACLE is copied along where it is set, for the tests
# that ask for it.
#
#   PKG_CONFIG=$PWD/deps/bin/pkg-config cmake -S . -B build/gpu -DCMAKE_PREFIX_PATH=$PWD/deps
set -euo pipefail
cd "$(dirname "$0")/.."

deps=$(realpath -m "${1:-deps}")
most=64                                             # MiB
packages='libyaml-dev libjansson-dev zlib1g-dev libfftw3-dev libcmocka-dev pkg-config'
give_up() { echo "make_deps.sh: $*" >&2; exit 1; }
[[ ! -e $deps || -d $deps/lib/pkgconfig || -z $(ls -A "$deps") ]] || give_up "$deps is something else"
mkdir -p "$deps"/{bin,include,lib/pkgconfig}

# Where the compiler finds a header, and the linker a library.
header() { echo "#include <$1>" | cc -xc -M - 2>/dev/null | grep -o -m 1 "/[^ ]*/$1"; }
library() {
    local path
    path=$(cc -print-file-name="$1")
    [[ $path == */* ]] && realpath "$path"
}

# package: pkg-config's name, headers, the file of the library, what -l is followed by
package() {
    local name=$1 headers=$2 file=$3 link=$4 each path
    for each in $headers; do
        path=$(header "$each") || give_up "no $each: apt-get install $packages"
        cp "$path" "$deps/include/"
    done
    path=$(library "$file") || give_up "no $file, which belongs to $name"
    cp "$path" "$deps/lib/$file"
    cat >"$deps/lib/pkgconfig/$name.pc" <<EOF
prefix=\${pcfiledir}/../..
Name: $name
Description: as it was at $(hostname)
Version: $(pkg-config --modversion "$name")
Cflags: -I\${prefix}/include
Libs: -L\${prefix}/lib -l$link
EOF
}
package yaml-0.1 yaml.h libyaml.a yaml
package jansson 'jansson.h jansson_config.h' libjansson.a jansson
package zlib 'zlib.h zconf.h' libz.a z
package fftw3f fftw3.h libfftw3f.a fftw3f
package cmocka cmocka.h libcmocka.so cmocka
cp "$(library libcmocka.so)" "$deps/lib/libcmocka.so.0"     # the name that programs ask for

# pkg-config itself, for a machine without it. It looks nowhere but here.
cp "$(realpath "$(command -v pkg-config)")" "$deps/bin/pkgconf"
ldd "$deps/bin/pkgconf" | sed -n 's/.*=> \(.*libpkgconf[^ ]*\) .*/\1/p' | xargs -r -I{} cp {} "$deps/lib/"
cat >"$deps/bin/pkg-config" <<'EOF'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
PKG_CONFIG_LIBDIR=$here/../lib/pkgconfig LD_LIBRARY_PATH=$here/../lib exec "$here/pkgconf" "$@"
EOF
chmod +x "$deps/bin/pkg-config"

if [[ -n ${GROKC_ORACLE:-} ]]; then
    rm -rf "$deps/oracle"
    cp -rL "$GROKC_ORACLE" "$deps/oracle"
fi
size=$(du -sm "$deps" | cut -f 1)
((size < most)) || give_up "$deps has $size MiB, and $most is the most that travels"
echo "$deps: $size MiB"
