#!/usr/bin/env bash
# `grokc clean`: what it shows is what goes, nothing else goes, what is left still works and says what is missing; runs
# that another process has, unfinished ones, sweeps, directories that are no runs.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"

cat >small.yaml <<'END'
seed: 0
task: {p: 13, train_fraction: 0.6}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16, outputs: 13}
run: {epochs: 60, measure_every: 10, checkpoint_at: "every:10", arrays_at: "every:20", keep_state: "every:20"}
device: {threads: 1}
END
expect 0 train small.yaml --out whole -q
cp -r whole other
cp -r whole run
cp -r whole report_of_it
# bytes FILE...: their sizes added up
bytes() { stat -c %s "$@" | awk '{ n += $1 } END { print n + 0 }'; }
# shown PART FILES BYTES STAY: the line of the last `expect`
shown() { prints "^$1 +$2 +$3 +$4  "; }

# ---- shown, and nothing done
sums run >before
expect 0 clean run
shown checkpoints 6 "$(bytes run/checkpoints/000000[0-5]0.safetensors)" 1
shown states 3 "$(bytes run/checkpoints/000000[024]0.state.safetensors)" 1
shown measures 3 "$(bytes run/measures/000000[024]0.safetensors)" 1
shown resume 1 "$(bytes run/resume.safetensors)" 0
shown projections 1 "$(bytes run/projections.bin)" 0
shown report 0 0 0
shown unfinished 0 0 0
prints 'nothing was removed$' '^to remove all of it, or some: --what checkpoints,states,measures,resume,projections --yes$'
unchanged 'clean without --yes' run
expect 0 clean run --what checkpoints --keep every:20
shown checkpoints 3 "$(bytes run/checkpoints/000000[135]0.safetensors)" 4
check 'only the part that is asked for' test "$(grep -cE '^[a-z]+ +[0-9]+ +[0-9]+ +[0-9]+  ' out)" = 1
expect 0 clean run --what checkpoints --keep 10,30
shown checkpoints 4 '[0-9]+' 3
expect 0 clean run --what checkpoints --keep log:2
shown checkpoints 5 '[0-9]+' 2
expect 0 clean run --what checkpoints --keep none
shown checkpoints 7 '[0-9]+' 0
unchanged 'clean without --yes' run
ln -s run linked
expect 0 clean run run/ linked ./run
prints '^14 files of 1 run, '
ln run/resume.safetensors second_name
expect 0 clean run --what resume
shown resume 1 0 0
rm second_name

# ---- wrong usage changes nothing
sums run >before
refused 2 'which runs\?' clean
refused 2 '^grokc: --yes removes what --what names' clean run --yes
refused 2 'no "chekpoints"; did you mean "checkpoints"\? \(there are checkpoints, states,' clean run --what chekpoints --yes
refused 2 'no "metrics.jsonl"' clean run --what metrics.jsonl --yes
refused 2 'a name is missing' clean run --what checkpoints, --yes
refused 2 '^grokc: --keep "some": expects last, none, or epochs' clean run --what checkpoints --keep some --yes
mkdir -p empty/runs config_alone
cp small.yaml config_alone/config.yaml
for dir in empty config_alone small.yaml . nowhere; do
    refused 2 "^grokc: $dir is no run and no sweep" clean run "$dir" --what checkpoints --yes
done
unchanged 'wrong usage' run

# ---- removed: the files that were shown, and no others
(cd whole && find . -type f | sort) >files
expect 0 clean run --what checkpoints,states,measures,projections --yes
prints '^14 files of 1 run, [0-9]+ bytes, removed$'
(cd run && find . -type f | sort) >left
cat >gone <<'END'
./checkpoints/00000000.safetensors
./checkpoints/00000000.state.safetensors
./checkpoints/00000010.safetensors
./checkpoints/00000020.safetensors
./checkpoints/00000020.state.safetensors
./checkpoints/00000030.safetensors
./checkpoints/00000040.safetensors
./checkpoints/00000040.state.safetensors
./checkpoints/00000050.safetensors
./measures/00000000.safetensors
./measures/00000020.safetensors
./measures/00000040.safetensors
./projections.bin
./resume.safetensors
END
check 'these files are gone, and no others' diff gone <(comm -23 files left)
check 'nothing new' test -z "$(comm -13 files left)"
for name in $(grep -v log.txt left); do check "$name is as it was" cmp "whole/$name" "run/$name"; done
check 'log.txt says so' grep -q 'clean removed files: checkpoints (6) states (3) measures (3) resume (1) projections (1)' run/log.txt
expect 0 clean run
prints '^0 files of 1 run, 0 bytes'

# ---- what is left works, and says what is missing
sums run >before
expect 0 train run
prints 'done already'
refused 2 '^grokc: run has no resume point any more, from which it could go on' train run --epochs 80
unchanged 'going on without a resume point' run
expect 0 train whole --epochs 80 -q
expect 0 measure run
check 'the last checkpoint can be measured' test "$(wc -l <out)" = 1
refused 1 'no checkpoint of epoch 20; see run/checkpoints' measure run@20
expect 0 export run --layout transformer_lens -o last.safetensors
refused 2 'no kept state|no state' branch run@20 --epochs 100 --out branched
expect 0 branch run@60 --epochs 70 --out branched
expect 0 report run -o run.html
check 'the report is a page' grep -q '</html>' run.html
expect 0 compare run other
expect 0 ls run other --columns run,test_loss --csv
check 'ls says the same of both' test "$(sed -n '2,3s/.*,//p' out | uniq | wc -l)" = 1
expect 0 clean run --what checkpoints,states,measures --keep none --yes
refused 1 'run has no checkpoints: .*grokc clean removes' measure run
refused 1 'run has no checkpoints' export run --layout transformer_lens -o last.safetensors
expect 0 report run -o run.html
expect 0 train run --fresh
same 'started over, it is the whole run again' other run
expect 0 clean report_of_it --what report --yes
prints '^0 files of'
: >report_of_it/report.html
: >report_of_it/final.jsonl.part
expect 0 clean report_of_it --what report,unfinished --yes
prints '^2 files of'
same 'without its report' other report_of_it

# ---- a run that another process has: left alone, whatever else is cleaned
cp -r other free
"$grokc" train small.yaml --out held --epochs 1000000 -q >held.out 2>&1 </dev/null &
holder=$!
wait_for held/metrics.jsonl '"epoch": 20,'
kill -STOP $holder
sums held >before
expect 0 clean held free
says '^grokc: held is being trained; left alone'
prints '^14 files of 1 run, '
expect 1 clean held free --what checkpoints --yes
says '^grokc: held is in use by pid' 'not everything could be done'
prints '^6 files of 1 run, '
unchanged 'clean beside a process that has it' held
kill -CONT $holder
kill -TERM $holder
wait $holder
check 'the run stopped with a resume point' test $? = 75

# ---- one that has not finished keeps what it goes on from
expect 0 clean held
says '1 of them is not finished: what it goes on from stays'
expect 0 clean held --what checkpoints,states,resume,projections,measures --yes
check 'its resume point is there' test -s held/resume.safetensors
check 'its records are there' test -s held/projections.bin
check 'its first checkpoint is there' test -s held/checkpoints/00000000.safetensors
check 'its first arrays are not' test ! -e held/measures/00000000.safetensors
last=$(last_epoch held)
"$grokc" train small.yaml --out held --epochs 1000000 -q >held.out 2>&1 </dev/null &
holder=$!
wait_for held/metrics.jsonl "\"epoch\": $((last + 100)),"
kill -TERM $holder
wait $holder
check 'it went on, and stopped again' test $? = 75
check 'it did go on' grep -q 'goes on at epoch' held/log.txt

# ---- a sweep: all of its runs; it is still one, and its tables are the same
sed 's/^seed: 0/seed: [0, 1, 2]/' small.yaml >sweep.yaml
expect 0 sweep sweep.yaml --out swept -q
expect 0 gather swept
cp swept/sweep.csv was.csv
cp swept/curves.csv.gz was.csv.gz
expect 0 clean swept
prints '^42 files of 3 runs, '
expect 0 clean swept swept/runs/00001 --what checkpoints,resume,projections --yes
prints '^24 files of 3 runs, .* removed$'
check 'the last weights stay' test "$(find swept -name '00000060.safetensors' -path '*checkpoints*' | wc -l)" = 3
sums swept/runs >before
expect 0 sweep sweep.yaml --out swept -q
unchanged 'the sweep has nothing to do' swept/runs
expect 0 gather swept
check 'sweep.csv is the same' cmp swept/sweep.csv was.csv
check 'curves.csv.gz is the same' cmp swept/curves.csv.gz was.csv.gz
expect 0 report swept -o swept.html
end
