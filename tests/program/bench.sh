#!/usr/bin/env bash
# grokc bench at toy sizes: reports can be read, losses and operation counts are right, a report
# compared with itself is flagged nowhere and one that differs is, wrong usage ends with 2.
# shellcheck source=tests/lib/program.sh
source "$(dirname "$0")/../lib/program.sh"

if ! command -v python3 >/dev/null; then
    skip 'grokc bench: no python3 to read its reports'
    exit 0
fi
cat >tiny.yaml <<'YAML'
seed:  1
task:  {p: 5, train_fraction: 0.6}
model: {d_model: 4, heads: 1, d_head: 4, d_mlp: 8}
run:   {epochs: 100, measure_every: 100, checkpoint_at: none}
YAML
tiny=(--config tiny.yaml --device ref --rounds 3)
devices='ref'
if "$grokc" list backends | grep -q '^cpu '; then devices='ref cpu'; fi

# holds NAME REPORT EXPRESSION: of python; r: the report, lines: its lines by name
holds() {
    check "$1" python3 -c '
import json, sys
def finite(text): raise ValueError(text + " is not JSON")
r = json.load(open(sys.argv[1]), parse_constant=finite)
lines = {line["name"]: line for line in r["lines"]}
if not eval(f"({sys.argv[2]})"): sys.exit(sys.argv[2] + " is false of " + json.dumps(r))' "$2" "$3"
}
ordered='all(0 < l["us_low"] <= l["us"] <= l["us_high"] for l in r["lines"])'
head='r["commit"] and r["compiler"] and r["device"]["backend"] and r["command"][1] == "bench" and
      all(c["copy_gb_s"] > 0 and c["product_gflop_s"] > 0 for c in r["ceilings"])'

# ---- step, by both plans: losses are those of a run; the multiply-adds of N = 5 tokens, D = 4,
# H = 1, K = 4, F = 8, C = 5, B = 15 pairs, 13 columns of tables, counted by hand
expect 0 train tiny.yaml --device ref --out run
losses=$(column train_loss run | paste -sd ,)
# shellcheck disable=SC2034
table='3 * ((2 * 16 + 8 * 4) + 8 * 16 + 16 * 13 + (8 * 4 * 13 + 4 * 13) + 8 * 4 * 5
            + 15 * (2 * 13 + 8 * 5))'
# shellcheck disable=SC2034
ops='3 * 15 * (2 * 3 * 4 * 4 + 2 * 4 * 4 + 2 * 4 * 8 + 2 * 3 * 4 + 4 * 5)'
for plan in table ops; do
    expect 0 bench step "${tiny[@]}" --set device.plan=$plan --json $plan.json
    prints "^plan $plan, 1 run, 15 examples: " 'times the floor' \
        '^train loss at epoch 0: [0-9.]+, at epoch 100: [0-9.]+$'
    quiet err
    holds "$plan: head" $plan.json "$head"
    holds "$plan: times" $plan.json "$ordered"
    holds "$plan: operations" $plan.json \
        "abs(lines['step']['gflop'] / (2e-9 * (${!plan})) - 1) < 1e-12"
    # 100 updates of float weights, each rounded by 6e-8
    holds "$plan: losses" $plan.json \
        "all(abs(a / b - 1) < 6e-6 for a, b in zip([$losses], [r['loss_0'], r['loss_100']]))"
    holds "$plan: the floor" $plan.json "abs(1e-6 * lines['step']['floor_us'] *
        r['ceilings'][0]['product_gflop_s'] / lines['step']['gflop'] - 1) < 1e-9"
done
expect 0 bench step "${tiny[@]}" --runs 7 --json runs.json
holds 'seven runs' runs.json "lines['step']['runs'] == 7 and
    abs(lines['step']['run_epochs_per_s'] * lines['step']['us'] / 7e6 - 1) < 1e-9"

# ---- measure, ops
expect 0 bench measure "${tiny[@]}" --json measure.json
prints '^  a row +[0-9.]+ ms' '^measuring at every 100th epoch adds [0-9.]+ percent$'
holds 'measure: times' measure.json "$head and $ordered"
# shellcheck disable=SC2013
for family in $(sed -n 's/^FAMILY(\([a-z]*\),.*/\1/p' "$source_dir/include/gk/measures.def"); do
    holds "measure: $family" measure.json "'measure $family' in lines"
done
for device in $devices; do
    expect 0 bench ops --device "$device" --filter group_sums --rounds 3 --json ops.json
    prints '^group_sums +B 12769 '
    holds 'ops: times' ops.json "$head and $ordered and
        all(l['gb_s'] > 0 and l['of_copy'] > 0 for l in r['lines'])"
    check 'small cases are left out' test "$(grep -c 'group_sums *B 1 ' out)" = 0
done
if [[ $devices == *cpu* ]]; then
    expect 0 bench ops --device cpu --filter tick --rounds 2 --threads 1,2,1 --json ops.json
    holds 'threads: each number once' ops.json "[l['threads'] for l in r['lines']] == [1, 2] * 4"
    refused 2 '^grokc: --threads "1,": numbers from 1 to 1024 or all' bench step --threads 1,
fi

# ---- compare
expect 0 bench compare table.json --compare table.json
prints '^compared with table.json' ' 1\.000$' '^0 of 2 lines beyond the spread$'
quiet err
# changed REPORT EXPRESSION: the report on stdout, each time x of its first line changed
changed() {
    python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
for key in "us", "us_low", "us_high":
    r["lines"][0][key] = eval(sys.argv[2], {"x": r["lines"][0][key]})
json.dump(r, sys.stdout)' "$1" "$2"
}
changed table.json 'x * 10' >slow.json
changed table.json 'None' >none.json
expect 0 bench compare slow.json --compare table.json
prints ' 10\.000  SLOWER$' '^1 of 2 lines beyond the spread$'
expect 0 bench compare table.json --compare slow.json
prints ' 0\.100  FASTER$' '^1 of 2 lines'
expect 0 bench compare none.json --compare table.json
prints ' NOT A NUMBER$' '^1 of 2 lines'
expect 0 bench step "${tiny[@]}" --compare measure.json
prints 'not in the earlier report$' '^0 of 2 lines'
says 'measure.json is of .bench measure., this is of .bench step.'
echo '{' >broken.json
refused 1 'broken.json:2: ' bench compare table.json --compare broken.json
echo '{}' >empty.json
refused 1 'empty.json is not what' bench step "${tiny[@]}" --compare empty.json
refused 1 'cannot open nowhere.json' bench step "${tiny[@]}" --compare nowhere.json

# ---- wrong usage
refused 2 'bench what\?' bench
refused 2 'bench what\?' bench everything
refused 2 'bench what\?' bench --runs 2
refused 2 'no argument "tiny.yaml" is expected; --config' bench step tiny.yaml
refused 2 'unknown option "--epochs"' bench step --epochs 3
refused 2 '^grokc: --json needs a value' bench step --json
refused 2 '^grokc: --json needs a value' bench step --json=
refused 2 '^grokc: --runs "0": a number from 1 to ' bench step --runs 0
refused 2 '^grokc: --rounds "many": a number from 1 to ' bench step --rounds many
refused 2 '^grokc: --threads is for the cpu backend' bench step --device ref --threads 1
refused 2 '^grokc: --filter is for bench ops' bench step --filter adamw
refused 2 '--runs is for bench ops and step' bench measure "${tiny[@]}" --runs 2
refused 2 'no such op' bench ops --device ref --filter addam
refused 2 'grokc bench compare NEW.json --compare OLD.json' bench compare table.json
refused 2 'unknown key' bench step --set optim.rl=1
end
