"""python/grokc.py against run directories that the program has just written.

check_grokc.py GROKC MODULE_DIR     in a folder with the runs of tests/program/python.sh
"""

import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

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
raises("no such epoch", KeyError, ["epoch 7", "there is: 0, 100, 200'"], run.checkpoint, 7)
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
check("a BF16 alone", grokc.tensors(file_of(entry("BF16", [], 0, 2), b"\x20\xc0"))["x"] == -2.5)
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
raises(
    "another seed", RuntimeError, ["task.split"], list, grokc.train(dict(config, seed=5), "trained")
)


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

# ---- values as Python has them
small = {"task": {"p": 11}, "model": {"d_model": 8, "heads": 2, "d_head": 4, "d_mlp": 16}}
small["run"] = {"epochs": 20, "checkpoint_at": "none"}


def trained(name, extra, **options):
    """Its config, as the program has understood it."""
    merged = {key: {**small.get(key, {}), **value} for key, value in {**small, **extra}.items()}
    list(grokc.train(merged, f"values/{name}", fresh=True, **options))
    return grokc.Run(f"values/{name}").config


values = {
    "an integer of numpy": ("optim", "seed", np.arange(4)[3], 3),
    "of one byte": ("task", "p", np.uint8(13), 13),
    "a float of numpy": ("optim", "lr", np.float64(0.002), 0.002),
    "a float32": ("optim", "lr", np.float32(1e-3), 0.0010000000474974513),
    "an array of none": ("optim", "lr", np.array(0.003), 0.003),
    "a whole float": ("optim", "warmup", 5.0, 5),
    "a large one": ("run", "resume_every", 1e3, 1000),
    "False": ("model", "biases", False, "off"),
    "numpy's True": ("model", "biases", np.True_, "on"),
    "a path": ("task", "split", Path("philox:4"), "philox:4"),
    "text of numpy": ("task", "split", np.str_("philox:5"), "philox:5"),
    "None": ("run", "stop_test_loss", None, None),
}
for i, (name, (group, key, value, expected)) in enumerate(values.items()):
    for way in ("dict", "sets"):
        extra = {group: {key: value}} if way == "dict" else {}
        sets = {} if way == "dict" else {f"{group}.{key}": value}
        found = trained(f"{i}{way}", extra, sets=sets)[group][key]
        check(f"{name}, {way}: {found!r}", found == expected and type(found) is type(expected))
raises("a value of no type", TypeError, ["object"], trained, "no", {"task": {"p": object()}})
raises("no UTF-8", ValueError, ["UTF-8"], trained, "no", {"task": {"split": "file:\udcff"}})
for end in "\u2028\u2029\x85\x7f\r\n":  # YAML would take some of these for a space: they arrive
    raises(
        f"the program sees {end!r}",
        RuntimeError,
        ["task.split", "printable"],
        trained,
        "no",
        {"task": {"split": f"philox:1{end}"}},
    )
with open("small.json", "w") as file:
    json.dump(small, file)
list(grokc.train(Path("small.json"), "values/file", sets={"optim.seed": np.int64(2)}))
check("a config file", grokc.Run("values/file").config["optim"]["seed"] == 2)

os.mkdir("wide 😀")
ids = [int(i) for i in np.random.default_rng(0).permutation(121)]
Path("wide 😀/ids é.txt").write_text("".join(f"{i}\n" for i in ids))
hook = f"{sys.executable} 'wide 😀/hook.py'"
Path("wide 😀/hook.py").write_text(
    "import json, sys\n"
    "for line in sys.stdin:\n"
    "    text = json.dumps({'say': 'a\\u2028b\\x85c\\x0bd 😀', 'length': len(line)}, ensure_ascii=False)\n"
    "    sys.stdout.buffer.write(text.encode() + b'\\n')\n"
    "    sys.stdout.buffer.flush()\n"
)
wide = {**small, "task": {"p": 11, "split": Path("file:wide 😀/ids é.txt")}}
wide["run"] = {**small["run"], "hook": hook}
check("a path beyond 16 bits", len(list(grokc.train(wide, "wide 😀/run"))) > 0)
wide = grokc.Run("wide 😀/run")
check("as it was", wide.config["task"]["split"] == "file:wide 😀/ids é.txt")
check("the hook", wide.config["run"]["hook"] == hook)
check(
    "ends of lines that are none",
    len(wide.hook_rows) == len(wide.rows)
    and {row["say"] for row in wide.hook_rows} == {"a\u2028b\x85c\x0bd 😀"},
)

# ---- key_freqs and clusters, in every form that files have them
for value in ("14,35,41", [14, 35, 41], (14, 35, 41), "[14, 35, 41]", np.array([14, 35, 41])):
    check(f"key_freqs: {value!r}", grokc.key_freqs(value) == [14, 35, 41])
for value in (None, float("nan"), "", []):
    check(f"key_freqs: {value!r}", grokc.key_freqs(value) == [] and grokc.clusters(value) == {})
check("one key frequency", grokc.key_freqs("7") == grokc.key_freqs(7) == [7])
for value in ("14:30,35:53", {"14": 30, "35": 53}, [[14, 30], [35, 53]]):
    check(f"clusters: {value!r}", grokc.clusters(value) == {14: 30, 35: 53})
check(
    "of each row",
    [
        len(keys) == (row["key_count"] or 0)
        for keys, row in zip(run.key_freqs, run.rows)
        if row["key_freqs"] is not None
    ].count(False)
    == 0,
)
check("as many as rows", len(run.key_freqs) == len(run.clusters) == len(run.rows))
columns = grokc._columns([{"k": [1, 2]}, {"k": [3, 4]}, {"k": None}][:2])
check("lists in a column", columns["k"].shape == (2,) and columns["k"][1] == [3, 4])


# ---- a run that is sent elsewhere as it goes
class Sent:
    """Stands for wandb: what it was told."""

    def __init__(self, **options):
        self.options, self.rows, self.summary, self.ended = options, [], {}, None
        sent.append(self)

    def define_metric(self, *args, **kwargs):
        pass

    def log(self, row):
        self.rows.append(row)

    def finish(self, exit_code=None):
        self.ended = exit_code


sent = []
sys.modules["wandb"] = types.SimpleNamespace(init=lambda **options: Sent(**options))
os.environ.pop("WANDB_MODE", None)


def expected_of(run):
    return [
        {"epoch": row["epoch"], **{k: v for k, v in row.items() if type(v) in (int, float)}}
        for row in run.rows
    ]


check("a finished run", grokc.follow("run", "wandb") == "done" and sent[-1].ended == 0)
check("its rows", sent[-1].rows == expected_of(run) and sent[-1].options["mode"] == "offline")
check("its summary", sent[-1].summary["state"] == "done" and "key_freqs" in sent[-1].summary)
first = sent[-1].options
grokc.follow("run/../run", "wandb")
check("sent again", sent[-1].options["id"] == first["id"] and first["name"] == "run")
grokc.follow("branch", "wandb")
check("another run", sent[-1].options["id"] != first["id"])
grokc.follow(wide, "wandb", every=0.01)
hooked = [row for row in sent[-1].rows if "hook/length" in row]
check(
    "a hook's numbers", [row["epoch"] for row in hooked] == [row["epoch"] for row in wide.hook_rows]
)
check("not its words", not any("hook/say" in row for row in hooked))
grokc.follow("wild", "wandb")
check("a diverged run", sent[-1].ended == 1 and all(map(math.isfinite, sent[-1].rows[-1].values())))


def started(seed, *more):
    words = f"train small.json --out live --set optim.seed={seed} --set run.epochs=4000".split()
    words += ["--set", "run.measure_every=10", "--set", "task.split=philox:%d" % seed, *more]
    return subprocess.Popen([program, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def has_rows(count):
    for _ in range(6000):
        if Path("live/metrics.jsonl").exists() and len(grokc.Run("live").rows) >= count:
            return
        time.sleep(0.005)
    sys.exit("FAILED: no rows came")


child = started(1)
has_rows(20)
follower = threading.Thread(target=grokc.follow, args=("live", "wandb"), kwargs={"every": 0.01})
follower.start()
check("a run that goes on", grokc.Run("live").state == "running")
child.wait()
follower.join()
check("to its end", sent[-1].ended == 0 and sent[-1].rows == expected_of(grokc.Run("live")))
count = len(sent)
live = grokc.Run("live")
tail = grokc._Tail(live.path / "metrics.jsonl")
check("new rows", tail.read() == (False, live.rows))
whole_text = tail.path.read_bytes()
lines = whole_text.splitlines(True)
tail.path.write_bytes(b"".join(lines[:100]))  # as a resume cuts it
check("cut", tail.read() == (False, []))
tail.path.write_bytes(b"".join(lines[:200]) + lines[200][:50])
check("written again", tail.read() == (False, []))
tail.path.write_bytes(whole_text + b'{"epoch": 4010}\n{"half')
check("only what is new", tail.read() == (False, [{"epoch": 4010}]))
check("nothing", tail.read() == (False, []))
tail.path.write_bytes(b'{"epoch": 0, "other": 1}\n')
check("another run", tail.read() == (True, [{"epoch": 0, "other": 1}]))

child = started(2, "--fresh")
has_rows(50)
follower = threading.Thread(target=grokc.follow, args=("live", "wandb"), kwargs={"every": 0.01})
follower.start()
while not sent[count:] or len(sent[-1].rows) < 50:
    time.sleep(0.005)
child.kill()
child.wait()
old = expected_of(live)
check("its rows so far", sent[-1].rows[:50] == old[:50])
child = started(3, "--fresh")
child.wait()
follower.join()
check("started over", sent[-1].rows == expected_of(live) and sent[-1].rows[:50] != old[:50])
check(
    "as another run there",
    len(sent) == count + 2 and len({x.options["id"] for x in sent[-3:]}) == 3,
)

# A run that was killed before: nobody waits for it. One that has it and is silent is waited for.
child = started(4, "--fresh")
deadline = time.monotonic() + 30  # rows of the run before are no sign of this one
while (
    not grokc._held(live.path) or grokc.Run(live.path).state != "running"
) and time.monotonic() < deadline:
    time.sleep(0.005)
child.send_signal(signal.SIGSTOP)
check("held by a process that sleeps", grokc._held(live.path) is True)
grokc._SILENT, silent = 0.05, grokc._SILENT
follower = threading.Thread(target=grokc.follow, args=("live", "wandb"), kwargs={"every": 0.01})
follower.start()
follower.join(0.5)
check("which is waited for", follower.is_alive())
grokc._SILENT = silent
child.kill()
child.wait()
check("then held by nobody", grokc._held(live.path) is False)
grokc._SILENT = 0.05
follower.join()
grokc._SILENT = silent
begun = time.monotonic()
check("killed before", grokc.follow("live", "wandb", every=1000) == "running")
check("which is seen at once", time.monotonic() - begun < 100)
owner = live.path / "owner"
words = owner.read_text()
owner.write_text(words.replace(f"host {os.uname().nodename}", "host elsewhere"))
check("on another host, not known", grokc._held(live.path) is None)
owner.write_text(re.sub("pid .*", f"pid {os.getpid()}", words))
check("another process of this number", grokc._held(live.path) is False)
owner.unlink()
check("nobody's", grokc._held(live.path) is False)

sys.modules["wandb"] = None
raises("no wandb", ImportError, ["pip install wandb"], grokc.follow, "run", "wandb")
raises("nowhere", ValueError, ["wandb"], grokc.follow, "run", "paper")
folder = grokc._TensorBoard._folder
for path, name in (
    ("/a/run", "run"),
    ("/b/run", "b-run"),
    ("/a/run", "run"),
    ("/c/b/run", "c-b-run"),
    ("/b/run", "b-run"),
):
    check(f"{path} of one name", folder(Path(path), Path("board")) == Path("board") / name)
raises("nothing left", FileExistsError, ["/run"], folder, Path("/run"), Path("board"))

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
