#!/usr/bin/env bash
# grokc report on single runs, without a browser: every figure is there, the page needs nothing but itself, its numbers
# are the run's; runs that have not ended, diverged, or have one row; no gnuplot; report.html of a run that goes on.
source "$(dirname "$0")/../lib/program.sh"

if ! command -v python3 >/dev/null; then skip "pages are looked at with python3, which is missing"; exit 0; fi
there=$(command -v gnuplot)
[[ -n $there ]] || skip "gnuplot is missing: figures are only looked at as tables (apt-get install gnuplot-nox)"

page() { check "$1: the page" python3 "$source_dir/tests/lib/report_page.py" "$@"; }
# without_gnuplot COMMAND...: PATH has everything else that this script uses
mkdir bin
for program in bash sh python3 env cat; do ln -s "$(command -v $program)" bin/; done
without_gnuplot() { PATH=$scratch/bin "$@"; }

cat >base.yaml <<'YAML'
seed: 3
task:  {p: 43, train_fraction: 0.7}
model: {d_model: 48, heads: 4, d_head: 12, d_mlp: 96}
optim: {weight_decay: 2}
run:   {epochs: 2500, measure_every: 50, checkpoint_at: "every:250", arrays_at: "every:250", stop_test_loss: 1e-3}
YAML
tiny="--set task.p=11 --set model.d_model=8 --set model.heads=2 --set model.d_head=4 --set model.d_mlp=16"
all="loss loss-log accuracy squared-l2-norm restricted excluded cosines gini excluded-by-frequency w-e-norms w-l-norms
     logits-2d cosine-similarity excluded-last neuron-clusters neuron-shares attention activations embedding circles
     embedding-initial"

# ---------------------------------------------------------------------------------- a run that groks
expect 0 train base.yaml --out grokked
check "the run has key frequencies" grep -q '"key_freqs": \[[0-9]' grokked/summary.json
sums grokked >before
expect 0 report grokked -o page.html --figures figures
prints '^page.html$'
unchanged "report" grokked
# shellcheck disable=SC2086
page page.html $all
what="the page of a run"
for words in "addition modulo 43" "70 percent of all pairs" "explaining [0-9.]* percent of the logits" \
    "grokked at epoch" "memorisation until epoch" "cleanup not settled when the run ended" "Needed: without that part" "Controls: without as much" \
    "grokc train config.yaml" "grokc commit: " "control_random"; do matches page.html "$words"; done
for name in $all; do
    for kind in gp dat ${there:+svg pdf}; do
        if [[ -s figures/$name.$kind ]]; then pass; else fail "figures/$name.$kind"; fi
    done
done

# ------------------------------------------------------------------- what the figures say, and do not say
cat >figures.py <<'PYTHON'
"""figures.py RUN FIGURES: the scripts and data of a run's figures against the numbers of the run."""
import glob, json, os, re, sys
run, folder = sys.argv[1:]
script = {os.path.basename(path)[:-3]: open(path).read() for path in glob.glob(f"{folder}/*.gp")}
summary = json.load(open(f"{run}/summary.json"))
keys = summary["key_freqs"]
keys = sorted(int(k) for k in (keys.split(",") if isinstance(keys, str) else keys))
last = json.loads(open(f"{run}/final.jsonl").readlines()[-1])
wrong = []

def hold(what, value):
    if not value:
        wrong.append(what)

def blocks(name):
    return [[[float(x) for x in line.split()] for line in block.splitlines() if line and line[0] != "#"]
            for block in open(f"{folder}/{name}.dat").read().split("\n\n\n")]

def is_log(name, axis):
    return re.search(rf"^set logscale {axis}$", script[name], re.M) is not None

for name, text in script.items():                       # named once, in the first figure of all
    for word in ("memorisation", "circuit formation", "cleanup"):
        hold(f"{name} names {word}", word not in text or name == "loss")
hold("the phases' names", "set label 'memorisation'" in script["loss"])
hold("controls are to be seen on a logarithmic axis", is_log("excluded", "y"))
hold("the accuracy has its neighbours' axis", not is_log("accuracy", "x") and not is_log("loss", "x"))
hold("logarithmic epochs", is_log("loss-log", "x"))
first = blocks("loss-log")[0]
hold("they begin with the first row", first[0][0] == 0 and "('0' " in script["loss-log"])
hold("train loss of row 0", first[0][1] > 3)
hold("no curve of the largest loss without a spike", "largest" not in script["loss"])
hold("the unit of an amplitude", "'amplitude (logits)'" in script["cosines"])
hold("amplitudes begin at 0", "set yrange [0:*]" in script["cosines"])
for axis in "xy":                                       # no key frequency is dropped
    marks = re.search(rf"^set {axis}tics \((.*)\)$", script["logits-2d"], re.M)[1]
    found = sorted(int(re.search(r"\d+", label)[0]) for label in re.findall(r'"([^"]*)"', marks))
    hold(f"marks of {axis}: {found}", found == keys)
circles = sorted(int(k) for k in re.findall(r"^set title 'k = (\d+)'", script["circles"], re.M))
hold(f"circles: {circles}", circles == keys)
for name in ("circles", "embedding", "embedding-initial"):
    hold(f"{name}: cyclic colours", "defined @cycle" in script[name])
for block, k in zip(blocks("circles"), circles):
    hold(f"the colours of circle {k}", [row[3] for row in block] == [k * row[0] % 43 for row in block])
for name, quantity in (("logits-2d", "norm (logits)"), ("attention", "fraction of the attention"),
                       ("activations", "activation")):
    hold(f"{name}: what its colours show", f"'{quantity}'" in script[name])
for name in ("w-e-norms", "w-l-norms", "cosine-similarity", "excluded-last"):
    shown = [int(row[0]) for row in blocks(name)[0] if row[1] == row[1]]
    hold(f"{name}: key frequencies {shown}", shown == keys)
for name in ("w-e-norms", "w-l-norms"):                 # the quarter rule, by what is drawn
    rows = blocks(name)[0]
    most = max(max(x for x in row[1:] if x == x) for row in rows)
    line = float(re.search(r"^ ([0-9.e+-]+) with lines lc rgb ink dt 2 title '1/4 of the largest'", script[name], re.M)[1])
    hold(f"{name}: the line at {line}", abs(line / (most / 4) - 1) < 1e-5)
    if name == "w-l-norms":
        hold("keys are above it", sorted(int(r[0]) for r in rows if max(x for x in r[1:] if x == x) > line) == keys)
share = sum(row[1] for row in blocks("cosine-similarity")[0] if row[1] == row[1])
hold(f"shares add up to {share}", abs(share - 100 * last["logit_fve"]) < 1e-3)
print(*wrong, sep="\n")
sys.exit(bool(wrong))
PYTHON
check "figures and numbers" python3 figures.py grokked figures
if [[ -n $there ]]; then
    check "contrast" python3 "$source_dir/tests/lib/report_contrast.py" page.html
    sed 's/--s1:#5cb0ee/--s1:#0072b2/' page.html >planted.html      # one blue for light and dark: 2.3:1 on a band
    if python3 "$source_dir/tests/lib/report_contrast.py" planted.html >planted.out; then
        fail "a curve without contrast passes" planted.out
    else
        pass
    fi
fi

# A cleanup that an older grokc read off a curve that still falls is not repeated.
cp -r grokked older
sed -i 's/"cleanup_until": null/"cleanup_until": 400/; s/"squared L2 norm settled": null/"sum of squares settled": 400/' older/summary.json
check "a summary as it once was" grep -q '"cleanup_until": 400' older/summary.json
expect 0 report "$PWD/older" -o older.html
what="the page of an older run"
matches older.html 'cleanup not settled when the run ended' '<title>older: grokc report</title>'
if grep -q 'cleanup until' older.html; then fail "$what: cleanup until"; else pass; fi

# The restricted loss is computed again from projections.bin: at checkpoints final.jsonl has it, too. Both go through
# float32 logits of some 10 nats, so their sums differ by 1e-7 of those: 1e-5 of the loss is 100 times that.
cat >restricted.py <<'PYTHON'
import json, sys
curve = {}
for line in open(sys.argv[2]):
    if line.startswith("# index 1"):
        break
    if not line.startswith("#") and line.strip():
        epoch, loss = map(float, line.split())
        curve[epoch] = loss
rows = [json.loads(line) for line in open(sys.argv[1])]
worst = max(abs(curve[row["epoch"]] / row["restricted_all"] - 1) for row in rows)
print(len(rows), "checkpoints, worst relative difference", worst)
sys.exit(not (len(rows) > 3 and worst <= 1e-5))
PYTHON
check "restricted loss of projections.bin and of final.jsonl" \
    python3 restricted.py grokked/final.jsonl figures/restricted.dat

if [[ -n $there ]]; then                # figures are drawn again from what is in the folder, to the same drawing
    cp -r figures again
    rm again/*.svg again/*.pdf
    for name in loss logits-2d circles; do
        check "gnuplot $name.gp" env -C again gnuplot $name.gp
        check "$name.svg again" cmp figures/$name.svg again/$name.svg
        check "$name.pdf again" test -s again/$name.pdf
    done
    for name in $all; do                # gnuplot drops a label that would leave the drawing
        sed -nE "s/^set ([xyz]label|label 1) '([^'_^]*)'.*/\\2/p" figures/$name.gp | sort -u >labels
        check "labels of $name" test -s labels
        while read -r label; do check "$name: $label" grep -qF ">$label<" figures/$name.svg; done <labels
    done
fi
expect 0 report grokked grokked -o both.html
page both.html

# ----------------------------------------------------------------------------------------- no gnuplot
without_gnuplot expect 0 report grokked -o bare.html --figures bare
says 'apt-get install gnuplot-nox'
# shellcheck disable=SC2086
check "tables: every figure" python3 - bare.html $all <<'PYTHON'
import re, sys
text = open(sys.argv[1]).read()
figures = dict(re.findall(r'<figure id="([^"]*)".*?>(.*?)</figure>', text, re.S))
wrong = [name for name in sys.argv[2:] if figures.get(name, "").count("<td") < 6]
print(wrong)
sys.exit(bool(wrong) or "apt-get install gnuplot-nox" not in text or "<svg" in text)
PYTHON
check "data and scripts without gnuplot" test -s bare/loss.dat -a -s bare/loss.gp

# A gnuplot that fails or says nothing sensible costs figures, not the report.
mkdir bad
printf '#!/bin/sh\necho "no terminal" >&2; exit 1\n' >bad/gnuplot
chmod +x bad/gnuplot
PATH=$scratch/bad:$PATH expect 0 report grokked -o refused.html
what="the page with a gnuplot that fails"
matches refused.html 'gnuplot could not draw' 'addition modulo 43'

# ------------------------------------------------------------------------------------- other runs
# shellcheck disable=SC2086
{
    expect 0 train base.yaml $tiny --set run.epochs=0 --out one
    expect 3 train base.yaml $tiny --set run.epochs=200 --set optim.lr=1000 --set optim.warmup=0 \
        --set loss.form=f32 --out diverged
    expect 0 train base.yaml $tiny --set task.op=x2_xy_y2 --set run.epochs=100 --out square
    expect 0 train base.yaml $tiny --set task.op=divide --set run.epochs=100 --set model.d_mlp=0 --out divide
    expect 0 train base.yaml $tiny --set task.op=divide_or_subtract --set run.epochs=100 --out undefined
    expect 0 train base.yaml $tiny --set run.epochs=50 --set "run.hook=cat # <script>alert(1)</script> & 'quoted'" \
        --out 'odd "<b>&name'
}
for run in one diverged square divide undefined 'odd "<b>&name'; do
    expect 0 report "$run" -o other.html
    if [[ -n $there ]]; then page other.html; fi
    what="the page of $run"
    matches other.html 'id="loss"|Not here: Train and test loss'
    if grep -q 'could not draw' other.html; then fail "$run: a figure was refused" other.html; else pass; fi
done
expect 0 report diverged -o other.html
what="the page of a diverged run"
matches other.html 'The run diverged: at epoch'

# shellcheck disable=SC2086
"$grokc" train base.yaml $tiny --set run.epochs=100000000 --set run.report_every=3 --out live >/dev/null 2>&1 &
wait_for live/log.txt 'report.html took' && wait_for live/metrics.jsonl '"epoch": 2000,'
kill -9 $!
wait $! 2>/dev/null
what="report.html while the run goes on"
matches live/report.html 'http-equiv="refresh"' 'State: running' 'not ended'
if [[ -n $there ]]; then page live/report.html; fi
expect 0 report live -o other.html
what="the page of a killed run"
matches other.html 'State: running'
if grep -q http-equiv other.html; then fail "a report by hand reloads itself"; else pass; fi

# -------------------------------------------------------------------- rows at log-spaced epochs besides
# shellcheck disable=SC2086
{
    expect 0 train base.yaml $tiny --set run.epochs=300 --set run.measure_every=100 --out sparse
    expect 0 train base.yaml $tiny --set run.epochs=300 --set run.measure_every=100 --set run.measure_at=log:40 --out logged
    expect 0 train base.yaml $tiny --set run.epochs=300 --set run.measure_every=100 --set run.measure_at=0,3,130 --out listed
}
check "not set: null" grep -q '^  measure_at: *null$' sparse/config.yaml
check "rows of run.measure_at" python3 - <<'PYTHON'
import json
def rows(run): return {row["epoch"]: row for row in map(json.loads, open(run + "/metrics.jsonl"))}
sparse, logged, listed = rows("sparse"), rows("logged"), rows("listed")
spaced = {0} | {int(300 ** (i / 39) + 0.5) for i in range(39)} | {300}
assert sorted(sparse) == [0, 100, 200, 300], sorted(sparse)
assert sorted(logged) == sorted(set(sparse) | spaced), (sorted(logged), sorted(spaced))
assert sorted(listed) == [0, 3, 100, 130, 200, 300], sorted(listed)
for other in logged, listed:                # the run is the same; only what is said since the last row differs
    for epoch, row in sparse.items():
        differ = {k for k in row if row[k] != other[epoch][k]} - {"train_loss_max"}
        # a key set is taken online once three rows in a row had the same
        assert all(k.endswith("_online") for k in differ), (epoch, differ)
PYTHON
for run in logged listed; do
    check "$run: the same weights" cmp sparse/checkpoints/00000300.safetensors $run/checkpoints/00000300.safetensors
done
expect 0 report logged -o logged.html --figures logged-figures
check "memorisation can be seen" test "$(grep -cE '^[0-9.]+ [0-9]' logged-figures/loss-log.dat)" -gt 50
if grep -q 'Memorisation falls between' logged.html; then fail "it is seen, and the page says not"; else pass; fi
expect 0 report sparse -o sparse.html
what="the page of a run with few rows"
matches sparse.html 'Memorisation falls between the first [0-9] rows: run.measure_at'
refused 2 'run.measure_at: "log:0" is none of' train base.yaml --set run.measure_at=log:0 --out never
refused 2 'run.measure_at: "log:40" -> null' train base.yaml $tiny --set run.epochs=300 --set run.measure_every=100 --out logged

# ------------------------------------------------------------------------ comparisons: by what differs
sweep=()
for width in 4 8 12; do for seed in 0 1 2 3; do
    # shellcheck disable=SC2086
    expect 0 train base.yaml $tiny --set run.epochs=20 --set run.measure_every=10 --set seed=$seed \
        --set model.d_mlp=$width --out "w$width-$seed"
    sweep+=("w$width-$seed")
done; done
expect 0 compare "${sweep[@]}" -o compare.html --figures compared
if [[ -n $there ]]; then page compare.html; fi
check "all of 12 runs in a figure" test "$(grep -c '^# index' compared/test-loss.dat)" = 12
what="the names of runs"
for file in compare.html compared/test-loss.gp; do matches $file 'd_mlp 4, seed 0' 'd_mlp 12, seed 3'; done
if grep -qE "title '[A-L]'|<th[^>]*>[B-L]</?t" compared/test-loss.gp; then fail "$what: letters"; else pass; fi
cp -r w4-0 again-w4-0
expect 0 compare "${sweep[@]}" again-w4-0 "${sweep[0]}" -o compare.html --figures compared
check "14 curves" test "$(grep -c '^# index' compared/test-loss.dat)" = 14
check "no name twice" test "$(grep -o "title '[^']*'" compared/test-loss.gp | sort -u | wc -l)" = 14
what="equal runs"
matches compared/test-loss.gp 'd_mlp 4, seed 0 \(again-w4-0\)'

# ------------------------------------------------------------------- report.html changes nothing else
# shellcheck disable=SC2086
{
    expect 0 train base.yaml $tiny --set run.epochs=300 --out plain
    expect 0 train base.yaml $tiny --set run.epochs=300 --set run.report_every=2 --out told
    without_gnuplot expect 0 train base.yaml $tiny --set run.epochs=300 --set run.report_every=2 --out untold
    PATH=$scratch/bad:$PATH expect 0 train base.yaml $tiny --set run.epochs=300 --set run.report_every=2 --out refused
}
for run in told untold refused; do
    if diff -rq -x env.json -x log.txt -x config.yaml -x report.html plain $run >same.out; then pass
    else fail "$run: other bytes than without reports" same.out; fi
    check "$run: has a report" test -s $run/report.html
    if grep -q http-equiv $run/report.html; then fail "$run: a run that has ended reloads itself"; else pass; fi
done
check "it says how long it took" grep -q 'report.html took [0-9.]* s' told/log.txt

# ------------------------------------------------------------------------------------------ refused
refused 2 'report what' report
refused 2 'nowhere is no run: it has no file' report nowhere
refused 2 'needs a value' report grokked -o
refused 2 'unknown option' report grokked --figure x
cp -r grokked broken
sed -i '3s/.*/{"epoch": /' broken/metrics.jsonl
refused 1 'broken/metrics.jsonl: line 3 is not a row' report broken -o broken.html
check "nothing half is written" test ! -e broken.html
cp grokked/metrics.jsonl broken/
printf x | dd of="$(ls broken/measures/* | tail -n 1)" bs=1 seek=3000 conv=notrunc 2>/dev/null
refused 1 'broken/measures/.*safetensors' report broken -o broken.html
refused 1 'nowhere/page.html' report grokked -o nowhere/page.html
end
