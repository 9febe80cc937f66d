"""python/grokc.py against run directories that the program has just written.

check_grokc.py GROKC MODULE_DIR     in a folder with the runs of tests/program/python.sh
"""

import json
import math
import os
import struct
import sys

import numpy as np

program, module = sys.argv[1:]
sys.path.insert(0, module)
os.environ["GROKC"] = program
import grokc

passed = 0


def check(name, holds):
    global passed
    if not holds:
        sys.exit(f"FAILED: {name}")
    passed += 1


def raises(name, kind, words, function, *args):
    try:
        function(*args)
    except kind as error:
        check(f"{name}: {error}", all(word in str(error) for word in words))
    else:
        check(f"{name}: nothing was raised", False)


def near(a, b, limit):
    return bool(np.abs(a - b).max() <= limit * np.abs(b).max())  # NaN is not near


# ---- what a run says
run = grokc.Run("run")
rows = [json.loads(line) for line in open("run/metrics.jsonl")]
check(
    "config",
    run.config["task"]["p"] == 23
    and run.config["optim"]["eps"] == 1e-8
    and run.config["task"]["split"] == "philox:1"
    and run.config["run"]["stop_test_loss"] is None
    and run.config["model"]["biases"] == "on"
    and run.config["model"]["activation"] == "relu",
)
check("state", run.state == "done" and run.summary["epochs"] == 200)
check("rows", run.rows == rows and len(rows) == 11)
check(
    "epochs",
    run.metrics["epoch"].dtype == np.int64
    and list(run.metrics["epoch"]) == list(range(0, 201, 20)),
)
check("columns", set(run.metrics) == set(rows[0]))
check(
    "null is NaN",
    math.isnan(run.metrics["train_loss_max"][0]) and run.metrics["train_loss_max"][1] > 0,
)
check("numbers", all(run.metrics["test_loss"][i] == row["test_loss"] for i, row in enumerate(rows)))
check("checkpoints", run.checkpoints == [0, 100, 200] and run.arrays == [0, 200])
check("no branch", run.parent is None and run.hook_rows == [])
raises("no such epoch", KeyError, ["epoch 7", "0, 100, 200"], run.checkpoint, 7)
raises("no run", FileNotFoundError, ["config.yaml"], grokc.Run, ".")
check("branch", grokc.Run("branch").parent["epoch"] == 100)

# ---- arrays
w = run.checkpoint(100)
raw = open("run/checkpoints/00000100.safetensors", "rb").read()
size = 8 + struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:size])
check(
    "metadata", grokc.metadata("run/checkpoints/00000100.safetensors") == header.pop("__metadata__")
)
check(
    "names",
    list(w) == list(header) and all(list(w[name].shape) == header[name]["shape"] for name in w),
)
check(
    "bytes",
    all(
        w[name].tobytes() == raw[size + entry["data_offsets"][0] : size + entry["data_offsets"][1]]
        for name, entry in header.items()
    ),
)
check(
    "mapped",
    isinstance(w["embed.W_E"].base, np.memmap) or isinstance(w["embed.W_E"].base.base, np.memmap),
)
raises("read-only", ValueError, ["read-only"], w["embed.W_E"].__setitem__, 0, 0)
check(
    "the last",
    all(
        np.array_equal(a, b)
        for a, b in zip(run.checkpoint().values(), run.checkpoint(200).values())
    ),
)
check(
    "measures",
    run.measures(200)["w_e_fourier_norms"].shape == run.measures()["w_e_fourier_norms"].shape,
)


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with open("made.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    return "made.safetensors"


def entry(kind, shape, first, last):
    return {"x": {"dtype": kind, "shape": shape, "data_offsets": [first, last]}}


check(
    "BF16",
    list(grokc.tensors(file_of(entry("BF16", [2], 0, 4), b"\x80\x3f\x20\xc0"))["x"]) == [1, -2.5],
)
check("F16", list(grokc.tensors(file_of(entry("F16", [1], 0, 2), b"\x00\x3c"))["x"]) == [1])
check(
    "BOOL",
    list(grokc.tensors(file_of(entry("BOOL", [2], 0, 2), b"\x01\x00"))["x"]) == [True, False],
)
check("scalar", grokc.tensors(file_of(entry("I64", [], 0, 8), struct.pack("<q", -5)))["x"] == -5)
check("empty", grokc.tensors(file_of(entry("F32", [0, 3], 0, 0)))["x"].shape == (0, 3))
check("nothing", grokc.tensors(file_of({})) == {})
for header, words in (
    (entry("F32", [2], 0, 4), "does not fit"),
    (entry("F32", [1], 4, 8), "does not fit"),
    (entry("F32", [1], -4, 0), "does not fit"),
    (entry("F8_E4M3", [4], 0, 4), "F8_E4M3"),
    ([], "no object"),
    (b"{", "not a safetensors file"),
):
    raises("refused", ValueError, [words], grokc.tensors, file_of(header, b"\0" * 4))
open("made.safetensors", "wb").write(raw[:100])
raises("cut", ValueError, ["not a safetensors file"], grokc.tensors, "made.safetensors")

# ---- the forward pass, against what the program says of the same weights. The loss: the program's
# logits are float32, off by some 1e-6 of the largest; a mean over all inputs averages that away.
labels = grokc.pairs(23)[:, :2].sum(1) % 23
for name in sorted(os.listdir("models")):
    model = grokc.Run(os.path.join("models", name))
    for row in model.rows:
        logits = model.logits(grokc.pairs(23), row["epoch"], np.float64)
        loss = grokc.cross_entropy(logits[:, :23], labels)
        check(
            f"{name}: {loss} is not {row['all_loss_p']}",
            abs(loss - row["all_loss_p"]) <= 1e-5 * row["all_loss_p"],
        )
    check(f"{name}: float32", near(model.logits(grokc.pairs(23)), logits, 1e-5))

# projections.bin holds the logits' components along cos and sin of w_k (a + b), and their column
# means. 1e-5 of the largest logit: float32 sums of some ten terms each.
records = np.fromfile("run/projections.bin", "<f4").reshape(11, 23, 23)  # (2 x 11 + 1) x 23 values
for i, row in enumerate(rows):
    if row["epoch"] not in run.checkpoints:
        continue
    logits = run.logits(grokc.pairs(23), row["epoch"], np.float64)
    check(
        "column means", np.abs(records[i, 22] - logits.mean(0)).max() <= 1e-5 * np.abs(logits).max()
    )
    for k in range(1, 12):
        angle = 2 * np.pi * k / 23 * labels
        for j, wave in ((2 * k - 2, np.cos(angle)), (2 * k - 1, np.sin(angle))):
            part = wave / np.linalg.norm(wave) @ logits
            check(
                f"projection {k}",
                np.abs(records[i, j] - part).max() <= 1e-5 * np.abs(logits).max() * 23,
            )
    check("projections are not all alike", np.ptp(records[i, :22]) > 1e-2)

# ---- training
config = {
    "seed": 2,
    "task": {"p": 11},
    "model": {"d_model": 8, "heads": 2, "d_head": 4, "d_mlp": 16},
    "run": {"epochs": 20000, "measure_every": 10},
}
rows = grokc.train(config, "trained")
first = [next(rows) for _ in range(5)]
check("rows as they come", [row["epoch"] for row in first] == [0, 10, 20, 30, 40])
check("while it runs", grokc.Run("trained").state == "running")
rows.close()
check("stopped at a resume point", grokc.Run("trained").state == "interrupted")
config["run"]["epochs"] = 2000
raises(
    "fewer epochs", RuntimeError, ["run.epochs"], list, grokc.train(dict(config, seed=5), "trained")
)
config["run"]["epochs"] = 20000


def whole(*args, **kwargs):
    result = yield from grokc.train(*args, **kwargs)
    check("its value is the run", result.state == "done")


all_rows = list(whole(config, "trained"))
check("every row once", [row["epoch"] for row in all_rows] == list(range(0, 20001, 10)))
check("the rows of the file", all_rows == grokc.Run("trained").rows)
check("finished already", list(whole(config, "trained")) == all_rows)
config["run"]["epochs"] = 100
again = list(whole(dict(config, seed=3), "trained", fresh=True))
check("started over", [row["epoch"] for row in again] == list(range(0, 101, 10)))
check("no row of the old run", again[0]["train_loss"] != all_rows[0]["train_loss"])
raises(
    "another config",
    RuntimeError,
    ["another config", "task.split", "--fresh"],
    list,
    grokc.train(config, "trained"),
)
raises(
    "an unknown key",
    RuntimeError,
    ["learning_rate"],
    list,
    grokc.train({"optim": {"learning_rate": 1}}, "no"),
)
wild = dict(config, optim={"lr": 1e3, "eps": 1e-30})
check("diverged", list(grokc.train(wild, "wild"))[-1]["diverged"] is True)
check("a diverged row's loss is NaN", math.isnan(grokc.Run("wild").metrics["train_loss"][-1]))

# ---- sweeps
sweep = grokc.Sweep("sweep")
table = sweep.table()
check("runs", [run.state for run in sweep.runs] == ["done"] * 4 and len(table) == 4)
check("table", [row["index"] for row in table] == [0, 1, 2, 3] and table[0]["state"] == "done")
decays = [run.config["optim"]["weight_decay"] for run in sweep.runs]
check(
    "as the runs say",
    sorted(decays) == [0.5, 0.5, 1, 1]
    and [row["optim.weight_decay"] for row in table] == decays
    and table[0]["grok_epoch"] is None,
)
raises("no sweep", FileNotFoundError, ["points.csv"], grokc.Sweep, "run")
print(f"{passed} checks of grokc.py")
