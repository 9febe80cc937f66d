"""python/pth2safetensors.py on files that are made here as torch.save makes them, without torch;
and on a pickle that would run a command. With real torch: tests/ecosystem/check_weights.py.

check_pickle.py MODULE_DIR WEIGHTS.safetensors      writes pickles, checks what becomes of them
"""

import collections
import io
import json
import os
import pickle
import resource
import subprocess
import sys
import types
import zipfile

import numpy as np

module, source = sys.argv[1:]
sys.path.insert(0, module)
import grokc

for name in ("torch", "torch._utils"):
    sys.modules[name] = types.ModuleType(name)


def known(module, name, value):
    value.__module__, value.__qualname__, value.__name__ = module, name, name
    setattr(sys.modules[module], name, value)
    return value


storages = {  # numpy's type -> torch's class
    kind: known("torch", name, type(name, (), {}))
    for kind, name in (("<f4", "FloatStorage"), ("<i8", "LongStorage"), ("<u2", "BFloat16Storage"))
}
rebuild = known("torch._utils", "_rebuild_tensor_v2", lambda *args: None)


class Storage:
    def __init__(self, values):
        self.values = values


class Tensor:
    """An array; offset and stride as a view of a larger storage has them."""

    def __init__(self, values, transposed=False, kind="<f4"):
        self.storage = Storage(
            np.ascontiguousarray(values.T if transposed else values, kind).ravel()
        )
        self.shape, step = values.shape, values.strides
        size = np.array(values.shape)
        steps = [int(np.prod(size[i + 1 :])) for i in range(len(size))]
        self.strides = [int(np.prod(size[:i])) for i in range(len(size))] if transposed else steps

    def __reduce_ex__(self, protocol):
        return rebuild, (
            self.storage,
            0,
            tuple(self.shape),
            tuple(self.strides),
            False,
            collections.OrderedDict(),
        )


class Pickler(pickle.Pickler):
    def __init__(self, file, archive):
        super().__init__(file, 2)
        self.archive, self.keys = archive, {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if id(value) not in self.keys:
            self.keys[id(value)] = str(len(self.keys))
            self.archive.writestr(f"archive/data/{self.keys[id(value)]}", value.values.tobytes())
        kind = storages[value.values.dtype.str]
        return "storage", kind, self.keys[id(value)], "cpu", len(value.values)


def save(value, path, replace=(b"", b"")):
    with zipfile.ZipFile(path, "w") as archive:
        text = io.BytesIO()
        Pickler(text, archive).dump(value)
        archive.writestr("archive/data.pkl", text.getvalue().replace(*replace))


def convert(*args, largest=None):
    """largest: bytes that a file may have."""

    def limit():
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [sys.executable, os.path.join(module, "pth2safetensors.py"), *args],
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )


def check(name, holds):
    if not holds:
        sys.exit(f"FAILED: {name}")


def same(path, weights):
    found = grokc.tensors(path)
    return list(found) == list(weights) and all(
        np.array_equal(found[name], weights[name]) for name in weights
    )


def converts(name, source, out, *options):
    """It is read without a word against it; gives what is said on the way."""
    result = convert(source, out, *options)
    check(f"{name}: {result.stderr}", result.returncode == 0)
    return result.stderr


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


weights = {name: np.array(values) for name, values in grokc.tensors(source).items()}
state = collections.OrderedDict(
    (name, Tensor(values, transposed=i % 2 == 1))
    for i, (name, values) in enumerate(weights.items())
)
save(state, "model.pth")
check(
    "a state_dict",
    convert("model.pth", "model.safetensors").returncode == 0
    and same("model.safetensors", weights),
)

config = {
    "p": 23,
    "fn_name": "add",
    "frac_train": 0.6,
    "seed": 0,
    "lr": 1e-3,
    "weight_decay": 1,
    "num_epochs": 300,
}
optimizer = {"state": {0: {"step": 200}}, "param_groups": [{"weight_decay": 0.5}]}
save(
    {
        "state_dicts": [state, state],
        "epochs": [0, 100],
        "train_losses": [3.0, 2.0, 1.0, 0.5],
        "test_losses": [4.0, 3.5],
        "config": config,
        "optimizer": optimizer,
    },
    "run.pth",
)
result = convert("run.pth", "authors")
check(
    f"a run: {result.stderr}",
    result.returncode == 0 and same("authors/checkpoints/00000100.safetensors", weights),
)
run = grokc.Run("authors")
check("its checkpoints", run.checkpoints == [0, 100])
check(
    "its config",
    run.config["optim"]["weight_decay"] == 0.5
    and run.config["task"]["split"] == "python:0"
    and run.config["model"]["outputs"] == 24
    and run.config["model"]["d_head"] == 16,
)
check(
    "its losses",
    open("authors/losses.jsonl").read()
    == '{"epoch": 0, "train_loss": 3.0, "test_loss": 4.0}\n{"epoch": 1, "train_loss": 2.0}\n'
    '{"epoch": 2, "train_loss": 1.0, "test_loss": 3.5}\n{"epoch": 3, "train_loss": 0.5}\n',
)
save({"model": state, "optimizer": optimizer, "epoch": 199}, "one.pth")
check(
    "one model",
    convert("one.pth", "one.safetensors").returncode == 0
    and grokc.metadata("one.safetensors") == {"epoch": "200"}
    and same("one.safetensors", weights),
)


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


class Shape:  # a class that the reader has never heard of, with a state
    def __init__(self):
        self.p = 23


save({"model": state, "config": Shape(), "x": Evil()}, "evil.pth")
result = convert("evil.pth", "evil.safetensors")
check("a pickle that runs a command", result.returncode == 0 and same("evil.safetensors", weights))
check("it was not run", not os.path.exists("evil"))
pickle.loads(pickle.dumps(Evil()))
check("it would have been", os.path.exists("evil"))

# ---- numbers that numpy made, as both of its majors pickle them
names = [b"numpy._core", b"numpy.core"]
if not pickle.dumps(np.float64(1), 2).count(names[0]):
    names.reverse()
for i, replace in enumerate([(b"", b""), tuple(names)]):
    losses = {
        "train_losses": [np.float64(1.5), np.float32(0.1), 0.25],
        "test_losses": np.array([2.5, float("nan"), 1.0]),
    }
    save({"model": state, "epoch": np.int64(7), **losses}, f"numpy{i}.pth", replace)
    converts("numpy's numbers", f"numpy{i}.pth", f"numpy{i}")
    check("their epoch", os.listdir(f"numpy{i}/checkpoints") == ["00000007.safetensors"])
    check(
        "their losses",
        lines(f"numpy{i}/losses.jsonl")
        == [
            {"epoch": 0, "train_loss": 1.5, "test_loss": 2.5},
            {"epoch": 1, "train_loss": float(np.float32(0.1)), "test_loss": None},
            {"epoch": 2, "train_loss": 0.25, "test_loss": 1.0},
        ],
    )
arrays = {"embed.W_E": np.arange(6.0).reshape(2, 3).T, "n": np.arange(3, dtype=">i4")}
save(arrays, "arrays.pth")
converts("numpy's arrays", "arrays.pth", "arrays.safetensors")
check("their values", same("arrays.safetensors", arrays))
half = Tensor(np.array(0x3FC0, "<u2"), kind="<u2")  # 1.5 as bfloat16
save({"model": state, "train_losses": [half, Tensor(np.array(2.0))]}, "tensors.pth")
converts("losses kept as tensors", "tensors.pth", "tensors")
check("bfloat16", [row["train_loss"] for row in lines("tensors/losses.jsonl")] == [1.5, 2])
save({"model": state, "train_losses": [Evil(), 1.0]}, "strange.pth")
said = converts("losses that are none", "strange.pth", "strange")
check("losses that are none", "losses" in said and not os.path.exists("strange/losses.jsonl"))

# ---- names: what stands before and between them
bare = collections.OrderedDict(state)


def under(head, around=lambda name: name):
    return collections.OrderedDict((head + around(name), x) for name, x in bare.items())


wrapped = {
    "compiled": under("_orig_mod."),
    "parallel": under("module."),
    "compiled, parallel": under("module._orig_mod."),
    "its blocks compiled": under("", lambda name: name.replace("blocks.0", "blocks.0._orig_mod")),
    "Lightning": {"global_step": 40, "epoch": 3, "state_dict": under("model.")},
    "Fabric": {"model": under("_forward_module.net.")},
    "beside others": {**under("student."), "loss.weight": Tensor(np.ones(3))},
}
for name, value in wrapped.items():
    save(value, "wrapped.pth")
    said = converts(name, "wrapped.pth", "wrapped.safetensors")
    check(f"{name}: its tensors", same("wrapped.safetensors", weights))
    check(f"{name}: what is left out: {said}", ("loss.weight" in said) == (name == "beside others"))
    if name == "Lightning":
        check("its updates", grokc.metadata("wrapped.safetensors") == {"epoch": "40"})
save(
    {
        **under("student."),
        **under("teacher."),
        "teacher.embed.W_E": Tensor(weights["embed.W_E"] + 1),
    },
    "two.pth",
)
result = convert("two.pth", "two.safetensors")
check(
    f"two models: {result.stderr}",
    result.returncode == 1 and "'student.', 'teacher.'" in result.stderr,
)
converts("one of two models", "two.pth", "two.safetensors", "--prefix", "student.")
check("it is that one", same("two.safetensors", weights))


class Module:  # as torch.save(model) has it
    def __init__(self, **state):
        self.__dict__.update(state)


tree = Module(_parameters={}, _modules={})
for name, x in bare.items():
    *path, last = name.split(".")
    at = tree
    for part in path:
        at = at._modules.setdefault(part, Module(_parameters={}, _modules={}))
    at._parameters[last] = x
save(tree, "module.pth")
converts("a whole module", "module.pth", "module.safetensors")
found = grokc.tensors("module.safetensors")
check(
    "its parameters",
    found.keys() == weights.keys() and all(np.array_equal(found[k], weights[k]) for k in found),
)

# ---- the names and shapes of TransformerLens, up to 3 and from 4 on
rng = np.random.default_rng(1)
H, K, D, M, V = 2, 4, 6, 5, 8
old = {
    "embed.W_E": (V, D),
    "pos_embed.W_pos": (3, D),
    **{f"blocks.0.attn.W_{x}": (H, D, K) for x in "QKV"},
    "blocks.0.attn.W_O": (H, K, D),
    **{f"blocks.0.attn.b_{x}": (H, K) for x in "QKV"},
    "blocks.0.attn.b_O": (D,),
    "blocks.0.mlp.W_in": (D, M),
    "blocks.0.mlp.b_in": (M,),
    "blocks.0.mlp.W_out": (M, D),
    "blocks.0.mlp.b_out": (D,),
    **{f"{ln}.{x}": (D,) for ln in ("blocks.0.ln1", "blocks.0.ln2", "ln_final") for x in "wb"},
    "unembed.W_U": (D, V - 1),
    "unembed.b_U": (V - 1,),
}
old = {name: rng.normal(size=shape).astype("<f4") for name, shape in old.items()}
bridge = {}  # y = weight @ x + bias, as torch's Linear has it
for name, x in old.items():
    head, _, last = name.rpartition(".")
    linear = x
    if last in ("W_Q", "W_K", "W_V"):
        linear = np.concatenate([x[h].T for h in range(H)])
    elif last == "W_O":
        linear = np.concatenate([x[h] for h in range(H)]).T
    elif last in ("W_in", "W_out", "W_U"):
        linear = x.T
    part = {"Q": ".q", "K": ".k", "V": ".v", "O": ".o", "in": ".in", "out": ".out"}
    part = part.get(last.partition("_")[2], "")
    kind = "weight" if last[0] in "Ww" else "bias"
    bridge[f"{head}{part}.{kind}"] = linear.ravel() if last[:2] == "b_" else linear
inside = {
    "embed": "tok_embed",
    "pos_embed": "pos",
    "blocks": "layers",
    "ln_final": "ln_out",
    "unembed": "head",
}
native = {}
for name, x in bridge.items():
    first, _, rest = name.partition(".")
    native[f"{inside[first]}.{rest}".replace("mlp.", "mlp.fc_")] = x


class Fields:
    def __init__(self, **state):
        self.__dict__.update(state)


for name, new in (("bridge", bridge), ("native", native)):
    model = {key: Tensor(x) for key, x in new.items()}
    save({"model": model, "config": Fields(n_heads=H)}, f"{name}.pth")
    converts(name, f"{name}.pth", f"{name}.safetensors")
    check(f"{name}: its weights", same(f"{name}.safetensors", old))
    save(model, f"{name}-alone.pth")
    result = convert(f"{name}-alone.pth", "x.safetensors")
    check(
        f"{name}: how many heads? {result.stderr}",
        result.returncode == 1 and "--heads" in result.stderr,
    )
    converts(name, f"{name}-alone.pth", f"{name}.safetensors", "--heads", str(H))
    check(f"{name}: of so many heads", same(f"{name}.safetensors", old))
save(
    {**{key: Tensor(x) for key, x in bridge.items()}, "lstm.weight": Tensor(np.ones(2))},
    "other.pth",
)
said = converts("another model", "other.pth", "other.safetensors")
check(
    "its names stay", "lstm.weight" in said and "embed.weight" in grokc.tensors("other.safetensors")
)

# ---- TransformerLens's demo: three checkpoints by the number of the update that made them, from 0
p = 7
order = rng.permutation(p * p)
steps = [{name: Tensor(x + i) for name, x in old.items()} for i in range(3)]
for step in steps:
    for name in ("blocks.0.mlp.b_in", "blocks.0.mlp.b_out"):
        step[name] = Tensor(np.zeros(old[name].shape))
sizes = {"n_layers": 1, "n_heads": H, "d_head": K, "d_mlp": M, "d_vocab": p + 1, "seed": 999}
demo = {
    "model": dict(steps[2]),
    "config": Fields(act_fn="relu", normalization_type=None, **sizes),
    "checkpoints": steps,
    "checkpoint_epochs": [1, 3, 5],
    "train_losses": [6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
    "test_losses": [60.0, 50.0, 40.0, 30.0, 20.0, 10.0],
    "train_indices": Tensor(order[:14], kind="<i8"),
    "test_indices": Tensor(order[14:], kind="<i8"),
}
save(demo, "demo.pth")
said = converts("the demo", "demo.pth", "demo 😀")
check(f"the demo: what is taken: {said}", "a + b mod 7" in said)
run = grokc.Run("demo 😀")
check("the demo: its checkpoints", run.checkpoints == [2, 4, 6])
for epoch, step in zip(run.checkpoints, steps):
    values = {name: tensor.storage.values.reshape(tensor.shape) for name, tensor in step.items()}
    check(
        f"the demo: weights of {epoch}",
        same(f"demo 😀/checkpoints/{epoch:08d}.safetensors", values),
    )
check("the demo: its split", [int(i) for i in open("demo 😀/split.txt")] == list(order))
task = run.config["task"]
check("the demo: its fraction", int(task["train_fraction"] * p * p) == 14 and task["p"] == p)
check(
    "the demo: its split is named", task["split"] == "file:split.txt"
)
check(
    "the demo: its model",
    run.config["model"]
    == {
        **{"layers": 1, "d_model": D, "heads": H, "d_head": K, "d_mlp": M, "outputs": p},
        **{"activation": "relu", "biases": "frozen", "attention_biases": "on", "unembed_bias": "on", "init": "torch_tl:999"},
    },
)
check(
    "the demo: test losses are of one update later",
    lines("demo 😀/losses.jsonl")[:2]
    == [{"epoch": 0, "train_loss": 6.0}, {"epoch": 1, "train_loss": 5.0, "test_loss": 60.0}],
)
demo["model"] = {name: Tensor(x + 9) for name, x in old.items()}  # has gone on since
save(demo, "on.pth")
converts("a demo that went on", "on.pth", "on")
check(
    "its model is a checkpoint, too",
    sorted(os.listdir("on/checkpoints")) == [f"{i:08d}.safetensors" for i in (1, 3, 5, 6)],
)

# ---- all or nothing
before = {name: open(f"authors/{name}", "rb").read() for name in ("losses.jsonl", "config.yaml")}
converts("the same once more", "run.pth", "authors")
check(
    "nothing has changed",
    all(open(f"authors/{name}", "rb").read() == text for name, text in before.items()),
)
for out in ("full.safetensors", "full", "new/full"):
    result = convert("run.pth" if out.endswith("full") else "model.pth", out, largest=1000)
    check(
        f"a full disk: {result.stderr}",
        result.returncode == 1 and f"cannot write {out}" in result.stderr,
    )
    check("nothing is left of it", not os.path.exists(out))
os.mkdir("full")  # an empty folder is as good as none
converts("a folder that is there", "run.pth", "full")
check("it is as the other", same("full/checkpoints/00000100.safetensors", weights))
check(
    "no half file",
    not [name for _, _, names in os.walk(".") for name in names if name.endswith("grokc-tmp")],
)

# ---- refused, with a reason
save([1.0, 2.0], "list.pth")
short = Tensor(np.zeros((4, 4), np.float32))
short.shape = (5, 4)
save({"x": short}, "short.pth")
open("text.pth", "w").write("hello")
save({"checkpoints": [state, state]}, "unlabelled.pth")
save({"state_dicts": [state, state], "epochs": [5, 5]}, "twice.pth")
save({"state_dicts": [state, state], "epochs": [0, Evil()]}, "nameless.pth")
save({"state_dicts": [state, {}], "epochs": [0, 1]}, "gap.pth")
save({**demo, "test_indices": Tensor(order[13:], kind="<i8")}, "split.pth")
save({**state, "module.embed.W_E": Tensor(weights["embed.W_E"] + 1)}, "clash.pth")
save({"model": state, "losses": np.array([Evil()])}, "objects.pth")
with zipfile.ZipFile("zip.pth", "w") as archive:
    archive.writestr("a", "b")
with open("model.pth", "rb") as file:
    open("cut.pth", "wb").write(file.read()[:3000])
for path, out, words in (
    ("list.pth", "x", "no weights in here"),
    ("short.pth", "x", "does not fit its storage"),
    ("zip.pth", "x", "no data.pkl"),
    ("missing.pth", "x", "cannot read"),
    ("run.pth", "x.safetensors", "2 sets of weights"),
    ("one.pth", "authors", "not empty"),
    ("model.pth", "list.pth", "is a file"),
    ("unlabelled.pth", "x", "need as many 'checkpoint_epochs', not 0"),
    ("twice.pth", "x", "differ from one another"),
    ("nameless.pth", "x", "are no numbers of updates"),
    ("gap.pth", "x", "number 1 of its 'state_dicts' holds no weights"),
    ("split.pth", "x", "no split"),
    ("clash.pth", "x", "two different tensors would be called embed.W_E"),
    ("objects.pth", "x", "objects.pth"),
    ("text.pth", "x", "text.pth"),
    ("cut.pth", "x", "cut.pth"),
):
    result = convert(path, out)
    check(
        f"{path}: {result.stderr}",
        result.returncode == 1 and words in result.stderr and "Traceback" not in result.stderr,
    )
    check(f"{path}: wrote {out}", out in ("authors", "list.pth") or not os.path.exists(out))
print("pth2safetensors.py: what it reads is right, what it refuses has a reason, nothing was run")
