#!/usr/bin/env bash
# Every command that a page shows: it is run, with a small network and few epochs, or it is looked at (does the
# target, the preset, the file, the option exist?) and named as skipped, with the reason. A command that this script
# does not know fails, so that pages and program stay together. And the version, which stands in more than one place.
#
# Commands of a page stand in fenced blocks: `sh` (lines), `console` (after "$ "), `usage` (a synopsis for each
# subcommand); and in running text, between backquotes.
# shellcheck disable=SC2016
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"

# docs/walk.md has a test of its own, which looks at what its commands print, too: walk.sh
pages='README.md CONTRIBUTING.md RELEASING.md SECURITY.md bench/README.md docs/*.md'
small=(--set run.epochs=20 --set run.measure_every=10 --set task.p=11 --set task.train_fraction=0.6
    --set model.d_model=8 --set model.heads=2 --set model.d_head=4 --set model.d_mlp=16 --set model.outputs=12)

# ---- what the pages take for granted: these folders of the source, and runs of these names
for name in configs python examples; do ln -s "$source_dir/$name" .; done
expect 0 train configs/paper.yaml "${small[@]}" --out runs/paper --set task.p=113 --set model.outputs=114 \
    --set task.train_fraction=0.1 --set run.epochs=2010 --set run.measure_every=1005 \
    --set run.checkpoint_at=0,2000 --set run.keep_state=2000
expect 0 train configs/paper.yaml "${small[@]}" --out runs/other --set optim.weight_decay=2
expect 0 export runs/paper --layout transformer_lens -o weights.safetensors
cp -r runs/paper runs/kept
for name in seeds wd; do
    expect 0 sweep configs/sweep_$name.yaml "${small[@]}" --set seed=0 --out runs/$name
done
is_double=
if "$grokc" --version | grep -q f64; then is_double='a program in double has no cpu backend'; fi

# ---- from a page to lines "kind<tab>text"
parts() {
    awk '
        function give(kind, text) {
            sub(/(^|[ \t]+)#( .*)?$/, "", text)
            gsub(/^[ \t]+|[ \t]+$/, "", text)
            if (text != "") print kind "\t" text
        }
        /^[ \t]*```/ {
            if (fence) { if (synopsis != "") give("usage", synopsis); synopsis = ""; fence = 0; next }
            fence = 1; kind = $0; sub(/^[ \t]*```/, "", kind); next
        }
        fence && kind == "sh" {
            line = line $0
            if (sub(/\\$/, "", line)) next
            give("sh", line); line = ""; next
        }
        fence && kind == "console" { if (sub(/^\$ /, "")) give("sh", $0); next }
        fence && kind == "usage" {
            if (/^grokc /) { if (synopsis != "") give("usage", synopsis); synopsis = "" }
            synopsis = synopsis " " $0
            next
        }
        /^(    |\t)*(\$ )?(grokc|make|cmake) / && (fence || /^(    |\t)/) { give("stray", $0); next }
        !fence { text = text " " $0 }
        END {
            n = split(text, piece, "`")
            for (i = 2; i <= n; i += 2) if (piece[i] ~ /^(grokc|make|cmake) [a-z-]/) give("inline", piece[i])
            if (fence || n % 2 == 0) print "stray\ta block or a backquote that has no end"
        }' "$1"
}

has_line() { grep -qxF -e "$1" <<<"$2"; }
options_of() { sed -E 's/(^|[[ ])-o /\1--out /g' | grep -oE -e '--[a-z][a-z_-]+' | sort -u; }
# options_there COMMAND: of its --help, by which they are listed, a line each
options_there() { "$grokc" "$1" --help | sed -nE 's/^  (-[a-z], )?(--[a-z-]+).*/\2/p' | sort -u; }
subcommands=$("$grokc" --help | sed -n 's/^  grokc \([a-z]*\).*/\1/p')
targets=$(sed -n 's/^\([a-z-]*\):.*##.*/\1/p' "$source_dir/Makefile")
presets=$(grep -o '"name": "[a-z0-9]*"' "$source_dir/CMakePresets.json" | cut -d '"' -f 4)

# known_options TEXT WORD...: of a command grokc WORD..., of which only the form is looked at
known_options() {
    local text=$1 there option
    shift
    if [[ ${2:-} == --* ]]; then pass; return; fi
    if ! has_line "${2:-}" "$subcommands"; then fail "$text: no subcommand \"${2:-}\""; return; fi
    there=$(options_there "$2")
    for option in $(printf '%s\n' "${@:3}" | options_of); do
        has_line "$option" "$there" || { fail "$text: grokc $2 has no $option"; return; }
    done
    pass
}

made=0
# run_grokc TEXT grokc WORD...: runs it on something small
run_grokc() {
    local text=$1 words=("${@:3}") i out=''
    for ((i = 0; i < ${#words[@]}; i++)); do
        [[ ${words[i]} == *cuda* ]] && { known_options "$@"; skip "$text (wants a GPU)"; return; }
        # What is trained goes where nothing is yet.
        if [[ ${words[0]} =~ ^(train|sweep|branch)$ && ${words[i]} == --out ]]; then out=$((i + 1)); fi
    done
    made=$((made + 1))
    [[ -z $out ]] || words[out]="made/$made $(basename "${words[out]}")"
    case ${words[0]} in
        train)
            [[ -n $out || $text == *--dry-run* ]] || words+=(--out "made/$made")
            words+=("${small[@]}") ;;
        sweep)
            [[ ! -e ${words[1]} ]] && cp "$source_dir/configs/sweep_wd.yaml" "${words[1]}"
            words+=("${small[@]}" --set seed=0)
            [[ $text != *--submit* ]] || words+=(--dry-run) ;;
        verify)
            known_options "$@"; skip "$text (seconds; test_ops and test_verify go through the same table)"; return ;;
        bench)
            [[ -z $is_double ]] || { skip "$text ($is_double)"; return; }
            [[ ${words[1]} != ops || $text == *--filter* ]] || words+=(--filter group_sums)
            [[ ${words[1]} == compare ]] || words+=(--rounds 2)
            [[ ! ${words[1]} =~ ^(step|measure)$ ]] || words+=("${small[@]}") ;;
        branch | measure | gather | export | compare | ls | report | list | help | clean) ;;
        --*) ;;
        *) fail "$text: tests/program/docs.sh does not know how to run \"${words[0]}\""; return ;;
    esac
    expect 0 "${words[@]}"
    if [[ ! ${words[0]} =~ ^(train|sweep|branch|gather|export|report)$ ]]; then check "$text: says something" test -s out; fi
    [[ $text != *--submit* ]] || prints '^#SBATCH '
}

# look TEXT WORD...: a command of a page that is not grokc's own, or not only
look() {
    local text=$1 i word
    shift
    case $1 in
        make)
            for word in "${@:2}"; do
                case $word in
                    CONFIG=*) check "$text: the file" test -e "${word#*=}" ;;
                    *=*) ;;
                    *) has_line "$word" "$targets" || fail "$text: no target $word" ;;
                esac
            done
            pass ;;
        cmake | ctest)
            for ((i = 2; i <= $#; i++)); do
                word=${!i}
                case $word in
                    --preset) i=$((i + 1)); has_line "${!i}" "$presets" || fail "$text: no preset ${!i}" ;;
                    -D*) check "$text: $word" grep -rqw -e "$(sed 's/^-D//; s/=.*//' <<<"$word")" \
                        "$source_dir/CMakeLists.txt" "$source_dir/cmake" ;;
                    -R) i=$((i + 1)); check "$text: ${!i}" grep -q . <(find "$source_dir/tests" -name "*${!i}*") ;;
                    --build | --install | --prefix | --target | -L | -j) i=$((i + 1)) ;;
                    *) fail "$text: is $word an option of $1?" ;;
                esac
            done
            pass ;;
        nsys | ncu | parallel)
            for ((i = 2; i <= $#; i++)); do [[ ${!i} != grokc ]] || break; done
            known_options "$text" "${@:i}"
            skip "$text ($1 is somebody else's)" ;;
        bench/*.sh | examples/*.sh | scripts/*.sh | .ci/run)
            check "$text: can be started" test -x "$source_dir/$1"
            for word in "${@:2}"; do [[ $word != configs/* ]] || check "$text: $word" test -e "$word"; done
            skip "$text (minutes, or other programs; it is there)" ;;
        build/release/bench/*)
            local program
            program=$(basename "$1")
            check "$text: its source" test -n "$(find "$source_dir/bench" -name "${program#grokc-}.c*")"
            skip "$text (its times mean nothing here; its source is there)" ;;
        apt-get | dnf | pacman | brew | conda | apptainer | wsl | git | sbatch | squeue)
            for word in "${@:2}"; do [[ $word != packaging/* ]] || check "$text: $word" test -e "$source_dir/$word"; done
            skip "$text ($1 is somebody else's)" ;;
        *) fail "$text: tests/program/docs.sh does not know how to run $1" ;;
    esac
}

# command_of TEXT: a line of a block
command_of() {
    local text=$1 words=()
    # Quoted words aside, nothing that a shell would do more with than split and expand braces.
    local bare
    bare=$(sed "s/'[^']*'//g; s/\"[^\"]*\"//g" <<<"$text")
    if [[ $text == *[\$\`]* || $bare == *[\|\;\&\<\>\(\)\'\"]* ]] || ! eval "words=($text)"; then
        fail "$text: not one plain command"
        return
    fi
    while [[ ${words[0]:-} =~ ^[A-Z_]+= ]]; do words=("${words[@]:1}"); done
    if [[ ${words[0]:-} == grokc ]]; then run_grokc "$text" "${words[@]}"; else look "$text" "${words[@]}"; fi
}

# synopsis TEXT: has the options of --help, neither more nor less
synopsis() {
    local name
    name=$(cut -d ' ' -f 2 <<<"$1")
    if diff <(options_of <<<"$1") <(options_there "$name" | grep -vx -e --help) >diff.out; then pass
    else fail "synopsis of $name (> is of grokc $name --help)" diff.out; fi
}

inline() {
    local words
    read -ra words <<<"$1"
    case ${words[0]} in
        grokc) known_options "$1" "${words[@]}" ;;
        make) [[ ${words[1]} =~ ^[a-z-]+$ ]] && look "$1" "${words[@]}" ;;
        cmake) [[ ${words[1]} == --* ]] && pass ;;
    esac
}

n_commands=0
page() {
    local kind text
    parts "$1" >parts.out
    while IFS=$'\t' read -r -u 3 kind text; do
        case $kind in
            sh) n_commands=$((n_commands + 1)); command_of "$text" ;;
            usage) synopses+=$(cut -d ' ' -f 2 <<<"$text")$'\n'; synopsis "$text" ;;
            inline) inline "$text" ;;
            stray) fail "$1: \"$text\" stands in a block that is not marked sh, console or usage" ;;
        esac
    done 3<parts.out
}

synopses=''
for name in $pages; do
    for path in "$source_dir"/$name; do
        [[ $path == */docs/walk.md ]] || page "$path"
    done
done
check "only $n_commands commands are found" test $n_commands -ge 60
check 'a synopsis for each subcommand' diff <(sort -u <<<"$subcommands") <(sort <<<"${synopses%$'\n'}")
for command in 'make run' 'make test'; do
    check "README.md shows \`$command\`" grep -q $'^sh\t'"$command$" <(parts "$source_dir/README.md")
done

# ---- it can fail: a page with one thing wrong, beside one with nothing wrong
fails_of() (failed=0; page planted.md >planted.out 2>&1; echo "$failed")
planted() {
    printf '%b\n' "$1" >planted.md
    if [[ $(fails_of) -gt 0 ]]; then pass; else fail "planted, and not found: $1" planted.md; fi
}
cat >planted.md <<'MARKDOWN'
As `make test` and `grokc ls --csv` say:
```sh
grokc list \
    tasks                       # all of them
X=1 nsys profile grokc train X --nvtx
```
```console
$ grokc report 'runs/paper' -o x.html
words; more
```
MARKDOWN
check 'a page with nothing wrong' test "$(fails_of)" = 0
planted '```sh\ngrokc train configs/nowhere.yaml\n```'
planted '```sh\ngrokc frobnicate runs/paper\n```'
planted '```sh\ngrokc report \\\\\n    runs/nowhere -o x.html\n```'
planted '```sh\ngrokc train configs/paper.yaml --device cuda --frobnicate\n```'
planted '```sh\ngrokc ls runs | head\n```'
planted '```sh\nfrobnicate runs\n```'
planted '```sh\nmake frobnicate\n```'
planted '```sh\ncmake --preset nowhere\n```'
planted '```sh\ncmake --preset release -DGK_FROBNICATE=ON\n```'
planted '```sh\nctest --preset ci -R test_frobnicate\n```'
planted '```sh\nnsys profile grokc train configs/paper.yaml --frobnicate\n```'
planted '```sh\nbench/frobnicate.sh\n```'
planted '```console\n$ grokc list sausages\n```'
planted '```usage\ngrokc gather DIR [--frobnicate]\n```'
planted 'As `grokc train X --frobnicate` says.'
planted 'As `grokc frobnicate`\nsays, or `make test`.'
planted 'As `make frobnicate` does.'
planted '```\ngrokc list tasks\n```'
planted 'Thus:\n\n    grokc list tasks\n'
planted '```sh\ngrokc list tasks\n'

# ---- the version
version=$(sed -n 's/^project(grokc VERSION \([0-9.]*\) .*/\1/p' "$source_dir/CMakeLists.txt")
check "the version of CMakeLists.txt: \"$version\"" grep -qE '^[0-9]+\.[0-9]+\.[0-9]+$' <<<"$version"
check "CITATION.cff: $version" grep -qx "version: $version" "$source_dir/CITATION.cff"
first=$(sed -n 's/^## \([0-9.]*\).*/\1/p' "$source_dir/CHANGELOG.md" | head -n 1)
check "CHANGELOG.md: $version comes first" test "$first" = "$version"
check "grokc --version: $version" grep -q "^grokc $version " <("$grokc" --version)
end
