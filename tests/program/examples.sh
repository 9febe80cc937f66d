#!/usr/bin/env bash
# The examples that need nothing but grokc, and what `cmake --install` puts where. hook_norm.py: run_hook.sh; the rest:
# tests/ecosystem.
source "$(dirname "$0")/../lib/program.sh"

cat >small.yaml <<'YAML'
seed: 1
task:  {p: 11, train_fraction: 0.6}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 60, measure_every: 20, checkpoint_at: none}
YAML

# ---- branch.sh
export GROKC=$grokc
check 'branch.sh' "$source_dir/examples/branch.sh" small.yaml one 20 0.1 3
for decay in 0.1 3; do
    dir=one-wd$decay
    state_is $dir 'done'
    check "$dir: its weight decay" grep -qE "^  weight_decay: +$decay$" $dir/config.yaml
    check "$dir: its rows" test "$(column epoch $dir | tr '\n' ' ')" = '20 40 60 '
    check "$dir: begins as the run was" diff <(sed -n 2p one/metrics.jsonl) <(sed -n 1p $dir/metrics.jsonl)
    check "$dir: goes its own way" test "$(column squared_l2_norm $dir | tail -n 1)" != "$(column squared_l2_norm one | tail -n 1)"
    check "$dir: where it comes from" grep -qE '"epoch": *20' $dir/parent.json
done
check 'branch.sh goes on' "$source_dir/examples/branch.sh" small.yaml one 20 0.1 3
check 'branch.sh says what it wants' test "$("$source_dir/examples/branch.sh" 2>&1 >/dev/null | grep -c 'examples/branch.sh configs/')" = 1

# ---- nsight.md: every option that it gives to grokc is one
grep -oE '(^ +|`)grokc [a-z]+ .*' "$source_dir/examples/nsight.md" | sed 's/^[ `]*//; s/[`)].*//' >commands
check 'nsight.md has commands' test "$(wc -l <commands)" -ge 5
while read -r _ command rest; do
    "$grokc" "$command" --help >help.out
    for word in $rest; do
        [[ $word != --* ]] || check "nsight.md: grokc $command $word" grep -qF -e "$word" help.out
    done
done <commands

# ---- cmake --install
build=$(dirname "$grokc")
if [[ ! -e $build/cmake_install.cmake ]] || ! command -v cmake >/dev/null; then
    skip "cmake --install: $build is no build folder, or there is no cmake"
    end
fi
check 'cmake --install' env DESTDIR="$scratch/root" cmake --install "$build" --prefix /usr
check 'the program' cmp root/usr/bin/grokc "$grokc"
check 'it runs' root/usr/bin/grokc --version
for name in configs/paper.yaml python/grokc.py python/pth2safetensors.py examples/branch.sh examples/notebook.ipynb; do
    check "share/grokc/$name" cmp "root/usr/share/grokc/$name" "$source_dir/$name"
done
for name in README.md LICENSE CITATION.cff; do
    check "$name" cmp "root/usr/share/doc/grokc/$name" "$source_dir/$name"
done
manual='share/(man/man1/grokc\.1|bash-completion/completions/grokc|zsh/site-functions/_grokc|fish/vendor_completions\.d/grokc\.fish)$'
check 'nothing else' test "$(find root -type f |
    grep -vcE "/usr/(bin/grokc$|share/grokc/(configs|python|examples)/|share/doc/grokc/|$manual)")" = 0
check 'the man page and completions' test "$(find root -type f | grep -cE "/usr/$manual")" = 4
check 'no leftovers' test -z "$(find root -name '__pycache__' -o -name '*.pyc')"
for python in python3 /usr/bin/python3 ''; do "$python" -c 'import numpy' 2>/dev/null && break; done
if [[ -n $python ]]; then
    found=$(env -u GROKC PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=root/usr/share/grokc/python "$python" -c 'import grokc; print(grokc.program())')
    check "the installed grokc.py finds $found" test "$found" -ef root/usr/bin/grokc
fi
end
