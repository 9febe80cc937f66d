#!/usr/bin/env bash
# The command line: help at every level, lists, dry runs, wrong usage, --set, and what goes where:
# results on stdout, the rest on stderr, progress as lines or, on a terminal, as one line rewritten.
# shellcheck disable=SC2002 # pipes are meant
source "$(dirname "$0")/../lib/program.sh"

cat >tiny.yaml <<'YAML'
seed:  1
task:  {p: 5, train_fraction: 0.6}
model: {d_model: 4, heads: 1, d_head: 4, d_mlp: 8}
run:   {epochs: 20, measure_every: 5, checkpoint_at: none}
YAML

# ---- help
commands=$(sed -n 's/^COMMAND(\([a-z]*\),.*/\1/p' "$source_dir/src/cli/subcommands.def")
expect 0 --help
quiet err
for command in $commands; do prints "^  grokc $command( |$)"; done
prints 'Exit codes: 0 done, 1 failed, 2 wrong usage or config, 3 diverged, 75 stopped.*' '130 second Ctrl-C'
for command in $commands; do
    for help in --help -h; do
        expect 0 "$command" $help
        prints "^grokc $command( |$)"
        quiet err
    done
done
expect 0 --version
prints '^grokc [0-9]+\.[0-9]+\.[0-9]+ \(.*, f(32|64)(, cuda)?\)$'
expect 2
says '^  grokc train '
quiet out
refused 2 'unknown subcommand "trian"; did you mean "train"\?' trian
refused 2 'unknown subcommand "xyzzy"$' xyzzy
refused 2 'unknown subcommand "--frobnicate"' --frobnicate

expect 0 help optim.lr
prints '^optim.lr: a number from 0 to 1000; default 0.001' 'learning rate'
expect 0 help weight_decay
prints '^optim.weight_decay: '
expect 0 help seed
prints '^seed: '
expect 0 help run
prints '^run.epochs: ' '^run.stop_rows: '
refused 2 'unknown key "weight_dcay"; did you mean "weight_decay"' help weight_dcay
expect 0 help
prints '^  grokc train ' '^  run-directory '
refused 2 'one argument is expected' help lr eps

# ---- lists, against the .def files
expect 0 list options
quiet err
keys=$(awk '/^GROUP/ { gsub(/.*\(|\).*/, ""); group = $0 }
            /^(INT|REAL|TEXT|PICK) *\(/ { split($0, part, /, */); print group "." part[2] }' \
    "$source_dir/include/gk/config.def")
check 'options are found in config.def' test "$(wc -l <<<"$keys")" -gt 30
for key in $keys; do prints "^${key/./\\.}:"; done
expect 0 list tasks
prints '^modular +a op b'
expect 0 list measures
# shellcheck disable=SC2013
for name in $(sed -n 's/^COLUMN(\([a-z0-9_]*\),.*/\1/p' "$source_dir/include/gk/measures.def"); do
    prints "^$name +."
done
expect 0 list backends
prints '^ref +.'
refused 2 'options|tasks|measures|arrays|backends' list
refused 2 'options|tasks|measures|arrays|backends' list sausages
"$grokc" list options >/dev/full 2>err
check 'no room on stdout: exit code 1 and a message' grep -qx 'grokc: cannot write to stdout' err

# ---- dry runs: every config; what is printed is a config again, and the same one
for config in "$source_dir"/configs/*.yaml; do
    name=$(basename "$config" .yaml)
    if [[ $name == sweep_* ]]; then
        expect 0 sweep "$config" --dry-run
        prints "^# directory: runs/$name$" '^# shard 0 of 1: ' '^# queue 0: ' '^index,'
        continue
    fi
    expect 0 train "$config" --dry-run
    quiet err
    prints "^# directory: runs/$name$" '^# examples: ' '^# parameters: ' '^# memory: ' '^# plan: '
    mv out first.yaml
    expect 0 train first.yaml --dry-run
    if diff <(grep -v '^# directory' first.yaml) <(grep -v '^# directory' out) >diff.out; then pass; else
        fail "$config: the printed config is another one" diff.out
    fi
done
check 'a dry run writes nothing' test ! -e runs
expect 0 train "$source_dir/configs/paper.yaml" --dry-run
prints '^# examples: 3830 in train, 8939 in test; 3 tokens each, 114 outputs$' '^# parameters: 226816$'
expect 0 train "$source_dir/configs/paper.yaml" --dry-run --out elsewhere
prints '^# directory: elsewhere$'

# ---- --set
set_is() {                                          # set_is "key: value" OPTION...
    expect 0 train tiny.yaml --dry-run "${@:2}"
    prints "^ +${1/: /: +}$"
}
set_is 'lr: 0.01' --set optim.lr=1e-2
set_is 'lr: 0.01' --set=optim.lr=0.01
set_is 'lr: 0.5' --set optim.lr=1 --set optim.lr=0.5
set_is 'stop_test_loss: 0.00001' --set run.stop_test_loss=1e-5
set_is 'stop_test_loss: null' --set run.stop_test_loss=null
set_is 'checkpoint_at: "0,5,20"' --set run.checkpoint_at=0,5,20
set_is 'biases: "on"' --set model.biases=True
set_is 'biases: "off"' --set model.biases=no
set_is 'final_norm: "on"' --set model.final_norm=YES
set_is 'epochs: 1000' --set run.epochs=1e3
set_is 'p: 97' --set task.p=97.0
set_is 'init: "philox:100"' --set seed=1.0e2
set_is 'activation: gelu' --set model.activation=gelu
set_is 'init: "philox:9"' --set seed=9
set_is 'backend: ref' --device ref
set_is 'backend: ref' --device=ref
set_is 'backend: ref' --set device.backend=cpu --device ref
refused 2 '^grokc: --set optim.lr: expects group.key=value' train tiny.yaml --set optim.lr
refused 2 '^grokc: --set lr=1: unknown key "lr"; did you mean "optim.lr"' train tiny.yaml --set lr=1
refused 2 '^grokc: --set optim.rl=1: unknown key' train tiny.yaml --set optim.rl=1
refused 2 '^grokc: --set optim.lr=-1: optim.lr expects a number from 0 to 1000' train tiny.yaml --set optim.lr=-1
refused 2 '^grokc: --set optim.lr=0,1: ' train tiny.yaml --set optim.lr=0,1
refused 2 '^grokc: --set optim.lr=: ' train tiny.yaml --set optim.lr=
refused 2 '^grokc: --set run.epochs=0.5: run.epochs expects a whole number from 0 to' train tiny.yaml --set run.epochs=0.5
refused 2 '^grokc: --set model.norm=yes: model.norm expects one of none, pre, post' train tiny.yaml --set model.norm=yes

# ---- a config from a pipe: stdin, an open descriptor, a FIFO; what is none and not a regular file is refused
piped() {                                           # piped CODE ARGUMENT...: stdin is a pipe with tiny.yaml
    local code=$1 got
    shift
    what="cat tiny.yaml | grokc $*"
    cat tiny.yaml | "$grokc" "$@" >out 2>err
    got=${PIPESTATUS[1]}
    if [[ $got = "$code" ]]; then pass; else fail "$what: exit code $got, not $code" out err; fi
}
expect 0 train tiny.yaml --dry-run --out there
mv out from_file
mkfifo fifo.yaml
for name in - /dev/stdin /dev/fd/0 /proc/self/fd/0; do
    piped 0 train "$name" --dry-run --out there
    check "$what: the same as from a file" cmp from_file out
    piped 0 train "$name" --dry-run
    prints '^# directory: none yet, --out DIR gives one$'
    piped 2 train "$name"
    says "^grokc: ${name/#-/stdin} has no name for a directory: say --out DIR$"
    quiet out
done
cat tiny.yaml >fifo.yaml &
expect 0 train fifo.yaml --dry-run --out there
check 'a FIFO: the same as from a file' cmp from_file out
expect 0 train <(cat tiny.yaml) --dry-run --out there
check 'a descriptor of the shell: the same as from a file' cmp from_file out
refused 2 '^grokc: fifo.yaml has no name for a directory: say --out DIR$' train fifo.yaml
refused 2 '^grokc: stdin:1: the file is empty' train - --dry-run
printf 'seed: 1\nrun: {epoch: 3}\n' >wrong.yaml
"$grokc" train - --dry-run <wrong.yaml >out 2>err
what='a wrong config on stdin'
says '^grokc: stdin:2: unknown key "epoch" in run; did you mean "epochs"\?$'
refused 2 '^grokc: /dev/zero has more than 1048576 bytes' train /dev/zero --dry-run
head -c 2000000 /dev/zero | tr '\0' ' ' | "$grokc" train - --dry-run >out 2>err
what='two megabytes on stdin'
says '^grokc: stdin has more than 1048576 bytes; at most so many are expected here$'
refused 2 'is not a regular file' train . --dry-run
"$grokc" train - --dry-run <&- >out 2>err
what='stdin is closed'
says '^grokc: (cannot read stdin|stdin:1: the file is empty)'
piped 2 train - --dry-run --set optim.lr=x
says '^grokc: --set optim.lr=x: '
piped 0 train - --out through --set run.epochs=5
prints '^through: done at epoch 5, '
complete through
expect 0 train tiny.yaml --out regular --set run.epochs=5
same 'a run of a config from a pipe' through regular
piped 0 bench step --config - --rounds 1 --set device.backend=ref
rm -r through regular

# of sweeps; a file of points lies in the working folder then
printf 'seed: [1, 2]\n' | cat tiny.yaml - | grep -v '^seed:  1$' >two.yaml
"$grokc" sweep two.yaml --dry-run --out there >from_file
cat two.yaml | "$grokc" sweep - --dry-run --out there >out
check 'a sweep from stdin' cmp from_file out
check 'which has two runs' grep -q '^1,2$' out
cat two.yaml | "$grokc" sweep /dev/stdin >out 2>err
what='a sweep without a name'
says '^grokc: /dev/stdin has no name for a directory: say --out DIR$'
cat two.yaml | "$grokc" sweep - --out there --submit slurm --dry-run >out 2>err
what='a sweep from stdin for Slurm'
says '^grokc: --submit slurm needs a file that every task can read, not stdin$'
printf 'seed\n3\n4\n' >two.csv
(grep -v '^seed' two.yaml; echo 'points: two.csv') | "$grokc" sweep /dev/stdin --out there --dry-run >out 2>err
check 'points of a sweep from stdin' grep -q '^1,4$' out
check 'none of these wrote anything' test ! -e there -a ! -e runs

# a run directory's own files are no pipes
expect 0 train tiny.yaml --out own --set run.epochs=5 --set run.keep_state=5
mv own/config.yaml kept.yaml
mkfifo own/config.yaml
refused 2 '^grokc: own/config.yaml is not a regular file' measure own
refused 2 '^grokc: own/config.yaml is not a regular file' branch own@5 --out other
rm -r own

# ---- a ~ that no shell has expanded
mkdir '~'
tilde() { (export HOME=/home/me; refused 2 "$@"; echo "$passed $failed" >counts) && read -r passed failed <counts; }
# shellcheck disable=SC2016,SC2088
{
    cp tiny.yaml '~/tiny.yaml'
    tilde '^grokc: no shell has expanded the ~ of "~/tiny.yaml"; write \$HOME/tiny.yaml on a command line, /home/me/tiny.yaml in a file$' \
        train '~/tiny.yaml' --dry-run
    tilde 'the ~ of "~/runs"; write \$HOME/runs ' train tiny.yaml '--out=~/runs'
    tilde '^grokc: --set task.split=file:~/ids: task.split: no shell has expanded the ~ of "~/ids"' \
        train tiny.yaml --dry-run --set task.split=file:~/ids
    tilde 'the ~ of "~/runs/x@5"' branch '~/runs/x@5' --out other
    tilde 'the ~ of "~/c.yaml"' bench step '--config=~/c.yaml'
    for command in sweep measure gather export compare ls report; do tilde 'the ~ of "~/x"' "$command" '~/x'; done
}
expect 0 train './~/tiny.yaml' --dry-run
check 'a refused ~ wrote nothing' test "$(ls '~')" = tiny.yaml -a ! -e runs
rm -r '~'

# ---- wrong usage
refused 2 'which config' train
refused 2 'one argument is expected, not also "b.yaml"' train tiny.yaml b.yaml
refused 2 'unknown option "--sett"' train tiny.yaml --sett optim.lr=1
refused 2 'unknown option "--fresh"' list options --fresh
refused 2 '^grokc: --set needs a value' train tiny.yaml --set
refused 2 '^grokc: --out needs a value' train tiny.yaml --out
refused 2 '^grokc: --out needs a value' train tiny.yaml --out=
refused 2 '^grokc: --fresh takes no value' train tiny.yaml --fresh=no
refused 2 '^grokc: --dry-run takes no value' train tiny.yaml --dry-run=0
refused 2 'verify takes no argument' verify everything
refused 2 'unknown device' verify --device abacus
check 'wrong usage writes nothing' test ! -e runs

# ---- devices, and options that are only for some
refused 2 '^grokc: --nvtx and --profile are for profilers of the cuda backend' train tiny.yaml --device cpu --nvtx
refused 2 '^grokc: --nvtx and --profile are for profilers of the cuda backend' train tiny.yaml --device cpu --profile 1:2
refused 2 'expects two epochs, FROM:TO' train tiny.yaml --device cpu --profile 3:1
refused 2 'takes no value' train tiny.yaml --nvtx=1
refused 1 'cuda:1023' train tiny.yaml --device cuda:1023 --out none_of_it
expect 0 train tiny.yaml --device cuda:1 --dry-run
refused 2 'expects I/N' sweep "$source_dir/configs/sweep_seeds.yaml" --shard 4/4
refused 2 'which sweep' sweep

# ---- a run: where it goes, and what goes where
expect 0 train tiny.yaml
prints '^runs/tiny: done at epoch 20, '
check 'one line of results' test "$(wc -l <out)" = 1
says '^epoch 0/20 0%\|          \| train [0-9.]+ test [0-9.]+ acc [0-9]+% \[00:00<.*ep/s\] memorisation$'
check 'no line is rewritten in a file' test "$(tr -cd '\r\033' <err | wc -c)" = 0
complete runs/tiny
expect 0 train tiny.yaml --set run.epochs=0 --out none
prints '^none: done at epoch 0, '
check 'no epochs, one row' test "$(wc -l <none/metrics.jsonl)" = 1
"$grokc" train tiny.yaml --out piped 2>&1 >/dev/full | grep -q 'cannot write to stdout'
check 'no room for the result' test "${PIPESTATUS[*]}" = '1 0'
complete piped

# ---- a terminal
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    terminal() { TERM=xterm COLUMNS=120 script -qec "$1" /dev/null </dev/null >tty.out; }
    slow="$grokc train tiny.yaml --set task.p=23 --set run.epochs=100000000 --out slow"
    terminal "$grokc train tiny.yaml --set run.epochs=50 --out tty"
    check 'the line is rewritten' test "$(grep -aobE $'\repoch [0-9]+/50 ' tty.out | wc -l)" -ge 1
    check 'it ends at the last epoch' grep -aqE $'\repoch 50/50 100%\|##########\|.*\033\[K\r$' tty.out
    check 'one line feed' test "$(grep -ac 'ep/s' tty.out)" = 1
    check 'and the result after it' grep -aqE '^tty: done at epoch 50, ' tty.out
    terminal "timeout --preserve-status -s INT 1 $slow"
    check "SIGINT on a terminal: exit code $?" test $? = 75
    check 'rewritten ten times a second' test "$(tr '\r' '\n' <tty.out | grep -ac '^epoch')" -ge 3
    check 'the message has a line of its own' grep -aq '^grokc: slow stopped at epoch' tty.out
    terminal "TERM=dumb $grokc train tiny.yaml --out dumb"
    check 'nothing is rewritten on a dumb terminal' test "$(grep -ac $'\repoch\|\033' tty.out)" = 0
else
    skip 'the progress line on a terminal: there is no script(1)'
fi
end
