#!/usr/bin/env bash
# Who may know whom: every rule below is searched for over include/, src/ and kernels/, and then
# planted in a small tree of its own, where it must be found.
# As ctest calls it: run_arrows.sh <grokc, not used> <source directory>
set -euo pipefail
source_dir=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# rule NAME FILES BAD UNLESS PLANT LINE: in files whose path matches FILES no line matches BAD, but
# those that match UNLESS (if given). A file PLANT with the line LINE must be caught.
n_rules=0
rule() {
    name[n_rules]=$1 files[n_rules]=$2 bad[n_rules]=$3 unless[n_rules]=$4
    plant[n_rules]=$5 line[n_rules]=$6
    n_rules=$((n_rules + 1))
}
declare -a name files bad unless plant line

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
any="$include(.*/)?"                    # a header of this name in whatever folder
gk="${include}gk/"
call='(^|[^a-z0-9_])'
ops=$(sed -n 's/^OP(\([a-z0-9_]*\),.*/\1/p' "$source_dir/include/gk/ops.def" | paste -sd '|')

rule 'only kernels/ names a vendor' '^(src|include)/' \
     "$any(cblas|openblas|f77blas|lapack|mkl|blis|fftw|cu(da|blas|fft|rand)|nvtx|nvtools|nvml|hip)" '' \
     src/planted.c '#include <openblas/cblas.h>'
rule 'only kernels/ uses vector instructions' '^(src|include)/' \
     "$any([a-z]*mmintrin|immintrin|x86intrin|arm_neon|arm_sve)" '' \
     include/gk/planted.h '#  include <immintrin.h>'
rule 'src/ enters kernels/ through gk/ops.h only' '^(src|include)/' \
     "$any(kernels(/|\.h)|(ref|cpu|cuda)/)" '' \
     src/planted.c '#include "../kernels/kernels.h"'
rule 'src/ does not call kernels by name' '^src/' \
     "$call(ref|cpu|cuda)_($ops)\(" '' \
     src/planted.c '    ref_matmul(be, c, a, b);'
rule 'kernels/ know sizes, not models' '^kernels/' \
     "$gk" 'gk/(base\.h|table\.h|ops\.(h|def)|backends\.def|startup\.h)' \
     kernels/cpu/planted.c '#include "gk/model.h"'
rule 'kernels/ do not reach into src/' '^kernels/' \
     "${any}src/" '' \
     kernels/ref/planted.c '#include "../../src/activations.h"'
rule 'kernels/ref stands alone' '^kernels/(ref/|[^/]*$)' \
     "$any((cpu|cuda)/|cblas|openblas|fftw|cuda|[a-z]*mmintrin)" '' \
     kernels/ref/planted.c '#include "../cpu/threads.h"'
rule 'kernels/cpu does not know cuda' '^kernels/cpu/' \
     "${any}cu(da|blas|fft)" '' \
     kernels/cpu/planted.c '#include "../cuda/launch.h"'
rule 'kernels/cuda does not know cpu' '^kernels/cuda/' \
     "${any}cpu/" '' \
     kernels/cuda/planted.cu '#include "../cpu/threads.h"'
rule 'the seam stands on base' '^include/gk/(ops|table|backends|startup)\.' \
     "$gk" 'gk/(base\.h|table\.h|ops\.def|backends\.def)' \
     include/gk/ops.planted.h '#include "gk/config.h"'
rule 'base includes nothing of ours' '^(include/gk/base\.|src/base/)' \
     "$gk" 'gk/base\.h' \
     src/base/planted.c '#include "gk/config.h"'
rule 'safetensors stands on base' '^(include/gk|src)/safetensors' \
     "$gk" 'gk/(base|safetensors)\.h' \
     src/safetensors_planted.c '#include "gk/model.h"'
rule 'config stands on base' '^(include/gk|src)/config' \
     "$gk" 'gk/(base\.h|(config|optimisers?)\.(h|def))' \
     src/config_planted.c '#include "gk/task.h"'
rule 'tasks stand on config' '^(include/gk/tasks?\.|src/tasks/|src/(task|split)[^/]*$)' \
     "$gk" 'gk/(base|config|group|tasks?)\.(h|def)' \
     src/tasks/planted.c '#include "gk/ops.h"'
rule 'a task is a pure function' '^src/tasks/' \
     "$call(fopen|open|popen|getenv|rand|random|time|clock|gettimeofday|gk_(seconds|file_[a-z]+))\(" '' \
     src/tasks/planted.c '    double now = gk_seconds();'
rule 'a model is not a run' \
     '^(include/gk/(model|data|params)\.|src/(model|init|forward|backward|data)[^/]*$)' \
     "${gk}(plan|measure|events|run|train|sweep|report)" '' \
     src/forward_planted.c '#include "gk/run.h"'
rule 'a measure knows no run' '^(include/gk/measures?\.|src/measures?[./])' \
     "${gk}(run|checkpoint|safetensors|events|train|sweep|report)\." '' \
     src/measures/planted.c '#include "gk/checkpoint.h"'
rule 'a measure opens no files' '^src/measures?[./]' \
     "$call(fopen|open|popen|gk_(file|writer)_[a-z]+)\(" '' \
     src/measures/planted.c '    FILE *file = fopen("x", "w");'
rule 'run and checkpoint call no ops' '^src/(run|owner|branch|environment|checkpoint)[^/]*$' \
     "->($ops)\(" '' \
     src/run_planted.c '    be->matmul(be, c, a, b);'
rule 'run and checkpoint include no ops' '^(include/gk|src)/(run|owner|branch|environment|checkpoint)' \
     "${gk}ops\." '' \
     include/gk/run_planted.h '#include "gk/ops.h"'
rule 'nothing below a run looks up' '^(include/gk|src)/(plan|measure|checkpoint)' \
     "${gk}(run|train|sweep|report)" '' \
     include/gk/plan_planted.h '#include "gk/run.h"'
rule 'sweep and report need no device' '^(include/gk|src)/(sweep|gather|report|card|compare|where|row_file|ls\.)' \
     "${gk}(ops|model|plan|data|params)\." '' \
     src/report_planted.c '#include "gk/model.h"'
rule 'a report reads files only' '^(include/gk/report|src/report/)' \
     "${gk}(batch|lens|measure|run|train|events|checkpoint|analysis|task)\." '' \
     src/report/planted.c '#include "gk/run.h"'
rule 'commands are on top' '^(include/gk/|src/[^/]*$|src/(base|tasks|measures)/)' \
     "${any}cli[/.]" '' \
     src/planted.c '#include "cli/cli.h"'

lines() {                               # path:number:text of every include and every call
    (cd "$1" && grep -rnE --include='*.'{c,h,def,cu,cuh} "$include|[a-z0-9_]\(" include src kernels)
}
violations() {                          # of rule $1, among the lines on stdin
    FILES=${files[$1]} BAD=${bad[$1]} UNLESS=${unless[$1]} awk '
        { path = text = $0; sub(/:.*/, "", path); sub(/^[^:]*:[0-9]*:/, "", text) }
        path ~ ENVIRON["FILES"] && tolower(text) ~ ENVIRON["BAD"] &&
            !(ENVIRON["UNLESS"] != "" && text ~ ENVIRON["UNLESS"])'
}

lines "$source_dir" >"$scratch/lines"
n_files=$(cut -d: -f1 "$scratch/lines" | sort -u | wc -l)
if ((n_files < 10)) || [[ -z $ops ]]; then
    echo "only $n_files files with includes or calls in $source_dir: is that the source?" >&2
    exit 1
fi

failed=0
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
((failed)) || echo "$n_rules rules hold in $n_files files, and each caught its planted violation"
exit $failed
