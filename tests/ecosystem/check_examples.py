"""The examples that need libraries: the notebook over 500 checkpoints, TensorBoard, Weights &
Biases offline.

check_examples.py SOURCE RUN RUN_WITH_500_CHECKPOINTS
"""

import base64
import glob
import math
import os
import struct
import subprocess
import sys
import time

import nbformat
import numpy as np
from nbclient import NotebookClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

source, path, long_path = sys.argv[1:]
sys.path.insert(0, source + "/python")
import grokc

run = grokc.Run(path)
program = grokc.program()


def check(name, holds):
    if not holds:
        sys.exit(f"FAILED: {name}")


def notebook():
    check("500 checkpoints", len(grokc.Run(long_path).checkpoints) == 500)
    os.environ.update(GROKC_RUN=os.path.abspath(long_path), GROKC_PYTHON=source + "/python")
    book = nbformat.read(source + "/examples/notebook.ipynb", 4)
    start = time.perf_counter()
    NotebookClient(book, timeout=120).execute()  # raises where a cell does
    seconds = time.perf_counter() - start
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    images = [
        base64.b64decode(output["data"]["image/png"])
        for output in outputs
        if "image/png" in output.get("data", {})
    ]
    text = "".join(output.get("text", "") for output in outputs)
    check(
        f"two figures: {[len(image) for image in images]}",
        len(images) == 2 and min(map(len, images)) > 5000,
    )
    check(f"the measure: {text}", "500 checkpoints in" in text)
    line = [line for line in text.splitlines() if line.endswith("in the last row")][0].split()
    check(f"the logits: {line}", math.isclose(float(line[0]), float(line[2]), rel_tol=1e-4))
    check(f"the whole notebook took {seconds:.0f} s, not less than 60", seconds < 60)
    print(
        f"the notebook, with a measure over 500 checkpoints: {seconds:.0f} s;"
        f" {text.splitlines()[-2]}"
    )


def send(*words):
    """Through `python -m grokc follow`."""
    environment = dict(os.environ, PYTHONPATH=source + "/python")
    return subprocess.Popen([sys.executable, "-m", "grokc", "follow", *words], env=environment)


def scalars(folder, name):
    """What TensorBoard shows of a folder: [(epoch, value)]"""
    events = EventAccumulator(folder, size_guidance={"scalars": 0})
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def rows_of(run, name):
    rows = [row for row in run.rows if row[name] is not None]
    return [(row["epoch"], float(np.float32(row[name]))) for row in rows]


def tensorboard_names():
    """Runs of one name are two curves, a run that is sent twice is one; a run that goes on, too."""
    words = ["train", source + "/configs/quick.yaml", "--set", "run.measure_every=20"]
    small = ["--set", "model.d_model=16", "--set", "model.d_mlp=16", "--set", "model.d_head=4"]
    for folder, epochs in (("A", 100), ("B", 60)):
        more = ["--out", f"{folder}/same", "--set", f"run.epochs={epochs}"]
        subprocess.run([program, *words, *small, *more], check=True, capture_output=True)
    example = [sys.executable, source + "/examples/send_tensorboard.py"]
    subprocess.run([*example, "A/same", "B/same"], check=True)
    subprocess.run([*example, "A/same"], check=True)
    for folder, path in (("same", "A/same"), ("B-same", "B/same")):
        found = scalars(f"tensorboard/{folder}", "test_loss")
        check(f"{path}: {len(found)} points", found == rows_of(grokc.Run(path), "test_loss"))
    hook = f"run.hook={sys.executable} {source}/examples/hook_norm.py"
    more = ["--out", "live", "--set", "run.epochs=3000", "--set", hook]
    with open("live.err", "w") as errors:
        child = subprocess.Popen([program, *words, *small, *more], stderr=errors)
    while not os.path.exists("live/metrics.jsonl") or len(grokc.Run("live").rows) < 5:
        check("it goes on", child.poll() is None)
        time.sleep(0.01)
    follower = send("live", "--every", "0.1")
    seen = 0
    while child.poll() is None:
        if seen == 0 and glob.glob("tensorboard/live/events*"):
            seen = len(scalars("tensorboard/live", "test_loss")) if follower.poll() is None else 0
        time.sleep(0.1)
    check("followed to its end", follower.wait(60) == 0 and child.returncode == 0)
    found = scalars("tensorboard/live", "test_loss")
    check("every row once", found == rows_of(grokc.Run("live"), "test_loss") and len(found) == 151)
    check(f"some were there before the end: {seen}", 0 < seen)
    print(f"TensorBoard: two runs of one name, and one as it went, {seen} rows early")


def tensorboard():
    subprocess.run([sys.executable, source + "/examples/send_tensorboard.py", path], check=True)
    events = EventAccumulator("tensorboard/" + run.path.name)
    events.Reload()
    for name in ("train_loss", "test_loss", "squared_l2_norm", "train_loss_max"):
        found = [(event.step, event.value) for event in events.Scalars(name)]
        check(f"TensorBoard: {name}", found == rows_of(run, name))
    print(f"TensorBoard: {len(events.Tags()['scalars'])} curves")


def records_of(path):
    """A .wandb file is a log as LevelDB's: 7 bytes for the file; in blocks of 32 KiB, pieces with a
    header of checksum, length and kind (1 whole, 2 first, 3 middle, 4 last)."""
    with open(path, "rb") as file:
        data = file.read()
    at, record = 7, b""
    while at < len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


def wandb():
    from wandb.proto import wandb_internal_pb2

    environment = dict(os.environ, WANDB_SILENT="true", WANDB_DIR=os.getcwd())
    environment.pop("WANDB_MODE", None)
    subprocess.run(
        [sys.executable, source + "/examples/send_wandb.py", path], check=True, env=environment
    )
    files = glob.glob("wandb/offline-run-*/*.wandb")
    check(f"one offline run: {files}", len(files) == 1)
    records = []
    for data in records_of(files[0]):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            records.append(
                {
                    item.key or ".".join(item.nested_key): item.value_json
                    for item in record.history.item
                }
            )
    check(f"W&B: {len(records)} rows", len(records) == len(run.rows))
    check(
        "W&B: numbers",
        [float(record["test_loss"]) for record in records] == [row["test_loss"] for row in run.rows]
        and [int(record["epoch"]) for record in records] == [row["epoch"] for row in run.rows],
    )
    print(f"Weights & Biases, offline: {len(records)} rows")


notebook()
tensorboard()
tensorboard_names()
wandb()
