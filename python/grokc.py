"""Runs of grokc in Python: numpy and the standard library only.

    import grokc
    run = grokc.Run("runs/paper")
    run.config["task"]["p"], run.summary["grok_epoch"]
    run.metrics["test_loss"]                     # an array, beside run.metrics["epoch"]
    w = run.checkpoint(20000)                    # name -> array, memory-mapped; -1: the last
    grokc.logits(w, grokc.pairs(113))            # the forward pass

    for row in grokc.train({"seed": 1, "run": {"epochs": 2000}}, out="runs/one"):
        print(row["epoch"], row["test_loss"])    # as they come

    model = grokc.load("runs/paper", 20000)      # in TransformerLens, where it is installed

    python3 -m grokc follow runs/paper --to tensorboard    # or wandb: rows as they come

This module reads what the program wrote and starts the program; it trains nothing itself.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

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
            wide = values.ravel().astype(np.uint32) << 16
            values = wide.view(np.float32).reshape(values.shape)
        values.flags.writeable = False
        found[name] = values
    return found


# ------------------------------------------------------------------------------------------- names

# What was called otherwise in grokc 0.1: include/gk/renamed.def, kind by kind.
_RENAMED = {
    "KEY": {"task.corrupt_fraction": "task.label_noise", "corrupt_fraction": "label_noise"},
    "COLUMN": {
        "test_loss_mirror": "test_loss_commuted",
        "test_loss_other": "test_loss_uncommuted",
        "sum_squares": "squared_l2_norm",
        "absorbed": "softmax_saturation",
        "imbalance": "logit_gradient_sum",
    },
    "CSV": {"index": "run_index", "grokked_share": "grokked_fraction"},
    "TURN": {
        "sum of squares maximum": "squared L2 norm maximum",
        "sum of squares settled": "squared L2 norm settled",
    },
}


def _renamed(name: str, *kinds: str) -> str:
    """Today's name; of columns also before a dot: sum_squares.embed.W_E."""
    for kind in kinds or _RENAMED:
        head, dot, rest = name.partition(".") if kind == "COLUMN" else (name, "", "")
        if head in _RENAMED[kind]:
            return _RENAMED[kind][head] + dot + rest
    return name


def csv_name(name: str) -> str:
    """What a column is called in sweep.csv, curves.csv.gz, cells.csv and `grokc ls --csv`:
    "optim.lr" is optim_lr, "events.test_loss < 0.1.crossed" test_loss_below_0_1."""
    for group in ("events.", "turning_points.", "phases."):
        name = name[len(group) :] if name.startswith(group) else name
    if name.endswith(".crossed") and name != ".crossed":
        name = name[: -len(".crossed")]
    signs = {"<=": "at_most", ">=": "at_least", "!=": "not"}
    signs.update({"<": "below", ">": "above", "=": "equals"})
    name = re.sub("<=|>=|!=|[<>=]", lambda sign: f" {signs[sign[0]]} ", name)
    name = "_".join(re.findall("[a-z0-9]+", re.sub("[A-Z]", lambda c: c[0].lower(), name)))
    return name if name and not name[0].isdigit() else "column_" + name


class _Names(Dict[str, Any]):
    """A dict by today's names in which a name of grokc 0.1 finds the same: row["sum_squares"]."""

    def _find(self, name: Any) -> Any:
        return name if dict.__contains__(self, name) else _renamed(str(name))

    def __missing__(self, name: Any) -> Any:
        found = self._find(name)
        if not dict.__contains__(self, found):
            raise KeyError(name)
        return self[found]

    def __contains__(self, name: Any) -> bool:
        return dict.__contains__(self, self._find(name))

    def get(self, name: Any, default: Any = None) -> Any:
        return self[name] if name in self else default


class _CsvRow(_Names):
    """A row of a CSV file, in which names find the same as they stand elsewhere: row["optim.lr"]."""

    def _find(self, name: Any) -> Any:
        return name if dict.__contains__(self, name) else csv_name(_renamed(str(name)))


def _today(value: Any, name: str = "") -> Any:
    """JSON of any version as today's: names, and key_freqs and clusters as lists."""
    if isinstance(value, dict):
        now = ((_renamed(key, "COLUMN", "TURN"), x) for key, x in value.items())
        return _Names((key, _today(x, key)) for key, x in now)
    if isinstance(value, str) and name == "key_freqs":
        return key_freqs(value)
    if isinstance(value, str) and name == "clusters":
        return [[k, neurons] for k, neurons in clusters(value).items()]
    return value


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


def _text(path: Path) -> str:
    """UTF-8 whatever the locale says, and no character taken for an end of line but the newline."""
    return path.read_bytes().decode("utf-8")


def _config(text: str) -> Dict[str, Any]:
    """The YAML that grokc writes: groups of scalars, lists of scalars. Not a reader of YAML."""
    config: Dict[str, Any] = _Names()
    group, key = config, ""
    for line in text.split("\n"):
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
        key = _renamed(key, "KEY")
        if value.strip() or line.startswith(" "):
            group[key] = _scalar(value.strip()) if value.strip() else None
        else:
            group = config[key] = _Names()
    return config


def _rows(path: Path) -> List[Row]:
    """The complete lines of a file of rows; of one that is still written, the last may be half."""
    return [_today(json.loads(line)) for line in _lines(path)]


def _lines(path: Path) -> List[bytes]:
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def _columns(rows: List[Row]) -> Dict[str, np.ndarray]:
    """Numbers as float64 with NaN where there is none; whole columns of integers as int64; others,
    lists among them, as objects."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns: Dict[str, np.ndarray] = _Names()
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = {type(value) for value in values}
        if kinds <= {int}:
            columns[name] = np.array(values, np.int64)
        elif kinds <= {int, float, type(None)}:
            columns[name] = np.array([math.nan if v is None else v for v in values], np.float64)
        else:
            columns[name] = np.empty(len(values), object)
            for i, value in enumerate(values):  # at once, numpy would make a matrix of lists
                columns[name][i] = value
    return columns


def _given(value: Any) -> Any:
    """numpy's values as Python's; [] for what stands for no value."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return [] if value is None or value != value else value  # NaN: pandas's None


def key_freqs(value: Any) -> List[int]:
    """A key_freqs of a row, summary or CSV file as a list, whichever way it is written there: a list,
    "14,35,41" (in CSV files, and by grokc 0.1), or None."""
    value = _given(value)
    if isinstance(value, str):
        value = [k for k in re.split(r"[,\s]+", value.strip("[] ")) if k]
    return [int(k) for k in (value if isinstance(value, (list, tuple)) else [value])]


def clusters(value: Any) -> Dict[int, int]:
    """A clusters of a row as frequency -> number of neurons, whichever way it is written there: a
    list of pairs, "14:30,35:53" (in CSV files, and by grokc 0.1), an object, or None."""
    value = _given(value)
    if isinstance(value, str):
        value = [pair.split(":") for pair in value.split(",") if pair]
    pairs = value.items() if isinstance(value, dict) else value
    return {int(k): int(count) for k, count in pairs}


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
        return json.loads(_text(file)) if file.exists() else None

    @property
    def config(self) -> Dict[str, Any]:
        """Group -> key -> value, fully resolved."""
        return _config(_text(self.path / "config.yaml"))

    @property
    def state(self) -> str:
        """running, done, diverged, interrupted, failed: message; new where there is none yet."""
        file = self.path / "state"
        return _text(file).strip() if file.exists() else "new"

    @property
    def summary(self) -> Optional[Dict[str, Any]]:
        """summary.json; None before the end."""
        return _today(self._json("summary.json"))

    @property
    def parent(self) -> Optional[Dict[str, Any]]:
        """Of a branch: where it comes from."""
        return self._json("parent.json")

    @property
    def rows(self) -> List[Row]:
        """metrics.jsonl: a dict for each measured epoch. Of runs of grokc 0.1, too, it has today's
        names, and the old ones find the same: row["sum_squares"] is row["squared_l2_norm"]."""
        return _rows(self.path / "metrics.jsonl")

    @property
    def final_rows(self) -> List[Row]:
        """final.jsonl: the same for every checkpoint, with the final key set."""
        return _rows(self.path / "final.jsonl")

    @property
    def hook_rows(self) -> List[Row]:
        """hook.jsonl: the answers of run.hook."""
        return [json.loads(line) for line in _lines(self.path / "hook.jsonl")]

    @property
    def metrics(self) -> Dict[str, np.ndarray]:
        """The columns of metrics.jsonl; `grokc list measures` says what they are."""
        return _columns(self.rows)

    @property
    def final(self) -> Dict[str, np.ndarray]:
        """The columns of final.jsonl."""
        return _columns(self.final_rows)

    @property
    def key_freqs(self) -> List[List[int]]:
        """Key frequencies of each row of metrics.jsonl; [] where a row has none."""
        return [key_freqs(row.get("key_freqs")) for row in self.rows]

    @property
    def clusters(self) -> List[Dict[int, int]]:
        """Neurons by frequency of each row of metrics.jsonl; {} where a row has none."""
        return [clusters(row.get("clusters")) for row in self.rows]

    def frame(self):
        """metrics.jsonl as a pandas DataFrame, where pandas is installed. (pandas.read_json has
        these numbers only with precise_float=True.)"""
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
            some = ", ".join(map(str, there if len(there) < 6 else [*there[:4], "...", there[-1]]))
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
        None. Names as they stand elsewhere find the same: row["optim.lr"] is row["optim_lr"]."""
        file = self.path / "sweep.csv"
        if not file.exists():
            raise FileNotFoundError(f"{file} is not there yet: grokc gather {self.path}")
        with open(file, newline="", encoding="utf-8") as lines:
            return [
                _CsvRow(
                    (csv_name(_renamed(name)), None if value == "" else _scalar(value))
                    for name, value in row.items()
                )
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
    """Path of grokc: $GROKC, beside this file in a source tree or an installation, with the scripts
    of this Python, or on PATH."""
    here = Path(__file__).resolve().parent
    for place in (
        os.environ.get("GROKC"),
        here.parent / "build/release/grokc",
        here.parent.parent.parent / "bin/grokc",
        here / "bin/grokc",  # pip install --target
        Path(sysconfig.get_path("scripts")) / "grokc",
        shutil.which("grokc"),
    ):
        if place and os.access(place, os.X_OK):
            return str(place)
    raise FileNotFoundError(
        "there is no grokc: build it (`make run`), or say where it is in $GROKC"
    )


def _plain(value: Any) -> Any:
    """What YAML knows for what Python has: numpy's and torch's numbers and arrays as they are
    (a float32 keeps its value, so 1e-3 becomes 0.0010000000474974513), paths as text, True and
    False as on and off, whole floats as integers."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if hasattr(value, "tolist") and not isinstance(value, str):
        value = value.tolist()
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, (list, tuple, range)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (int, float, str)):
        return value
    raise TypeError(f"{value!r} is a {type(value).__name__}, which no key of a config takes")


# Raw in quotes these are ends of lines, or forbidden, in YAML 1.1; JSON may leave them raw.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _word(value: Any) -> str:
    """A value as JSON that YAML reads, too: characters beyond 16 bits as they are."""
    text = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _yaml(config: Dict[str, Any]) -> bytes:
    """A config file."""
    lines = []
    for group, value in config.items():
        if isinstance(value, dict):
            lines.append(f"{_word(group)}:")
            lines += [f"  {_word(key)}: {_word(_plain(item))}" for key, item in value.items()]
        else:
            lines.append(f"{_word(group)}: {_word(_plain(value))}")
    try:
        return ("\n".join(lines) + "\n").encode("utf-8")
    except UnicodeEncodeError as error:
        text = error.object[max(error.start - 20, 0) : error.end + 20]
        raise ValueError(f"a config is UTF-8 text, and {text!r} cannot be written so") from None


def _message(text: bytes, code: int) -> str:
    """What the program said, without the progress before it."""
    lines = text.decode(errors="replace").splitlines()
    first = [i for i, line in enumerate(lines) if line.startswith("grokc:")]
    return "\n".join(lines[first[0] :]) if first else f"grokc ended with {code}"


def _stamp(path: Path) -> Optional[tuple]:
    try:
        info = path.stat()
    except FileNotFoundError:
        return None
    return info.st_ino, info.st_mtime_ns, info.st_size


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
            yield from (_today(json.loads(line)) for line in text.split(b"\n")[:-1])
        if ended:
            return
        time.sleep(0.02)


def train(
    config: Union[Dict[str, Any], PathLike],
    out: PathLike,
    *,
    sets: Optional[Dict[str, Any]] = None,
    fresh: bool = False,
    device: Optional[str] = None,
    command: Optional[str] = None,
) -> Iterator[Row]:
    """Trains through the program and yields the rows of metrics.jsonl as they come; goes on with an
    unfinished run of the same config, whose first rows come first. The last row of a run that
    diverged has "diverged": true. Closing the generator, or leaving the loop, stops the program at
    a resume point: the same call goes on. The value of the generator is the Run.

    config: groups of keys, as in a config file, or the path of one. sets: "group.key" -> value, on
    top of it. Values may be numpy's and paths. RuntimeError with the program's message where it
    fails."""
    out = Path(out)
    before = _stamp(out / "state")
    with tempfile.TemporaryDirectory(prefix="grokc-") as folder:
        file = Path(folder) / "config.yaml"
        if isinstance(config, dict):
            file.write_bytes(_yaml(config))
        else:
            file = Path(config)
        words = [command or program(), "train", str(file), "--out", str(out)]
        for key, value in (sets or {}).items():
            value = _plain(value)
            words += ["--set", f"{key}={value if isinstance(value, str) else _word(value)}"]
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
                raise RuntimeError(_message(errors.read(), child.returncode))
    return Run(out)


# ----------------------------------------------------------------------------------- TransformerLens

_ACTIVATIONS = {"relu": "relu", "gelu": "gelu_new", "gelu_erf": "gelu"}  # gelu_new: with tanh


def load(run: Union[Run, PathLike], epoch: Optional[int] = None, dtype: Any = None) -> Any:
    """A checkpoint in TransformerLens, on the CPU; the last one where no epoch is given.

    TransformerLens 2 and 3: a HookedTransformer. From 4 on, which has none: a TransformerBridge of
    the same weights, unprocessed, with the names of hooks that a HookedTransformer has. dtype is
    torch's; float32 where it is not given. RuntimeError with the program's message for models that
    TransformerLens cannot express."""
    import torch

    run = run if isinstance(run, Run) else Run(run)
    file = run._file("checkpoints", -1 if epoch is None else epoch, run.checkpoints)
    with tempfile.TemporaryDirectory(prefix="grokc-") as folder:
        out = os.path.join(folder, "weights.safetensors")
        source = f"{run.path}@{int(file.stem)}"
        words = [program(), "export", source, "--layout", "transformer_lens", "-o", out]
        done = subprocess.run(words, capture_output=True)
        if done.returncode:
            raise RuntimeError(_message(done.stderr, done.returncode))
        weights = {name: torch.tensor(np.array(x)) for name, x in tensors(out).items()}
    model = run.config["model"]
    n_ctx, d_model = weights["pos_embed.W_pos"].shape
    sizes = {
        "n_layers": model["layers"],
        "d_model": d_model,
        "n_ctx": n_ctx,
        "d_head": model["d_head"],
        "n_heads": model["heads"],
        "d_mlp": model["d_mlp"] or None,
        "attn_only": model["d_mlp"] == 0,
        "act_fn": _ACTIVATIONS[model["activation"]],
        "d_vocab": len(weights["embed.W_E"]),
        "d_vocab_out": weights["unembed.W_U"].shape[1],
        "normalization_type": "LN" if model.get("norm", "none") == "pre" else None,
        "dtype": dtype or torch.float32,
    }
    try:
        from transformer_lens import HookedTransformer, HookedTransformerConfig
    except ImportError:
        return _bridge(sizes, weights)
    hooked = HookedTransformer(HookedTransformerConfig(device="cpu", **sizes))
    missing, unexpected = hooked.load_state_dict(weights, strict=False)
    buffers = {name for name, _ in hooked.named_buffers()}
    if unexpected or not set(missing) <= buffers:
        raise RuntimeError(f"not as expected: missing {missing}, unexpected {unexpected}")
    return hooked


def _bridge(sizes: Dict[str, Any], weights: Dict[str, Any]) -> Any:
    """TransformerLens from 4 on, which brings its own converter of the old names."""
    from transformer_lens import TransformerBridge
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge.sources.native import boot
    from transformer_lens.utilities.tl_checkpoint_conversion import convert_tl_checkpoint

    config = TransformerBridgeConfig(init_weights=False, **sizes)
    bridge: TransformerBridge = boot(config, device="cpu", dtype=sizes["dtype"])
    bridge.load_state_dict(convert_tl_checkpoint(weights, config), strict=True)
    bridge.enable_compatibility_mode(no_processing=True)
    return bridge


# --------------------------------------------------------------------------------- runs, as they go

Scalars = Dict[str, float]


def _scalars(row: Row, prefix: str = "") -> Scalars:
    """The numbers of a row that are defined."""
    return {
        prefix + name: float(value)
        for name, value in row.items()
        if name != "epoch" and type(value) in (int, float) and math.isfinite(value)
    }


class _Tail:
    """The new lines of a file of rows. What is written again with the same bytes after a resume is
    not new; `again` says that the file is another one than before."""

    def __init__(self, path: Path):
        self.path = path
        self.seen: List[bytes] = []
        self.stamp: Optional[tuple] = None

    def read(self) -> Tuple[bool, List[Row]]:
        stamp = _stamp(self.path)
        if stamp == self.stamp and stamp is not None:
            return False, []
        self.stamp, lines = stamp, _lines(self.path)
        n = min(len(lines), len(self.seen))
        again = lines[:n] != self.seen[:n]
        new = lines if again else lines[n:]
        if again or new:
            self.seen = lines
        rows = [json.loads(line) for line in new]
        return again, rows if self.path.name == "hook.jsonl" else list(map(_today, rows))


class _TensorBoard:
    """Scalars at their epochs, in logdir/NAME. A run that is sent again replaces what it sent."""

    def __init__(self, run: Run, logdir: PathLike):
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            raise ImportError("TensorBoard is not installed: pip install tensorboard") from None
        self.Event, self.Log, self.Summary = (
            event_pb2.Event,
            event_pb2.SessionLog,
            summary_pb2.Summary,
        )
        self.Writer = EventFileWriter
        self.writer: Any = None
        self.name = str(self._folder(run.path.resolve(), Path(logdir)))

    @staticmethod
    def _folder(path: Path, logdir: Path) -> Path:
        """Named as the run is; of runs of one name, the later ones have their parents' names in
        front. A file in it says whose it is."""
        name = ""
        for part in reversed(path.parts[1:]):
            name = f"{part}-{name}" if name else part
            folder = logdir / name
            try:
                folder.mkdir(parents=True)
                (folder / "grokc-run").write_bytes(os.fsencode(path))
                return folder
            except FileExistsError:
                mark = folder / "grokc-run"
                if mark.exists() and mark.read_bytes() == os.fsencode(path):
                    return folder
        raise FileExistsError(f"{logdir / name} holds something else than {path}")

    def begin(self) -> None:
        if self.writer:
            self.writer.close()
        for old in Path(self.name).glob("events.out.tfevents.*"):
            old.unlink()
        self.writer = self.Writer(self.name)
        start = self.Log(status=self.Log.START)  # a reader drops what it had of these epochs
        self.writer.add_event(self.Event(wall_time=time.time(), step=0, session_log=start))

    def send(self, epoch: int, scalars: Scalars) -> None:
        values = [self.Summary.Value(tag=name, simple_value=x) for name, x in scalars.items()]
        event = self.Event(wall_time=time.time(), step=epoch, summary=self.Summary(value=values))
        self.writer.add_event(event)

    def flush(self) -> None:
        self.writer.flush()

    def end(self, run: Run) -> None:
        self.writer.close()


class _WandB:
    """Config, scalars by epoch, and what summary.json says; offline unless $WANDB_MODE says
    otherwise. A run that is sent again has the same id there."""

    def __init__(self, run: Run, project: str):
        try:
            import wandb
        except ImportError:
            raise ImportError("Weights & Biases is not installed: pip install wandb") from None
        self.wandb: Any = wandb
        self.run, self.project = run, project
        self.sent: Any = None

    def begin(self) -> None:
        if self.sent:
            self.sent.finish()
        path = self.run.path.resolve()
        config = self.run.config
        begun = (self.run._json("env.json") or [None])[0]  # host and time: no two runs have one id
        text = json.dumps([os.fsencode(path).hex(), begun, config])
        self.sent = self.wandb.init(
            project=self.project,
            id=hashlib.sha256(text.encode()).hexdigest()[:16],
            name=path.name,
            config=config,
            mode=os.environ.get("WANDB_MODE") or "offline",
        )
        self.sent.define_metric("*", step_metric="epoch")

    def send(self, epoch: int, scalars: Scalars) -> None:
        self.sent.log({"epoch": epoch, **scalars})

    def flush(self) -> None:
        pass

    def end(self, run: Run) -> None:
        summary = run.summary or {}
        for name in ("state", "grok_epoch", "grok_delay"):
            self.sent.summary[name] = summary.get(name)
        self.sent.summary["key_freqs"] = key_freqs(summary.get("key_freqs"))
        self.sent.finish(exit_code=int(run.state.split(":")[0] in ("failed", "diverged")))


_SILENT = 15 * 60  # seconds; a run that goes on touches its file `owner` more often
_GETLK, _LOCKED_BYTE = 36, 1 << 30  # Linux's F_OFD_GETLK; the byte of `owner` that is locked


def _is_locked(file: Any) -> bool:
    """Where there are no such locks: not known, which is no."""
    try:
        import fcntl

        range_ = struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _LOCKED_BYTE, 1, 0)
        return struct.unpack("@h", fcntl.fcntl(file, _GETLK, range_)[:2])[0] != fcntl.F_UNLCK
    except (ImportError, OSError):
        return False


def _held(path: Path) -> Optional[bool]:
    """Has a process this run? None: on another host, or nothing can be read; only signs of life
    tell. As `grokc ls` looks at it."""
    try:
        with open(path / "owner", "rb") as file:
            words = dict(line.split(b" ", 1) for line in file.read().splitlines() if b" " in line)
            if _is_locked(file):
                return True
        here = [os.fsencode(os.uname().nodename), os.fsencode(os.readlink("/proc/self/ns/pid"))]
        if [words.get(b"host"), words.get(b"namespace")] != here:
            return None
        stat = Path(f"/proc/{int(words[b'pid'])}/stat").read_bytes()
        return stat.rpartition(b")")[2].split()[19] == words.get(b"started")
    except FileNotFoundError:
        return False if os.path.isdir("/proc/self") else None
    except (OSError, ValueError, KeyError, IndexError, AttributeError):
        return None


def follow(
    run: Union[Run, PathLike],
    to: str = "tensorboard",
    *,
    every: float = 2,
    logdir: PathLike = "tensorboard",
    project: str = "grokc",
) -> str:
    """Sends a run to TensorBoard or Weights & Biases (`to`: tensorboard, wandb): the rows that are
    there, and further ones as they come, until it ends; the answers of its hook as hook/NAME. Looks
    for new rows `every` seconds. Returns the run's state; "running" of a run that says so, but that
    no process has: at once if nobody had it when this began, else after 15 minutes without a sign
    of life, as it may be gone on with."""
    run = run if isinstance(run, Run) else Run(run)
    if to not in ("tensorboard", "wandb"):
        raise ValueError(f"to={to!r}: expects tensorboard or wandb")
    sender: Any = _TensorBoard(run, logdir) if to == "tensorboard" else _WandB(run, project)
    tails = {"": _Tail(run.path / "metrics.jsonl"), "hook/": _Tail(run.path / "hook.jsonl")}
    alive, heard = None, time.monotonic()
    sender.begin()
    try:
        while True:
            state = run.state  # looked at before the rows: nothing is missed
            found = {prefix: tail.read() for prefix, tail in tails.items()}
            if any(again for again, _ in found.values()):  # --fresh: from the start
                tails = {prefix: _Tail(tail.path) for prefix, tail in tails.items()}
                found = {prefix: tail.read() for prefix, tail in tails.items()}
                sender.begin()
            for prefix, (_, rows) in found.items():
                for row in rows:
                    sender.send(row["epoch"], _scalars(row, prefix))
            sender.flush()
            sign = [_stamp(run.path / name) for name in ("owner", "metrics.jsonl")]
            held = _held(run.path) if state == "running" else None
            if alive is None and held is False:
                return state
            if sign != alive or held:
                alive, heard = sign, time.monotonic()
            if state not in ("new", "running") or time.monotonic() - heard > _SILENT:
                return state
            time.sleep(every)
    finally:
        sender.end(run)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python3 -m grokc", description="Runs of grokc elsewhere."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    words = commands.add_parser("follow", help="send runs to TensorBoard or Weights & Biases")
    words.add_argument("runs", nargs="+", metavar="RUN", help="one after the other")
    words.add_argument("--to", choices=("tensorboard", "wandb"), default="tensorboard")
    words.add_argument("--every", type=float, default=2, metavar="SECONDS")
    words.add_argument("--logdir", default="tensorboard", help="of TensorBoard")
    words.add_argument("--project", default="grokc", help="of Weights & Biases")
    args = parser.parse_args()
    for path in args.runs:
        try:
            state = follow(
                path, args.to, every=args.every, logdir=args.logdir, project=args.project
            )
        except KeyboardInterrupt:
            sys.exit(130)
        except (OSError, ImportError, ValueError) as error:
            sys.exit(f"grokc follow: {error}")
        silent = (
            ", but no process has it, or it gives no sign of life; its rows so far were sent"
            if state in ("new", "running")
            else ""
        )
        print(f"{path}: {state}{silent}")


if __name__ == "__main__":
    main()
