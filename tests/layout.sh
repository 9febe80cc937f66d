#!/usr/bin/env bash
# What a formatter does not look after: the length of lines, files and functions; declarations that it cut after their
# type for the sake of a comment; banners. Each rule is also held against a planted file, where it must find something.
# As ctest calls it: layout.sh <grokc, not used> <source directory>
set -euo pipefail
source_dir=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Lists of a .def are tables and may be wide; tests/golden is made by programs.
sources() { (cd "$1" && find include src kernels tests bench -path tests/golden -prune -o -type f '(' -name '*.[ch]' -o -name '*.cu' -o -name '*.cpp' ')' -print); }

# A line over 100 columns.
wide() { awk 'length($0) > 100 { print FILENAME ":" FNR ": " length($0) " columns" }' "$@"; }
# More than 400 lines; of tests and all that they share, too.
long_file() { awk 'FNR == 401 { print FILENAME ": over 400 lines" }' "$@"; }
# A body of more than 60 lines between a brace in the first column and the next closing one.
long_function() {
    awk '/^\{/ { from = FNR } /^\}/ { if (from && FNR - from - 1 > 60) print FILENAME ":" from ": " FNR - from - 1 " lines"; from = 0 }
         FNR == 1 { from = 0 }' "$@"
}
# "gk_real" at the end of a line and the name on the next one.
cut_declaration() {
    awk '/^ *((static|const|extern) )*(gk_[a-z_]+|int|double|float|bool|char|size_t|u?int(8|16|32|64)_t|struct [a-z_]+)( const)?( \*+)?$/ {
             print FILENAME ":" FNR ": a declaration ends after its type: " $0 }' "$@"
}
# A row of dashes inside a comment.
banner() { awk '/(\/\*|^ \*|\/\/).*--------------------/ { print FILENAME ":" FNR ": a banner" }' "$@"; }

rules='wide long_file long_function cut_declaration banner'
mkdir -p "$scratch/planted"
cd "$scratch/planted"
printf '/* %0100d */\n' 0 >wide.c
seq 401 >long_file.c
{ printf 'int f(void)\n{\n'; seq 61; printf '}\n'; } >long_function.c
printf '    gk_real\n        *x; /* a comment */\n' >cut_declaration.c
printf '/* -------------------------------- file.c */\n' >banner.c

failed=0
for rule in $rules; do
    if [[ -z $($rule "$rule.c") ]]; then
        echo "rule $rule does not catch what was planted" >&2
        failed=1
    fi
done
cd - >/dev/null
sources "$source_dir" >"$scratch/sources"
(($(wc -l <"$scratch/sources") > 100)) || { echo "few sources in $source_dir" >&2; exit 1; }
cd "$source_dir"
for rule in $rules; do
    xargs -a "$scratch/sources" bash -c "$(declare -f "$rule"); $rule \"\$@\"" - >"$scratch/found"
    [[ -s $scratch/found ]] || continue
    sed "s/^/$rule: /" "$scratch/found" >&2
    failed=1
done
((failed)) || echo "$(wc -l <"$scratch/sources") files, $(wc -w <<<"$rules") rules"
exit $failed
