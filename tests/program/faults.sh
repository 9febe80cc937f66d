#!/usr/bin/env bash
# Bad input and a failing world: the exit code that is documented, a message on stderr that names the
# file or key, nothing on stdout, nothing overwritten; and the run goes on once the fault is gone.
# shellcheck disable=SC2016,SC2317
source "$(dirname "$0")/../lib/program.sh"

cat >base.yaml <<'YAML'
seed:  1
task:  {p: 7, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 300, measure_every: 7, checkpoint_at: "every:20", keep_state: "100", resume_every: 0}
YAML
train=(train base.yaml)

# ---- config files
config() { printf '%b' "$2" >bad.yaml; refused 2 "^grokc: bad.yaml:?.*$1" train bad.yaml --out none; }
config '2: unknown key "weight_dcay".*did you mean "weight_decay"'  'optim:\n  weight_dcay: 1\n'
config '1: unknown group "optimizer".*"optim"'                      'optimizer: {lr: 1}\n'
config '2: optim.lr .*twice'                                        'optim:\n  {lr: 1, lr: 2}\n'
config '2: the group task is given twice'                           'task: {p: 7}\ntask: {p: 11}\n'
config '1: task.p expects a whole number.*"many"'                   'task: {p: many}\n'
config '1: task.p expects a whole number'                           'task: {p: 7.5}\n'
config '1: task.p expects .* from 2 to 4093'                        'task: {p: 1}\n'
config '1: task.p expects .* from 2 to 4093'                        'task: {p: 99999999999999999999}\n'
config '1: task.train_fraction must be above 0'                     'task: {train_fraction: 0}\n'
config '1: task.train_fraction must be below 1'                     'task: {train_fraction: 1}\n'
config '1: optim.lr expects'                                        'optim: {lr: .nan}\n'
config '1: model.activation expects one of'                         'model: {activation: rleu}\n'
config '1: run.checkpoint_at: "sometimes"'                          'run: {checkpoint_at: sometimes}\n'
config 'empty'                                                      ''
config 'empty'                                                      '# only a comment\n'
config '1: .*anchor'                                                'task: &a {p: 7}\n'
config '2: .*alias'                                                 'task: {p: 7}\nmodel: *a\n'
config '1: .*tag'                                                   'task: {p: !!int 7}\n'
config '2: a second document'                                       'task: {p: 7}\n---\ntask: {p: 7}\n'
config '1: .*list'                                                  'task: {p: [7, 11]}\n'
config '2: .*not YAML'                                               'task: {p: 7\n'
config ''                                                           '\0377\0376\0000\0001\0002'
head -c 4000 "$grokc" >binary.yaml
refused 2 '^grokc: binary.yaml' train binary.yaml --out none
head -c 2000000 /dev/zero >huge.yaml
refused 2 '^grokc: huge.yaml has 2000000 bytes' train huge.yaml --out none
refused 2 '^grokc: cannot open missing.yaml: No such file' train missing.yaml --out none
mkdir folder
refused 2 '^grokc: folder is not a regular file' train folder --out none
refused 2 'leaves none to train on' "${train[@]}" --set task.p=2 --set task.train_fraction=0.2 --out none
refused 1 'cannot open lost.txt' "${train[@]}" --set task.split=file:lost.txt --out none
check 'no directory for a bad config' test ! -e none

# ---- where it is to be written
echo mine >file
refused 1 '^grokc: .*file: Not a directory' "${train[@]}" --out file
refused 1 '^grokc: .*file/run: Not a directory' "${train[@]}" --out file/run
refused 1 '^grokc: cannot create directory /proc/none' "${train[@]}" --out /proc/none
echo mine >folder/notes
refused 2 '^grokc: folder is not empty and not a run.*--out' "${train[@]}" --out folder
refused 2 '^grokc: folder is not empty' "${train[@]}" --out folder --fresh
check 'what is not ours is left alone' test "$(cat file folder/notes)$(ls folder)" = $'mine\nminenotes'
part=$(printf 'x%.0s' {1..200})
refused 2 'a path is longer than' "${train[@]}" --out "$part/$part/$part/$part/$part"
refused 2 'a path is longer than' "${train[@]}" --out "$part/$part/$part/$part/${part:0:180}"
check 'no directory for a long path' test ! -e "$part"
refused 2 '^grokc: --out needs a value' "${train[@]}" --out ''

# ---- files and folders of somebody else
if [[ $(id -u) != 0 ]]; then
    nobody=()
elif setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$grokc" 2>/dev/null; then
    nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    chmod 755 .
else
    skip 'files without permission: this is root, and setpriv is missing or cannot reach the program'
    nobody=(false)
fi
if [[ ${nobody[*]:-} != false ]]; then
    root=$grokc grokc=as_nobody
    as_nobody() { "${nobody[@]}" "$root" "$@"; }
    cp base.yaml secret.yaml
    chmod 000 secret.yaml
    mkdir -m 555 locked
    refused 2 '^grokc: cannot open secret.yaml: Permission denied' train secret.yaml --out none
    refused 1 '^grokc: cannot write into locked: Permission denied' "${train[@]}" --out locked
    refused 1 '^grokc: cannot create directory locked/run: Permission denied' "${train[@]}" --out locked/run
    grokc=$root
    chmod 755 locked
fi

# ---- devices
refused 1 'cuda:1023' "${train[@]}" --device cuda:1023 --out none
refused 2 'device.backend expects' "${train[@]}" --device gpu --out none
check 'no directory for a missing device' test ! -e none

# ---- a run that was stopped, and what may happen to it
expect 0 "${train[@]}" --out whole
half() {                    # half FILE COMMAND...: a copy of it in x, in which the command changed the file
    rm -rf x
    cp -r half x
    "${@:2}" <"half/$1" >"x/$1"
}
"$grokc" "${train[@]}" --set run.epochs=147 --out half >out 2>err
cp whole/config.yaml half                           # as if it had been stopped there, amid 300 epochs
echo interrupted >half/state
rm half/summary.json
half state cat
expect 0 "${train[@]}" --out x
same 'half a run that goes on: other bytes' whole x

# still PATTERN: refused with this message; apart from state and log.txt nothing has changed
still() {
    (cd x && sums . | grep -v -e ' ./state$' -e ' ./log.txt$') >before
    refused 1 "$1" "${train[@]}" --out x
    (cd x && sums . | grep -v -e ' ./state$' -e ' ./log.txt$') >after
    check "refused ($1), but changed" diff before after
    state_is x 'failed: .*'
}
flip() {                                            # one bit of byte $1
    local byte
    byte=$(od -An -tu1 -j "$1" -N 1 half/resume.safetensors)
    head -c "$1" half/resume.safetensors
    # shellcheck disable=SC2059
    printf "\\x$(printf %x $((byte ^ 16)))"
    tail -c +$(($1 + 2)) half/resume.safetensors
}
size=$(stat -c %s half/resume.safetensors)
for at in 0 7 8 100 $((size / 4)) $((size / 3)) $((size / 2)) $((size - 1)); do
    half resume.safetensors flip "$at"
    still '^grokc: x/resume.safetensors'
done
for length in 0 5 8 200 $((size / 2)) $((size - 1)); do
    half resume.safetensors head -c "$length"
    still '^grokc: x/resume.safetensors'
done
half resume.safetensors sed '$s/$/x/'
still '^grokc: x/resume.safetensors'
half resume.safetensors sed 's/"grokc_format":"2"/"grokc_format":"3"/'
still '^grokc: x/resume.safetensors has format 3, of a newer grokc'
half resume.safetensors sed 's/"grokc_format"/"grokc_farmat"/'
still '^grokc: x/resume.safetensors is damaged'
expect 0 train base.yaml --set model.d_mlp=8 --set run.epochs=1 --out narrow
half resume.safetensors cat narrow/resume.safetensors
still '^grokc: x/resume.safetensors: blocks.0.mlp.W_in has shape \(8, 8\)'
half resume.safetensors cat half/checkpoints/00000100.safetensors
still '^grokc: x/resume.safetensors holds weights only'
half metrics.jsonl head -n 5
still '^grokc: x/metrics.jsonl has [0-9]+ bytes, but .*--fresh'
half metrics.jsonl head -c 40
still '^grokc: x/metrics.jsonl has 40 bytes'
half metrics.jsonl sed '2s/./x/'
still '^grokc: x/metrics.jsonl: byte [0-9]+: not a row.*--fresh'
half metrics.jsonl cat
rm x/metrics.jsonl
still '^grokc: cannot open x/metrics.jsonl'
expect 0 "${train[@]}" --out x --fresh
same '--fresh after damage: other bytes' whole x

half config.yaml tr e x
refused 2 '^grokc: x/config.yaml:2: unknown key' "${train[@]}" --out x
half config.yaml true
refused 2 '^grokc: x/config.yaml:.*empty' "${train[@]}" --out x
rm x/config.yaml
refused 2 '^grokc: x is not empty and not a run' "${train[@]}" --out x

for harmless in 'env.json tr a-z A-Z' 'env.json true' 'env.json head -c 30' 'state true' \
    'state cat base.yaml' 'log.txt cat base.yaml'; do
    # shellcheck disable=SC2086
    half $harmless
    for torn in resume.safetensors x checkpoints/00000001.safetensors measures/00000001.safetensors; do
        echo torn >x/$torn.grokc-tmp
    done
    cat whole/metrics.jsonl whole/metrics.jsonl >>x/metrics.jsonl   # whatever comes after the resume point
    cat whole/projections.bin whole/projections.bin >>x/projections.bin
    expect 0 "${train[@]}" --out x
    same "$harmless: other bytes" whole x
    complete x
done
check 'env.json has both segments' test "$(grep -c from_epoch half/env.json)$(grep -c from_epoch x/env.json)" = 12

half state cat
head -c 3000 whole/checkpoints/00000100.state.safetensors >x/checkpoints/00000100.state.safetensors
refused 1 '^grokc: x/checkpoints/00000100.state.safetensors' branch x@100 --out none
check 'no branch of a damaged state' test ! -e none

# ---- no more room
room() {                                            # the message, and the run goes on when there is room again
    says "^grokc: (cannot write|cannot create).* room/run.*: $1"
    quiet out
    expect 0 "${train[@]}" --out room/run
    same 'when there is room again: other bytes' whole room/run
    complete room/run
}
mkdir room
for limit in 0 2 5; do                              # kB that a file may have
    rm -rf room/run
    (ulimit -f $limit && exec "$grokc" "${train[@]}" --out room/run) 2>&1 >out </dev/null | cat >err
    code=${PIPESTATUS[0]}
    what="with files of at most $limit kB"
    if [[ $code = 1 ]]; then pass; else fail "$what: exit code $code, not 1" out err; fi
    room 'File too large'
done
rm -r room/run
if [[ $(id -u) = 0 ]] && mount -t tmpfs -o size=64k grokc room 2>/dev/null; then
    mounted=$scratch/room
    expect 1 "${train[@]}" --out room/run
    check 'the disk filled up after some rows' test -s room/run/metrics.jsonl
    expect 1 "${train[@]}" --out room/run
    mount -o remount,size=16M room
    room 'No space left on device'
    mount -o remount,ro room
    refused 1 '^grokc: .*Read-only file system' "${train[@]}" --out room/new
    umount "$mounted" && mounted=
else
    skip 'a disk that is full: mounting a small tmpfs is not allowed here'
fi

# ---- a run that diverges
hot=("${train[@]}" --set optim.lr=1000 --out hot)
expect 3 "${hot[@]}"
prints '^hot: diverged at epoch [0-9]+'
check 'the row' grep -q '"train_loss": null.*"diverged": true}$' <(tail -n 1 hot/metrics.jsonl)
check 'only the last row' test "$(grep -c diverged hot/metrics.jsonl)" = 1
check 'the summary' grep -q '"state": "diverged"' hot/summary.json
state_is hot diverged
complete hot
sums hot >before
expect 3 "${hot[@]}"
prints '^hot: diverged already'
quiet err
unchanged 'a diverged run' hot
expect 3 train base.yaml --set optim.lr=1000 --out hot2
same 'it diverges in the same way' hot hot2
end
