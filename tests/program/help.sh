#!/usr/bin/env bash
# The list of options, and what is made from it: every option of options.def in the parser, in --help,
# in the man page and in what bash, zsh and fish complete; topics, search, and every example as a command.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"
cli=$source_dir/src/cli

# ---- the lists, read with sed: "member name kind commands" for each line of options.def
commands=$(sed -n 's/^COMMAND(\([a-z]*\),.*/\1/p' "$cli/subcommands.def")
declare -A options=() value=()                      # names by command; a value by command and name
members=''
while IFS='|' read -r kind member name on; do
    [[ $on == ALL ]] && on=$commands
    members+=" $member"
    for command in $on; do
        options[$command]+="$name "
        case $kind in
        FLAG) ;;
        WHOLE) value[$command $name]=1 ;;
        *) value[$command $name]=x ;;
        esac
    done
done < <(sed -nE 's/^(FLAG|TEXT|LIST|WHOLE) *\(([a-z_]+), "([a-z-]+)", (ALL|[^,]*), *"?.*/\1|\2|\3|\4/p' "$cli/options.def" |
    sed -E 's/ON\(([a-z]+)\)( \| )?/\1 /g; s/,$//')
check 'options.def is read whole' test "$(wc -w <<<"$members")" = "$(grep -cE '^(FLAG|TEXT|LIST|WHOLE) *\(' "$cli/options.def")"
check 'there are options' test "$(wc -w <<<"$members")" -gt 30
for member in $members; do
    check "the option of member $member is used" grep -rqE "cli(->|\.)$member\b" "$source_dir/src" --include='*.c'
done

# words WORD...: one a line, sorted, each once
words() { tr ' ' '\n' <<<"$*" | sed '/^$/d' | sort -u; }
# alike NAME FILE WORD...: the words of the file, one a line, are these
alike() {
    words "${@:3}" >expected
    if diff <(sort -u "$2") expected >alike.out; then pass; else fail "$1" alike.out; fi
}

# ---- the parser: a command takes its options (each way to give them, and no others: tests/cli/test_options.c)
for command in $commands; do
    line=()
    for name in ${options[$command]/help /}; do
        of=${value[$command $name]:-}
        line+=("--$name" ${of:+"$of"})
        [[ $of != 1 ]] || refused 2 "^grokc: --$name \"ten\": a number" "$command" "--$name" ten
    done
    refused 2 'unknown option "--frobnicate"' "$command" "${line[@]}" --frobnicate
done
refused 2 'unknown option "--shard" of train; it is one of sweep' train --shard
refused 2 'unknown option "--devise"; did you mean "--device"\?' train --devise cpu
refused 2 'unknown option "--devise=cpu"; did you mean "--device"\?' train --devise=cpu
refused 2 'unknown option "-x"; grokc ls --help shows' ls -x
refused 2 'unknown option "-o"; grokc ls --help shows' ls -o
refused 2 '^grokc: --out needs a value' train -o
refused 2 'two arguments are expected, not also "b"' bench compare a b
many=()
for ((i = 0; i < 257; i++)); do many+=(--set seed=1); done
refused 2 '^grokc: more than 256 times --set' train "${many[@]}"

# ---- --help of each command, wherever it stands
for command in $commands; do
    expect 0 "$command" --help
    sed -nE 's/^  (-[a-z], )?--([a-z-]+).*/\2/p' out >listed
    alike "grokc $command --help has its options" listed "${options[$command]}"
    prints '^Examples:$' "^  grokc $command"
    check "$command --help fits 80 columns" test "$(grep -vE '^  (-|grokc)|^grokc' out | awk 'length > 79' | wc -l)" = 0
    mv out first
    expect 0 help "$command"
    check "grokc help $command is its --help" cmp out first
    expect 0 "$command" --frobnicate x -h y z
    check "-h wherever it stands: $command" cmp out first
done
"$grokc" bench --help >out
prints '^  --rounds N$' 'from 1$' '^      to 999$'
"$grokc" report --help >out
prints '; default report.html$'

# ---- grokc help: topics, keys, measures, options, what has a word in it
expect 0 help
quiet err
mv out first
expect 0 --help
check 'grokc help is grokc --help' cmp out first
topics=$(sed -n 's/^TOPIC("\([a-z-]*\)",.*/\1/p' "$cli/topics.def")
check 'there are topics' test "$(wc -w <<<"$topics")" -ge 6
keys=$(awk '/^GROUP/ { gsub(/.*\(|\).*/, ""); group = $0; print group }
            /^(INT|REAL|TEXT|PICK) *\(/ { split($0, part, /, */); print part[2]; print group "." part[2] }' \
    "$source_dir/include/gk/config.def")
for topic in $topics; do
    expect 0 help "$topic"
    quiet err
    check "$topic has lines, none over 79 columns" awk 'length > 79 { bad = 1 } END { exit bad || NR < 5 }' out
    check "$topic is no command or key" test -z "$(grep -xF -e "$topic" <<<"$commands"$'\n'"$keys")"
    grep -qE "^  $topic  " first || fail "grokc help does not list $topic" first
done
check 'no command is a config key' test -z "$(grep -xF -f <(words "$commands") <<<"$keys")"
expect 0 help measures
for family in $(sed -n 's/^FAMILY(\([a-z]*\),.*/\1/p' "$source_dir/include/gk/measures.def"); do prints "^  $family( |$)"; done
expect 0 help config
for key in $keys; do
    [[ $key == *.* ]] || prints "(^|[ ,])$key(,|$)"
done
expect 0 help exit-codes
for code in 0 1 2 3 75 130; do prints "^  $code +[a-z]"; done
expect 0 help environment
# What the program asks the environment for, but for tests and for itself.
grep -rhoE 'getenv\("[A-Z_]+"|"(GROKC|GK)_[A-Z_]+"' "$source_dir"/{src,kernels} --include='*.c' --include='*.cu' |
    grep -oE '[A-Z_]{4,}' | sort -u | grep -vxF GROKC_FAULT >variables
check 'there are environment variables' test "$(wc -l <variables)" -gt 6
while read -r name; do prints "(^|[ ,])$name([ ,]|$)"; done <variables
expect 0 help run-directory
for name in config.yaml metrics.jsonl final.jsonl summary.json projections.bin resume.safetensors env.json log.txt state owner; do
    prints "^  $name +[a-z]"
done
expect 0 help train_loss
prints '^train_loss, a measure$' 'over the training examples'
expect 0 help layout
prints '^--layout LAYOUT, an option of export$' 'must be given' 'transformer_lens or paper$'
expect 0 help gini
prints '^measures \(' '^  gini_w_e ' '^  gini_w_l '
expect 0 help EPOCH
prints '^config keys \(' '^  run.epochs ' '^options \(' '^  every ' '^measures \('
check 'matches are lines of 80 columns' awk 'length > 79 { exit 1 }' out
expect 0 help exit-code
prints '^  exit-codes '
refused 2 'unknown key "xyzzy"; see' help xyzzy
refused 2 'one of a topic, --man and --completion' help lr --man
refused 2 '"tcsh": bash, zsh or fish' help --completion tcsh

# ---- the examples, in their order, with configs of the same names that take no time
mkdir configs
cat >configs/quick.yaml <<'YAML'
seed:  1
task:  {p: 113, train_fraction: 0.3}
model: {d_model: 4, heads: 1, d_head: 4, d_mlp: 8}
run:   {epochs: 210, measure_every: 105, checkpoint_at: "every:200"}
YAML
sed 's/210/10/' configs/quick.yaml >configs/paper.yaml
cat >configs/sweep_seeds.yaml <<'YAML'
seed:  {range: [0, 8]}
task:  {p: 5, train_fraction: 0.6}
model: {d_model: 4, heads: 1, d_head: 4, d_mlp: 8}
run:   {epochs: 10, measure_every: 5, checkpoint_at: none}
YAML
cp configs/sweep_seeds.yaml configs/sweep_wd.yaml
sed 's/{range: .0, 8.}/0/' configs/sweep_seeds.yaml >configs/mlp_add.yaml
grokc() { "$grokc" "$@"; }
n=0
while IFS='|' read -r command line; do
    n=$((n + 1))
    if [[ $command == verify ]]; then continue; fi      # test_ops runs its table
    device=${GROKC_DEVICE:-auto}
    if [[ $command == bench ]]; then device=ref; fi     # of which it measures less
    if GROKC_DEVICE=$device eval "grokc $command $line" >example.out 2>&1 </dev/null; then pass; else fail "grokc $command $line" example.out; fi
done < <(sed -nE 's/^EXAMPLE\(([a-z]+), "([^"]*)",.*/\1|\2/p' "$cli/examples.def")
check 'examples are read whole' test "$n" = "$(grep -c '^EXAMPLE(' "$cli/examples.def")"
for file in runs/no_decay/summary.json runs/seeds/cells.csv arrays.safetensors weights.safetensors both.html quick.html report.html \
    now.json grokc.bash; do
    check "an example writes $file" test -s $file
done
check 'the same run again' cmp runs/quick/metrics.jsonl runs/again/metrics.jsonl

# ---- the man page
expect 0 help --man
quiet err
cp out grokc.1
sed 's/\\-/-/g; s/\\f[BRI]//g; s/\\(aq/'"'"'/g' grokc.1 >plain.1
for command in $commands; do
    sed -n "/^\.SS grokc $command /,/^\.S[SH] /p" plain.1 | sed -nE 's/^(-[a-z], )?--([a-z-]+).*/\2/p' >listed
    alike "man page: options of $command" listed "${options[$command]/help /}"
done
for topic in $topics; do
    topic=${topic//-/ }
    check "man page: ${topic^^}" grep -qx ".SH ${topic^^}" plain.1
done
for key in $(grep -F . <<<"$keys"); do check "man page: $key" grep -qx -e "$key" plain.1; done
if command -v groff >/dev/null; then
    check 'groff has no complaint' test -z "$(groff -man -ww -Tutf8 grokc.1 2>&1 >/dev/null)"
else
    skip 'the man page through groff: there is none'
fi
if command -v mandoc >/dev/null; then check 'mandoc has no complaint' mandoc -T lint -W error grokc.1
else skip 'the man page through mandoc: there is none'; fi
if man --version 2>/dev/null | grep -q "^man [0-9]"; then      # man-db
    MANPAGER=cat MANWIDTH=80 man --warnings -l grokc.1 >page 2>complaints
    check 'man has no complaint' test ! -s complaints
    check 'man shows it' grep -q 'a laboratory for grokking experiments' page
else
    skip 'the man page through man: there is none'
fi
written=$(dirname "$grokc")/generated/manual
if [[ -d $written ]]; then
    check 'the build wrote this man page' cmp grokc.1 "$written/grokc.1"
    for shell in bash zsh fish; do
        check "the build wrote this completion of $shell" cmp <("$grokc" help --completion $shell) "$written/grokc.$shell"
    done
fi

# ---- completion: for each shell a function `offers`, which prints what it offers after a line, one a line
for shell in bash zsh fish; do "$grokc" help --completion $shell >grokc.$shell; done
mkdir files
touch files/one.yaml 'files/two words.yaml'
# offered NAME EXPECTED WORD...: as shells have them in COMP_WORDS, where a "=" is a word of its own
offered() {
    "$offers" "${@:3}" >offered.out
    # shellcheck disable=SC2086
    alike "$offers, ${*:3}: $1" offered.out $2
}
in_bash() {
    bash --norc -c 'source ./grokc.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _grokc 2>/dev/null
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sed '/^$/d'
}
in_fish() {
    local line
    line=$(sed 's/ = \?/=/g' <<<"$*")
    line=$line fish --no-config -c 'source grokc.fish; complete -C $line' | sed 's/\t.*//'
}

all_shells() {
    local command name
    offered commands "$(words "$commands")${1:+ --help --version}" grokc ''
    offered 'a command' 'export' grokc ex
    for command in $commands; do
        # shellcheck disable=SC2046
        offered 'its options' "$(printf ' --%s' $(words "${options[$command]}"))" grokc "$command" --
    done
    offered devices 'auto cpu ref cuda' grokc train --device ''
    offered layouts 'transformer_lens paper' grokc export --layout ''
    offered shells 'bash zsh fish' grokc help --completion ''
    offered 'operations' 'layer_norm layer_norm_back' grokc bench --filter layer_n
    offered lists 'options tasks measures arrays backends' grokc list ''
    offered 'a topic' 'run-directory' grokc help run-d
    offered 'a file' 'files/one.yaml' grokc train files/o
    offered 'a file after -o' 'files/one.yaml' grokc export -o files/o
    offered 'a report' 'files/one.yaml' grokc bench compare files/o
    offered 'nothing known' '' grokc ls --where ''
}
check 'bash can read its completion' bash -n grokc.bash
offers=in_bash
all_shells with
offered 'a device after =' 'cpu cuda' grokc train --device = c
offered 'every device after =' 'auto cpu ref cuda' grokc train --device =
# shellcheck disable=SC2046
offered 'config keys' "seed= $(printf ' %s=' $(grep -F . <<<"$keys"))" grokc train --set ''
offered 'a config key' 'optim.lr= optim.leftover=' grokc sweep x.yaml --set optim.l
offered 'a config key after =' 'optim.lr= optim.leftover=' grokc sweep --set = optim.l
offered 'words of a key' 'relu gelu gelu_erf' grokc train --set model.activation =
offered 'a word of a key' 'gelu gelu_erf' grokc train --set = model.activation = ge
offered 'no files as numbers' '' grokc train --set optim.lr = ''
offered 'where = does not break words' '--set=loss.form=f64 --set=loss.form=f32' grokc train --set=loss.form=f
check 'bash offers a name with a blank' test "$(in_bash grokc train files/t)" = 'files/two words.yaml'
check 'bash completes directories alone' test "$(in_bash grokc gather fil)" = files
check 'bash knows the completion by name' bash --norc -c 'source ./grokc.bash; complete -p grokc | grep -q -- "-F _grokc grokc"'
if command -v shellcheck >/dev/null; then check 'shellcheck has no complaint' shellcheck grokc.bash
else skip 'completion of bash through shellcheck: there is none'; fi

if command -v fish >/dev/null && fish --no-config -c true 2>/dev/null; then
    check 'fish can read its completion' fish --no-execute grokc.fish
    offers=in_fish
    all_shells
    offered 'a device after =' '--device=cpu --device=cuda' grokc train --device = c
    offered 'a config key, and its words' 'optim.leftover= optim.leftover=wait optim.leftover=repeat optim.lr=' \
        grokc train --set optim.l
else
    skip 'completion of fish: there is none'
fi

# zsh completes on terminals only: one of its own, where each line is typed, and what it lists is awaited.
if command -v zsh >/dev/null && zsh -fc 'zmodload zsh/zpty' 2>/dev/null; then
    check 'zsh can read its completion' zsh -n grokc.zsh
    mkdir functions
    cp grokc.zsh functions/_grokc
    cat >ask.zsh <<'ZSH'
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "PS1='ready> '; fpath=($PWD/functions \$fpath); autoload -Uz compinit; compinit -u -d $PWD/dump; \
zstyle ':completion:*' list-colors ''; bindkey '^D' list-choices; LISTMAX=0; echo be''gin"
# await WORD...: all of them come within ten seconds
await() {
    local seen= piece word
    for ((i = 0; i < 200; i++)); do
        while zpty -r -t shell piece 2>/dev/null; do seen+=$piece; done
        for word; do [[ $seen == *$word* ]] || break; done
        [[ $seen == *$word* ]] && { print -r -- $seen | tr -d '\r' | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g'; return; }
        sleep 0.05
    done
    print -r -- "waited for $word in vain: $seen"
    return 1
}
await begin >/dev/null || exit 1
zpty -w -n shell "$1"$'\C-d'
await "${@:2}"
ZSH
    # lists LINE WORD...: zsh lists these after the line
    lists() { check "zsh, $1: $2 ..." env TERM=xterm zsh -f ask.zsh "$@"; }
    # shellcheck disable=SC2086
    lists 'grokc ' $commands
    # shellcheck disable=SC2046,SC2086
    for command in train sweep; do lists "grokc $command --" $(printf ' --%s' ${options[$command]}); done
    lists 'grokc train --device ' auto cpu cuda ref
    lists 'grokc train --set optim.l' optim.leftover optim.lr
    lists 'grokc train --set model.activation=' gelu_erf relu
    lists 'grokc help --completion ' bash fish zsh
    lists 'grokc train files/' one.yaml two
else
    skip 'completion of zsh: there is none'
fi
# ---- every column and every array is explained
cat >columns.yaml <<'YAML'
seed: 1
task:  {p: 11, train_fraction: 0.6}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 40, measure_every: 20, checkpoint_at: "every:20"}
YAML
expect 0 train columns.yaml -q --out columns
expect 0 train "$source_dir/configs/digits.yaml" -q --set task.test_examples=16 --set optim.batch=8 --epochs 1 --out digits
expect 0 train "$source_dir/configs/parity.yaml" -q --epochs 1 --out parity
expect 0 list measures
cp out measures
cat {columns,digits,parity}/{metrics,final}.jsonl 2>/dev/null | grep -o '"[^"]*": ' | tr -d '": ' | sort -u >columns.out
check 'columns are there' test "$(wc -l <columns.out)" -gt 80
while read -r column; do
    name=${column%_online}
    if grep -qE "^${name%%.*}(\.[A-Z]+)? " measures; then pass; else fail "list measures: nothing about $column"; fi
    expect 0 help "$name"
    prints "^${name%%.*}"
done <columns.out
expect 0 list arrays
cp out arrays
for file in {columns,digits,parity}/measures/*; do
    # shellcheck disable=SC2016
    head -c 4000 "$file" | grep -oa '"[a-z0-9_]*": *{"dtype"' | cut -d '"' -f 2
done | sort -u >arrays.out
check 'arrays are there' test "$(wc -l <arrays.out)" -gt 14
while read -r array; do
    check "list arrays: $array" grep -q "^$array (" arrays
    expect 0 help "$array"
    prints "^$array \\("
done <arrays.out
end
