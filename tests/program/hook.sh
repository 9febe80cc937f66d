#!/usr/bin/env bash
# run.hook: a good hook gets every row and its answers are kept; whatever a bad one does, the run has
# the bytes of a run without a hook and ends in time, and nothing of the hook is left.
source "$(dirname "$0")/../lib/program.sh"

# Every row has a checkpoint, which is what the hook's file of that row has to be.
cat >base.yaml <<'YAML'
seed: 2
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 420, measure_every: 7, checkpoint_at: "every:7", resume_every: 0}
YAML
nap="3$$" # seconds that a bad hook sleeps; a number that no other process has

# Processes of hooks: all of them have the scratch folder or the number in their command line.
alive() {
    local file line
    for file in /proc/[0-9]*/cmdline; do
        { line=$(tr '\0' ' ' <"$file"); } 2>/dev/null
        case $line in *grokc\ train\ *) ;; *"$scratch/hooks/"* | *"sleep $nap"*) echo "$file $line" ;; esac
    done
}
gone() {
    local i
    for ((i = 0; i < 500; i++)); do
        alive >alive.out
        [[ -s alive.out ]] || break
        sleep 0.01
    done
    if [[ ! -s alive.out ]]; then pass; else fail "$1: processes are left" alive.out; fi
}
hook_same() { # NAME DIR: the bytes of the run without a hook
    if diff -rq -x env.json -x log.txt -x state -x owner -x hook.jsonl -x hook.log -x history.jsonl -x config.yaml "$plain" "$2" >same.out 2>&1 &&
        diff <(grep -v '^  hook:' "$plain/config.yaml") <(grep -v '^  hook:' "$2/config.yaml") >>same.out; then
        pass
    else
        fail "$1: other bytes" same.out
    fi
    check "$1: hook/ is left" test ! -e "$2/hook"
}
logged() { check "$1: log.txt says $2" grep -qE -e "hook: .*$2" "$1/log.txt"; }
# The answers' epochs; a line that is no object shows as it is.
epochs() { sed 's/^{"epoch": \([0-9]*\)[,} ].*}$/\1/' "$1/hook.jsonl" | tr '\n' ' '; }

# hook NAME: a script from stdin; $hook runs it
mkdir hooks
hook() { cat >"hooks/$1.sh"; }
set_hook() { echo "run.hook=exec sh $scratch/hooks/$1.sh"; }

plain=plain
start=$(milliseconds)
expect 0 train base.yaml --out plain
length=$(($(milliseconds) - start))
check 'no hook, no file' test ! -e plain/hook.jsonl -a ! -e plain/hook
expect 0 train base.yaml --set run.epochs=21 --out four
check 'no hook is null' grep -qx '  hook:  *null' four/config.yaml

# ---- a good hook. As many rows as may be open: none is skipped.
hook good <<'SH'
while IFS= read -r path; do
    cp "$path" kept/ || exit 9
    printf '{"bytes": %d, "x": 0.1, "where": "%s"}\n' "$(wc -c <"$path")" "$PWD"
done
echo ended >kept/end
exit 5
SH
mkdir kept
expect 0 train base.yaml --set run.epochs=21 --set "$(set_hook good)" --out good
check 'nothing but progress on stderr' test -z "$(grep -v '^epoch ' err)"
plain=four hook_same good good
complete good
for epoch in 0 7 14 21; do
    file=$(printf 'checkpoints/%08d.safetensors' $epoch)
    check "good: the file of epoch $epoch" cmp "good/$file" "kept/${file#*/}"
    echo "{\"epoch\": $epoch, \"bytes\": $(wc -c <"good/$file"), \"x\": 0.1, \"where\": \"$PWD\"}"
done >expected
check 'good: hook.jsonl' cmp expected good/hook.jsonl
check 'good: the end of file' test -s kept/end
check 'good: no other file' test "$(find kept -type f | wc -l)" = 5
logged good 'ended with exit status 5; rows answered: 4, left out: 0, skipped: 0, open: 0$'
sums good >before
expect 0 train base.yaml --set run.epochs=21 --out good --set run.hook=false
prints 'done already'
unchanged 'a finished run, another hook' good
expect 0 train base.yaml --out good --set "$(set_hook good)" # grows; its first rows are there already
hook_same 'a hook in a run that grows' good
gone good

# A path with spaces, from another folder.
mkdir 'a b'
expect 0 train base.yaml --set run.epochs=21 --set "$(set_hook good)" --out 'a b/c'
sed -n 's/.*"bytes": \([0-9]*\).*/\1/p' 'a b/c/hook.jsonl' >bytes
check 'a path with a space' test "$(wc -l <bytes)" = 4

# ---- what is an answer
hook answers <<'SH'
i=0
while IFS= read -r path; do
    i=$((i + 1))
    case $1$i in
        odd1) echo '{}' ;;
        odd2) printf '  { "epoch":\t7 , "s": "}\\n{" } \r\n' ;;
        odd3) echo 'loading ...'; echo; echo '[1]'; printf '\001\377\000\n'; echo '{"ok": true}' ;;
        odd4) printf '{"no": "line end"}'; exit ;;
        wrong1) echo '{"x": }' ;;
        wrong2) echo '{"x": 1, "x": 2}' ;;
        wrong3) echo '{"epoch": 7}' ;;
        wrong4) echo '{"a": 1} {"b": 2}' ;;
    esac
done
SH
expect 0 train base.yaml --set run.epochs=21 --set "run.hook=sh $scratch/hooks/answers.sh odd" --out odd
printf '%s\n' '{"epoch": 0}' '{ "epoch":	7 , "s": "}\n{" }' '{"epoch": 14, "ok": true}' \
    '{"epoch": 21, "no": "line end"}' >expected
check 'odd answers' cmp expected odd/hook.jsonl
logged odd 'lines that are no objects; ignored'
expect 0 train base.yaml --set run.epochs=21 --set "run.hook=sh $scratch/hooks/answers.sh wrong" --out wrong
check 'wrong answers' test ! -s wrong/hook.jsonl
logged wrong 'the answer to epoch 0 is left out: .*unexpected token'
says '^grokc: wrong: the hook answered 0 of 4 rows; first reason: the answer to epoch 0 is left out: .*unexpected token'
logged wrong 'rows answered: 0, left out: 4, skipped: 0, open: 0$'
check 'wrong answers: said once' test "$(grep -c 'is left out' wrong/log.txt)" = 1
for name in odd wrong; do plain=four hook_same $name $name; done

# ---- numbers that JSON has no word for
hook numbers <<'SH'
while IFS= read -r path; do
    echo '{"a": NaN, "b": [-Infinity, Infinity, 2], "NaN": "NaN \"inf", "c": 0.5, "d": {"inf": inf}}'
done
SH
expect 0 train base.yaml -q --set run.epochs=14 --set "$(set_hook numbers)" --out numbers
says '^grokc: numbers: 12 of the hook.s numbers were NaN or infinite, and are null$'
for epoch in 0 7 14; do
    echo "{\"epoch\": $epoch, \"a\": null, \"b\": [null, null, 2], \"NaN\": \"NaN \\\"inf\", \"c\": 0.5, \"d\": {\"inf\": null}}"
done >expected
check 'NaN and infinities are null, strings stay' cmp expected numbers/hook.jsonl
hook breaks <<'SH'
read -r path && echo '{"x": 1}'
echo 'Traceback: long' >&2
echo "ModuleNotFoundError: No module named 'nothing'" >&2
exit 1
SH
expect 0 train base.yaml -q --set run.epochs=21 --set "$(set_hook breaks)" --out breaks
says "^grokc: breaks: the hook answered 1 of 4 rows; first reason: ended with exit status 1: ModuleNotFoundError: No module named 'nothing'$"
check 'its stderr is kept' grep -q 'Traceback: long' breaks/hook.log
cat >sweep.yaml <<YAML
seed: [0, 1, 2, 3, 4]
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 21, measure_every: 7, checkpoint_at: none, hook: "exec sh $scratch/hooks/breaks.sh"}
YAML
expect 0 sweep sweep.yaml -q --out sweep
check 'a sweep says it of three runs' test "$(grep -c 'runs/0000[0-9]: the hook answered 1 of 4 rows' err)" = 3
says '^grokc: 2 more runs have a hook that did not answer every row'

# ---- checkpoints of a finished run
hook sizes <<'SH'
echo 'hello'
while IFS= read -r path; do printf '{"bytes": %d, "bad": NaN}\n' "$(wc -c <"$path")"; done
SH
expect 0 train base.yaml -q --set run.epochs=21 --out finished
sums finished >before
expect 0 measure finished --hook "sh $scratch/hooks/sizes.sh" --every 14
says "^grokc: 3 of the hook's numbers were NaN or infinite, and are null$"
for epoch in 0 14 21; do
    echo "{\"epoch\": $epoch, \"bytes\": $(wc -c <finished/checkpoints/000000$(printf %02d $epoch).safetensors), \"bad\": null}"
done >expected
check 'measure --hook: stdout' cmp expected out
check 'measure --hook: hook.jsonl' cmp expected finished/hook.jsonl
expect 0 ls finished --columns run,bytes
prints "finished +$(wc -c <finished/checkpoints/00000021.safetensors)"
expect 0 measure finished@7 --hook "sh $scratch/hooks/sizes.sh"
check 'one epoch more' test "$(wc -l <finished/hook.jsonl)" = 4
expect 0 measure finished/checkpoints/00000007.safetensors --hook "sh $scratch/hooks/sizes.sh"
prints '^{"epoch": 0, "bytes": '
rm finished/hook.jsonl
unchanged 'measure --hook, but for its file' finished
expect 1 measure finished --hook "sh $scratch/hooks/breaks.sh"
says "No module named 'nothing'" '^grokc: the hook ended before it answered to epoch 7: exit status 1$'
expect 1 measure finished --hook 'while read -r p; do echo "{"; done'
says '^grokc: 4 of 4 answers are left out; the first: '
refused 2 '--key-freqs and --out are for our measures' measure finished --hook true --key-freqs 1

# ---- nothing is inherited
expect 0 train base.yaml --set run.epochs=21 --set 'run.hook=ls /proc/self/fd >fds; exit' --out inherits
sh -c 'ls /proc/self/fd >expected; exit' </dev/null
check 'file descriptors of a hook' cmp expected fds

# ---- bad hooks, all at the same time: NAME|how long: at once, or after ten seconds|what log.txt says
hook exits <<<'exit 3'
hook missing <<<'exec /nonexistent/program'
hook killed <<<'kill -9 $$'
hook three <<'SH'
for i in 1 2 3; do read -r path && echo "{\"i\": $i}"; done
exit 4
SH
hook hangs <<<"exec sleep $nap"
hook deaf <<SH
trap '' TERM
while :; do sleep $nap; done
SH
hook child <<SH
sleep $nap & exit 0
SH
hook no_stdin <<SH
exec 0<&-
sleep $nap
SH
hook no_stdout <<SH
exec 1>&-
sleep $nap
SH
hook rubbish <<'SH'
while read -r path; do echo 'no number; "'; echo ']}'; done
SH
hook two <<'SH'
while read -r path; do printf '{"a": 1}\n{"a": 2}\n'; done
SH
hook no_newline <<'SH'
while read -r path; do printf '{"a": 1} '; done
SH
hook huge <<'SH'
while read -r path; do printf '{"a": "'; head -c 3000000 /dev/zero | tr '\0' x; printf '"}\n'; done
SH
hook large <<'SH'
while read -r path; do printf '{"a": "'; head -c 1000000 /dev/zero | tr '\0' x; printf '"}\n'; done
SH
hook binary <<'SH'
while read -r path; do head -c 100000 /dev/urandom; done
SH
hook flood <<<"yes '{\"a\": 1}'"
hook flood_lines <<<'yes ""'
hook flood_zero <<<'cat /dev/zero'
hook deep <<'SH'
while read -r path; do printf '{"a": '; head -c 500000 /dev/zero | tr '\0' '['; echo; done
SH
hook ahead <<'SH'
while sleep 0.01; do echo '{"a": 1}'; done
SH
hook slow <<'SH'
while read -r path; do sleep 0.2; [ -s "$path" ] && echo '{"a": 1}'; done
SH
hook vandal <<'SH'
while read -r path; do rm -rf "${path%/*}"; echo '{"a": 1}'; done
SH
hook loud <<'SH'
while read -r path; do yes x | head -n 1000 >&2; echo '{"a": 1}'; done
SH
cat >cases <<'LIST'
exits|once|ended with exit status 3; rows answered: 0,
missing|once|ended with exit status 127; rows answered: 0,
killed|once|ended by signal 9; rows answered: 0,
three|once|ended with exit status 4; rows answered: 3,
hangs|late|ended by signal 15 .not by itself.; rows answered: 0, left out: 0, skipped: 57, open: 4$
deaf|late|ended by signal 9 .not by itself.; rows answered: 0,
child|once|ended with exit status 0; rows answered: 0,
no_stdin|late|stopped: it closed its stdin;|.not by itself.;
no_stdout|once|stopped: it closed its stdout;
rubbish|late|rows answered: 0, left out: 0, skipped: 57, open: 4$
two|once|stopped: it answered what it was not asked;
no_newline|late|rows answered: 1, left out: 0, skipped: 57, open: 3$
huge|once|stopped: more than 1 MB of no answer;
large|late|ended with exit status 0;
binary|late|rows answered: 0,
flood|once|stopped: it answered what it was not asked;
flood_lines|once|stopped: more than 1 MB of no answer;
flood_zero|once|stopped: more than 1 MB of no answer;
deep|late|rows answered: 0,
ahead|late|rows answered:
slow|late|ended with exit status 0; rows answered: [1-9]
vandal|once|rows answered: [1-9]
loud|once|rows answered: [1-9]
LIST
while IFS='|' read -r name _; do
    (
        begin=$(milliseconds)
        "$grokc" train base.yaml --set "$(set_hook "$name")" --out "$name" >"$name.out" 2>"$name.err" </dev/null
        echo "$? $(($(milliseconds) - begin))" >"$name.end"
    ) &
done <cases
wait
count=$(wc -l <cases)
while IFS='|' read -r name when says; do
    read -r code time <"$name.end"
    check "$name: exit code $code" test "$code" = 0
    hook_same "$name" "$name"
    complete "$name"
    logged "$name" "$says"
    check "$name: log.txt is long" test "$(grep -c hook: "$name/log.txt")" -le 5
    limit=$((count * length + 15000))
    [[ $when = late ]] || limit=$((limit - 6000))
    check "$name: $time ms, a run alone takes $length" test "$time" -lt $limit
    check "$name: hook.jsonl" test -e "$name/hook.jsonl" -a -z "$(epochs "$name" | tr -d '0-9 ')"
done <cases
gone 'bad hooks'
answered() { sed -n 's/.*rows answered: \([0-9]*\).*/\1/p' "$1/log.txt"; }
for name in three large slow vandal loud; do
    check "$name: as many lines as answers" test "$(wc -l <$name/hook.jsonl)" = "$(answered $name)"
done
check 'three: the first three rows' test "$(epochs three)" = '0 7 14 '
check 'large: a million bytes' test "$(head -n 1 large/hook.jsonl | wc -c)" = 1000022

# ---- a diverged run
wild=(--set optim.lr=1e3 --set optim.eps=1e-30)
expect 3 train base.yaml "${wild[@]}" --out nan0
expect 3 train base.yaml "${wild[@]}" --set "$(set_hook good)" --out nan1
plain=nan0 hook_same 'a diverged run' nan1

# ---- signals, kill -9, going on with another hook
long=(--set run.epochs=9000 --set run.checkpoint_at=none)
expect 0 train base.yaml "${long[@]}" --out long
plain=long
for name in hangs deaf good; do
    for ((i = 0; i < 5; i++)); do # again where the run is over before the signal comes
        rm -rf stopped
        "$grokc" train base.yaml "${long[@]}" --set "$(set_hook $name)" --out stopped >bg.out 2>bg.err </dev/null &
        wait_for stopped/metrics.jsonl '"epoch": 49,'
        begin=$(milliseconds)
        kill -TERM $! 2>/dev/null
        { wait $!; } 2>/dev/null
        code=$?
        time=$(($(milliseconds) - begin))
        [[ $code = 0 ]] || break
    done
    check "$name, SIGTERM: exit code $code, not 75" test "$code" = 75
    check "$name, SIGTERM: $time ms" test "$time" -lt 6000
    check "$name, SIGTERM: hook/ is left" test ! -e stopped/hook
    check "$name, SIGTERM: no answers" test -e stopped/hook.jsonl
    state_is stopped interrupted
    gone "$name, SIGTERM"
done
printf '{"epoch": 1, "half' >>stopped/hook.jsonl
expect 0 train base.yaml "${long[@]}" --set "$(set_hook three)" --out stopped
hook_same 'stopped, on with another hook' stopped
check 'half a line is gone' test -z "$(epochs stopped | tr -d '0-9 ')"
rm -r stopped

"$grokc" train base.yaml "${long[@]}" --set "$(set_hook hangs)" --out stopped >bg.out 2>bg.err </dev/null &
wait_for stopped/metrics.jsonl '"epoch": 49,'
kill -9 $!
{ wait $!; } 2>/dev/null
gone 'kill -9'
check 'kill -9: hook/ is left' test -d stopped/hook
touch stopped/hook/00000001.safetensors.grokc-tmp
expect 0 train base.yaml "${long[@]}" --out stopped
hook_same 'killed, on without a hook' stopped

# ---- --fresh
mkdir stopped/hook
touch stopped/hook/00000007.safetensors
check 'hook.jsonl is there' test -e stopped/hook.jsonl
expect 0 train base.yaml "${long[@]}" --out stopped --fresh
hook_same '--fresh' stopped
check '--fresh: hook.jsonl is left' test ! -e stopped/hook.jsonl
rm -r stopped

# ---- the example
for python in python3 /usr/bin/python3 ''; do
    "$python" -c 'import numpy' 2>/dev/null && break
done
if [[ -z $python ]]; then
    skip 'examples/hook_norm.py: no python3 with numpy'
else
    # four rows; a first import may take long, but not ten seconds
    expect 0 train base.yaml --set run.epochs=21 --set "run.hook=$python $source_dir/examples/hook_norm.py" --out norm
    check 'nothing but progress on stderr' test -z "$(grep -v '^epoch ' err)"
    check 'hook_norm.py: rows' test "$(epochs norm)" = '0 7 14 21 '
    cat >norms.py <<'PY'
import json, sys, numpy as np
for line in open(sys.argv[1] + "/hook.jsonl"):
    row = json.loads(line)
    file = open("%s/checkpoints/%08d.safetensors" % (sys.argv[1], row["epoch"]), "rb").read()
    size = 8 + int.from_bytes(file[:8], "little")
    entry = json.loads(file[8:size])["embed.W_E"]
    kind = {"F32": "<f4", "F64": "<f8"}[entry["dtype"]]
    begin, end = (size + at for at in entry["data_offsets"])
    w = np.frombuffer(file[begin:end], kind).reshape(entry["shape"])[:-1].astype(float)
    assert len(row["norm"]) == 6 and len(row["top"]) == 5
    for k in range(6):                          # the norm is that of the projection on cos and sin
        a = 2 * np.pi * k / 11 * np.arange(11)
        planes = [np.cos(a) / np.linalg.norm(np.cos(a))]
        if k: planes.append(np.sin(a) / np.linalg.norm(np.sin(a)))
        norm = np.sqrt(sum(((v @ w) ** 2).sum() for v in planes))
        assert abs(norm - row["norm"][k]) < 1e-9, (k, norm, row["norm"][k])
PY
    check 'hook_norm.py: the norms of W_E' "$python" norms.py norm
fi
end
