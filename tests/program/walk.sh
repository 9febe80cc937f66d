#!/usr/bin/env bash
# docs/walk.md, command after command, held to what the page says that they print (tests/lib/walk.py). Where a Python package is
# missing its commands are skipped; tests/ecosystem/run.sh has all of them. After a change of what is printed,
# `WALK_WRITE=yes bash tests/program/walk.sh GROKC SOURCE` puts the new words into the page: read them.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"
if [[ -n ${GROKC_TEST_SANITIZED:-} ]]; then
    skip 'the walk: minutes under the sanitizers; its commands have tests of their own'
    exit 0
fi
if "$grokc" --version | grep -q f64; then
    skip 'the walk: minutes in double'
    exit 0
fi
if ! python3 -c 'import numpy' 2>/dev/null; then
    skip 'the walk: no python3 with numpy'
    exit 0
fi
mkdir bin here
ln -s "$grokc" bin/grokc
export PATH=$PWD/bin:$PATH PYTHONPATH=$source_dir/python PYTHONDONTWRITEBYTECODE=1 COLUMNS=110
walk() { (cd "$1" && python3 "$source_dir/tests/lib/walk.py" "$2" "${@:3}"); }
if walk here "$source_dir/docs/walk.md" ${WALK_WRITE:+--write} >walk.out 2>&1; then pass; else fail 'the walk' walk.out; cat walk.out; fi
grep '^skipped' walk.out
[[ -z ${WALK_SVG:-} ]] || cp here/figures/loss.svg "$WALK_SVG"

# ---- it can fail
# planted NAME LINE...: a page with these lines in a block
planted() {
    rm -rf there
    mkdir there
    { echo '```console'; printf '%s\n' "${@:2}"; echo '```'; } >planted.md
    if walk there "$PWD/planted.md" >planted.out 2>&1; then fail "planted, and not found: $1" planted.md; else pass; fi
}
{ echo '```console'; printf '%s\n' '$ echo 1.5 2,3 a' '1 2,3,4 a' '$ seq 5' '1' '...' '5'; echo '```'; } >planted.md
mkdir there
check 'a page with nothing wrong' walk there "$PWD/planted.md"
planted 'a word' '$ echo 1 words' '1 word'
planted 'a line more' '$ seq 2' '1' '2' '3'
planted 'a line less' '$ seq 3' '1' '2'
planted 'no number' '$ echo nan' '1.5'
planted 'an exit code' '$ false'
planted 'an end behind ...' '$ seq 5; echo end' '1' '...' 'End'
planted 'nothing to run'
end
