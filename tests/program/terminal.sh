#!/usr/bin/env bash
# What is seen on a terminal: a line of progress that never wraps, however wide the terminal is; what --quiet and
# --progress leave of it; the work behind the last epoch, which can be stopped and gone on with; tables of `grokc ls`;
# and commands that do or say the obvious.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"

cat >small.yaml <<'END'
seed: 1
task:  {p: 13, train_fraction: 0.5}
model: {d_model: 16, heads: 2, d_head: 8, d_mlp: 32}
run:   {epochs: 400, measure_every: 20, checkpoint_at: "every:100"}
device: {threads: 1}
END
cat >sweep.yaml <<'END'
task:  {p: 13, train_fraction: 0.5}
model: {d_model: 16, heads: 2, d_head: 8, d_mlp: 32}
optim: {weight_decay: [0.5, 1]}
run:   {epochs: 1500, measure_every: 100, checkpoint_at: none}
device: {threads: 1}
seed: [0, 1]
END

# on COLUMNS EXIT ARGUMENT...: grokc on a terminal of this width; screen: what it wrote
on() {
    local columns=$1 code=$2 got
    shift 2
    what="grokc $* on $columns columns"
    python3 "$source_dir/tests/lib/on_terminal.py" "$columns" screen "$grokc" "$@"
    got=$?
    if [[ $got = "$code" ]]; then pass; else fail "$what: exit code $got, not $code" screen; fi
}

# draws: the lines of progress in `screen`, one a line, without what rewrites them
draws() { tr '\r' '\n' <screen | sed 's/\x1b\[K//g' | grep -E '^(epoch |sweep [0-9]|measuring )'; }

# narrow COLUMNS LINES: no line of progress is as wide as the terminal, it is rewritten, and all of the output has at
# most so many lines
narrow() {
    local longest lines
    longest=$(draws | awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }')
    lines=$(grep -c '' screen)
    if [[ $longest -gt 10 && $longest -lt $1 ]]; then pass; else fail "$what: a line of $longest characters" screen; fi
    if [[ $lines -le $2 ]]; then pass; else fail "$what: $lines lines" screen; fi
    check "$what: rewritten in place" grep -q $'\repoch\|\rsweep' screen
}

# ---- one line, whatever the width
for columns in 200 101 80 60 40 20; do
    on "$columns" 0 train small.yaml --epochs 4000 --out "wide$columns"
    narrow "$columns" 2
done
on 200 0 train small.yaml --epochs 4000 --out again200
check 'wide: a bar, a rate, a phase' grep -qE '\|[# ]{10}\| .* ep/s\] [a-z]' <(draws)
on 80 0 train small.yaml --epochs 4000 --out again80
check '80 columns: the rate is there' grep -q 'ep/s\]' <(draws)
check '80 columns: the bar gives way first' \
    awk '/^epoch .*\|/ && !/ep\/s\]/ { bad = 1 } /^epoch [1-9][0-9][0-9][0-9].*ep\/s\]/ { n++ } END { exit bad || !n }' <(draws)
if draws | grep -E '^epoch .*[|]' | grep -vE '[a-z]$' | grep -q .; then fail '80 columns: the phase goes after the bar' screen; else pass; fi
on 68 0 train small.yaml --epochs 4000 --out again68
if draws | grep -E '^epoch [1-9][0-9]{3}' | grep -q 'ep/s'; then fail '68 columns: the rate gives way' screen; else pass; fi
check '68 columns: the clocks stay' grep -qE '\[[0-9:]+<[0-9:?]+\]' <(draws)
for columns in 62 57 52 47 38 31 27; do
    on "$columns" 0 train small.yaml --epochs 1500 --out "cut$columns"
    check "$columns columns: nothing is cut in two" awk '
        !/^(epoch [0-9]+\/1500( [0-9]+%( train [0-9.e-]+( test [0-9.e-]+( acc [0-9]+%( \[[0-9:]+<[0-9:?]+[^]]*\][ a-z]*)?)?)?)?)?|measuring .*)$/ {
            print; bad = 1 } END { exit bad }' <(draws | sed -E 's/ (train|test|acc)$//')
done

# the width is asked for at each line: a window that is made smaller
on 120,50 0 train small.yaml --epochs 12000 --out resized
check 'made smaller: the first line is long, the last is not' \
    awk 'NR == 1 { first = length($0) } { last = length($0) } END { exit !(first > 70 && last < 50) }' <(draws)

# a terminal that does not know: $COLUMNS, else 80
COLUMNS=50 on 0 0 train small.yaml --epochs 4000 --out columns50
narrow 50 2
COLUMNS=junk on 0 0 train small.yaml --epochs 4000 --out columns80
narrow 80 2

for columns in 120 80 30; do
    on "$columns" 0 sweep sweep.yaml --out "sweep$columns"
    narrow "$columns" 3
done
on 80 0 branch --help
expect 0 train small.yaml --set run.keep_state=200 --out parent
on 60 0 branch parent@200 --epochs 4000 --out branched
narrow 60 2

# ---- less of it
on 80 0 train small.yaml --out q1 -q
check 'quiet: nothing at all' test ! -s screen
on 80 0 sweep sweep.yaml --out q2 --quiet
check 'quiet, of a sweep: nothing at all' test ! -s screen
on 80 0 train small.yaml --out q3 --progress=none
check 'none: the line at the end alone' test "$(grep -c '' screen)" = 1
on 80 0 train small.yaml --out q4 --progress=plain
if grep -q $'\x1b' screen; then fail 'plain: no sequence of a terminal' screen; else pass; fi
expect 0 train small.yaml --out q5 --progress bar
check 'bar, into a file: rewritten' grep -q $'\repoch' err
expect 0 train small.yaml --out q6
check 'a file: plain lines, whole' grep -qE '^epoch .*\|[# ]{10}\| .* ep/s\]' err
expect 0 train small.yaml --out q7 -q
quiet out
quiet err
expect 0 sweep sweep.yaml --out q8 -q --progress plain
quiet out
says '^sweep [0-9]+ done'
refused 2 'expects plain, bar or none' train small.yaml --out q9 --progress=loud
check 'refused before anything is made' test ! -e q9
refused 2 'expects plain, bar or none' sweep sweep.yaml --out q9 --progress loud
same 'progress changes no byte' q1 q5

# ---- behind the last epoch
many=(--epochs 300 --set run.checkpoint_at=every:1 --set run.measure_every=100)
expect 0 train small.yaml "${many[@]}" --out whole
on 70 0 train small.yaml "${many[@]}" --out seen
check 'the checkpoints that are measured are counted' grep -qE '^measuring checkpoint [0-9]+/301' <(draws)
narrow 70 2
same 'on a terminal or not: the same run' whole seen

# stopped SIGNAL DIR: a signal in the middle of measuring, twice; then it is gone on with
stopped() {
    local signal=$1 dir=$2 i lines=0 now
    for i in 1 2; do
        # a shell lets its background jobs ignore INT, and what is ignored at the start stays so
        env --default-signal=INT "$grokc" train small.yaml "${many[@]}" --out "$dir" >out 2>err &
        wait_for "$dir/final.jsonl.part" '"epoch": '"$((lines + 3))[,0-9]" || return
        kill -"$signal" $!
        wait $!
        now=$?
        what="stopped by $signal, time $i"
        if [[ $signal = KILL ]]; then
            check "$what: killed" test $now = 137
        elif [[ $now = 75 ]]; then
            pass
            state_is "$dir" interrupted
            says 'stopped at epoch 300 with a resume point'
        else
            fail "$what: exit code $now, not 75" err
        fi
        now=$(grep -c '"epoch"' "$dir/final.jsonl.part")
        if [[ $now -gt $lines && $now -lt 301 ]]; then pass; else fail "$what: $lines lines before, $now now"; fi
        lines=$now
    done
    head -n 2 "$dir/final.jsonl.part" | tail -n 1 >kept
    sed -i '2s/"train_loss": [^,]*/"train_loss": 77/' "$dir/final.jsonl.part"
    cp -r "$dir" "$dir-marked"
    expect 0 train small.yaml "${many[@]}" --out "$dir-marked"
    check "$signal: what was measured is not measured again" grep -q '"train_loss": 77,' "$dir-marked/final.jsonl"
    { sed -n 1p "$dir/final.jsonl.part"; cat kept; tail -n +3 "$dir/final.jsonl.part"; printf '{"epoch": 5'; } >part
    cp part "$dir/final.jsonl.part"
    expect 0 train small.yaml "${many[@]}" --out "$dir"
    complete "$dir"
    check "$signal: nothing is left over" test ! -e "$dir/final.jsonl.part"
    same "$signal: gone on with, to the same bytes" whole "$dir"
}
stopped TERM term
stopped INT int
stopped KILL kill

# lines that were measured with something else are of no use: a longer run measures all of them again
cp -r kill longer
{ sed -n 1p part; sed -n '2,9p' part | sed 's/"train_loss": [^,]*/"train_loss": 77/'; } >longer/final.jsonl.part
expect 0 train small.yaml "${many[@]}" --epochs 320 --out longer
expect 0 train small.yaml "${many[@]}" --epochs 320 --out long
same 'a longer run: no line of the shorter one' long longer

# a sweep: those that stand beside the run that is being measured get resume points, too
cp sweep.yaml lines.yaml
sweep=(sweep lines.yaml --epochs 40 --set run.checkpoint_at=every:1 --set run.measure_every=20)
expect 0 "${sweep[@]}" --out sweep-whole
"$grokc" "${sweep[@]}" --out sweep-stopped >out 2>err &
wait_for sweep-stopped/runs/00000/final.jsonl.part '"epoch": 3,' && kill -TERM $!
wait $!
code=$?
check "a sweep: exit code $code, not 75" test $code = 75
for i in 0 1 2 3; do check "a sweep: resume point $i" test -s sweep-stopped/runs/0000$i/resume.safetensors; done
expect 0 "${sweep[@]}" --out sweep-stopped
for i in 0 1 2 3; do same "a sweep: run $i" sweep-whole/runs/0000$i sweep-stopped/runs/0000$i; done

# ---- ls
mkdir -p runs store/deep
mv q1 runs/two
cp -r runs/two store/deep/three
cp -r runs/two other_one
ln -s ../other_one runs/one
ln -s ../store runs/store
ln -s nowhere runs/gone
ln -s . runs/round
expect 0 ls runs
check 'ls: behind links' test "$(grep -c done out)" = 3
prints '^runs/one ' '^runs/two ' '^runs/store/deep/three '
says 'runs/gone: .*nothing' 'runs/round: .*back to runs'
ln -s two runs/another
ln -s one runs/zero
expect 0 ls runs runs/store/deep/three
check 'ls: a run that is reached in two ways, once' test "$(grep -c done out)" = 3
prints '^runs/another '
says '^grokc: 3 of the runs can be reached in two ways, and are shown once: runs/two is runs/another$'
rm runs/another runs/zero
mkdir runs/locked && chmod 0 runs/locked
if [[ -r runs/locked ]]; then skip 'ls: a folder that cannot be read (root reads all)'; else
    expect 0 ls runs
    says 'runs/locked: '
fi
rmdir runs/locked

expect 0 ls sweep120
wide=$(head -n 1 out | wc -c)
for columns in 200 60 40 12; do
    on "$columns" 0 ls sweep120
    longest=$(tr -d '\r' <screen | awk '{ if (length($0) > n) n = length($0) } END { print n }')
    check "ls on $columns columns: a line of $longest characters" test "$longest" -le "$columns"
    check "ls on $columns columns: a line for each run" test "$(grep -c '0000[0-3]' screen)" = 4
    if [[ $columns -lt $wide ]]; then check "ls on $columns columns: says what is left out" grep -q '^(+[0-9]' screen
    elif grep -q '^(+' screen; then fail "ls on $columns columns: nothing is left out" screen; else pass; fi
done
on 40 0 ls sweep120 --columns run,optim.weight_decay,train_loss,test_loss,key_freqs
check 'ls: columns that are asked for are shown' grep -q 'key_freqs' screen
on 40 0 ls sweep120 --csv
check 'ls --csv: all of it' grep -q 'key_freqs' screen

"$grokc" train small.yaml --epochs 1000000 --out killed >out 2>err &
wait_for killed/metrics.jsonl '"epoch": 100,'
expect 0 ls killed --columns state
prints '^running$'
kill -9 $!
wait $! 2>/dev/null
expect 0 ls killed --columns state
prints '^dead$'
rm -f killed/owner
expect 0 ls killed --where state=dead
prints '^killed '
sed "s/^host .*/host elsewhere/" >killed/owner <<END
host x
pid 1
started 1
END
expect 0 ls killed --columns state
prints '^running$'
touch -d '20 minutes ago' killed/owner
expect 0 ls killed --columns state
prints '^dead$'

# ---- the obvious
refused 2 'sweep.yaml is a sweep file, of 4 runs: grokc sweep sweep.yaml' train sweep.yaml
says 'sweep.yaml:3: .*weight_decay.*list'
sed 's/0.5, 1/{log: [0.1, 1, 3]}/; s/\[{/{/; s/}\]/}/' sweep.yaml >forms.yaml
refused 2 'forms.yaml is a sweep file, of 6 runs' train forms.yaml
sed 's/train_fraction/train_fractoin/' small.yaml >wrong.yaml
refused 2 'did you mean "train_fraction"' train wrong.yaml
refused 2 'sweep120 is a sweep; grokc sweep sweep120/sweep.yaml --out sweep120' train sweep120
mkdir empty
refused 2 'no run: it has no config.yaml' train empty
refused 2 'cannot open nowhere' train nowhere

expect 0 train parent/
prints 'parent: done already'
expect 0 train parent --epochs 500
prints 'parent: done at epoch 500'
expect 0 train parent --epochs 500 --out copied
prints 'copied: done at epoch 500'
expect 0 train small.yaml --set run.epochs=500 --set run.keep_state=200 --out direct
same 'a run by the name of its directory' direct parent
cp sweep.yaml shorter.yaml
expect 0 sweep shorter.yaml --epochs 100 --out shorter
check 'a sweep of 100 epochs' test "$(last_epoch shorter/runs/00000)" = 100
refused 2 'a number from 1 to' train small.yaml --epochs 0 --out none
refused 2 'a number from 1 to' train small.yaml --epochs many --out none

expect 0 measure parent
mv out all
expect 0 measure parent@200
check 'measure RUN@EPOCH: the line of that epoch' diff <(grep '"epoch": 200,' all) out
refused 1 'no checkpoint of epoch 77' measure parent@77
refused 1 'cannot open nowhere@200' measure nowhere@200
refused 2 '--every chooses' measure parent@200 --every 2
cp -r parent par@100
expect 0 measure par@100
check 'measure: a directory of such a name' diff all out

expect 0 train small.yaml --set run.keep_state=400 --out ends
refused 2 'from epoch 400 would end there.*--epochs' branch ends@400 --out from-end
check 'branch: nothing is made' test ! -e from-end
expect 0 branch ends@400 --epochs 440 --out from-end
prints 'done at epoch 440'

expect 3 train small.yaml --set optim.lr=1000 --out diverged
says 'diverged: the train loss is not finite at epoch [0-9]+' 'optim.lr \(here 1000\)' 'optim.warmup \(here 10\)' \
    'optim.weight_decay .*1000'
if grep -qe '-nan' out err; then fail 'a NaN has no sign' out err; else pass; fi
prints 'train loss nan'
end
