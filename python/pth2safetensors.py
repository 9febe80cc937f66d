#!/usr/bin/env python3
"""Other people's pickled weights (torch.save) as files that grokc reads.

    python3 pth2safetensors.py model.pth model.safetensors  # a state_dict, or a dict with one
    python3 pth2safetensors.py full_run_data.pth authors    # a run: a folder

A run is what the authors of "Progress measures for grokking" stored, a dict with 'state_dicts' and
'epochs', or what TransformerLens's demo of grokking stores, with 'checkpoints', 'checkpoint_epochs'
and the split, or one 'model' or 'state_dict'; with 'train_losses', 'test_losses' and 'config' where
there are any. It becomes authors/checkpoints/EPOCH.safetensors, authors/losses.jsonl,
authors/split.txt, and authors/config.yaml where the file says enough, so that `grokc measure
authors` works as for a run of its own. Then: `grokc measure model.safetensors`. EPOCH is the number
of updates that made the weights. Nothing is written before all of it is known to be good, and what
is written has its name only when it is whole.

Of names, what wrappers put into them goes (_orig_mod, module, ...), and what stands before the
model's own (model., net., ...): --prefix says which model where there are several. TransformerLens
up to 3 has the names that grokc takes (embed.W_E, blocks.0.attn.W_Q, ...). The names of 4 become
those, transposed where need be; its weights of all heads are one matrix, so the number of heads
comes from the file's config, or from --heads:

    embed.weight, pos_embed.weight          embed.W_E, pos_embed.W_pos
    blocks.0.attn.q.weight, .bias           blocks.0.attn.W_Q, b_Q; k, v, o likewise
    blocks.0.mlp.in.weight, .bias           blocks.0.mlp.W_in, b_in; out likewise
    blocks.0.ln1.weight, .bias              blocks.0.ln1.w, b; ln2, ln_final likewise
    unembed.weight, .bias                   unembed.W_U, b_U

and so do those of its module inside: tok_embed, pos, layers, fc_in, fc_out, ln_out, head.

A pickle is a program: torch.load() without weights_only=True runs whatever its author, or whoever
had the file in between, has put there. This reader runs nothing: it builds tensors, numbers and
containers itself, and everything else that a pickle names becomes an inert stand-in. It needs
numpy, not torch. Files from before PyTorch 1.6 are not zip archives; those go through
torch.load(weights_only=True).
"""

import argparse
import collections
import functools
import json
import math
import os
import pickle
import re
import shutil
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, NoReturn, Optional, Tuple

import numpy as np

# torch's name of a storage -> safetensors' type, numpy's type
STORAGES = {
    "DoubleStorage": ("F64", "<f8"),
    "FloatStorage": ("F32", "<f4"),
    "HalfStorage": ("F16", "<f2"),
    "BFloat16Storage": ("BF16", "<u2"),
    "LongStorage": ("I64", "<i8"),
    "IntStorage": ("I32", "<i4"),
    "ShortStorage": ("I16", "<i2"),
    "CharStorage": ("I8", "<i1"),
    "ByteStorage": ("U8", "<u1"),
    "BoolStorage": ("BOOL", "<u1"),
}
OPERATIONS = {"add": "add", "subtract": "subtract", "x2xyy2": "x2_xy_y2"}  # their names, ours


def fail(text: str) -> NoReturn:
    sys.exit(f"pth2safetensors.py: {text}")


@functools.lru_cache(maxsize=None)
def note(text: str) -> None:
    """Said once, however many sets of weights it is true of."""
    print(f"pth2safetensors.py: {text}", file=sys.stderr)


class Tensor:
    """An array and its type in a safetensors file (numpy has no bfloat16)."""

    def __init__(self, kind: str, values: np.ndarray):
        self.kind, self.values = kind, np.ascontiguousarray(values).reshape(values.shape)

    def numbers(self) -> np.ndarray:
        if self.kind == "BF16":
            wide = self.values.ravel().astype(np.uint32) << 16
            return wide.view(np.float32).reshape(self.values.shape)
        return self.values

    def turned(self, values: np.ndarray) -> "Tensor":
        return Tensor(self.kind, values)

    def equals(self, other: "Tensor") -> bool:
        mine, its = self.values, other.values
        return (
            self.kind == other.kind and mine.shape == its.shape and mine.tobytes() == its.tobytes()
        )


Weights = Dict[str, Tensor]


class Inert:
    """Stands for an object of a class that is not known here, and does nothing."""

    def __init__(self, *args, **kwargs):
        self.args = args

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass


def rebuild_tensor(storage, offset, size, stride, *_):
    kind, values = storage
    reach = offset + sum((n - 1) * step for n, step in zip(size, stride)) + 1
    if 0 in size:
        return Tensor(kind, np.empty(size, values.dtype))
    if len(size) != len(stride) or offset < 0 or min(stride, default=0) < 0 or reach > len(values):
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(size)} does not fit its storage")
    steps = [step * values.itemsize for step in stride]
    return Tensor(
        kind, np.lib.stride_tricks.as_strided(values[offset:], size, steps, writeable=False)
    )


class Dtype:
    """numpy's type of a number or of an array of them."""

    def __init__(self, code, *_):
        if not re.fullmatch(r"[biuf][1248]", code if isinstance(code, str) else ""):
            raise pickle.UnpicklingError(f"numbers of a type that is not known here: {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state):
        self.dtype = self.dtype.newbyteorder(">" if state[1] == ">" else "<")


class Array(Tensor):
    """A numpy array: an empty one, until its state comes."""

    def __init__(self, *_):
        super().__init__("F64", np.empty(0))

    def __setstate__(self, state):
        _, shape, kind, by_columns, data = state
        values = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if by_columns else "C")
        values = values.astype(kind.dtype.newbyteorder("<"))
        names = {dtype: name for name, dtype in STORAGES.values() if name not in ("BF16", "BOOL")}
        names.update({"|i1": "I8", "|u1": "U8", "|b1": "BOOL"})
        if values.dtype.str not in names:
            raise pickle.UnpicklingError(
                f"an array of a type that is not known here: {values.dtype}"
            )
        super().__init__(names[values.dtype.str], values)


def numpy_number(kind, data):
    return np.frombuffer(data, kind.dtype)[0].item()


def encode(text, encoding):
    """How protocol 2 keeps bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes kept as {encoding!r}")
    return text.encode("latin1")


KNOWN = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    ("torch._utils", "_rebuild_parameter_with_state"): lambda tensor, *_: tensor,
    ("_codecs", "encode"): encode,
    ("numpy", "dtype"): Dtype,
}
for core in ("numpy.core.multiarray", "numpy._core.multiarray"):  # numpy 1, numpy 2
    KNOWN[core, "scalar"] = numpy_number
    KNOWN[core, "_reconstruct"] = Array


class Reader(pickle.Unpickler):
    """The pickle of a zip archive that torch.save wrote."""

    def __init__(self, archive, name):
        super().__init__(archive.open(name))
        self.archive, self.folder = archive, name[: -len("data.pkl")] + "data/"
        self.read = {}

    def find_class(self, module, name):
        if (module, name) in KNOWN:
            return KNOWN[module, name]
        if module.split(".")[0] == "torch" and name in STORAGES:
            return name
        return type(name, (Inert,), {"__module__": module})

    def persistent_load(self, what):
        _, storage, key, _, count = what
        if storage not in STORAGES:
            raise pickle.UnpicklingError(f"a tensor of a type that is not known here: {storage}")
        kind, dtype = STORAGES[storage]
        if key not in self.read:
            self.read[key] = np.frombuffer(self.archive.read(self.folder + str(key)), dtype)
        if len(self.read[key]) < count:
            raise pickle.UnpicklingError(f"storage {key} is too short")
        return kind, self.read[key]


def read_old(path):
    """A file of torch before 1.6, with torch's own reader of weights."""
    try:
        import torch
    except ImportError:
        fail(
            f"{path} is no zip archive, so from before PyTorch 1.6 or no file of PyTorch at all; "
            "to read it, install torch"
        )
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        fail(
            f"{path}: {str(error).splitlines()[0]}\nIt holds more than weights, or is no file of "
            "PyTorch. A pickle is a program: if you trust who made it, load it with\n"
            "torch.load(path, weights_only=False) yourself and save its state_dict."
        )
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()
    kinds = {getattr(torch, name): kind for name, (kind, _) in zip(names, STORAGES.values())}

    def convert(value):
        if isinstance(value, torch.Tensor):
            value = value.detach().contiguous()
            raw = (
                value.view(torch.int16).numpy().view("<u2")
                if value.dtype == torch.bfloat16
                else value.numpy()
            )
            return Tensor(kinds[value.dtype], raw)
        if isinstance(value, dict):
            return {key: convert(item) for key, item in value.items()}
        return [convert(item) for item in value] if isinstance(value, (list, tuple)) else value

    return convert(found)


def read(path):
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                return read_old(path)
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.split("/")[-1] == "data.pkl"]
            orders = [
                archive.read(name)
                for name in archive.namelist()
                if name.split("/")[-1] == "byteorder"
            ]
            if len(pickles) != 1:
                fail(f"{path} is a zip archive, but not one of torch.save: it has no data.pkl")
            if orders and orders[0] != b"little":
                fail(f"{path} was written on a big-endian machine, which is not read here")
            return Reader(archive, pickles[0]).load()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}")
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        EOFError,
        KeyError,
        ValueError,
        IndexError,
        AttributeError,
        TypeError,
    ) as error:
        fail(f"{path} is damaged, or not what torch.save writes: {error}")


# ---- what is in the file

Sets = List[Tuple[Optional[int], Weights]]


def is_weights(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(item, Tensor) for item in value.values())


def parameters(module: Any, prefix: str = "") -> Weights:
    """The state_dict of a whole module that was pickled, without its buffers; {} of anything else."""
    state = getattr(module, "state", None)
    if not isinstance(state, dict) or not isinstance(state.get("_modules"), dict):
        return {}
    own = state.get("_parameters") or {}
    found = {prefix + name: item for name, item in own.items() if isinstance(item, Tensor)}
    for name, child in state["_modules"].items():
        found.update(parameters(child, f"{prefix}{name}."))
    return found


def fields(value: Any) -> Dict[str, Any]:
    """A config: a dict, or an object's fields."""
    value = getattr(value, "state", value)
    return value if isinstance(value, dict) else {}


def number(value: Any) -> Any:
    """An int or a float from whatever holds one; None where it is none."""
    if isinstance(value, Tensor) and value.values.size == 1:
        value = value.numbers().reshape(()).item()
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def whole(value: Any) -> Optional[int]:
    """A number of updates, or an id; None where it is none."""
    value = number(value)
    return int(value) if value is not None and value >= 0 and float(value).is_integer() else None


def listed(value: Any) -> List[Any]:
    if isinstance(value, Tensor):
        return value.numbers().ravel().tolist()
    return list(value) if isinstance(value, (list, tuple)) else []


def optimizer_says(found: Dict[str, Any]) -> Tuple[Optional[int], Optional[float]]:
    """(updates done, weight decay) from the optimiser's state; None for what is not there."""
    optimizer = found.get("optimizer") or found.get("optimizer_state_dict")
    many = found.get("optimizer_states")  # Lightning
    optimizer = fields(many[0] if isinstance(many, list) and many else optimizer)
    states = [state for state in fields(optimizer.get("state")).values() if isinstance(state, dict)]
    steps = {whole(state["step"]) for state in states if "step" in state}
    groups = [group for group in listed(optimizer.get("param_groups")) if isinstance(group, dict)]
    decays = {number(group.get("weight_decay")) for group in groups}
    return (steps.pop() if len(steps) == 1 else None), (decays.pop() if len(decays) == 1 else None)


def updates_of(found: Dict[str, Any]) -> Optional[int]:
    """Of the one set of weights: how many updates made it."""
    steps = optimizer_says(found)[0], whole(found.get("global_step")), whole(found.get("epoch"))
    return next((step for step in steps if step is not None), None)


def model_of(found: Dict[str, Any]) -> Weights:
    for name in ("model", "state_dict", "model_state_dict"):
        value = found.get(name)
        weights = value if is_weights(value) else parameters(value)
        if weights:
            return weights
    return {}


def checkpoints_of(found: Dict[str, Any], path: Path, many: str, labels: str) -> Sets:
    """Weights and the epochs that the file gives them."""
    weights, epochs = listed(found[many]), [whole(epoch) for epoch in listed(found.get(labels))]
    bad = [i for i, item in enumerate(weights) if not is_weights(item)]
    if bad:
        fail(f"{path}: number {bad[0]} of its {many!r} holds no weights")
    if len(epochs) != len(weights):
        fail(f"{path}: {len(weights)} {many} need as many {labels!r}, not {len(epochs)}")
    if None in epochs or len(set(epochs)) < len(epochs):
        fail(f"{path}: its {labels!r} are no numbers of updates that differ from one another")
    return sorted(zip(epochs, weights), key=lambda pair: pair[0])


def same(a: Weights, b: Weights) -> bool:
    def tensors(weights):
        return {name: item for name, item in weights.items() if isinstance(item, Tensor)}

    a, b = tensors(a), tensors(b)
    return a.keys() == b.keys() and all(a[name].equals(b[name]) for name in a)


def late_of(found: Dict[str, Any], sets: Sets) -> int:
    """TransformerLens's demo calls weights by the number of the update that made them, counted from
    0: one less than the updates they have seen. 1 where the file shows that: its last checkpoint is
    its model, which has seen as many updates as there are train losses."""
    done = len(listed(found.get("train_losses")))
    return int(done == sets[-1][0] + 1 and same(sets[-1][1], model_of(found)))


def sets_of(found: Any, path: Path) -> Sets:
    """The sets of weights by the updates that made them, which may be unknown of a single one."""
    if isinstance(found, dict):
        for many, labels in (("state_dicts", "epochs"), ("checkpoints", "checkpoint_epochs")):
            if not any(map(is_weights, listed(found.get(many)))):
                continue
            sets = checkpoints_of(found, path, many, labels)
            late = late_of(found, sets) if many == "checkpoints" else 0
            sets = [(epoch + late, weights) for epoch, weights in sets]
            model, last = model_of(found), sets[-1]
            done = optimizer_says(found)[0] or len(listed(found.get("train_losses")))
            if model and not same(model, last[1]):
                if done > last[0]:
                    sets.append((done, model))
                else:
                    note("its 'model' is none of its checkpoints, at an unknown epoch; left out")
            return sets
        model = model_of(found)
        if model:
            return [(updates_of(found), model)]
    weights = found if is_weights(found) else parameters(found)
    if weights:
        return [(None, weights)]
    keys = ", ".join(map(str, list(found)[:12])) if isinstance(found, dict) else ""
    fail(
        f"{path}: no weights in here: a {type(found).__name__}{' with ' + keys if keys else ''}; "
        "expected a state_dict, or a dict with 'state_dicts', 'checkpoints' or 'model'"
    )


# ---- names

WRAPPERS = {
    "_orig_mod",  # torch.compile
    "module",  # DataParallel and its like
    "_module",
    "_forward_module",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_original_component",  # TransformerLens 4
}
FIRST = ("embed.W_E", "embed.weight", "tok_embed.weight")  # what every model here has
BLOCK = r"(?:blocks|layers)\.(\d+)\."
NEW_NAMES = (  # TransformerLens 4: pattern, name up to 3, what becomes of the axes
    (r"(?:tok_)?embed\.weight", "embed.W_E", "same"),
    (r"pos(?:_embed)?\.weight", "pos_embed.W_pos", "same"),
    (BLOCK + r"attn\.q\.weight", r"blocks.\1.attn.W_Q", "heads_in"),
    (BLOCK + r"attn\.k\.weight", r"blocks.\1.attn.W_K", "heads_in"),
    (BLOCK + r"attn\.v\.weight", r"blocks.\1.attn.W_V", "heads_in"),
    (BLOCK + r"attn\.o\.weight", r"blocks.\1.attn.W_O", "heads_out"),
    (BLOCK + r"attn\.q\.bias", r"blocks.\1.attn.b_Q", "heads"),
    (BLOCK + r"attn\.k\.bias", r"blocks.\1.attn.b_K", "heads"),
    (BLOCK + r"attn\.v\.bias", r"blocks.\1.attn.b_V", "heads"),
    (BLOCK + r"attn\.o\.bias", r"blocks.\1.attn.b_O", "same"),
    (BLOCK + r"mlp\.(?:fc_)?in\.weight", r"blocks.\1.mlp.W_in", "turn"),
    (BLOCK + r"mlp\.(?:fc_)?in\.bias", r"blocks.\1.mlp.b_in", "same"),
    (BLOCK + r"mlp\.(?:fc_)?out\.weight", r"blocks.\1.mlp.W_out", "turn"),
    (BLOCK + r"mlp\.(?:fc_)?out\.bias", r"blocks.\1.mlp.b_out", "same"),
    (BLOCK + r"ln([12])\.weight", r"blocks.\1.ln\2.w", "same"),
    (BLOCK + r"ln([12])\.bias", r"blocks.\1.ln\2.b", "same"),
    (r"(?:ln_final|ln_out)\.weight", "ln_final.w", "same"),
    (r"(?:ln_final|ln_out)\.bias", "ln_final.b", "same"),
    (r"(?:unembed|head)\.weight", "unembed.W_U", "turn"),
    (r"(?:unembed|head)\.bias", "unembed.b_U", "same"),
)


def put(weights: Weights, name: str, tensor: Tensor, path: Path) -> None:
    if name in weights and not weights[name].equals(tensor):
        fail(f"{path}: two different tensors would be called {name}")
    weights[name] = tensor


def unwrapped(found: Weights, path: Path) -> Weights:
    """The tensors alone, without what wrappers put into their names."""
    weights: Weights = {}
    for name, tensor in found.items():
        if isinstance(tensor, Tensor):
            own = ".".join(part for part in str(name).split(".") if part not in WRAPPERS)
            put(weights, own, tensor, path)
        else:
            note(f"{name} is no tensor; left out")
    return weights


def one_model(weights: Weights, prefix: Optional[str], path: Path) -> Weights:
    """Those whose names begin with the prefix, without it; where none is given, what stands before
    the name of an embedding."""
    if prefix is None:
        ends = [
            (name, first) for name in weights for first in FIRST if f".{name}".endswith(f".{first}")
        ]
        heads = {name[: -len(first)] for name, first in ends}
        if len(heads) > 1:
            named = ", ".join(sorted(repr(head) for head in heads))
            fail(f"{path} holds several models; say which with --prefix: {named}")
        prefix = heads.pop() if heads else ""
        if not heads and all(name.startswith("model.") for name in weights):
            prefix = prefix or "model."
    chosen = {
        name[len(prefix) :]: item for name, item in weights.items() if name.startswith(prefix)
    }
    if not chosen:
        some = ", ".join(list(weights)[:6])
        fail(f"{path}: no tensor's name begins with {prefix!r}; there are {some}, ...")
    left = [name for name in weights if not name.startswith(prefix)]
    if left:
        note(f"not of the model {prefix!r}, left out: {', '.join(left)}")
    return chosen


def turned(tensor: Tensor, how: str, heads: int) -> Tensor:
    x = tensor.values
    if how == "turn":
        x = x.T
    elif how == "heads_in":  # (heads * d_head, d_model) -> (heads, d_model, d_head)
        x = x.reshape(heads, -1, x.shape[1]).transpose(0, 2, 1)
    elif how == "heads_out":  # (d_model, heads * d_head) -> (heads, d_head, d_model)
        x = x.reshape(x.shape[0], heads, -1).transpose(1, 2, 0)
    elif how == "heads":
        x = x.reshape(heads, -1)
    return tensor.turned(x)


def match_of(name: str) -> Optional[Tuple[str, str]]:
    """The name up to 3 and what becomes of the axes; None where 4 has no such name."""
    for pattern, old, how in NEW_NAMES:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(old), how
    return None


def old_names(weights: Weights, heads: Optional[int], path: Path) -> Weights:
    """Names of TransformerLens 4 as those up to 3; all others as they are."""
    if not any(name in weights for name in FIRST[1:]):
        return weights
    renamed: Weights = {}
    matches = {name: match_of(name) for name in weights}
    strange = [name for name, match in matches.items() if not match]
    if strange:
        note(
            f"{strange[0]} is no name that TransformerLens 4 has in such models; all stay as they are"
        )
        return weights
    if not heads and any(how.startswith("heads") for _, how in matches.values()):
        fail(f"{path} has the names of TransformerLens 4 and no config with 'n_heads': --heads")
    for name, (old, how) in matches.items():
        try:
            put(renamed, old, turned(weights[name], how, heads or 1), path)
        except (ValueError, IndexError):
            fail(f"{path}: {name} of shape {weights[name].values.shape} is not of {heads} heads")
    return renamed


# ---- what a run is made of besides

Values = Dict[str, Dict[str, Any]]


def shapes_of(weights: Weights) -> Dict[str, Tuple[int, ...]]:
    return {name: tensor.values.shape for name, tensor in weights.items()}


def authors_config(found: Dict[str, Any], weights: Weights) -> Optional[Values]:
    """What the authors' file says that it was trained on; None where it does not say enough."""
    config, shape = fields(found.get("config")), shapes_of(weights)
    if "p" not in config or config.get("fn_name") not in OPERATIONS:
        return None
    if shape.get("blocks.0.attn.W_Q", ())[2:] != shape.get("pos_embed.W_pos", ())[1:]:
        return None  # not the paper's layout: not the authors' code
    decay = optimizer_says(found)[1]  # their configs were not always brought up to date
    heads, d_head, d_model = shape["blocks.0.attn.W_Q"]
    layers = sum(name.endswith("attn.W_Q") for name in shape)
    return {
        "task": {
            "op": OPERATIONS[config["fn_name"]],
            "p": config["p"],
            "train_fraction": config.get("frac_train"),
            "split": f"python:{config['seed']}" if "seed" in config else None,
        },
        "model": {
            "layers": layers,
            "d_model": d_model,
            "heads": heads,
            "d_head": d_head,
            "d_mlp": shape["blocks.0.mlp.W_in"][0],
            "outputs": shape["unembed.W_U"][1],
            "activation": "gelu_erf" if config.get("act_type") == "GeLU" else "relu",
            "init": f"torch:{config['seed']}" if "seed" in config and layers == 1 else None,
        },
        "optim": {
            "lr": config.get("lr"),
            "weight_decay": config.get("weight_decay") if decay is None else decay,
        },
        "run": {"epochs": config.get("num_epochs")},
    }


def split_of(found: Dict[str, Any], path: Path) -> Tuple[List[int], int]:
    """Ids, those that are trained on first, and how many these are; ([], 0) where there are none."""
    train, test = (
        [whole(item) for item in listed(found.get(name))]
        for name in ("train_indices", "test_indices")
    )
    ids = train + test
    if not ids:
        return [], 0
    if None in ids or len(set(ids)) < len(ids) or not train or not test:
        fail(f"{path}: its train_indices and test_indices are no split: an id is twice, or is none")
    return ids, len(train)


def fraction(part: int, n: int) -> float:
    """The shortest number of which floor(number * n) is the part."""
    for digits in range(1, 17):
        for number in (round(part / n, digits), round((part + 0.5) / n, digits)):
            if math.floor(number * n) == part:
                return number
    return (part + 0.5) / n


def demo_config(found: Dict[str, Any], weights: Weights, ids: List[int]) -> Optional[Values]:
    """What TransformerLens's demo says, which is not the operation: its own is addition."""
    config, shape = fields(found.get("config")), shapes_of(weights)
    sizes = ("W_Q", "W_O"), ("n_layers", "n_heads", "d_head", "d_mlp", "d_vocab")
    if not ids or any(f"blocks.0.attn.{name}" not in shape for name in sizes[0]):
        return None
    layers, heads, d_head, d_mlp, tokens = (whole(config.get(name)) for name in sizes[1])
    d_model, p = shape["embed.W_E"][1], (tokens or 0) - 1
    if shape["blocks.0.attn.W_Q"] != (heads, d_model, d_head) or set(ids) != set(range(p * p)):
        return None

    def trained(part: str) -> bool:
        return any(item.values.any() for name, item in weights.items() if part in name)

    seed = whole(config.get("seed"))
    normed = str(config.get("normalization_type")).startswith("LN")
    kinds = {"gelu_new": "gelu", "gelu": "gelu_erf", "relu": "relu"}
    if config.get("act_fn") not in kinds:
        return None
    note(f"what it was trained on is not in the file; taken: a + b mod {p}, as in the demo")
    return {
        "task": {"op": "add", "p": p},
        "model": {
            "layers": layers,
            "d_model": d_model,
            "heads": heads,
            "d_head": d_head,
            "d_mlp": d_mlp,
            "outputs": shape["unembed.W_U"][1],
            "activation": kinds[config["act_fn"]],
            "biases": "on" if trained(".mlp.b_") else "frozen",
            "attention_biases": "on" if trained(".attn.b_") else None,
            "unembed_bias": "on" if trained("unembed.b_U") else None,
            "norm": "pre" if normed else None,
            "final_norm": "on" if normed else None,
            "init": None if seed is None else f"torch_tl:{seed}",
        },
        "run": {"epochs": len(listed(found.get("train_losses"))) or None},
    }


def yaml_of(values: Values) -> str:
    lines = []
    for group, keys in values.items():
        given = {key: value for key, value in keys.items() if value is not None}
        lines += [f"{group}:"] * bool(given)
        lines += [
            f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in given.items()
        ]
    return "\n".join(lines) + "\n"


def losses_of(found: Dict[str, Any], late: int) -> List[Dict[str, Any]]:
    """Rows; test losses may be stored less often, at a whole number of epochs, and `late` updates
    after the train loss beside them."""
    train, test = (
        [number(item) for item in listed(found.get(name))]
        for name in ("train_losses", "test_losses")
    )
    if None in train or None in test:
        note("its losses are no numbers; left out")
        return []
    every = -(-len(train) // len(test)) if test and train else 1
    rows: Dict[int, Dict[str, Any]] = {}
    for name, values, step, first in (
        ("train_loss", train, 1, 0),
        ("test_loss", test, every, late),
    ):
        for i, value in enumerate(values):
            epoch = i * step + first
            value = value if math.isfinite(value) else None
            rows.setdefault(epoch, {"epoch": epoch})[name] = value
    return [rows[epoch] for epoch in sorted(rows)]


# ---- writing


def file_of(weights: Weights, epoch: Optional[int]) -> bytes:
    """Header and data, as the safetensors format has them."""
    header: Dict[str, Any] = {}
    data = bytearray()
    if epoch is not None:
        header["__metadata__"] = {"epoch": str(epoch)}
    for name, tensor in weights.items():
        begin = len(data)
        data += tensor.values.tobytes()
        header[name] = {
            "dtype": tensor.kind,
            "shape": list(tensor.values.shape),
            "data_offsets": [begin, len(data)],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def files_of(sets: Sets, texts: Dict[str, str]) -> Iterator[Tuple[str, bytes]]:
    """What a folder gets: paths in it, and contents."""
    for epoch, weights in sets:
        yield f"checkpoints/{epoch or 0:08d}.safetensors", file_of(weights, epoch)
    for name, text in texts.items():
        yield name, text.encode("utf-8", "surrogateescape")


def holds(out: Path, sets: Sets, texts: Dict[str, str]) -> bool:
    """Is all of it there already, and nothing else?"""
    there = {str(file.relative_to(out)) for file in out.rglob("*") if not file.is_dir()}
    for name, content in files_of(sets, texts):
        if name not in there or (out / name).read_bytes() != content:
            return False
        there.remove(name)
    return not there


def write(out: Path, sets: Sets, texts: Dict[str, str]) -> None:
    """A file, or a folder with checkpoints and texts: beside its place first, then there."""
    aside = out.with_name(f"{out.name}.{os.getpid()}.grokc-tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".safetensors":
            aside.write_bytes(file_of(sets[0][1], sets[0][0]))
        else:
            if out.is_dir() and any(out.iterdir()):
                if not holds(out, sets, texts):
                    fail(f"{out} is not empty")
                return
            (aside / "checkpoints").mkdir(parents=True)
            for name, content in files_of(sets, texts):
                (aside / name).write_bytes(content)
        os.replace(aside, out)  # an empty folder may be there
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}")
    finally:
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        elif aside.exists():
            aside.unlink()


def may_write(out: Path, count: int, path: Path) -> None:
    if out.suffix == ".safetensors":
        if count > 1:
            fail(f"{path} holds {count} sets of weights: give a folder, not {out}")
        if out.is_dir():
            fail(f"{out} is a folder")
    elif out.exists() and not out.is_dir():
        fail(f"{out} is a file; give a folder, or a name that ends in .safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path, metavar="IN.pth")
    parser.add_argument("output", type=Path, metavar="OUT_DIR|OUT.safetensors")
    parser.add_argument("--prefix", help="of the names of the one model that is wanted")
    parser.add_argument(
        "--heads", type=int, help="of the attention, for names of TransformerLens 4"
    )
    args = parser.parse_args()

    found = read(args.input)
    sets = sets_of(found, args.input)
    may_write(args.output, len(sets), args.input)
    around = {} if sets[0][1] is found or not isinstance(found, dict) else found
    config = {**fields(around.get("config")), **fields(around.get("cfg"))}
    heads = args.heads or whole(config.get("n_heads"))
    path = args.input
    sets = [
        (epoch, old_names(one_model(unwrapped(w, path), args.prefix, path), heads, path))
        for epoch, w in sets
    ]
    late = 0
    if listed(around.get("checkpoint_epochs")):
        late = sets[0][0] - min(map(whole, listed(around["checkpoint_epochs"])))
    ids, trained = split_of(around, args.input)
    values = authors_config(around, sets[-1][1]) or demo_config(around, sets[-1][1], ids)
    texts = {}
    if ids:
        texts["split.txt"] = "".join(f"{i}\n" for i in ids)
        if values:
            values["task"]["train_fraction"] = fraction(trained, len(ids))
            values["task"]["split"] = "file:split.txt"  # beside the config
    if values:
        texts["config.yaml"] = yaml_of(values)
    losses = losses_of(around, late)
    if losses:
        texts["losses.jsonl"] = "".join(json.dumps(row) + "\n" for row in losses)
    write(args.output, sets, texts)
    if args.output.suffix != ".safetensors":
        print(
            f"{args.output}: {len(sets)} checkpoints, {len(losses)} rows of losses"
            + (f", a split of {len(ids)} ids" if ids else "")
            + ("" if values else "; no config.yaml: the file does not say what it was trained on")
        )


if __name__ == "__main__":
    main()
