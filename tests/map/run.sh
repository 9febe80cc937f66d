#!/usr/bin/env bash
# The map is true: every path that a page names is there, every link leads somewhere, every room of src/ stands in the
# README's source map, and the answers of questions.txt have not vanished. Then one thing of each kind is made wrong in
# a copy, and must be found. run.sh [<grokc, not used>] <source directory>
set -euo pipefail
export LC_ALL=C
source_dir=$(realpath "${!#}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

pages='README.md CONTRIBUTING.md RELEASING.md SECURITY.md CHANGELOG.md bench/README.md docs/*.md'
top='src|include|kernels|tests|bench|configs|docs|examples|python|scripts|cmake|\.ci|\.github'

# What stands between backquotes on a page, a line each, without the blocks between fences.
quoted() {
    awk '/^ *```/ { fence = !fence; next } !fence { text = text " " $0 }
         END { n = split(text, piece, "`"); for (i = 2; i <= n; i += 2) print piece[i] }' "$1"
}
# The anchors of a page's headings, as GitHub makes them.
anchors() {
    awk '/^ *```/ { fence = !fence } !fence && /^#+ / { sub(/^#+ /, ""); print tolower($0) }' "$1" |
        sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
links() { awk '/^ *```/ { fence = !fence } !fence' "$1" | grep -oE '\]\([^) ]+\)' | sed 's/^..//; s/.$//'; }

# there NAME: a path from the top; a pattern; of a path with <...> in it the folders before that
there() {
    local name=${1%%<*}
    [[ $name == "$1" ]] || name=${name%/*}
    compgen -G "$name" >/dev/null
}
# From here on `complaints` is run in a source tree.
page_names() {
    local page=$1 name
    while read -r name _; do
        if [[ $name =~ ^($top)/ || $name =~ ^[A-Za-z.-]+\.(md|cff|txt|json)$ && $name =~ ^[A-Z] ]]; then
            there "$name" || there "$(dirname "$page")/$name" || echo "$page: no $name"
        elif [[ $name =~ ^(test|fuzz)_[a-z0-9_]+\.c$ ]]; then
            [[ -n $(find tests -name "$name") ]] || echo "$page: no $name in tests/"
        fi
    done < <(quoted "$page")
}
page_links() {
    local page=$1 link path
    while read -r link; do
        [[ ! $link =~ ^https?: ]] || continue
        path=$(dirname "$page")/${link%%#*}
        [[ -n ${link%%#*} ]] || path=$page
        if [[ ! -e $path ]]; then echo "$page: the link to $link leads nowhere"
        elif [[ $link == *'#'* ]] && ! grep -qxF -e "${link#*#}" <(anchors "$path"); then
            echo "$page: no heading for $link"
        fi
    done < <(links "$page")
}
complaints() {
    local page room question path
    for page in $pages; do page_names "$page"; page_links "$page"; done
    for room in src/*/; do
        grep -qF -e "\`$room" <(sed -n '/^## Source map/,$p' README.md) || echo "README.md: the map has no $room"
    done
    grep -v '^#' tests/map/questions.txt | while IFS='|' read -r question path; do
        path=${path// /}
        [[ -n $path ]] && there "$path" || echo "questions.txt: ${question% }: no \"$path\""
    done
}

cd "$source_dir"
complaints >"$scratch/found"
questions=$(grep -vc '^#' tests/map/questions.txt || true)
names=$(for page in $pages; do quoted "$page"; links "$page"; done | wc -l)
if ((questions < 20 || names < 200)); then
    echo "only $questions questions and $names names: are these the pages?" >&2
    exit 1
fi

# ---- planted: "file|line that is added to it|what must be said"
failed=0
while IFS='|' read -r file line said; do
    rm -rf "$scratch/tree"
    mkdir "$scratch/tree"
    cp -rs "$source_dir"/{*.md,*.txt,*.cff,Makefile,LICENSE,.ci,.github,src,include,kernels,tests,bench,configs,docs,examples} \
        "$source_dir"/{python,scripts,cmake} "$scratch/tree/"
    mkdir -p "$scratch/tree/$(dirname "$file")"
    [[ ! -e $source_dir/$file ]] || cp --remove-destination "$source_dir/$file" "$scratch/tree/$file"
    printf '%b\n' "$line" >>"$scratch/tree/$file"
    (cd "$scratch/tree" && complaints) >"$scratch/planted"
    if ! grep -qF -e "$said" "$scratch/planted"; then
        echo "planted in $file, and not found: $line" >&2
        failed=1
    fi
done <<'PLANTED'
README.md|See `src/train/vanished.c`.|no src/train/vanished.c
README.md|See `src/nowhere/vanished_*.c`\nand more.|no src/nowhere/vanished_*.c
CONTRIBUTING.md|See `src/vanished/<name>.c`.|no src/vanished/<name>.c
CONTRIBUTING.md|See `test_vanished.c`.|no test_vanished.c
docs/design.md|See [this](vanished.md).|vanished.md leads nowhere
docs/manual.md|See [this](design.md#vanished).|no heading for design.md#vanished
src/vanished/vanished.c|/* a room that the map forgets */|the map has no src/vanished/
tests/map/questions.txt|Where is it? \x7c src/train/vanished.c|no "src/train/vanished.c"
PLANTED

if [[ -s $scratch/found ]]; then
    cat "$scratch/found" >&2
    failed=1
fi
((failed)) || echo "$names names and $questions answers are there, and each planted one that is not was found"
exit $failed
