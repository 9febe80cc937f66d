#!/usr/bin/env bash
# Who may know whom. First the table rooms.txt: what a file of a room reaches through its includes, however many headers
# lie between, belongs to rooms that the table allows it, and the table has no circle. Then rules about what is included
# or called, searched for over include/, src/ and kernels/. Each rule is also planted in a small tree of its own, where it
# must be found.
# As ctest calls it: arrows.sh <grokc, not used> <source directory>
set -euo pipefail
source_dir=$2
table=$source_dir/tests/rooms.txt
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# rule NAME FILES BAD UNLESS PLANT LINE: in files whose path matches FILES no line matches BAD, but
# those where path:line matches UNLESS (if given). A file PLANT with the line LINE must be caught.
n_rules=0
rule() {
    name[n_rules]=$1 files[n_rules]=$2 bad[n_rules]=$3 unless[n_rules]=$4
    plant[n_rules]=$5 line[n_rules]=$6
    n_rules=$((n_rules + 1))
}
declare -a name files bad unless plant line

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
any="$include(.*/)?"                    # a header of this name in whatever folder
call='(^|[^a-z0-9_])'
ops=$(sed -n 's/^OP(\([a-z0-9_]*\),.*/\1/p' "$source_dir/include/gk/ops.def" | paste -sd '|')

rule 'only kernels/ names a vendor' '^(src|include)/' \
     "$any(cblas|openblas|f77blas|lapack|mkl|blis|fftw|cu(da|blas|fft|rand)|nvtx|nvtools|nvml|hip)" '' \
     src/planted.c '#include <openblas/cblas.h>'
rule 'only kernels/ uses vector instructions' '^(src|include)/' \
     "$any([a-z]*mmintrin|immintrin|x86intrin|arm_neon|arm_sve)" '' \
     include/gk/planted.h '#  include <immintrin.h>'
rule 'src/ does not call kernels by name' '^src/' \
     "$call(ref|cpu|cuda)_($ops)\(" '' \
     src/planted.c '    ref_matmul(be, c, a, b);'
rule 'kernels/ref stands alone' '^kernels/(ref/|[^/]*$)' \
     "$any((cpu|cuda)/|cblas|openblas|fftw|cuda|[a-z]*mmintrin)" '' \
     kernels/ref/planted.c '#include "cpu/machine/threads.h"'
rule 'kernels/cpu does not know cuda' '^kernels/cpu/' \
     "${any}cu(da|blas|fft)" '' \
     kernels/cpu/planted.c '#include "cuda/machine/launch.h"'
rule 'kernels/cuda does not know cpu' '^kernels/cuda/' \
     "${any}cpu/" '' \
     kernels/cuda/planted.cu '#include "cpu/machine/threads.h"'
rule 'a task is a pure function' '^src/tasks/' \
     "$call(fopen|open|popen|getenv|rand|random|time|clock|gettimeofday|gk_(seconds|file_[a-z]+))\(" '^src/tasks/(task|split)\.c:' \
     src/tasks/planted.c '    double now = gk_seconds();'
rule 'a measure opens no files' '^src/measures/' \
     "$call(fopen|open|popen|gk_file_[a-z_]+|gk_writer_(save|open))\(" '' \
     src/measures/planted.c '    FILE *file = fopen("x", "w");'
rule 'runs and weights call no ops' '^src/(run|weights)/' \
     "->($ops)\(" '' \
     src/run/planted.c '    be->matmul(be, c, a, b);'
rule 'includes are written from src/, kernels/ or tests/' '^(include|src|kernels)/' \
     "$any\\.\\./" '' \
     src/planted.c '#include "../kernels/kernels.h"'

lines() {                               # path:number:text of every include and every call
    (cd "$1" && grep -rnE --include='*.'{c,h,def,cu,cuh} "$include|[a-z0-9_]\(" include src kernels)
}
violations() {                          # of rule $1, among the lines on stdin
    FILES=${files[$1]} BAD=${bad[$1]} UNLESS=${unless[$1]} awk '
        { path = text = $0; sub(/:.*/, "", path); sub(/^[^:]*:[0-9]*:/, "", text) }
        path ~ ENVIRON["FILES"] && tolower(text) ~ ENVIRON["BAD"] &&
            !(ENVIRON["UNLESS"] != "" && path ":" text ~ ENVIRON["UNLESS"])'
}

# ---- rooms

# "file header" for every include of ours: a header is looked for in include/, src/, kernels/.
edges() {
    cd "$1"
    find include src kernels -type f '(' -name '*.[ch]' -o -name '*.def' -o -name '*.cu' ')' >"$scratch/files"
    grep -rE --include='*.'{c,h,def,cu} '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' include src kernels |
        sed -E 's/^([^:]*):[^"]*"([^"]*)".*/\1 \2/' |
        awk 'NR == FNR { there[$1]; next }
             { for (i = split("include/ src/ kernels/", base, " "); i > 0; i--)
                   if (base[i] $2 in there) { print $1, base[i] $2; next } }' "$scratch/files" -
}

# rooms TABLE <edges: what they do that the table does not allow, one line each. No file without a room, no room that
# reaches a room of its own line or below, no header inside a room that another room names.
rooms() {
    awk -F '|' -v table="$1" '
        function room(path,   part, n) {
            n = split(path, part, "/")
            if (part[1] == "src") return n > 2 ? part[2] : "src"
            if (part[1] == "kernels") return n > 2 ? part[2] : "kernels"
            return path in owner ? owner[path] : "none"
        }
        # Every room that is reached from `file` through headers, with the header that is the last step.
        function reach(file, from, trail,   i, to, r) {
            for (i = 1; i <= fan[file]; i++) {
                to = edge[file, i]
                if ((from, to) in seen) continue
                seen[from, to]
                r = room(to)
                if (r != room(from) && !((room(from), r) in may))
                    print from " (" room(from) ") reaches " to " (" r ")" trail
                reach(to, from, trail " < " to)
            }
        }
        BEGIN {
            while ((getline line < table) > 0) {
                if (line ~ /^#/ || split(line, column, "|") != 3) continue
                gsub(/ /, "", column[1])
                level[column[1]] = ++levels
                for (i = split(column[2], word, " "); i > 0; i--) owner["include/gk/" word[i]] = column[1]
                for (i = split(column[3], word, " "); i > 0; i--) {
                    may[column[1], word[i]]
                    if (!(word[i] in level) || word[i] == column[1])
                        print table ": " column[1] " uses " word[i] ", which does not stand above it"
                }
            }
        }
        {
            split($0, word, " ")
            edge[word[1], ++fan[word[1]]] = word[2]
            files[word[1]]
            r = room(word[1])
            if (!(r in level)) print word[1] " belongs to no room of the table: " r
            if (word[2] !~ /^include\// && room(word[2]) != r && !(room(word[2]) ~ /^(kernels|ref|cpu|cuda)$/))
                print word[1] " (" r ") names " word[2] ", a header inside " room(word[2])
        }
        END { for (file in files) reach(file, file, "") }'
}

(edges "$source_dir") >"$scratch/edges"
lines "$source_dir" >"$scratch/lines"
n_files=$(cut -d: -f1 "$scratch/lines" | sort -u | wc -l)
if ((n_files < 10 || $(wc -l <"$scratch/edges") < 100)) || [[ -z $ops ]]; then
    echo "only $n_files files with includes or calls in $source_dir: is that the source?" >&2
    exit 1
fi

failed=0
rooms "$table" <"$scratch/edges" >"$scratch/found"
if [[ -s $scratch/found ]]; then
    echo "not as in tests/rooms.txt:" >&2
    sort "$scratch/found" | sed 's/^/    /' >&2
    failed=1
fi

# caught WHAT PATTERN FILE TABLE: among the edges with those of FILE, or by this table, something is found
caught() {
    cat "$scratch/edges" "$3" | rooms "$4" >"$scratch/found"
    if ! grep -q -- "$2" "$scratch/found"; then
        echo "rooms: $1 is not caught" >&2
        failed=1
    fi
}
printf '%s\n' 'src/report/planted.c include/gk/lens.h' >"$scratch/plant"
caught 'a report that includes the lens' '^src/report/planted.c (report) reaches include/gk/lens.h' "$scratch/plant" "$table"
printf '%s\n' 'include/gk/archive.h include/gk/lens.h' >"$scratch/plant"
caught 'a report that reaches the lens through the archive' '^src/report/.* reaches include/gk/lens.h.* < include/gk/archive.h' \
    "$scratch/plant" "$table"
printf '%s\n' 'src/cli/planted.c src/report/page/html.h' >"$scratch/plant"
caught 'a header inside another room' '^src/cli/planted.c (cli) names src/report/page/html.h' "$scratch/plant" "$table"
printf '%s\n' 'include/gk/planted.h include/gk/base.h' >"$scratch/plant"
caught 'a contract of no room' '^include/gk/planted.h belongs to no room' "$scratch/plant" "$table"
printf '%s\n' 'src/planted.c include/gk/base.h' >"$scratch/plant"
caught 'a file beside the rooms' '^src/planted.c belongs to no room' "$scratch/plant" "$table"
sed 's/^rows .*/& report/' "$table" >"$scratch/circle"
: >"$scratch/plant"
caught 'a circle of rooms' 'rows uses report, which does not stand above it' "$scratch/plant" "$scratch/circle"

# ---- rules

for ((i = 0; i < n_rules; i++)); do
    violations "$i" <"$scratch/lines" >"$scratch/found"
    if [[ -s $scratch/found ]]; then
        echo "forbidden: ${name[i]}" >&2
        sed 's/^/    /' "$scratch/found" >&2
        failed=1
    fi
    tree=$scratch/tree
    mkdir -p "$tree/"{include/gk,src,kernels} "$tree/$(dirname "${plant[i]}")"
    printf '/* planted */\n%s\n' "${line[i]}" >"$tree/${plant[i]}"
    if [[ $(lines "$tree" | violations "$i" | wc -l) != 1 ]]; then
        echo "rule \"${name[i]}\" does not catch ${line[i]} in ${plant[i]}" >&2
        failed=1
    fi
    rm -r "$tree"
done
((failed)) || echo "$(grep -c '|' "$table") rooms and $n_rules rules hold in $n_files files, and each caught its planted violation"
exit $failed
