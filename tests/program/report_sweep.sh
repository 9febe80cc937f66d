#!/usr/bin/env bash
# Reports of sweeps: finished, going on, not begun, diverged; its numbers are those of cells.csv; figures in a folder;
# without gnuplot the numbers stand there as tables. How it looks in a browser is another test's.
# As ctest calls it: run_report_sweep.sh <grokc> <source directory>
source "$(dirname "$0")/../lib/program.sh"

cat >sweep.yaml <<'END'
task: {name: modular, op: add, p: 23, train_fraction: [0.8, 0.9]}
model: {layers: 1, d_model: 32, heads: 2, d_head: 16, d_mlp: 64, outputs: 23}
optim: {weight_decay: {log: [0.5, 2, 3]}, lr: 2e-3}
run: {epochs: 1200, measure_every: 25, stop_test_loss: 0.01, checkpoint_at: none, keep_checkpoints: last}
device: {threads: 1}
seed: {range: [0, 4]}
END
expect 0 sweep sweep.yaml --out s
expect 0 gather s
prints '24 runs: 24 done'
figures='grok-epoch survival grok-map share-map test-losses train-losses key-frequencies key-count'

# figures_of FILE: the ids of its figures
figures_of() { grep -o '<figure id="[^"]*"' "$1" | cut -d '"' -f 2 | tr '\n' ' '; }

# the table of cells, against cells.csv
cells_agree() {
    python3 - "$1" s/cells.csv <<'END'
import csv, re, sys
from html import unescape
page = open(sys.argv[1]).read()
part = page[page.index('cells">Results by cell</h2>'):]
rows = [[unescape(re.sub('<.*?>', '', c)) for c in re.split('<t[hd][^>]*>', r)[1:]]
        for r in part[:part.index('</table>')].split('<tr>')[1:]]
head, rows = rows[0], rows[1:]
cells = list(csv.DictReader(open(sys.argv[2])))
assert len(rows) == len(cells) == 6, (len(rows), len(cells))
assert any(c['grok_epoch_median'] for c in cells), 'nothing grokked: this would show nothing'
number = lambda text: None if text in ('-', '') else float(text.replace(',', ''))
for row, cell in zip(rows, cells):
    row = [c.strip() for c in row]
    assert [float(row[1]), float(row[2])] == [float(cell['task_train_fraction']), float(cell['optim_weight_decay'])], row
    assert row[3:7] == [cell[k] for k in ('n', 'done', 'diverged', 'grokked')], (row, cell)
    assert row[7] == '%.0f %%' % (100 * float(cell['grokked_fraction'])), row
    assert row[8] == '%.0f to %.0f %%' % (100 * float(cell['grokked_low']), 100 * float(cell['grokked_high'])), row
    assert number(row[9]) == number(cell['grok_epoch_median']), (row, cell)
    low, high = cell['grok_epoch_low'], cell['grok_epoch_high']
    between = row[10].split(' to ') if ' to ' in row[10] else ['-', '-']
    assert number(between[0]) == number(low), (row, cell)
    assert number(between[1].replace('?', '')) == number(high), (row, cell)
    assert number(row[11]) == number(cell['grok_delay_median']), (row, cell)
END
}

has_gnuplot() { command -v gnuplot >/dev/null; }
sums s >before
expect 0 report s -o report.html --figures figures
unchanged 'a report' s
check 'the cells are those of cells.csv' cells_agree report.html
check 'under 5 MB' [ "$(stat -c %s report.html)" -lt 5000000 ]
check 'no network' bash -c "! grep -qE '(src|href)=\"?(https?:)?//|@import|<script' report.html"
if has_gnuplot; then
    check 'all figures' [ "$(figures_of report.html)" = "$figures " ]
    check 'all drawn' [ "$(grep -c '<svg' report.html)" = 8 ]
    for name in $figures; do
        for kind in svg pdf dat gp; do
            check "figures/$name.$kind" [ -s "figures/$name.$kind" ]
        done
    done
    (cd figures && rm survival.svg && gnuplot survival.gp) >gnuplot.out 2>&1
    check 'survival.gp draws again' [ -s figures/survival.svg ]
else
    skip 'figures: no gnuplot (apt-get install gnuplot-nox)'
fi
# A survival curve ends at the fraction that has not grokked: nobody is censored before the last one grokked.
check 'survival.dat' python3 - <<'END'
import csv
blocks = open('figures/survival.dat').read().split('\n\n\n')
curves = [b for b in blocks if 'fraction not yet grokked' in b]
cells = list(csv.DictReader(open('s/cells.csv')))
assert len(curves) == len(cells), (len(curves), len(cells))
for block, cell in zip(curves, cells):
    last = [l for l in block.splitlines() if l and l[0] != '#'][-1].split()
    assert abs(float(last[1]) - (1 - float(cell['grokked_fraction']))) < 1e-6, (last, cell)
END

# Intervals of the figure: one without an upper end says so and has none, a median that is not reached is no number.
cat >intervals.py <<'END'
import csv, math, sys
cells = list(csv.DictReader(open(sys.argv[2])))
rows = []
for block in open(sys.argv[1]).read().split('\n\n\n'):
    if 'median, 95 percent interval' in block:
        assert block.splitlines()[1] == '# place | median | low | high | reached | no upper end', block
        rows += [[float(x) for x in line.split()] for line in block.splitlines() if line[0] != '#']
assert len(rows) == len(cells), (len(rows), len(cells))
wanted = []
for c in cells:
    number = lambda key: float(c[key]) if c[key] else math.nan
    median, high = number('grok_epoch_median'), number('grok_epoch_high')
    reached = not math.isnan(median)
    wanted.append((median, number('grok_epoch_low') if reached else math.nan, high, reached, reached and math.isnan(high)))
text = lambda row: ' '.join('%g' % x for x in row)
got, wanted = sorted(text(row[1:]) for row in rows), sorted(map(text, wanted))
assert got == wanted, (got, wanted)
print(sum(row[5] for row in rows), 'open,', sum(not row[4] for row in rows), 'not reached')
assert any(row[5] for row in rows) and any(not row[4] for row in rows) or sys.argv[3:] == ['any']
END
check 'grok-epoch.dat' python3 intervals.py figures/grok-epoch.dat s/cells.csv any
sed 's/epochs: 1200/epochs: 550/' sweep.yaml >short.yaml
expect 0 sweep short.yaml --out short
expect 0 gather short
expect 0 report short -o short.html --figures shortened
check 'intervals without an upper end' python3 intervals.py shortened/grok-epoch.dat short/cells.csv
check 'arrows to the top' grep -q 'top-\$3:NaN) with vectors head filled' shortened/grok-epoch.gp
check 'the convention' grep -q 'the first epoch at which the estimate of the fraction that has not grokked is 1/2 or less' short.html
check 'not reached, by name' grep -q 'Not reached: train_fraction 0.8, weight_decay 0.5' short.html
for name in grok-epoch:y survival:x test-losses:x; do
    check "$name: at least three numbers" python3 - shortened/${name%:*}.gp ${name#*:} <<'END'
import re, sys
script, axis = open(sys.argv[1]).read(), sys.argv[2]
marks = re.search(r'^set %stics \((.*)\)$' % axis, script, re.M)[1].split(',')
low, high = map(float, re.search(r'^set %srange \[(.*):(.*)\]$' % axis, script, re.M).groups())
assert len([m for m in marks if low <= float(m.split()[1]) <= high]) >= 3, (marks, low, high)
END
done
if has_gnuplot; then check 'contrast' python3 "$source_dir/tests/lib/report_contrast.py" report.html; fi

# ------------------------------------------------------------------------------------------------- no gnuplot

mkdir bin
expect 0 report s -o report.html
ln -s "$(command -v true)" bin/true
PATH=$scratch/bin "$grokc" report s -o plain.html >out 2>err
check 'without gnuplot: it says so' grep -q 'gnuplot-nox' err
check 'without gnuplot: the page says so' grep -q 'gnuplot-nox' plain.html
check 'without gnuplot: the cells' cells_agree plain.html
check 'without gnuplot: numbers as tables' grep -q 'fraction not yet grokked' plain.html

# --------------------------------------------------------------------------------- unfinished, diverged, hostile

cp -r s going
rm -r going/runs/0000[0-5]
for i in 06 07 08; do
    rm -f going/runs/000$i/summary.json going/runs/000$i/final.jsonl
    echo running >going/runs/000$i/state
    head -c -40 going/runs/000$i/metrics.jsonl >rows
    cp rows going/runs/000$i/metrics.jsonl
done
echo 'failed: no space' >going/runs/00009/state
echo '{' >going/runs/00010/summary.json
expect 0 report going -o going.html
check 'unfinished: it says so' grep -q '14 done, 3 going or interrupted, 1 failed, 6 waiting' going.html
check 'unfinished: what failed' grep -q '<td>failed' going.html
says 'runs/00010/summary.json'
mkdir waiting
cp s/points.csv s/sweep.yaml waiting
expect 0 report waiting -o waiting.html
check 'nothing has begun' grep -q '24 waiting; 0 grokked' waiting.html

sed 's/weight_decay: .*,/weight_decay: 1,/; s/lr: 2e-3/lr: [1e-3, 1000]/; s/epochs: 1200/epochs: 50/' sweep.yaml >div.yaml
expect 0 sweep div.yaml --out div
expect 0 report div -o div.html
check 'diverged: listed' [ "$(grep -c '<td>diverged' div.html)" = 8 ]

cat >zip.yaml <<'END'
task: {name: modular, op: [add, subtract], p: 11, train_fraction: [0.8, 0.9, 0.95]}
model: {layers: 1, d_model: 16, heads: 2, d_head: 8, d_mlp: 32, outputs: 11}
run: {epochs: 40, measure_every: [10, 20, 20], checkpoint_at: none, keep_checkpoints: last}
zip: [[task.train_fraction, run.measure_every]]
END
expect 0 sweep zip.yaml --out zip
expect 0 report zip -o zip.html
check 'a key that walks with another is no axis' grep -q 'op (2 values) and train_fraction (3 values from 0.8 to 0.95), 1 run in each of 6 cells' zip.html
sed -i '2s/^0,/0x,/' waiting/points.csv
refused 1 'is not the index of a point' report waiting -o w.html
expect 0 report s div -o both.html
check 'two sweeps in one page' [ "$(grep -c '<h1 id=' both.html)" = 2 ]
end
