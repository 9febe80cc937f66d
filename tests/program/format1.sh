#!/usr/bin/env bash
# States of format 1, whose moments are adam_m and adam_v whatever the optimiser, are gone on with and branched from: the
# rows that follow are those that the program wrote which wrote the state. tests/golden/format1/ has, of a run with AdamW
# and one with SGD (both: 60 epochs on the backend ref), config.yaml, metrics.jsonl and the state of epoch 30.
source "$(dirname "$0")/../lib/program.sh"

# Rows of two files, number by number. ref computes the same everywhere but for the last bits of libm's functions, which
# 30 epochs make larger: 1e-4 is allowed. With the moments at zero the rows differ by more than a tenth.
compare='
import json, re, sys
def differ(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return not abs(a - b) <= 1e-4 * max(1, abs(a)) if a is not None and b is not None else a is not b
    return a != b
# The rows of then by the names of today; key_freqs and clusters are lists now.
def today(row):
    names = dict(re.findall(r"RENAMED\(COLUMN, \"(.*?)\", \"(.*?)\"\)", open(sys.argv[1]).read()))
    assert len(names) > 4
    def listed(value): return [[int(n) for n in part.split(":")] if ":" in part else int(part) for part in value.split(",")]
    return {re.sub(r"^[^.]*", lambda m: names.get(m[0], m[0]), key): listed(x) if isinstance(x, str) else x for key, x in row.items()}
old, new = ([today(json.loads(line)) for line in open(path)] for path in sys.argv[2:])
wrong = [(a["epoch"], key, a[key], b.get(key)) for a, b in zip(old, new) for key in a if differ(a[key], b.get(key))]
wrong += [("rows", len(old), len(new))] * (len(old) != len(new))
print(*wrong[:8], sep="\n")
sys.exit(bool(wrong))
'

for name in adamw sgd; do
    golden=$source_dir/tests/golden/format1/$name
    mkdir -p run parent/checkpoints
    cp "$golden"/{config.yaml,metrics.jsonl} run
    cp "$golden"/{config.yaml,metrics.jsonl} parent
    base64 -d "$golden/state.base64" | tee run/resume.safetensors >parent/checkpoints/00000030.state.safetensors

    expect 0 train run/config.yaml
    [[ $name = sgd ]] || expect 0 export parent@30 --layout transformer_lens -o weights.safetensors
    check "$name: the rows that follow" python3 -c "$compare" "$source_dir/include/gk/renamed.def" "$golden/metrics.jsonl" run/metrics.jsonl
    head -n 5 "$golden/metrics.jsonl" >before
    check "$name: the rows before stay" cmp -n "$(wc -c <before)" before run/metrics.jsonl
    state_is run done

    expect 0 branch parent@30 --out branch
    tail -n +6 "$golden/metrics.jsonl" >after
    check "$name: the rows of a branch" python3 -c "$compare" "$source_dir/include/gk/renamed.def" after branch/metrics.jsonl
    check "$name: the weights of a branch" cmp {run,branch}/checkpoints/00000060.safetensors
    tail -n +6 run/metrics.jsonl >after
    check "$name: the very rows of a branch" cmp after branch/metrics.jsonl

    # Rows with the names of then and rows with those of now are one run to whoever reads them.
    check "$name: rows of both kinds" test "$(grep -c sum_squares run/metrics.jsonl):$(grep -c squared_l2_norm run/metrics.jsonl)" = 5:6
    sed -E 's/"squared_l2_norm/"sum_squares/g; s/test_loss_commuted/test_loss_mirror/; s/test_loss_uncommuted/test_loss_other/
        s/softmax_saturation/absorbed/; s/logit_gradient_sum/imbalance/; s/"key_freqs": \[([^]]*)\]/"key_freqs": "\1"/
        s/"clusters": \[\[(([0-9]+, )+.*)\]\]/"clusters": "\1"/' run/metrics.jsonl >old
    cp -r run older
    sed -E ':again s/("key_freqs": "[0-9,]*), /\1,/; tagain; :pairs s/("clusters": "[^"]*)\], \[/\1;/; tpairs
        :comma s/("clusters": "[^"]*), /\1:/; tcomma; :semi s/("clusters": "[^"]*);/\1,/; tsemi' old >older/metrics.jsonl
    check "$name: old names alone" test "$(grep -cE 'squared_l2_norm|"(key_freqs|clusters)": \[' older/metrics.jsonl)" = 0
    expect 0 compare run older
    prints 'the same numbers in all 11 common epochs, up to 60'
    expect 0 ls run older --csv --columns sum_squares,squared_l2_norm,task.corrupt_fraction,label_noise --where corrupt_fraction=0
    check "$name: ls" grep -qE '^squared_l2_norm,squared_l2_norm_2,task_label_noise,task_label_noise_2$' out
    check "$name: the values" test "$(grep -cE '^([0-9.]+),\1,0,0$' out)" = 2
    for dir in run older; do expect 0 report $dir -o report.html --figures figures/$dir; done
    if command -v gnuplot >/dev/null; then
        check "$name: the same figure" cmp figures/{run,older}/squared-l2-norm.dat
        check "$name: of all rows" test "$(grep -c '^[0-9]' figures/run/squared-l2-norm.dat)" -ge 22
    fi

    # What is written is format 2: the moments have PyTorch's names, and SGD has one.
    cp run/resume.safetensors $name.safetensors
    rm -rf run parent branch older figures
done
header() { head -c "$(($(od -An -tu8 -N8 "$1") + 8))" "$1" | tail -c +9; }
moments() { header "$1" | grep -o '"[a-z_]*\.[a-z0-9.]*W_U"' | tr -d '"' | sort | paste -sd ' '; }
check 'moments of AdamW' test "$(moments adamw.safetensors)" = 'exp_avg.unembed.W_U exp_avg_sq.unembed.W_U unembed.W_U'
check 'moments of SGD' test "$(moments sgd.safetensors)" = 'momentum_buffer.unembed.W_U unembed.W_U'
check 'no moments are exported' test -z "$(header weights.safetensors | grep -oE 'adam|exp_avg')"
check 'format 2' grep -q '"grokc_format":"2"' adamw.safetensors

end
