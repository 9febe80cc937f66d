#!/usr/bin/env bash
# Sweep directories of real runs: tables that say what the runs say, digit by digit; equal bytes
# whatever the unfinished runs do; gathering beside a run that starts over again and again; files
# that are loops, pipes, or cannot be written.
source "$(dirname "$0")/../lib/program.sh"

cat >base.yaml <<'YAML'
task:  {p: 11, train_fraction: 0.5}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 100, measure_every: 10, checkpoint_at: none}
YAML
outputs='sweep.csv cells.csv curves.csv.gz'

# point INDEX LR SEED [ARGUMENT...]: a line of points.csv and its run
point() {
    local index=$1 lr=$2 seed=$3
    shift 3
    echo "$index,$lr,$seed" >>sweep/points.csv
    expect 0 train base.yaml --set optim.lr="$lr" --set seed="$seed" --out "sweep/runs/0000$index" "$@"
}

mkdir sweep
echo index,optim.lr,seed >sweep/points.csv
point 0 0.001 1
point 1 0.001 2
point 2 0.03 1 --set task.train_fraction=0.8 --set run.epochs=600
point 3 0.03 2 --set model.heads=1                  # fewer columns
sed -i 's/"grok_epoch": null/"grok_epoch": 70/' sweep/runs/00001/summary.json
printf '%s\n' 4,0.1,1 5,0.1,2 >>sweep/points.csv
"$grokc" train base.yaml --set run.epochs=1000000 --out sweep/runs/00004 >/dev/null 2>&1 </dev/null &
wait_for sweep/runs/00004/metrics.jsonl '"epoch": 20,'

# ---- beside a run that goes on
expect 0 gather sweep
prints '^sweep: 6 runs: 4 done, 0 diverged, 1 going, 1 waiting; 1 grokked$' '^2 of 6 runs are missing' \
    '^ *optim.lr +n ' '^ *0.001 +2 +2 +0 +1 +0\.5 \[0\.[0-9]+, 0\.[0-9]+\] +70 \['
quiet err
mkdir first
for file in $outputs; do cp "sweep/$file" first/; done
kill -9 $!
{ wait $!; } 2>/dev/null

# tables DIR: they are those of the first time, and nothing else was left behind
tables() {
    local file
    for file in $outputs; do check "$1/$file: other bytes" cmp "first/$file" "$1/$file"; done
    check "$1: left behind" test -z "$(find "$1" -maxdepth 1 -name '*.grokc-tmp')"
}
expect 0 gather sweep
tables sweep
cp -r sweep elsewhere                               # other clocks, another name
echo 'failed: disk full' >elsewhere/runs/00004/state
expect 0 gather elsewhere/
says '^grokc: elsewhere//runs/00004 failed: disk full$'
tables elsewhere
check 'gzip: no clock, no name' test "$(od -An -tu1 -j3 -N5 sweep/curves.csv.gz | xargs)" = '0 0 0 0 0'
check 'gzip' gzip -t sweep/curves.csv.gz

# ---- what the tables say, against the files they come from
cat >compare.py <<'PYTHON'
import csv, gzip, json, re, sys

def equal(text, value):
    if value is None: return text == ''
    if isinstance(value, bool): return text == str(value).lower()
    if isinstance(value, (int, float)): return text != '' and float(text) == value and repr(value) != 'nan'
    if isinstance(value, list): return text == ','.join(':'.join(map(str, x)) if isinstance(x, list) else str(x) for x in value)
    return text == value

# A name of metrics.jsonl, summary.json or a config as CSV files have it.
def spelled(name):
    name = re.sub(r'^(events|turning_points|phases)\.|\.crossed$', '', name)
    for sign, word in ('<', 'below'), ('>=', 'at least'): name = name.replace(sign, word)
    return re.sub('[^a-z0-9]+', '_', name.lower())

def flat(prefix, value):
    if not isinstance(value, dict): return {prefix: value}
    return {k: v for name, x in value.items() for k, v in flat(prefix + '.' + name if prefix else name, x).items()}

checked = 0
def compare(row, name, value, where):
    global checked
    checked += 1
    got = row[spelled(name)]
    if not equal(got, value): sys.exit(f'{where}: {name} is {got!r}, not {value!r}')

sweep = list(csv.DictReader(open('sweep/sweep.csv', newline='')))
curves = list(csv.DictReader(gzip.open('sweep/curves.csv.gz', 'rt', newline='')))
if [r['run_index'] for r in sweep] != list('012345'): sys.exit('not a row for each run')
for i, row in enumerate(sweep):
    run = f'sweep/runs/{i:05d}'
    mine = [r for r in curves if r['run_index'] == str(i)]
    if i > 3:
        if row['state'] != 'unfinished' or mine: sys.exit(f'{run} is not finished')
        continue
    summary = json.load(open(run + '/summary.json'))
    rows = [json.loads(line) for line in open(run + '/metrics.jsonl')]
    last, final = summary.pop('last'), summary.pop('final')
    compare(row, 'state', summary.pop('state'), run)
    compare(row, 'observed_until', summary.pop('epochs'), run)
    for name in 'format', 'measure_every': del summary[name]
    for name, value in flat('', summary).items(): compare(row, name, value, run)
    del final['epoch']
    for name, value in final.items():
        compare(row, name, rows[-1].get(name) if value is None else value, run)
    if len(mine) != len(rows): sys.exit(f'{run}: {len(mine)} rows, not {len(rows)}')
    for got, expected in zip(mine, rows):
        expected = {spelled(name): value for name, value in expected.items()}
        for name in got: compare(got, name, i if name == 'run_index' else expected.get(name), run)
        if set(expected) - set(got): sys.exit(f'{run}: columns are missing')
for name, value in [('optim.lr', 0.03), ('seed', 1), ('task.train_fraction', 0.8), ('task.split', 'philox:1'),
                    ('run.epochs', 600), ('model.heads', 2), ('directory', 'runs/00002')]:
    compare(sweep[2], name, value, 'config')
if 'optim_beta1' in sweep[0] or len(set(sweep[0])) != len(sweep[0]): sys.exit('columns')
print(checked)
PYTHON
if python3 -c 'import csv, gzip, json' 2>/dev/null; then
    check 'tables and files' python3 compare.py
    check 'many values were compared' test "$(python3 compare.py)" -gt 4000
else
    skip 'tables against files: no python3'
fi

# ---- what run.hook answered stands beside the rows of its epochs; the other columns are as without
cp -r sweep hooked
printf '%s\n' '{"epoch": 0, "depth": 1, "test_loss": 5, "list": [1]}' '{"epoch": 50, "depth": 2}' \
    '{"epoch": 55, "depth": 3}' '{"epoch": 90, "depth": 1e-3, "of": {"it": "a, b"}}' '{"epoch": 50, "depth": 4}' \
    >hooked/runs/00000/hook.jsonl
printf '{"epoch": 100, "wide": true}\n{"epoch": 100, "wi' >hooked/runs/00001/hook.jsonl
cat >hooked.py <<'PYTHON'
import csv, gzip, sys

def read(path):
    file = gzip.open(path, 'rt', newline='') if path.endswith('gz') else open(path, newline='')
    return list(csv.DictReader(file))

answered = {('0', '0'): {'depth': '1', 'hook_test_loss': '5'}, ('0', '50'): {'depth': '4'},
            ('0', '90'): {'depth': '0.001', 'of_it': 'a, b'}, ('1', '100'): {'wide': 'true'}}
for name in 'curves.csv.gz', 'sweep.csv':
    plain, hooked = read('sweep/' + name), read('hooked/' + name)
    new = ['depth', 'hook_test_loss', 'of_it', 'wide'] if 'epoch' in hooked[0] else ['depth', 'of_it', 'wide']
    if sorted(set(hooked[0]) - set(plain[0])) != new: sys.exit(f'{name}: columns {list(hooked[0])}')
    if len(plain) != len(hooked): sys.exit(f'{name}: {len(hooked)} rows')
    for a, b in zip(plain, hooked):
        if any(a[k] != b[k] for k in a): sys.exit(f'{name}: other values: {b}')
        expected = answered.pop((b['run_index'], b['epoch']), {}) if 'epoch' in b else \
            {'0': {'depth': '0.001', 'of_it': 'a, b'}, '1': {'wide': 'true'}}.get(b['run_index'], {})
        if any(b[k] != expected.get(k, '') for k in new): sys.exit(f'{name}: {b}')
if answered: sys.exit(f'not there: {answered}')
PYTHON
expect 0 gather hooked
if python3 -c 'import csv, gzip' 2>/dev/null; then check 'answers of a hook' python3 hooked.py; fi
check 'answers: the same cells' cmp sweep/cells.csv hooked/cells.csv

# ---- hostile files in a finished run: it is left out, the others stay
# hostile PATTERN COMMAND...: in the run's folder
hostile() {
    local pattern=$1
    shift
    rm -rf bad
    cp -r sweep bad
    (cd bad/runs/00003 && "$@")
    expect 0 gather bad
    prints '^bad: 6 runs: 3 done, .* 1 unreadable; 1 grokked$' '^3 of 6 runs are missing'
    says "$pattern"
    check "${*}: the others" test "$(grep -c ',done,' bad/sweep.csv)" = 3
}
swap() { rm -rf "$2" && ln -s "$1" "$2"; }
pipe() { rm "$1" && mkfifo "$1"; }
lose() { truncate -s -"$2" "$1"; }
hostile 'runs/00003/state: Too many levels' eval 'cd .. && swap 00003 00003'
hostile 'runs/00003/state: Too many levels' swap state state
hostile 'cannot open .*summary.json: Too many levels' swap summary.json summary.json
hostile 'runs/00003/state: Not a directory' eval 'cd .. && rm -r 00003 && echo >00003'
hostile 'state is not a regular file' pipe state
hostile 'metrics.jsonl is not a regular file' pipe metrics.jsonl
hostile 'metrics.jsonl is not a regular file' swap /dev/zero metrics.jsonl
hostile 'config.yaml is not a regular file' swap . config.yaml
hostile 'metrics.jsonl: a line without an end' lose metrics.jsonl 1
hostile 'metrics.jsonl: a line without an end' eval 'head -c 3000 /dev/zero >metrics.jsonl; echo >>metrics.jsonl'
hostile 'metrics.jsonl: this is not the row after' eval 'echo "{}" >>metrics.jsonl'
hostile 'metrics.jsonl: a line without an end' eval 'head -c 3000000 /dev/zero | tr "\0" x >metrics.jsonl'
hostile 'summary.json:' lose summary.json 9
hostile 'hook.jsonl: this is not the row' eval 'echo "no object" >hook.jsonl'
hostile 'summary.json has [0-9]+ bytes' truncate -s 1G summary.json

# ---- what cannot be
refused 2 'gather what' gather
refused 1 '^grokc: nowhere is not a sweep: there is no points.csv$' gather nowhere
mkdir empty
cp sweep/points.csv empty
expect 1 gather empty
prints '^empty: 6 runs: 0 done, 0 diverged, 0 going, 6 waiting; 0 grokked$'
says '^grokc: empty: none of 6 runs is finished; nothing is written$'
check 'nothing is written' test "$(ls empty)" = points.csv

rm bad/sweep.csv
mkdir bad/sweep.csv
refused_to_write() {
    says '^grokc: cannot write bad/'
    check 'left behind' test -z "$(find bad -maxdepth 1 -name '*.grokc-tmp')"
}
expect 1 gather bad
refused_to_write
rmdir bad/sweep.csv
for file in $outputs; do echo old >"bad/$file"; done
what='a full disk'
(trap '' XFSZ && ulimit -f 8 && "$grokc" gather bad >out 2>err </dev/null)
check 'a full disk: exit code 1' test $? = 1
refused_to_write
for file in $outputs; do check "a full disk: $file" test "$(cat "bad/$file")" = old; done

# ---- beside a run that starts over, in turn of two configs: each time the tables are those of one
# moment, and all three are of the same
mkdir -p turn/runs turns
printf '%s\n' index,run.epochs,seed 0,100,1 1,100,2 >turn/points.csv
cp -r sweep/runs/00000 turn/runs/00000
over() { "$grokc" train base.yaml --set seed=2 --set run.epochs="$1" --out turn/runs/00001 --fresh >over.out 2>&1 </dev/null; }
remember() {
    mkdir "turns/$1"
    expect 0 gather turn
    for file in $outputs; do cp "turn/$file" "turns/$1/"; done
}
remember none
over 100
remember 100
over 110
remember 110
(while over 100 && over 110; do :; done) &
for ((i = 0; i < 100; i++)); do
    "$grokc" gather turn >out 2>err </dev/null
    code=$?
    check "beside a run that starts over: exit code $code" test $code = 0
    for file in $outputs; do sha256sum <"turn/$file"; done >now
    for moment in none 100 110; do
        for file in $outputs; do sha256sum <"turns/$moment/$file"; done | cmp -s - now && echo "$moment" >>moments
    done
done
kill $!
{ wait $!; } 2>/dev/null
check 'always one of the three moments' test "$(wc -l <moments)" = 100
sort moments | uniq -c | xargs echo 'tables of the moments:'
end
