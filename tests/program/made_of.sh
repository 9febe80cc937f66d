#!/usr/bin/env bash
# What a run is made of: a split and initial weights from files are kept at the first start; a file that is another one at
# the next start is refused, one that is gone is not missed, and a run can be moved and read from elsewhere.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"

cat >small.yaml <<'END'
task:  {p: 11, train_fraction: 0.5, split: "file:ids.txt"}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16, init: "philox:3"}
run:   {epochs: 60, measure_every: 20, checkpoint_at: "every:20", keep_state: "40"}
device: {threads: 1}
END
seq 120 -1 0 >ids.txt
expect 0 train small.yaml --set run.epochs=0 --set task.split=philox:0 --out start
check 'without a file nothing is kept' test ! -e start/made_of.json -a ! -e start/made_of
cp start/checkpoints/00000000.safetensors w.safetensors
weights=(--set "model.init=file:w.safetensors" --set optim.decay_to=init)

expect 0 train small.yaml "${weights[@]}" --out whole
check 'the split is kept as it was' cmp ids.txt whole/made_of/0-ids.txt
check 'so are the weights' cmp w.safetensors whole/made_of/1-w.safetensors
check 'with their checksums' grep -q "$(sha256sum <w.safetensors | cut -d ' ' -f 1)" whole/made_of.json

# begun DIR: a run that stands at epoch 20, where a longer one goes on
begun() { expect 0 train small.yaml "${weights[@]}" --epochs 20 --out "$1"; }
goes_on() { expect 0 train small.yaml "${weights[@]}" --out "$1"; }
begun calm
goes_on calm
same 'going on' whole calm

# ---- a file that changed
begun changed
sums changed >before
mv ids.txt kept.txt
tac kept.txt >ids.txt
refused 2 'ids.txt is not the file that changed was made of: [0-9]+ of its 60 training ids were test ids, and the first line that differs has id 0 in place of 120.*changed/made_of/0-ids.txt' \
    train small.yaml "${weights[@]}" --out changed
seq 0 119 >ids.txt
refused 2 'it has 120 ids, and had 121' train small.yaml "${weights[@]}" --out changed
sed 's/$/\r/' kept.txt >ids.txt
goes_on changed                                             # the same ids, written in another way
same 'other ends of lines' whole changed
cp kept.txt ids.txt
begun other
sums other >before
cp w.safetensors w.kept
cp whole/checkpoints/00000020.safetensors w.safetensors
refused 2 'w.safetensors is not the file that other was made of: its tensor .* has other values' \
    train small.yaml "${weights[@]}" --out other
head -c 100 w.kept >w.safetensors
refused 2 'it is no weights file any more' train small.yaml "${weights[@]}" --out other
unchanged 'a refused run' other
expect 0 train small.yaml --set model.init=file:w.kept --set optim.decay_to=init --out other
same 'the same bytes under another name' whole other

# ---- gone, moved, elsewhere
cp w.kept w.safetensors
begun gone
rm ids.txt w.safetensors
goes_on gone
same 'the files are gone' whole gone
mkdir -p far/away
mv gone far/away/moved
(cd far && "$grokc" measure away/moved >rows) && pass || fail 'measure a run that was moved'
check 'its numbers are those of the run' grep -q "$(grep -o '"test_loss": [^,]*' whole/final.jsonl | tail -n 1)" far/rows
(cd far && expect 0 train away/moved/config.yaml --out again; [[ $failed = 0 ]]) || fail 'a rerun from elsewhere'
same 'a rerun of what was kept' whole far/again
expect 0 train far/away/moved/config.yaml --fresh
same 'started over from what was kept' whole far/away/moved
expect 0 branch whole@40 --out branch --epochs 80
check 'a branch is made of the same' cmp kept.txt branch/made_of/0-ids.txt
expect 0 export whole@20 --layout transformer_lens --out e.safetensors

mv far/away/moved here
mkdir two
cp -r whole two/whole
sed -i 's/"sha256": "..../"sha256": "0000/' two/whole/made_of.json
expect 0 compare whole two/whole
prints '^  task.split, SHA-256 +[0-9a-f]{12} +0000[0-9a-f]{8}'

# ---- beside the config, and from the working directory
mkdir beside
cp small.yaml beside
tac kept.txt >beside/ids.txt
cp kept.txt ids.txt
expect 0 train beside/small.yaml --out of_beside
check 'a relative path is beside its config' cmp beside/ids.txt of_beside/made_of/0-ids.txt
expect 0 train beside/small.yaml --set task.split=file:ids.txt --out of_here
check '--set is from here' cmp ids.txt of_here/made_of/0-ids.txt
rm beside/ids.txt
expect 0 train beside/small.yaml --out of_there
check 'else from here, too' cmp ids.txt of_there/made_of/0-ids.txt

# a run of an older program goes on, and keeps from now on what there is
begun_with=("${weights[@]}" --set model.init=file:w.kept)
expect 0 train small.yaml "${begun_with[@]}" --epochs 20 --out old
rm -r old/made_of old/made_of.json
expect 0 train small.yaml "${begun_with[@]}" --out old
check 'an old run keeps its split from now on' cmp ids.txt old/made_of/0-ids.txt
echo '[{"key": "task.split", "path": "ids.txt", "sha256": "", "kept": "../ids.txt"}]' >old/made_of.json
refused 1 'old/made_of.json is not what grokc writes there' train small.yaml "${begun_with[@]}" --epochs 80 --out old

# ---- sweeps
cat >sweep.yaml <<'END'
task:  {p: 11, train_fraction: 0.5, split: ["file:ids.txt", "file:b.txt"]}
model: {d_model: 8, heads: 2, d_head: 4, d_mlp: 16}
run:   {epochs: 40, measure_every: 20, checkpoint_at: none}
device: {threads: 1}
END
seq 0 120 >b.txt
expect 0 sweep sweep.yaml --out sw
check 'a sweep keeps every file' cmp b.txt sw/made_of/1-b.txt
rm -r sw/runs/00001
tac b.txt >b.new
mv b.new b.txt
refused 2 'b.txt is not the file that sw was made of: 60 of its 60' sweep sweep.yaml --out sw
rm b.txt
expect 0 sweep sweep.yaml --out sw
seq 0 120 >b.txt
check 'the run that was left is made of what was kept' cmp b.txt sw/runs/00001/made_of/0-b.txt
end
