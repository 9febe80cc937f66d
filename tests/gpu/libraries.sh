#!/usr/bin/env bash
# A program with the cuda backend starts where CUDA's libraries are not, and names the one that is missing when it needs it.
#   bash tests/gpu/libraries.sh GROKC LOAD_LIBRARIES FOLDER_OF_THE_LIBRARIES
set -u
failed=0
check() { # NAME COMMAND...
    if "${@:2}" >out 2>&1; then return; fi
    echo "FAILED: $1"
    sed 's/^/    | /' out
    failed=1
}
without() { ! grep -qiE 'libcu(blas|fft|da)' <(ldd "$1"); }
loads() { [[ $("$load") = loaded ]]; }
hidden() { # COMMAND...: where the folder of the libraries is empty
    unshare -m bash -c 'mount -t tmpfs none "$0" && exec "$@"' "$folder" "$@"
}
names_it() { [[ $(hidden "$load") =~ 'the cuda backend needs libcublasLt.so.'[0-9]+', which cannot be loaded: ' ]]; }

grokc=$(realpath "$1") load=$(realpath "$2") folder=$(realpath "$3")
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
unset LD_LIBRARY_PATH
check 'the program is linked with none of them' without "$grokc"
if ! compgen -G "$folder/libcublasLt.so.*" >out; then
    echo "skipped: loading them ($folder has none: a toolkit for building alone)"
    exit $failed
fi
check 'they are found' loads
if ! unshare -m true 2>out; then
    echo "skipped: hiding the libraries ($(head -n 1 out))"
    exit $failed
fi
if hidden ldconfig -p | grep -q "libcublasLt.so.* => " && ! hidden ldconfig -p | grep -q "libcublasLt.so.* => $folder"; then
    echo 'skipped: hiding the libraries (they are in more places than one)'
    exit $failed
fi
check 'the one that is missing is named' names_it
check 'a dry run without them' hidden "$grokc" list backends
exit $failed
