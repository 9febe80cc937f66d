"""Runs of grokc in Python: numpy and the standard library only.

    import grokc
    run = grokc.Run("runs/paper")
    run.config["task"]["p"], run.summary["grok_epoch"]
    run.metrics["test_loss"]                     # an array, beside run.metrics["epoch"]
    w = run.checkpoint(20000)                    # name -> array, memory-mapped; -1: the last
    grokc.logits(w, grokc.pairs(113))            # the forward pass

    for row in grokc.train({"seed": 1, "run": {"epochs": 2000}}, out="runs/one"):
        print(row["epoch"], row["test_loss"])    # as they come

This module reads what the program wrote and starts the program; it trains nothing itself.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

import numpy as np

PathLike = Union[str, "os.PathLike[str]"]
Tensors = Dict[str, np.ndarray]
Row = Dict[str, Any]

# ------------------------------------------------------------------------------------ safetensors

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def _header(path: PathLike) -> tuple:
    """(header as a dict, where the data begin), with the reasons why a file is none."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(8)
        (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
        if not 2 <= length <= min(size - 8, 100_000_000):
            raise ValueError(
                f"{os.fspath(path)} is not a safetensors file: its header would have {length} bytes"
            )
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)} is not a safetensors file: {error}") from None
    if not isinstance(header, dict):
        raise ValueError(f"{os.fspath(path)} is not a safetensors file: its header is no object")
    return header, 8 + length


def metadata(path: PathLike) -> Dict[str, str]:
    """The __metadata__ of a safetensors file: {} where it has none."""
    return _header(path)[0].get("__metadata__", {})


def tensors(path: PathLike) -> Tensors:
    """Name -> array of a safetensors file. Arrays are read-only views of the mapped file: nothing
    is read before it is used. BF16 becomes float32."""
    header, begin = _header(path)
    data = (
        np.memmap(path, np.uint8, "r", offset=begin)
        if os.path.getsize(path) > begin
        else np.empty(0, np.uint8)
    )
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        kind = "<u2" if entry["dtype"] == "BF16" else _TYPES.get(entry["dtype"])
        if kind is None:
            raise ValueError(
                f"{os.fspath(path)}: {name} is of type {entry['dtype']}, which numpy has not"
            )
        count = math.prod(entry["shape"])
        if not 0 <= first <= last <= len(data) or last - first != count * np.dtype(kind).itemsize:
            raise ValueError(f"{os.fspath(path)} is damaged: {name} does not fit its bytes")
        values = np.ndarray(entry["shape"], kind, data[first:last] if count else b"")
        if entry["dtype"] == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        values.flags.writeable = False
        found[name] = values
    return found


# --------------------------------------------------------------------------------- a run's text


def _scalar(text: str) -> Any:
    """A value as grokc writes it in config.yaml."""
    if text.startswith('"'):
        return json.loads(text)
    words = {"null": None, "true": True, "false": False, "[]": []}
    if text in words:
        return words[text]
    for number in (int, float):
        if re.fullmatch(r"[-+.\deE]+", text):
            try:
                return number(text)
            except ValueError:
                pass
    return text


def _config(text: str) -> Dict[str, Any]:
    """The YAML that grokc writes: groups of scalars, lists of scalars. Not a reader of YAML."""
    config: Dict[str, Any] = {}
    group, key = config, ""
    for line in text.splitlines():
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if word.startswith("- "):
            if group.get(key) is None:
                group[key] = []
            group[key].append(_scalar(word[2:].strip()))
            continue
        if not line.startswith(" "):
            group = config
        key, _, value = word.partition(":")
        if value.strip() or line.startswith(" "):
            group[key] = _scalar(value.strip()) if value.strip() else None
        else:
            group = config[key] = {}
    return config


def _rows(path: Path) -> List[Row]:
    """The complete lines of a file of rows; of one that is still written, the last may be half."""
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _columns(rows: List[Row]) -> Dict[str, np.ndarray]:
    """Numbers as float64 with NaN where there is none; whole columns of integers as int64; others
    as objects."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = {type(value) for value in values}
        if kinds <= {int}:
            columns[name] = np.array(values, np.int64)
        elif kinds <= {int, float, type(None)}:
            columns[name] = np.array([math.nan if v is None else v for v in values], np.float64)
        else:
            columns[name] = np.array(values, object)
    return columns


class Run:
    """A run directory. Everything is read when it is asked for; a run that is going on can be read
    too: look again, or make another Run, for its new rows."""

    def __init__(self, path: PathLike):
        self.path = Path(path)
        if not (self.path / "config.yaml").exists():
            raise FileNotFoundError(f"{self.path} is no run of grokc: it has no config.yaml")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.state})"

    def _json(self, name: str) -> Any:
        file = self.path / name
        return json.loads(file.read_text()) if file.exists() else None

    @property
    def config(self) -> Dict[str, Any]:
        """Group -> key -> value, fully resolved."""
        return _config((self.path / "config.yaml").read_text())

    @property
    def state(self) -> str:
        """running, done, diverged, interrupted, failed: message; new where there is none yet."""
        file = self.path / "state"
        return file.read_text().strip() if file.exists() else "new"

    @property
    def summary(self) -> Optional[Dict[str, Any]]:
        """summary.json; None before the end."""
        return self._json("summary.json")

    @property
    def parent(self) -> Optional[Dict[str, Any]]:
        """Of a branch: where it comes from."""
        return self._json("parent.json")

    @property
    def rows(self) -> List[Row]:
        """metrics.jsonl: a dict for each measured epoch."""
        return _rows(self.path / "metrics.jsonl")

    @property
    def final_rows(self) -> List[Row]:
        """final.jsonl: the same for every checkpoint, with the final key set."""
        return _rows(self.path / "final.jsonl")

    @property
    def hook_rows(self) -> List[Row]:
        """hook.jsonl: the answers of run.hook."""
        return _rows(self.path / "hook.jsonl")

    @property
    def metrics(self) -> Dict[str, np.ndarray]:
        """The columns of metrics.jsonl; `grokc list measures` says what they are."""
        return _columns(self.rows)

    @property
    def final(self) -> Dict[str, np.ndarray]:
        """The columns of final.jsonl."""
        return _columns(self.final_rows)

    def frame(self):
        """metrics.jsonl as a pandas DataFrame, where pandas is installed."""
        import pandas

        return pandas.DataFrame(self.rows)

    def _epochs(self, folder: str, ending: str) -> List[int]:
        names = (path.name for path in (self.path / folder).glob("*" + ending))
        return sorted(int(name[: -len(ending)]) for name in names if name[: -len(ending)].isdigit())

    @property
    def checkpoints(self) -> List[int]:
        """Epochs whose weights are there."""
        return self._epochs("checkpoints", ".safetensors")

    @property
    def arrays(self) -> List[int]:
        """Epochs with measures/EPOCH.safetensors."""
        return self._epochs("measures", ".safetensors")

    def _file(self, folder: str, epoch: int, there: List[int]) -> Path:
        if epoch < 0 and there:
            epoch = there[epoch] if -epoch <= len(there) else epoch
        if epoch not in there:
            some = ", ".join(map(str, there[:4] + (["..."] if len(there) > 5 else []) + there[-1:]))
            raise KeyError(
                f"{self.path / folder} has nothing of epoch {epoch}; there is: {some or 'nothing'}"
            )
        return self.path / folder / f"{epoch:08d}.safetensors"

    def checkpoint(self, epoch: int = -1) -> Tensors:
        """The weights before update `epoch`: TransformerLens's names and shapes. -1 is the last
        one."""
        return tensors(self._file("checkpoints", epoch, self.checkpoints))

    def measures(self, epoch: int = -1) -> Tensors:
        """Spectra, clusters, coefficients by frequency: measures/EPOCH.safetensors."""
        return tensors(self._file("measures", epoch, self.arrays))

    def logits(self, tokens: np.ndarray, epoch: int = -1, dtype: Any = np.float32) -> np.ndarray:
        """Logits of a checkpoint at the last position of tokens (B,T), as the config says to
        compute them."""
        model = self.config["model"]
        return logits(
            self.checkpoint(epoch), tokens, model["activation"], model.get("norm", "none"), dtype
        )


class Sweep:
    """A directory of `grokc sweep`."""

    def __init__(self, path: PathLike):
        self.path = Path(path)
        if not (self.path / "points.csv").exists():
            raise FileNotFoundError(f"{self.path} is no sweep of grokc: it has no points.csv")

    @property
    def runs(self) -> List[Run]:
        """The runs that were begun, in their order."""
        found = sorted((self.path / "runs").glob("*/config.yaml"))
        return [Run(file.parent) for file in found]

    def table(self) -> List[Row]:
        """sweep.csv, as `grokc gather` writes it: a dict for each finished run; empty fields are
        None."""
        file = self.path / "sweep.csv"
        if not file.exists():
            raise FileNotFoundError(f"{file} is not there yet: grokc gather {self.path}")
        with open(file, newline="") as lines:
            return [
                {name: None if value == "" else _scalar(value) for name, value in row.items()}
                for row in csv.DictReader(lines)
            ]

    def frame(self):
        """table() as a pandas DataFrame, where pandas is installed."""
        import pandas

        return pandas.DataFrame(self.table())


# ------------------------------------------------------------------------------------- forward pass


def pairs(p: int, equals: bool = True) -> np.ndarray:
    """All inputs (a, b, =) of a task mod p, a the slow one; "=" is token p."""
    a, b = np.divmod(np.arange(p * p), p)
    return np.stack([a, b, np.full(p * p, p)] if equals else [a, b], 1)


def _activation(x: np.ndarray, name: str) -> np.ndarray:
    if name == "relu":
        return np.maximum(x, 0)
    if name == "gelu":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    if name == "gelu_erf":
        erf = np.frompyfunc(math.erf, 1, 1)
        return 0.5 * x * (1 + erf(x / math.sqrt(2)).astype(x.dtype))
    raise ValueError(f"activation {name!r}: expects relu, gelu or gelu_erf")


def _layer_norm(x: np.ndarray, w: Tensors, name: str) -> np.ndarray:
    if name + ".w" not in w:
        return x
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(1e-5))
    return x * w[name + ".w"] + w[name + ".b"]


def _attention(x: np.ndarray, w: Tensors, block: str, last: bool) -> np.ndarray:
    def weight(name: str) -> np.ndarray:
        return w[block + "attn." + name]

    to = x[:, -1:] if last else x
    q, k, v = (
        np.einsum("btd,hdk->bhtk", y, weight("W_" + name), optimize=True)
        + (weight("b_" + name)[:, None] if block + "attn.b_" + name in w else 0)
        for name, y in (("Q", to), ("K", x), ("V", x))
    )
    score = q @ k.swapaxes(-1, -2) / x.dtype.type(math.sqrt(k.shape[-1]))
    T = x.shape[1]
    future = np.arange(T)[None] > np.arange(T - to.shape[1], T)[:, None]
    score = np.where(future, -np.inf, score)
    score = np.exp(score - score.max(-1, keepdims=True))
    z = (score / score.sum(-1, keepdims=True)) @ v
    return np.einsum("bhtk,hkd->btd", z, weight("W_O"), optimize=True) + w.get(
        block + "attn.b_O", 0
    )


def _perceptron(x: np.ndarray, w: Tensors, block: str, activation: str) -> np.ndarray:
    hidden = _activation(x @ w[block + "mlp.W_in"] + w.get(block + "mlp.b_in", 0), activation)
    return hidden @ w[block + "mlp.W_out"] + w.get(block + "mlp.b_out", 0)


def logits(
    weights: Tensors,
    tokens: np.ndarray,
    activation: str = "relu",
    norm: str = "pre",
    dtype: Any = np.float32,
) -> np.ndarray:
    """Logits (B,C) at the last position of tokens (B,T), for a transformer's weights with
    TransformerLens's names and shapes. Where there are layer norms, `norm` says which: pre or post.
    """
    if "blocks.0.attn.W_Q" not in weights:
        raise ValueError("logits() knows transformers; these weights have no blocks.0.attn.W_Q")
    w = {
        name: np.asarray(value, dtype) for name, value in weights.items() if value.dtype.kind == "f"
    }
    layers = sum(re.fullmatch(r"blocks\.\d+\.attn\.W_Q", name) is not None for name in w)
    tokens = np.asarray(tokens)
    post = norm == "post"
    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"][: tokens.shape[1]]
    for layer in range(layers):
        block, last = f"blocks.{layer}.", layer == layers - 1
        added = _attention(x if post else _layer_norm(x, w, block + "ln1"), w, block, last)
        x = (x[:, -1:] if last else x) + added
        if post:
            x = _layer_norm(x, w, block + "ln1")
        if block + "mlp.W_in" in w:
            x = x + _perceptron(
                x if post else _layer_norm(x, w, block + "ln2"), w, block, activation
            )
            if post:
                x = _layer_norm(x, w, block + "ln2")
    x = _layer_norm(x[:, -1], w, "ln_final")
    return x @ w["unembed.W_U"] + w.get("unembed.b_U", 0)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean loss in nats, in float64."""
    x = logits.astype(np.float64)
    x = x - x.max(-1, keepdims=True)
    return float((np.log(np.exp(x).sum(-1)) - x[np.arange(len(x)), labels]).mean())


# ----------------------------------------------------------------------------------------- training


def program() -> str:
    """Path of grokc: $GROKC, beside this file in a source tree or an installation, or on PATH."""
    here = Path(__file__).resolve().parent
    for place in (
        os.environ.get("GROKC"),
        here.parent / "build/release/grokc",
        here.parent.parent.parent / "bin/grokc",
        shutil.which("grokc"),
    ):
        if place and os.access(place, os.X_OK):
            return str(place)
    raise FileNotFoundError(
        "there is no grokc: build it (`make run`), or say where it is in $GROKC"
    )


def _yaml(config: Dict[str, Any]) -> str:
    """Values as JSON, which YAML takes."""
    lines = []
    for group, value in config.items():
        if isinstance(value, dict):
            lines += [f"{group}:"] + [f"  {key}: {json.dumps(item)}" for key, item in value.items()]
        else:
            lines.append(f"{group}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _stamp(path: Path) -> Optional[tuple]:
    try:
        info = path.stat()
    except FileNotFoundError:
        return None
    return info.st_ino, info.st_mtime_ns


def _follow(child: "subprocess.Popen[bytes]", out: Path, before: Optional[tuple]) -> Iterator[Row]:
    """Rows as the child writes them, from the first one on. What it does not keep of a run that it
    goes on with, it writes again with the same bytes."""
    taken = False
    at = 0
    while True:
        ended = child.poll() is not None  # looked at before the file: nothing is missed
        taken = taken or ended or _stamp(out / "state") != before
        file = out / "metrics.jsonl"
        if taken and file.exists():
            with open(file, "rb") as stream:
                stream.seek(at)
                text = stream.read()
            text = text[: text.rfind(b"\n") + 1]
            at += len(text)
            yield from map(json.loads, text.splitlines())
        if ended:
            return
        time.sleep(0.02)


def train(
    config: Dict[str, Any],
    out: PathLike,
    *,
    fresh: bool = False,
    device: Optional[str] = None,
    command: Optional[str] = None,
) -> Iterator[Row]:
    """Trains through the program and yields the rows of metrics.jsonl as they come; goes on with an
    unfinished run of the same config, whose first rows come first. The last row of a run that
    diverged has "diverged": true. Closing the generator, or leaving the loop, stops the program at
    a resume point: the same call goes on. The value of the generator is the Run.

    config: groups of keys, as in a config file. RuntimeError with the program's message where it
    fails."""
    out = Path(out)
    before = _stamp(out / "state")
    with tempfile.TemporaryDirectory(prefix="grokc-") as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(_yaml(config))
        words = [command or program(), "train", str(file), "--out", str(out)]
        words += ["--fresh"] * fresh + (["--device", device] if device else [])
        with open(Path(folder) / "stderr", "w+b") as errors:
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches Python, Python stops it
            )
            try:
                yield from _follow(child, out, before)
            finally:
                if child.poll() is None:
                    child.terminate()
                    try:
                        child.wait(60)
                    except subprocess.TimeoutExpired:
                        child.kill()
                        child.wait()
            if child.returncode not in (0, 3):
                errors.seek(0)
                lines = errors.read().decode(errors="replace").splitlines()
                first = [i for i, line in enumerate(lines) if line.startswith("grokc:")]
                message = "\n".join(lines[first[0] :]) if first else ""
                raise RuntimeError(message or f"grokc ended with {child.returncode}")
    return Run(out)
