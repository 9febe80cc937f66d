#!/usr/bin/env bash
# `cmake --install` into somebody's ~/.local: what lies where, the program from there in a folder that has nothing of the
# source tree, its configs by name, a prefix that was moved, and that all of it can be removed.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"
build=$(dirname "$grokc")
if [[ ! -e $build/cmake_install.cmake ]] || ! command -v cmake >/dev/null; then
    skip "the installation: $build is no folder of CMake's"
    exit 0
fi
unset GROKC PYTHONPATH
mkdir -p home/work
export HOME=$PWD/home
check 'installed' cmake --install "$build" --prefix "$HOME/.local"
(cd home && find . -type f | sort) >files
check 'all of it is in the prefix' test -z "$(grep -v '^\./\.local/' files)"
for name in bin/grokc share/man/man1/grokc.1 share/bash-completion/completions/grokc share/zsh/site-functions/_grokc \
    share/fish/vendor_completions.d/grokc.fish share/doc/grokc/README.md share/doc/grokc/docs/manual.md; do
    check "there: $name" grep -qxF "./.local/$name" files
done
for folder in configs examples python; do
    check "all of $folder" diff -r -x __pycache__ "$source_dir/$folder" "home/.local/share/grokc/$folder"
done
check 'an example can be started' test -x home/.local/share/grokc/examples/branch.sh

# ---- the program there, and its configs by path or by name
share=$HOME/.local/share/grokc
cd home/work || exit 1
grokc=$HOME/.local/bin/grokc
small=(--set run.epochs=20 --set run.measure_every=10 --set task.p=11 --set task.train_fraction=0.6 --set model.d_model=8
    --set model.heads=2 --set model.d_head=4 --set model.d_mlp=16 --set model.outputs=0)
for name in configs/quick.yaml quick.yaml quick; do
    rm -rf runs
    expect 0 train "$name" "${small[@]}" -q
    says "^grokc: $name is not here; the installed $share/configs/quick.yaml is taken$"
    state_is runs/quick 'done'
done
expect 0 train runs/quick
quiet err
expect 0 sweep sweep_wd --dry-run
says "^grokc: sweep_wd is not here; the installed $share/configs/sweep_wd.yaml is taken$"
refused 2 "cannot open quack: no such file, and no installed config is called so; those are in $share/configs$" train quack
refused 2 'cannot open \.\./quick: no such file' train ../quick
refused 2 'cannot open /configs/quick\.yaml: no such file' train /configs/quick.yaml
refused 2 'cannot open \.\./grokc/configs/quick\.yaml' sweep ../grokc/configs/quick.yaml
# What is here comes first.
mkdir configs
sed 's/^  p: .*/  p: 17/; s/{name: modular, op: add, p: [0-9]*/{name: modular, op: add, p: 17/' "$share/configs/quick.yaml" >configs/quick.yaml
expect 0 train configs/quick.yaml --dry-run
quiet err
prints '^  p: +17$'
"$grokc" train - --dry-run <configs/quick.yaml >out 2>err
check 'stdin is no name' test $? = 0
cd ../.. || exit 1

# ---- moved; and a program alone, without its prefix
mv home/.local 'home/a prefix'
grokc="$HOME/a prefix/bin/grokc"
cd home/work || exit 1
rm -r configs runs
expect 0 train quick --dry-run
says "the installed $HOME/a prefix/share/grokc/configs/quick.yaml is taken"
mkdir alone
cp "$grokc" alone/
grokc=$PWD/alone/grokc
refused 2 'quick' train quick
check 'no word of an installation' test -z "$(grep install err)"
cd ../.. || exit 1
mv 'home/a prefix' home/.local

# ---- the module there finds the program there
if python3 -c 'import numpy' 2>/dev/null; then
    check 'grokc.py' env PATH="$HOME/.local/bin:$PATH" PYTHONPATH="$share/python" PYTHONDONTWRITEBYTECODE=1 python3 -c '
import os, grokc
assert os.path.realpath(grokc.program()) == os.path.expanduser("~/.local/bin/grokc"), grokc.program()'
else skip 'the Python module: no numpy'; fi

# ---- removed as docs/install.md says
check 'a list of what was installed' test -s "$build/install_manifest.txt"
xargs -d '\n' rm <"$build/install_manifest.txt"
check 'nothing is left but folders' test -z "$(find home/.local -type f)"
end
